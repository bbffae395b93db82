"""Send one message: fill in its template and call its provider; afterwards notify listeners and enqueue the fallback."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from shared import clock
from shared.errors import DeferredError, NotBegunError, PermanentError, PuenteError, RetryableError, UncertainError
from shared.messages import (
    consent,
    digests,
    links,
    moves,
    numbers,
    planning,
    portfolio,
    putting_off,
    refusals,
    statuses,
    template_sources,
    templates,
    text_uses,
    verdict,
)
from shared.messages.attachments import attached
from shared.messages.letter import Candidates, Letter, LookUp, Send
from shared.messages.message import Message
from shared.messages.outcomes import MessageOutcome, Word, notify, withdrawn
from shared.messages.variables import variables_of
from shared.outbox.actions import Claimed, Done, Shadowed, Skip
from shared.outbox.actions import Outcome as Result
from shared.outbox.transitions import OUTCOME_UNKNOWN
from shared.settings import get_settings
from shared.store.session import reading
from shared.store.trial_keys import is_trial

log = logging.getLogger("puente.messages")

# The vendor has had this key for other content: whatever went out then, it is not known to have failed.
SENT_BEFORE = frozenset({"resend-invalid-idempotent-request"})


def execute(send: Send, deliveries: Sequence[Claimed]) -> dict[int, Result]:
    """Send each; the outcome of each."""
    return {delivery.id: _sent(send, delivery) for delivery in deliveries}


def _sent(send: Send, delivery: Claimed) -> Result:
    try:
        letter = _letter(delivery)
        if (reason := _withdrawn(delivery, letter.message)) is not None:
            return Skip(reason)
        _check_place(delivery, letter)
    except PuenteError as error:
        return error
    try:
        answer = send(letter)
    except DeferredError as error:
        return _put_off(letter, error)
    except PuenteError as error:
        return error
    text_uses.note(letter.template)
    return Done(dict(answer) | _version(letter.template))


def _version(template: templates.Template) -> dict[str, Any]:
    """What the delivery keeps of the text that went out, where somebody had edited it."""
    return {"text_version": template.version} if template.version else {}


def _check_place(delivery: Claimed, letter: Letter) -> None:
    """Make sure that what opens a conversation at Meta has its place in the portfolio's limit.

    Raises:
        NotBegunError: its window has closed since it was claimed, or its worker stood still; it is claimed anew.
        RetryableError: our own database cannot be asked.
    """
    if letter.free_text or letter.message.channel != "whatsapp" or _provider(delivery) != numbers.META:
        return
    try:
        with reading() as session:
            has_place = portfolio.has_place(session, letter.message.to)
    except PuenteError as error:
        raise RetryableError(f"not sent: {error}") from error
    if not has_place:
        raise NotBegunError("its place in the messaging limit is no longer good")


def describe(delivery: Claimed) -> dict[str, str | None]:
    """What would be sent: the text filled in as it would be; a template in Notion is read there.

    Raises:
        PuenteError: as for the sending itself, before any provider is called.
    """
    letter = _letter(delivery)
    message, rendered = letter.message, letter.rendered
    link = letter.headers.get("List-Unsubscribe", "").strip("<>")  # it names the delivery, which no other system has
    texts = {"subject": rendered.subject, "text": rendered.text}
    shown = {name: text.replace(link, "") if text and link else text for name, text in texts.items()}
    files = {"files": ", ".join(one.name for one in letter.attachments)} if letter.attachments else {}
    return {
        "channel": message.channel,
        "to": message.to,
        "template": message.template,
        "locale": message.locale,
        **shown,
        **files,
    }


def _put_off(letter: Letter, error: DeferredError) -> PuenteError:
    """Postpone the message while it has time left; otherwise it has failed, and its fallback is enqueued."""
    wait = putting_off.seconds(letter.first_try, letter.message.not_after, error.after_seconds)
    if wait is None:
        return PermanentError(putting_off.reason_of(error), str(error))
    later = DeferredError(str(error), after_seconds=wait)
    later.of_part = error.of_part
    return later


def _withdrawn(delivery: Claimed, message: Message) -> str | None:
    """Whether its owner wants it no more, since it was claimed. What may have gone out already is not called unsent."""
    if delivery.unknown_before:
        return None
    try:
        return withdrawn(message.context)
    except NotBegunError:
        raise  # its place is gone, and it is due again at once for another one
    except PuenteError as error:
        raise RetryableError(f"not sent: {error}") from error


def look_up(find: LookUp, delivery: Claimed) -> Done | None:
    """Whether a message whose sending ended without an answer is with the vendor.

    A vendor that knows our key answers with the message. One that knows the address alone answers with what went there: that
    is ours if a callback has named it meanwhile, or if just one such message is left that no delivery has, and nothing else
    that went to the same address is in doubt. Otherwise it stays unknown, until a callback names it or a person decides.

    Raises:
        UncertainError: several messages may be ours.
        PuenteError: the vendor cannot be asked now.
    """
    letter, provider = _letter(delivery), _provider(delivery)
    found = find(letter)
    ids = found.ids if isinstance(found, Candidates) else (found,) if found else ()
    with reading() as session:
        if named := statuses.vendor_id_of(session, delivery.id, provider):
            return Done({"id": named, "found": True})
        left = statuses.without_owner(session, provider, ids)
        if not left:
            return None
        is_alone = not isinstance(found, Candidates) or not statuses.others_in_doubt(session, delivery.id, letter.first_try)
    if len(left) > 1 or not is_alone:
        raise UncertainError(f"{provider} knows {len(left)} messages that may be this one")
    return Done({"id": left[0], "found": True})


def _letter(delivery: Claimed) -> Letter:
    """The message, ready to go. Nothing has been sent when this fails.

    Raises:
        PermanentError: its template is missing or lacks a variable.
        RetryableError: its template, or our own database, cannot be reached; the vendor is blameless.
    """
    settings = get_settings()
    message, free_text = _addressed(Message.from_payload(delivery.payload))
    url = ""
    if message.channel == "email" and not message.transactional:
        address, person = digests.digest_of_address(message.to), digests.digest_of_person(message.person)
        whose = links.Unsubscription(delivery.id, address, person)
        url = links.unsubscribe_url(settings.public_base_url, links.token(whose, settings.link_signing_secrets))
    try:
        template = _template(message)
    except PermanentError:
        raise
    except PuenteError as error:
        raise RetryableError(f"not sent: {error}") from error
    return Letter(
        delivery_id=delivery.id,
        key=delivery.key,
        message=message,
        template=template,
        rendered=_rendered(delivery, message, template, url),
        first_try=first_try(delivery),
        headers=links.unsubscribe_headers(url) if url else {},
        free_text=free_text,
        settings=settings,
        attachments=attached(message.context, first_try(delivery)) if message.channel == "email" else (),
    )


def _addressed(message: Message) -> tuple[Message, bool]:
    """The message to where its person is now, and whether WhatsApp takes free text to them.

    Raises:
        RetryableError: our own database cannot be asked.
    """
    if message.channel != "whatsapp":
        return message, False
    try:
        with reading() as session:
            found = moves.current(session, message)
            return found, consent.takes_free_text(session, found.to)
    except PuenteError as error:
        raise RetryableError(f"not sent: {error}") from error


def _template(message: Message) -> templates.Template:
    """The message's template; for words of its own, one that nothing is filled into."""
    if message.template:
        return template_sources.load(message.template, message.locale, message.source)
    kind = templates.TRANSACTIONAL if message.transactional else templates.MARKETING
    return templates.Template(name="", locale=message.locale or get_settings().default_locale, channels=(), kind=kind)


def _rendered(delivery: Claimed, message: Message, template: templates.Template, url: str) -> templates.Rendered:
    if not message.template:
        return templates.Rendered(subject="", text=message.text, html="")
    return templates.render(template, variables_of(message, first_try(delivery)), unsubscribe_url=url)


def first_try(delivery: Claimed) -> datetime:
    """When it was first tried to send it."""
    noted = delivery.payload.get("first_try")
    return datetime.fromisoformat(noted) if noted else clock.now()


def _provider(delivery: Claimed) -> str:
    return str(delivery.payload["carrier"])


def after(session: Session, delivery: Claimed, result: Result, final: bool) -> None:  # noqa: FBT001  # the outbox calls it so
    """Apply an outcome: the provider's statuses, the day's count, the fallback, and the listeners.

    One that is not final changes nothing, but that a callback which came during the call ends a doubt: it has found nobody
    who waited for it, and the next try may be hours away.
    """
    if not final and isinstance(result, UncertainError):
        statuses.settle_by_callback(session, delivery.id)
    if not final or delivery.payload is None:
        return
    message = Message.from_payload(delivery.payload)
    match result:
        case Shadowed():  # no provider has it, so no status of one will come
            _notify(session, delivery, message, "sent")
        case Done():
            _notify(session, delivery, message, "sent")
            vendor_id = str(result.result.get("id") or "")
            statuses.attach(session, _provider(delivery), vendor_id, delivery.id)
        case Skip(reason=reason):
            _give_places_back(session, delivery)
            _notify(session, delivery, message, "skipped", reason, fall_back=verdict.takes_another_way(reason))
        case UncertainError():
            _uncertain(session, delivery, message)
        case PermanentError(reason=reason) if reason in SENT_BEFORE:
            _notify(session, delivery, message, "uncertain", reason)
        case _:
            _failed(session, delivery, message, result)


def _uncertain(session: Session, delivery: Claimed, message: Message) -> None:
    """Notify listeners that the outcome is unknown, unless a callback has proved the sending meanwhile."""
    if not statuses.settle_by_callback(session, delivery.id):
        _notify(session, delivery, message, "uncertain", OUTCOME_UNKNOWN)


def _failed(session: Session, delivery: Claimed, message: Message, error: PuenteError) -> None:
    reason = error.reason if isinstance(error, PermanentError) else "gave-up"
    _give_places_back(session, delivery)
    if not is_trial(delivery.event_key):  # it went to whoever tries
        refusals.heed(session, _refused(session, delivery, message, reason))
    _notify(session, delivery, message, "failed", reason, fall_back=reason not in refusals.NO_FALLBACK)


def _refused(session: Session, delivery: Claimed, message: Message, reason: str) -> refusals.Refused:
    return refusals.Refused(
        reason=reason,
        whose=[digests.digest_of_address(moves.current(session, message).to)],
        at=clock.now(),
        provider=_provider(delivery),
        vendor_id=f"delivery:{delivery.id}",
        delivery_id=delivery.id,
    )


def _give_places_back(session: Session, delivery: Claimed) -> None:
    """It was not sent: it counts neither on its person's day nor against the portfolio's limit, if no attempt may have arrived.

    What fails after the vendor has taken it still counts against the limit: it may yet be delivered.
    """
    verdict.give_place_back(session, delivery.id, delivery.payload)
    if not delivery.unknown_before:
        portfolio.give_back(session, delivery.id)


def _notify(
    session: Session, delivery: Claimed, message: Message, word: Word, reason: str | None = None, *, fall_back: bool = False
) -> None:
    planned = fall_back and planning.fall_back(session, message)
    outcome = MessageOutcome(
        word=word, channel=message.channel, delivery_id=delivery.id, at=clock.now(), reason=reason, fallback=planned
    )
    notify(session, message.context, outcome)
