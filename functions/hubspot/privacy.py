"""What HubSpot's events hold of people. A row stays without its person: its key keeps the event from being taken in again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import case, or_, select
from sqlalchemy.orm import Session

from functions.hubspot.payloads import subject_of
from functions.hubspot.tables import PENDING, SKIPPED, HubSpotInterest, HubSpotMerge, HubSpotMessage, HubSpotTurn
from shared.crm.timeline import Source
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

MESSAGES = HubSpotMessage.__tablename__
PREFIX = "hubspot:"


def contacts_of(person: Person) -> list[str]:
    """HubSpot's ids of their contacts."""
    return sorted({name.removeprefix(PREFIX) for name in person.names if name.startswith(PREFIX)})


def identify(session: Session, person: Person) -> Person:
    """Their contacts: those that are known, those that were merged with them, and those that have their id at ManyChat."""
    ids = contacts_of(person)
    merged = session.execute(
        select(HubSpotMerge.old_id, HubSpotMerge.new_id).where(or_(HubSpotMerge.old_id.in_(ids), HubSpotMerge.new_id.in_(ids)))
    ).all()
    ids = sorted({*ids, *(number for pair in merged for number in pair)})
    theirs = or_(HubSpotMessage.contact_id.in_(ids), HubSpotMessage.manychat_user_id.in_(person.manychat_ids))
    rows = session.execute(
        select(HubSpotMessage.id, HubSpotMessage.contact_id, HubSpotMessage.manychat_user_id).where(theirs)
    ).all()
    names = [subject_of(number) for number in (*ids, *(row.contact_id for row in rows)) if number]
    names += [f"hubspot-message:{row.id}" for row in rows] + [row.manychat_user_id for row in rows if row.manychat_user_id]
    return person.with_rows(MESSAGES, [row.id for row in rows]).with_names(names)


def _message_without(_person: Person) -> Mapping[str, Any]:
    nobody: dict[str, Any] = dict.fromkeys(("contact_id", "contact_name", "manychat_user_id", "product", "text", "found"))
    status = case((HubSpotMessage.status == PENDING, SKIPPED), else_=HubSpotMessage.status)
    return nobody | {"given": {}, "status": status}


def in_hubspot(_session: Session, person: Person) -> Mapping[str, list[str]]:
    """HubSpot's ids of their contacts, which a person deletes there for good."""
    return {"contacts in HubSpot": contacts_of(person)}


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(HubSpotMessage, lambda person: HubSpotMessage.id.in_(person.of(MESSAGES)), _message_without),
        Holding(HubSpotTurn, lambda person: HubSpotTurn.contact_id.in_(contacts_of(person))),
        Holding(HubSpotInterest, lambda person: HubSpotInterest.contact_id.in_(contacts_of(person))),
        Holding(
            HubSpotMerge,
            lambda person: or_(HubSpotMerge.old_id.in_(contacts_of(person)), HubSpotMerge.new_id.in_(contacts_of(person))),
        ),
    ),
    identify=identify,
    outside=in_hubspot,
)


def _shown(_session: Session, rows: Sequence[HubSpotMessage]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "what": row.kind,
            "outcome": row.status,
            "reason": row.reason,
            "occurred_at": row.occurred_at,
            "details": {"product": row.product, "hubspot_contact_id": row.contact_id},
        }


TIMELINE = Source(
    "hubspot_message",
    HubSpotMessage,
    HubSpotMessage.created_at,
    lambda whose: or_(
        HubSpotMessage.contact_id.in_(whose.values("hubspot")), HubSpotMessage.manychat_user_id.in_(whose.values("manychat"))
    ),
    _shown,
)
