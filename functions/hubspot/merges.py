"""Contacts that were merged in HubSpot: what was known by the old ids is known by the new one, in whatever order it is told."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.hubspot.tables import HubSpotMerge, HubSpotMessage, HubSpotTurn
from shared import flows
from shared.people import kinds, observing
from shared.people.observing import Seen
from shared.store.dialect import insert_if_absent, locked
from shared.store.types import key_of

MERGED = "hubspot.merged"
LONGEST_CHAIN = 20


def note(session: Session, old_ids: Collection[str], new_id: str, at: datetime) -> None:
    """Note that these contacts are the new one now; other flows are told by the event `hubspot.merged`."""
    for old in sorted(set(old_ids) - {new_id}):
        insert_if_absent(session, HubSpotMerge, "old_id", {"old_id": old, "new_id": new_id, "merged_at": at})
    latest = _latest(session, new_id)
    _join_turns(session, old_ids, latest)
    (new,) = kinds.identities(hubspot=new_id)
    pairs = [(old, new) for old in kinds.identities_of("hubspot", sorted(old_ids))]
    observing.observe(session, Seen(source="hubspot.merge", at=at, proven=(new,), same=pairs))
    for _flow, listener in flows.listeners(MERGED):
        listener(session, tuple(old_ids), latest)


def current(session: Session, contact_id: str, row: HubSpotMessage) -> str:
    """The id that the contact has now. Where HubSpot itself knows an event's contact by another id, that is noted."""
    if row.contact_id and contact_id != row.contact_id and _next(session, row.contact_id) is None:
        note(session, [row.contact_id], contact_id, row.occurred_at)
    return _latest(session, contact_id)


def _latest(session: Session, contact_id: str) -> str:
    for _ in range(LONGEST_CHAIN):
        following = _next(session, contact_id)
        if following is None:
            break
        contact_id = following
    return contact_id


def _next(session: Session, contact_id: str) -> str | None:
    return session.scalars(select(HubSpotMerge.new_id).where(HubSpotMerge.old_id == contact_id)).one_or_none()


def locked_turn(session: Session, contact: str, product_key: str) -> HubSpotTurn:
    """The turn of a contact and a product, made where there is none, locked until the transaction ends."""
    key = key_of(contact, product_key)
    insert_if_absent(session, HubSpotTurn, "key", {"key": key, "contact_id": contact, "product_key": product_key})
    return session.scalars(locked(select(HubSpotTurn).where(HubSpotTurn.key == key), HubSpotTurn)).one()


def _join_turns(session: Session, old_ids: Collection[str], contact: str) -> None:
    """The new contact has had whatever one of the old ones had; of two turns the later counts."""
    old = session.scalars(select(HubSpotTurn).where(HubSpotTurn.contact_id.in_(sorted(old_ids))).order_by(HubSpotTurn.id)).all()
    for turn in old:
        joined = locked_turn(session, contact, turn.product_key)
        if turn.taken_at is not None and (joined.taken_at is None or joined.taken_at < turn.taken_at):
            joined.taken_at, joined.message_id = turn.taken_at, turn.message_id
