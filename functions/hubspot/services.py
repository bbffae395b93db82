"""Keeps what HubSpot tells of contacts, an event a row, and has each row's message decided."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.hubspot import client, deciding, events, merges
from functions.hubspot.events import ContactEvent
from functions.hubspot.fetching import FETCHES
from functions.hubspot.payloads import HubSpotEvents
from functions.hubspot.tables import PENDING, HubSpotMessage
from shared.store.dialect import insert_if_absent

NEEDED = (events.INTEREST, events.SUBSCRIBER, events.FIRST_NAME)


def take(session: Session, payload: HubSpotEvents, event_key: str, received: datetime) -> str:
    """Take in a batch: "applied", "duplicate" where each of its events was known.

    Each event is kept once, whatever batch brings it, and is decided by itself: so the events of one contact end the same in
    any order. They are taken by contact, so that two batches lock in one order.
    """
    read = [events.of(event, position, event_key, received) for position, event in enumerate(payload.events)]
    taken = [_taken(session, one, event_key) for one in _in_order(read)]
    return "applied" if any(taken) else "duplicate"


def _in_order(read: Iterable[ContactEvent]) -> list[ContactEvent]:
    return sorted(read, key=lambda one: (one.contact_id or "", one.occurred_at, one.key))


def _taken(session: Session, event: ContactEvent, event_key: str) -> bool:
    """Keep the event and have it decided; whether it is new."""
    values = {
        "key": event.key,
        "contact_id": event.contact_id,
        "kind": event.kind,
        "property_name": event.property_name,
        "occurred_at": event.occurred_at,
        "status": PENDING,
        "given": dict(event.properties),
    }
    if not insert_if_absent(session, HubSpotMessage, "key", values):
        return False
    row = session.scalars(select(HubSpotMessage).where(HubSpotMessage.key == event.key)).one()
    if event.contact_id is not None and event.merged:
        merges.note(session, event.merged, event.contact_id, event.occurred_at)
    if event.refusal is not None:
        deciding.skip(row, event.refusal)
    elif event.is_cleared:
        deciding.skip(row, deciding.NO_INTEREST)
    elif client.is_used() and any(fact not in event.properties for fact in NEEDED):
        FETCHES.request(session, row, event_key)
    else:
        deciding.settle(session, row, event_key)
    return True
