"""A contact that was added by phone, and then writes through ManyChat, is one contact.

ManyChat's number is proven where the person writes by WhatsApp, which names it. Where exactly one contact has that number, and
ManyChat did not know that one yet, it is the same contact:

- an unknown ManyChat id becomes that contact's id (`by_number`), which keeps its number, its uuid and its history;
- a known ManyChat id stays itself and takes in the other contact (`take_in`): facts by their dates, tags, wishes, history.
  The other's number and UUID lead to it from then on (`shared.crm.merged_contacts`).

Where other contacts have the number as well, or it was only typed, nothing is taken over: it proposes (`shared.people`). So
the same events in any order, and repeated, end in one contact with the same facts.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shared import flows
from shared.crm import contact_profiles, editing, facts, merged_contacts, odoo_sync
from shared.outbox import plan
from shared.outbox.actions import State
from shared.store.contact_models import Address, ContactProfile, ContactState
from shared.store.models import CampaignChange, CampaignContact, Contact, Delivery, Opportunity, StageChange

ACTOR, ACTION = "manychat", "contact.take-over"


def by_number(session: Session, manychat_id: str, number: str) -> bool:
    """Make the one contact that has a proven number ManyChat's, under an id that nobody has; False where there is none.

    In Odoo their partner and lead are found by their own ids once more, and get the new one.
    """
    found = _without_manychat(session, number)
    if found is None:
        return False
    before = found.manychat_id
    _take_back(session, before)
    renamed: list[Contact | Opportunity] = [found, *_of(session, Opportunity, found.id)]
    for row in renamed:
        row.manychat_id, row.odoo_linked = manychat_id, False
    session.flush()
    editing.log(session, ACTOR, ACTION, manychat_id, f"contact {found.id}, added by phone, has ManyChat's id now")
    return True


def take_in(session: Session, contact: Contact) -> bool:
    """Let a contact that ManyChat knows take in the one that was added by the same proven number; whether there was one."""
    if contact.phone is None:
        return False
    other = _without_manychat(session, contact.phone, besides=contact.id)
    if other is None:
        return False
    _take_back(session, other.manychat_id)
    _merge(contact, other)
    contact.created_at = min(contact.created_at, other.created_at)
    known = session.get(ContactProfile, other.id)
    merged_contacts.note(session, other.id, known.uuid if known is not None else None, contact.id)
    contact_profiles.take_in(session, contact.id, other.id)
    _take_address(session, contact.id, other.id)
    _take_opportunity(session, contact, other.id)
    _take_campaigns(session, contact, other.id)
    session.execute(_moved(ContactState, other.id, contact.id))
    for _flow, listener in flows.listeners("contact.merged"):
        listener(session, contact.id, other.id)
    editing.log(session, ACTOR, ACTION, contact.manychat_id, f"contact {other.id}, added by phone, is contact {contact.id} now")
    session.delete(other)
    session.flush()
    return True


def _without_manychat(session: Session, number: str, besides: int = 0) -> Contact | None:
    """The one contact with that number, locked, if ManyChat does not know them; None where others have it as well."""
    found = contact_profiles.holders(session, number, besides)
    is_one = len(found) == 1 and contact_profiles.shown_manychat_id(found[0].manychat_id) is None
    return found[0] if is_one else None


def _take_back(session: Session, manychat_id: str) -> None:
    """What was still to be sent to Odoo under the old id goes under the new one, which is requested with this event."""
    waiting = (Delivery.subject == manychat_id, Delivery.target == odoo_sync.TARGET, Delivery.state == State.PENDING)
    for number in session.scalars(select(Delivery.id).where(*waiting)).all():
        plan.cancel(session, number, "contact-taken-over")


def _merge(row: Any, other: Any) -> None:
    """Take the newer of each fact, and Odoo's record where ours has none."""
    facts.take_newer(row, other)
    if getattr(row, "odoo_id", 0) is None and other.odoo_id is not None:
        row.odoo_id, row.odoo_linked, row.odoo_seen = other.odoo_id, False, other.odoo_seen


def _take_address(session: Session, number: int, other: int) -> None:
    mine, theirs = (_of(session, Address, each) for each in (number, other))
    if mine and theirs:
        facts.take_newer(mine[0], theirs[0])
        session.delete(theirs[0])
    elif theirs:
        session.execute(_moved(Address, other, number))


def _take_opportunity(session: Session, contact: Contact, other: int) -> None:
    mine, theirs = (_of(session, Opportunity, each) for each in (contact.id, other))
    if mine and theirs:
        _merge(mine[0], theirs[0])
        moved = update(StageChange).where(StageChange.opportunity_id == theirs[0].id).values(opportunity_id=mine[0].id)
        session.execute(moved)
        session.delete(theirs[0])
        session.flush()
    for row in theirs if not mine else ():
        row.contact_id, row.manychat_id, row.odoo_linked = contact.id, contact.manychat_id, False


def _take_campaigns(session: Session, contact: Contact, other: int) -> None:
    mine = {row.campaign_id: row for row in _of(session, CampaignContact, contact.id)}
    for row in _of(session, CampaignContact, other):
        kept = mine.get(row.campaign_id)
        if kept is None:
            row.contact_id = contact.id
            continue
        facts.take_newer(kept, row)
        kept.registration_date = min(kept.registration_date, row.registration_date)
        session.execute(
            update(CampaignChange)
            .where(CampaignChange.campaign_contact_id == row.id)
            .values(campaign_contact_id=kept.id)
            .execution_options(synchronize_session=False)
        )
        session.execute(delete(CampaignContact).where(CampaignContact.id == row.id))


def _of(session: Session, model: type[Any], contact_id: int) -> Sequence[Any]:
    return session.scalars(select(model).where(model.contact_id == contact_id)).unique().all()


def _moved(model: type[Any], other: int, number: int) -> Any:
    return update(model).where(model.contact_id == other).values(contact_id=number)
