"""Message status: record a provider's later events, rank them, notify listeners, and try the fallback when a message failed.

Provider events arrive late, twice and out of order, and may arrive before our own record of the sending. Each event locks the
one row of its message, so the order of arrival does not matter: the furthest status counts, and a status never goes back.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import UnavailableError
from shared.messages import (
    consent,
    consent_words,
    digests,
    looks,
    moves,
    not_on_whatsapp,
    number_states,
    planning,
    putting_off,
    refusals,
    verdict,
)
from shared.messages.events import ProviderEvent
from shared.messages.message import Message
from shared.messages.outcomes import MessageOutcome, Word, notify
from shared.outbox import actions, plan
from shared.outbox.actions import State
from shared.outbox.transitions import OUTCOME_UNKNOWN, close
from shared.store.dialect import insert_if_absent, locked
from shared.store.message_models import VENDOR_ID_LENGTH, MessageStatus
from shared.store.models import Delivery
from shared.store.trial_keys import is_trial

# Our statuses, each further along than those before it, so that the order of arrival never decides.
# Of the ends of a call `answered` is the furthest.
_IN_ORDER = (
    *("queued", "sending", "delayed", "in-progress", "sent"),
    *("soft-bounced", "failed", "delivered"),
    *("call-failed", "no-answer", "machine", "answered"),
    *("opened", "clicked", "unsubscribed", "bounced", "complained"),
)
RANKS = {word: rank for rank, word in enumerate(_IN_ORDER, start=1)}
_WORDS: dict[str, Word] = {
    "failed": "failed",
    "soft-bounced": "failed",
    "call-failed": "failed",
    "bounced": "failed",
    "delivered": "delivered",
    "answered": "answered",
    "no-answer": "no-answer",
    "machine": "machine",
    "opened": "opened",
    "clicked": "clicked",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
}
NOT_REACHED = frozenset({"failed", "no-answer", "machine"})
LONGEST_HISTORY = 40
SAME_TIME = timedelta(seconds=30)  # within which clocks differ

_SAME = locked(
    select(MessageStatus).where(
        MessageStatus.provider == bindparam("provider"), MessageStatus.vendor_id == bindparam("vendor_id")
    ),
    MessageStatus,
)


def status(session: Session, news: ProviderEvent) -> str:
    """Apply one provider event. Returns "applied", "behind" (a further status is known), "unknown-message" or "ignored".

    "ignored": the event carries no status of ours. An event whose message is not recorded yet is kept in its row and counts
    once `attach` records the sending. The same event again changes no status and notifies nobody.
    """
    if news.status is None:
        return "ignored"
    at = news.at or clock.now()
    row = _row(session, news.provider, news.vendor_id)
    entry = {"status": news.status, "at": at.isoformat(), "reason": news.reason}
    row.history = [*row.history, entry | ({"detail": news.detail} if news.detail else {})][-LONGEST_HISTORY:]
    if row.delivery_id is None and news.delivery_id is not None:
        _claim_by_callback(session, row, news.delivery_id, news.proof)
    further, before = RANKS[news.status] > RANKS.get(row.status or "", 0), row.reason
    if further:
        row.status, row.reason = news.status, news.reason
    delivery = session.get(Delivery, row.delivery_id) if row.delivery_id is not None else None
    if further and before in not_on_whatsapp.REASONS and news.status in not_on_whatsapp.ARRIVED:
        not_on_whatsapp.arrived(session, row.provider, row.vendor_id, at)
    _judge_address(session, news, at, row, delivery)
    if delivery is None:
        return "unknown-message"
    _notify(session, row, delivery)
    return "applied" if further else "behind"


def unsubscribed(session: Session, delivery_id: int, recipient_digests: Iterable[str], at: datetime) -> None:
    """Apply the unsubscribe link of a mail: suppress marketing by e-mail and notify the listeners of that mail."""
    consent.suppress(session, ["email"], recipient_digests, "unsubscribed", at)
    delivery = session.get(Delivery, delivery_id)
    if delivery is not None and delivery.action == "email":
        consent_words.of_mail(session, delivery, "link", at, {"delivery": delivery_id})
        _announce(session, delivery, "unsubscribed", None)


def attach(session: Session, provider: str, vendor_id: str, delivery_id: int) -> None:
    """Record the sending: the provider's events for `vendor_id`, earlier ones included, now belong to this delivery."""
    if not vendor_id:
        return  # the provider gave no id; its callbacks may
    if _begin(session, provider, vendor_id, delivery_id):
        return  # no event has arrived yet
    row = _row(session, provider, vendor_id)
    if row.delivery_id is None:
        row.delivery_id = delivery_id
    delivery = session.get(Delivery, row.delivery_id)
    if delivery is not None:
        _notify(session, row, delivery)


def without_owner(session: Session, provider: str, vendor_ids: Sequence[str]) -> list[str]:
    """Those of the provider's messages that no delivery has, this one neither: a message that it had before has failed."""
    query = select(MessageStatus.vendor_id).where(
        MessageStatus.provider == provider, MessageStatus.vendor_id.in_(vendor_ids), MessageStatus.delivery_id.is_not(None)
    )
    owned = set(session.scalars(query)) if vendor_ids else set()
    return [name for name in vendor_ids if name not in owned]


def others_in_doubt(session: Session, delivery_id: int, since: datetime) -> bool:
    """Whether another message to the same address by the same channel is under way, or of unknown outcome since then."""
    own = session.get_one(Delivery, delivery_id)
    waits = and_(Delivery.state == State.PENDING, Delivery.reason == OUTCOME_UNKNOWN)
    undecided = and_(Delivery.state == State.UNCERTAIN, Delivery.finished_at >= since - SAME_TIME)
    query = select(Delivery.payload).where(
        Delivery.target == own.target,
        Delivery.action == own.action,
        Delivery.id != own.id,
        or_(Delivery.state == State.SENDING, waits, undecided),
    )
    to = _digest(own.payload)
    return any(_digest(payload) == to for payload in session.scalars(query))


def _digest(payload: Any) -> str | None:
    return digests.digest_of_address(payload["to"]) if payload and payload.get("to") else None


def settle_by_callback(session: Session, delivery_id: int) -> bool:
    """Whether a callback has shown that this delivery took effect; then it is done, whatever became of the call's answer."""
    session.flush()
    query = select(MessageStatus).where(MessageStatus.delivery_id == delivery_id).order_by(MessageStatus.id.desc())
    row = next((row for row in session.scalars(query) if not _has_failed_before(row)), None)
    if row is None:
        return False
    _done(session, row, session.get_one(Delivery, delivery_id))
    return True


def _has_failed_before(row: MessageStatus) -> bool:
    """Whether this is the provider's word of an earlier sending, which failed and was put off."""
    return _WORDS.get(row.status or "") == "failed" and row.told == row.status


def delivery_of(session: Session, provider: str, vendor_id: str | None) -> int | None:
    """The delivery of the message to which a reply belongs, by the provider's id of it; None where it is none of ours."""
    if not vendor_id:
        return None
    query = select(MessageStatus.delivery_id).where(MessageStatus.provider == provider, MessageStatus.vendor_id == vendor_id)
    return session.scalars(query).one_or_none()


def vendor_id_of(session: Session, delivery_id: int, provider: str) -> str | None:
    """The provider's id of the message of a delivery, as a callback has named it; None where none has, or it failed."""
    query = select(MessageStatus).where(MessageStatus.delivery_id == delivery_id, MessageStatus.provider == provider)
    rows = session.scalars(query.order_by(MessageStatus.id.desc())).all()
    return next((row.vendor_id for row in rows if _WORDS.get(row.status or "") != "failed"), None)


def _claim_by_callback(session: Session, row: MessageStatus, delivery_id: int, proof: str | None) -> None:
    """Attach the delivery that the callback names. It proves the sending where our call ended without a response.

    `proof`: the beginning of the delivery's key, where the callback is readable by others; another delivery of that number,
    in another installation, is none of ours.
    """
    delivery = session.scalars(locked(select(Delivery).where(Delivery.id == delivery_id), Delivery)).one_or_none()
    if delivery is None or delivery.target != row.provider:
        return
    if proof and delivery.dedupe_key is not None and not delivery.dedupe_key.startswith(proof):
        return
    row.delivery_id = delivery.id
    waits_in_doubt = delivery.state == State.PENDING and delivery.reason == OUTCOME_UNKNOWN
    if delivery.state == State.UNCERTAIN or waits_in_doubt:
        _done(session, row, delivery)


def _done(session: Session, row: MessageStatus, delivery: Delivery) -> None:
    delivery.result = {"id": row.vendor_id, "told_by_callback": True}
    close(delivery, State.DONE)
    for retry_id in session.scalars(
        select(Delivery.id).where(Delivery.retry_of == delivery.id, Delivery.state == State.PENDING)
    ):
        plan.cancel(session, retry_id, "already-sent")
    _announce(session, delivery, "sent", None)
    _notify(session, row, delivery)


def _notify(session: Session, row: MessageStatus, delivery: Delivery) -> None:
    """Notify listeners of the status, each status once, as soon as our own record says that the message was sent.

    What a machine has opened is no status for them; when a person opens it later, they are notified of that.
    """
    furthest = _by_people(row, delivery)
    word = _WORDS.get(furthest or "")
    if word is None or row.told == furthest or delivery.state != State.DONE:
        return
    if word == "failed" and row.reason in putting_off.REASONS and _put_off(session, row, delivery):
        return
    notified, row.told = _WORDS.get(row.told or ""), furthest
    if word == notified:
        return
    _announce(session, delivery, word, row.reason or (row.status if word == "failed" else None), _detail(row))


def _detail(row: MessageStatus) -> str | None:
    """What the provider said of the status that counts, in its own words."""
    details = (entry.get("detail") for entry in reversed(row.history) if entry.get("status") == row.status)
    return next((str(detail) for detail in details if detail), None)


def _by_people(row: MessageStatus, delivery: Delivery) -> str | None:
    """The furthest status, without what a machine on the way has opened and clicked."""
    if row.status not in looks.OPENED:
        return row.status
    words = {str(entry.get("status")) for entry in row.history} - set(looks.OPENED)
    by = {word for word in looks.OPENED if looks.by_a_person(row.history, (word,), delivery.action, delivery.finished_at)}
    known = {word for word in (*words, *by, row.told) if word in RANKS}
    return max(known, key=lambda word: RANKS[str(word)], default=None)


def _put_off(session: Session, row: MessageStatus, delivery: Delivery) -> bool:
    """Whether the message is sent again later, because its sender may send no more for now; it is the same delivery then."""
    payload: Any = delivery.payload
    if not payload or "context" not in payload:  # erased, or none of ours
        return False
    first_try = datetime.fromisoformat(payload["first_try"]) if payload.get("first_try") else row.created_at
    wait = putting_off.seconds(first_try, Message.from_payload(payload).not_after)
    if wait is None:
        return False
    if row.reason == putting_off.ACCOUNT_REFUSED:
        actions.refused_account(
            session, delivery.target, UnavailableError("it says so of a message that it had taken", account=True)
        )
    number_states.pause_of(session, Message.from_payload(payload), row.reason or "")
    row.told = row.status
    delivery.state, delivery.finished_at, delivery.result = State.PENDING, None, None
    delivery.reason, delivery.due_at = row.reason, clock.now() + timedelta(seconds=wait)
    return True


def _announce(session: Session, delivery: Delivery, word: Word, reason: str | None, detail: str | None = None) -> None:
    payload: Any = delivery.payload
    if not payload or "context" not in payload:  # erased, or none of ours
        return
    message = Message.from_payload(payload)
    planned = False
    with plan.caused_by(session, delivery.event_key):
        if word in NOT_REACHED and reason not in refusals.NO_FALLBACK:
            verdict.give_place_back(session, delivery.id, payload)  # before the fallback asks for one
            planned = planning.fall_back(session, message)
        outcome = MessageOutcome(
            word=word,
            channel=message.channel,
            delivery_id=delivery.id,
            at=clock.now(),
            reason=reason,
            fallback=planned,
            detail=detail,
        )
        notify(session, message.context, outcome)


def _judge_address(session: Session, news: ProviderEvent, at: datetime, row: MessageStatus, delivery: Delivery | None) -> None:
    """Add, count or reset suppressions of the address, as the event's status demands."""
    payload: Any = (delivery.payload if delivery is not None else None) or {}
    owner = news.who or (digests.digest_of_address(payload["to"]) if payload.get("to") else None)
    if owner is None:
        return
    owner = digests.stored(owner)
    if delivery is not None and news.status in ("complained", "unsubscribed"):
        consent_words.of_mail(session, delivery, news.provider, at, {"vendor_id": news.vendor_id, "status": news.status})
    if news.status == "bounced":
        consent.suppress(session, ["email"], [owner], "bounced", at)
    elif news.status == "complained":
        consent.suppress(session, ["email"], [owner], "complaint", at)
    elif news.status == "soft-bounced":
        consent.soft_bounced(session, owner, at)
    elif news.status in ("delivered", "opened", "clicked") and news.provider not in ("twilio", "meta"):
        consent.arrived(session, owner, at)
    elif news.status == "unsubscribed":
        consent.suppress(session, ["email"], [owner], "unsubscribed", at)
    elif news.reason is not None:
        _heed(session, news, at, row, delivery)


def _heed(session: Session, news: ProviderEvent, at: datetime, row: MessageStatus, delivery: Delivery | None) -> None:
    """Note what its failure says of the recipient, at every address by which the vendor or we know them."""
    whose = [*_own_address(session, delivery), *([digests.stored(news.who)] if news.who else [])]
    refused = refusals.Refused(
        reason=news.reason,
        whose=list(dict.fromkeys(whose)),
        at=at,
        provider=row.provider,
        vendor_id=row.vendor_id,
        delivery_id=row.delivery_id,
        is_last_word=row.status == news.status,
    )
    if whose:
        refusals.heed(session, refused)


def _own_address(session: Session, delivery: Delivery | None) -> list[str]:
    """The digest of where the message went, by our record; a test event's went to whoever tries."""
    payload: Any = (delivery.payload if delivery is not None else None) or {}
    if delivery is None or not payload.get("to") or is_trial(delivery.event_key):
        return []
    to = moves.address_now(session, payload["to"]) if delivery.action == "whatsapp" else payload["to"]
    return [digests.digest_of_address(to)]


def _row(session: Session, provider: str, vendor_id: str) -> MessageStatus:
    """The row of the vendor's message, made if need be, and locked until the transaction ends."""
    same = {"provider": provider, "vendor_id": vendor_id[:VENDOR_ID_LENGTH]}
    if (found := session.scalars(_SAME, same).one_or_none()) is not None:
        return found
    _begin(session, provider, vendor_id, None)
    return session.scalars(_SAME, same).one()


def _begin(session: Session, provider: str, vendor_id: str, delivery_id: int | None) -> bool:
    """Make the row of a vendor's message; False where there is one."""
    same = {"provider": provider, "vendor_id": vendor_id[:VENDOR_ID_LENGTH]}
    return insert_if_absent(session, MessageStatus, tuple(same), same | {"delivery_id": delivery_id, "history": []})
