"""Suppressions: who wants no messages or cannot get them, by person or address and channel; checked when a message is sent.

    cause         | comes from                              | holds back
    --------------|-----------------------------------------|------------------------------------------------
    unsubscribed  | the link in a mail, the mail vendor     | marketing by e-mail
    complaint     | the recipient's "this is spam"          | marketing by e-mail
    bounced       | an address that does not exist          | everything to that address
    soft-bounce   | a third full or failing mailbox in a row| everything to that address, for 14 days
    stop          | STOP, BAJA, ... by SMS or WhatsApp      | everything by SMS, WhatsApp and voice to that number
    to-review     | an answer that a person must read       | marketing by SMS, WhatsApp and voice to that number
    market-limit  | Meta's limit of marketing to a person   | marketing by WhatsApp to that number, for 24 hours
    not-on-whatsapp | "not on WhatsApp", on two days        | everything by WhatsApp to that number, until they write
    by-hand       | an operator, for whoever asked them     | everything by that channel

What somebody has wished at one address holds at every other that is theirs or probably is (`shared.people.aliases`); what a
mailbox does, and a wish that came from an address that several people share, holds at that address alone. Where they have said
since, with proof, that they want messages, a wish holds at its own address alone as well (`shared.messages.consent_history`).
Who counts as not on WhatsApp: `shared.messages.not_on_whatsapp`.

People and addresses are kept as digests: a suppression survives an erasure, and the table does not show whose it was.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared import clock
from shared.messages import consent_history
from shared.messages.digests import digests_of_address, digests_of_person, stored
from shared.messages.message import Message
from shared.messages.outcomes import PersonMessage, notify_person_message
from shared.people import aliases, kinds
from shared.people.aliases import Aliases
from shared.people.kinds import Identity
from shared.store.dialect import insert_if_absent, locked
from shared.store.message_models import Conversation, ReceivedMessage, Suppression

type Cause = Literal[
    "unsubscribed", "complaint", "bounced", "soft-bounce", "stop", "to-review", "market-limit", "not-on-whatsapp", "by-hand"
]

PHONE_CHANNELS = ("sms", "whatsapp", "voice")
MARKET_LIMIT: Literal["market-limit"] = "market-limit"
NOT_ON_WHATSAPP: Literal["not-on-whatsapp"] = "not-on-whatsapp"
MARKETING_ONLY = frozenset({"unsubscribed", "complaint", "to-review", MARKET_LIMIT})
TIMED = frozenset({"soft-bounce", MARKET_LIMIT})
"""What holds only `until` a moment, and not at all where none is set."""
WISHES = frozenset({"unsubscribed", "complaint", "stop", "by-hand"})  # what people have said, in contrast to what mailboxes do
SOFT_BOUNCES_IN_A_ROW = 3
SOFT_BOUNCE_HOLDS = timedelta(days=14)
MARKET_LIMIT_HOLDS = timedelta(hours=24)
WHATSAPP_WINDOW = timedelta(hours=24)
_LONG_AGO = clock.as_utc(datetime(1970, 1, 1))  # noqa: DTZ001  # the next call gives it its zone


# Put together once: it runs for each message that is due.
_AGAINST = (
    select(Suppression)
    .where(Suppression.who.in_(bindparam("recipient_digests", expanding=True)), Suppression.channel == bindparam("channel"))
    .where(~Suppression.lifted)
    .order_by(Suppression.id)
)


def held_back(session: Session, message: Message, known: Aliases | None = None) -> str | None:
    """The cause for which `message` must not be sent now; None where nothing speaks against it. `known`: who its person is."""
    known = known or aliases.of(session, [message.person])
    since = _answered_at(session, message)
    transactional = bool(message.transactional)
    return cause_against(session, known, message.channel, message.to, transactional=transactional, answers_word_of=since)


def _answered_at(session: Session, message: Message) -> datetime | None:
    """When they wrote what a person of ours answers by this message; None where it answers nothing, or that is erased."""
    if message.answers is None:
        return None
    return session.scalars(select(ReceivedMessage.received_at).where(ReceivedMessage.id == message.answers)).first()


def cause_against(
    session: Session,
    known: Aliases,
    channel: str,
    to: str,
    *,
    transactional: bool,
    answers_word_of: datetime | None = None,
    apart_from: Collection[str] = (),
) -> str | None:
    """The cause for which nothing of that kind may be sent to a person at an address; None where nothing speaks against it.

    `answers_word_of`: when they wrote what a person of ours answers by it. A stop from before does not hold that back: they
    have begun to talk to us again. What an operator entered by hand does. That they are not on WhatsApp holds back only what
    no person of ours writes, and is the cause only where there is no other: it alone lets another channel be tried.
    `apart_from`: causes that are not asked for.
    """
    weakest: str | None = None
    own = {*digests_of_address(to), *(digest for name in known.names for digest in digests_of_person(name))}
    everywhere = sorted(own | _elsewhere(known))
    for row in session.scalars(_AGAINST, {"recipient_digests": everywhere, "channel": channel}):
        if row.cause in apart_from or not holds(row) or (transactional and row.cause in MARKETING_ONLY):
            continue
        if row.cause == NOT_ON_WHATSAPP:
            weakest = row.cause if row.who in own and answers_word_of is None else weakest
            continue
        if row.cause == "stop" and answers_word_of is not None and row.changed_at < answers_word_of:
            continue
        if row.who in own or (_is_wish(row) and not _is_outdated(session, known, row)):
            return row.cause
    return weakest


def _is_wish(row: Suppression) -> bool:
    return row.cause in WISHES or row.cause == "to-review"


def _is_outdated(session: Session, known: Aliases, row: Suppression) -> bool:
    """Whether they have said since that they want messages by that channel. What an operator entered stays."""
    granted = consent_history.granted_at(session, known, row.channel) if row.cause != "by-hand" else None
    return granted is not None and granted > row.changed_at


def _elsewhere(known: Aliases) -> set[str]:
    """The digests of everything else that is or may be theirs."""
    by_name = {digest for name in known.all_names for digest in digests_of_person(name)}
    return by_name | {digest for address in known.addresses for digest in digests_of_address(address)}


def holds(row: Suppression) -> bool:
    """Whether it holds messages back now."""
    if row.cause in TIMED:
        return not row.lifted and row.until is not None and row.until > clock.now()
    return not row.lifted


def stops(session: Session, known: Iterable[Identity]) -> list[tuple[Identity, Suppression]]:
    """The suppressions that hold at these identities themselves, each with the identity, in the order of their numbers."""
    whose: dict[str, Identity] = {}
    for one in known:
        whose |= dict.fromkeys((digest for name in kinds.names_of(one) for digest in digests_of_person(name)), one)
        if one.kind in kinds.addresses():
            whose |= dict.fromkeys(digests_of_address(one.value), one)
    query = select(Suppression).where(Suppression.who.in_(sorted(whose)), ~Suppression.lifted).order_by(Suppression.id)
    return [(whose[row.who], row) for row in session.scalars(query) if holds(row)] if whose else []


def suppress(session: Session, channels: Iterable[str], recipient_digests: Iterable[str], cause: Cause, at: datetime) -> None:
    """Suppress messages to these recipients by these channels from `at` on; where they asked for it, listeners are notified.

    A second run, or a time older than what is recorded, changes no row.
    """
    _set(session, channels, recipient_digests, cause, at, lifted=False)


def lift(session: Session, channels: Iterable[str], recipient_digests: Iterable[str], cause: Cause, at: datetime) -> None:
    """End the suppression at `at`. A second run, or a time older than what is recorded, changes no row."""
    _set(session, channels, recipient_digests, cause, at, lifted=True)


def _set(  # a wish has these parts
    session: Session, channels: Iterable[str], recipient_digests: Iterable[str], cause: Cause, at: datetime, *, lifted: bool
) -> None:
    given = set(recipient_digests)
    people = tuple(sorted({*map(stored, given), *(filed(session, given) if lifted else ())}))  # an old row is lifted as well
    named = tuple(sorted(set(channels)))
    known = rows(session, named, people, cause)
    newer = [row for row in known if at >= row.changed_at and (row.changed_at, row.lifted) != (at, lifted)]
    for row in newer:
        row.changed_at, row.lifted = at, lifted
    if newer and cause in WISHES:
        word: Literal["resubscribed", "unsubscribed"] = "resubscribed" if lifted else "unsubscribed"
        notify_person_message(session, PersonMessage(word=word, recipient_digests=people, channels=named, at=at, cause=cause))


def soft_bounced(session: Session, who: str, at: datetime) -> None:
    """Count a passing failure of a mailbox; the third in a row holds back what is sent to it for 14 days."""
    for row in rows(session, ["email"], [who], "soft-bounce"):
        if at <= row.changed_at:
            continue  # counted already, or older than a mail that arrived
        row.changed_at, row.lifted, row.bounces = at, False, row.bounces + 1
        if row.bounces >= SOFT_BOUNCES_IN_A_ROW:
            row.until = at + SOFT_BOUNCE_HOLDS


def limited(session: Session, recipient_digests: Iterable[str], at: datetime) -> None:
    """Meta spares these people more marketing: none goes to them by WhatsApp for 24 hours. Twice, in any order, is once."""
    at = min(at, clock.now())
    until = at + MARKET_LIMIT_HOLDS
    if until <= clock.now():
        return
    for row in rows(session, ["whatsapp"], map(stored, recipient_digests), MARKET_LIMIT):
        if at > row.changed_at:
            row.changed_at, row.lifted, row.until = at, False, until


def arrived(session: Session, who: str, at: datetime) -> None:
    """A mail has reached the mailbox, so earlier soft bounces no longer count."""
    query = select(Suppression).where(
        Suppression.who == who, Suppression.channel == "email", Suppression.cause == "soft-bounce"
    )
    row = session.scalars(locked(query, Suppression)).one_or_none()
    if row is not None and at >= row.changed_at:
        row.changed_at, row.bounces, row.until = at, 0, None


def wrote_to_us(session: Session, who: str, channel: str, at: datetime) -> None:
    """Somebody has written to us by `channel`: for 24 hours WhatsApp takes free text to them, and they are there."""
    who, at = stored(who), clock.past(at)
    if channel == "whatsapp":
        is_on_whatsapp(session, [who], at)
    insert_if_absent(session, Conversation, ("who", "channel"), {"who": who, "channel": channel, "last_inbound_at": at})
    query = select(Conversation).where(Conversation.who == who, Conversation.channel == channel)
    row = session.scalars(locked(query, Conversation)).one()
    row.last_inbound_at = max(row.last_inbound_at, at)


def is_on_whatsapp(session: Session, recipient_digests: Iterable[str], at: datetime) -> None:
    """These addresses were on WhatsApp at `at`, so what was held of them from before holds no more."""
    whose = [Suppression.who.in_(sorted(set(recipient_digests))), Suppression.channel == "whatsapp"]
    query = select(Suppression.who).where(*whose, Suppression.cause == NOT_ON_WHATSAPP, ~Suppression.lifted)
    if marked := session.scalars(query).all():
        lift(session, ["whatsapp"], marked, NOT_ON_WHATSAPP, at)


def takes_free_text(session: Session, phone: str) -> bool:
    """Whether WhatsApp's 24-hour window is open for this number."""
    return in_conversation(session, phone, "whatsapp")


def in_conversation(session: Session, phone: str, channel: str) -> bool:
    """Whether somebody has written to us by this channel within the last 24 hours."""
    until = conversation_ends(session, phone, channel)
    return until is not None and clock.now() < until


def conversation_ends(session: Session, phone: str, channel: str) -> datetime | None:
    """24 hours after the last message that came from this number by this channel; None where none has."""
    query = select(Conversation.last_inbound_at).where(
        Conversation.who.in_(digests_of_address(phone)), Conversation.channel == channel
    )
    last = max(session.scalars(query), default=None)
    return None if last is None else last + WHATSAPP_WINDOW


def has_written_to_us(session: Session, phone: str) -> bool:
    """Whether a message has ever come to us from this number."""
    query = select(Conversation.who).where(Conversation.who.in_(digests_of_address(phone))).limit(1)
    return session.scalars(query).first() is not None


def filed(session: Session, recipient_digests: Iterable[str]) -> list[str]:
    """Those of the digests that have a suppression: an address may have been filed under an earlier spelling."""
    return list(session.scalars(select(Suppression.who).where(Suppression.who.in_(list(recipient_digests))).distinct()))


def rows(session: Session, channels: Iterable[str], recipient_digests: Iterable[str], cause: Cause) -> list[Suppression]:
    """The rows, locked; made (as lifted long ago) where they are not there yet."""
    found = []
    people = sorted(set(recipient_digests))
    for channel in sorted(set(channels)):
        for who in people:
            new = {"channel": channel, "who": who, "cause": cause, "changed_at": _LONG_AGO, "lifted": True}
            insert_if_absent(session, Suppression, ("who", "channel", "cause"), new)
            same = (Suppression.who == who, Suppression.channel == channel, Suppression.cause == cause)
            found.append(session.scalars(locked(select(Suppression).where(*same), Suppression)).one())
    return found
