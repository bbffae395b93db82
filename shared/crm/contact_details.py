"""Where a contact lives, and in which states ManyChat reported them: kept as the service had it that this one replaces."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import facts
from shared.store.contact_models import Address, ContactState
from shared.store.dialect import insert_if_absent, locked
from shared.store.models import Contact, Opportunity, StageChange, StageMapping

MANYCHAT, CRM = "manychat", "crm"
LONGEST_HISTORY = 500


@dataclass(frozen=True)
class State:
    """A state, who reports such states (`manychat` or `crm`), and since when."""

    state: str
    category: str
    at: datetime


def merge_address(
    session: Session, contact: Contact, values: Mapping[str, str | None], at: datetime, event_key: str
) -> set[str]:
    """Merge facts of an address, newer ones replacing older ones; the names of those that changed. The contact is locked."""
    query = locked(select(Address).where(Address.contact_id == contact.id), Address)
    row = session.scalars(query).one_or_none()
    if row is None:
        insert_if_absent(session, Address, "contact_id", {"contact_id": contact.id})
        row = session.scalars(query).one()
    return facts.merge(row, values, at, event_key)


def note_state(session: Session, contact: Contact, state: str | None, at: datetime, event_key: str) -> None:
    """Add a state to the history; one that is reported again as well, for an older report of another may still come."""
    if state is not None:
        session.add(ContactState(contact_id=contact.id, state=state, at=at, event_key=event_key))


def states(session: Session, contact_id: int) -> list[State]:
    """The newest LONGEST_HISTORY states of a contact, oldest first: ManyChat's, and the stages of their opportunity.

    A state that is reported again is one state, also where the reports came in another order.
    """
    of_manychat = select(ContactState.at, ContactState.id, ContactState.state).where(ContactState.contact_id == contact_id)
    newest = of_manychat.order_by(ContactState.at.desc(), ContactState.id.desc()).limit(LONGEST_HISTORY)
    found = [State(state, MANYCHAT, at) for at, _number, state in reversed(session.execute(newest).all())]
    of_crm = select(StageChange.state_date, StageChange.id, StageChange.stage_id).join(
        Opportunity, Opportunity.id == StageChange.opportunity_id
    )
    of_crm = of_crm.where(Opportunity.contact_id == contact_id)
    stages = session.execute(of_crm.order_by(StageChange.state_date.desc(), StageChange.id.desc()).limit(LONGEST_HISTORY)).all()
    numbers = {stage for _at, _number, stage in stages}
    named = select(StageMapping.odoo_stage_id, StageMapping.odoo_name).where(StageMapping.odoo_stage_id.in_(numbers))
    names = {row.odoo_stage_id: row.odoo_name for row in session.execute(named.order_by(StageMapping.id.desc()))}
    found += [State(names.get(stage, f"stage {stage}"), CRM, at) for at, _number, stage in reversed(stages)]
    return sorted(_without_repeats(found), key=lambda one: (one.at, one.category))[-LONGEST_HISTORY:]


def _without_repeats(found: list[State]) -> list[State]:
    last: dict[str, str] = {}
    kept = []
    for one in found:
        if last.get(one.category) != one.state:
            kept.append(one)
        last[one.category] = one.state
    return kept
