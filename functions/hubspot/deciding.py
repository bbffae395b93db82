"""Decides on the message of an event: sent, or skipped with the reason; and notes what became of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.hubspot import merges, persons, wording
from functions.hubspot.fetching import CONTACT, FETCHES
from functions.hubspot.settings import HubSpotSettings
from functions.hubspot.tables import ERROR, PENDING, SENT, SKIPPED, HubSpotMessage, HubSpotTurn
from shared import clock
from shared.errors import PermanentError
from shared.messages import Message, MessageOutcome, planning, template_sources
from shared.settings import get_settings, settings_of
from shared.store.dialect import locked
from shared.store.types import key_of

NO_INTEREST, NO_SUBSCRIBER, DUPLICATE = "no_interes_producto", "no_manychat_user_id", "duplicate"
CONTEXT = "hubspot_message"
WORTH = timedelta(hours=24)
"""ManyChat takes such a message for 24 hours after the person has written; later it has lost its sense."""
UNKNOWN = "unknown"
# What kind of failure a reason is; those of ManyChat's own begin with its name.
FAILURES: Mapping[str, str] = {
    "manychat-forbidden": "authorization_error",
    "gave-up": "server_error",
    "expired": "server_error",
    "message_too_short": "client_error",
}


def skip(row: HubSpotMessage, reason: str) -> None:
    """No message follows from the event."""
    row.status, row.reason, row.settled_at = SKIPPED, reason, clock.now()


def settle_fetched(session: Session, subject: str) -> None:
    """Decide on an event whose contact has been read; nothing where that is done."""
    query = select(HubSpotMessage).where(HubSpotMessage.id == FETCHES.key_of(subject))
    row = session.scalars(locked(query, HubSpotMessage).execution_options(populate_existing=True)).one_or_none()
    if row is not None and row.status == PENDING and row.settled_at is None:
        settle(session, row)


def settle(session: Session, row: HubSpotMessage, event_key: str | None = None) -> None:
    """Decide on an event: what it tells counts before what HubSpot has."""
    found = row.found or {}
    facts = {name: text for name, text in found.items() if name != CONTACT} | row.given
    about, subscriber = wording.product(facts), wording.subscriber(facts)
    row.contact_name, row.product, row.manychat_user_id = wording.contact_name(facts), about or None, subscriber or None
    if not about:
        return skip(row, NO_INTEREST)
    if not subscriber:
        return skip(row, NO_SUBSCRIBER)
    contact = merges.current(session, found.get(CONTACT) or row.contact_id or "", row)
    persons.observe(session, row)
    try:
        template = template_sources.load(wording.TEMPLATE, get_settings().default_locale, session=session)
        row.text = wording.message(template, row.contact_name, about)
    except PermanentError as error:
        return _fail(row, error.reason)
    if not _take_turn(session, row, contact, about):
        return skip(row, DUPLICATE)
    return _send(session, row, subscriber, event_key)


def _take_turn(session: Session, row: HubSpotMessage, contact: str, about: str) -> bool:
    """Whether no other message about this product was planned for the contact in the last HUBSPOT_MESSAGE_HOURS."""
    product_key = key_of(about.casefold())
    turn = merges.locked_turn(session, contact, product_key)
    now = clock.now()
    if turn.taken_at is not None and now - turn.taken_at < settings_of(HubSpotSettings).message_pause:
        return False
    turn.message_id, turn.taken_at = row.id, now
    return True


def _send(session: Session, row: HubSpotMessage, subscriber: str, event_key: str | None) -> None:
    row.settled_at = now = clock.now()
    message = Message(
        person=subscriber,
        channel="manychat",
        to=subscriber,
        template=wording.OUTGOING,
        variables={"texto": row.text},
        dedupe_key=f"hubspot:{row.key}",
        window=not settings_of(HubSpotSettings).hubspot_message_at_any_hour,
        not_after=now + WORTH,
        context={CONTEXT: row.id},
    )
    planning.enqueue(session, message, event_key=event_key, is_new=True)


def _fail(row: HubSpotMessage, reason: str) -> None:
    kind = "client_error" if reason.startswith("manychat-") else UNKNOWN
    row.status, row.reason, row.failure, row.settled_at = ERROR, reason[:60], FAILURES.get(reason, kind), clock.now()


def note_outcome(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Note what became of the message. One that surely did not go gives its turn back to the next event."""
    number = context.get(CONTEXT)
    row = session.get(HubSpotMessage, number) if isinstance(number, int) else None
    if row is None:
        return
    reason = outcome.reason or ""
    match outcome.word:
        case "sent":
            row.status, row.reason, row.failure = SENT, None, None
        case "skipped":
            skip(row, reason[:60])
            _give_turn_back(session, row)
        case "failed":
            _fail(row, reason)
            _give_turn_back(session, row)
        case "uncertain":
            row.status, row.reason, row.failure = ERROR, reason[:60] or UNKNOWN, UNKNOWN
        case _:
            return
    row.settled_at = outcome.at


def _give_turn_back(session: Session, row: HubSpotMessage) -> None:
    query = select(HubSpotTurn).where(HubSpotTurn.message_id == row.id)
    for turn in session.scalars(locked(query, HubSpotTurn)):
        turn.taken_at = None
