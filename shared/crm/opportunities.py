"""Opportunities: one for each person, its stage checked against the map, its history kept."""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared.crm import facts
from shared.crm.stages import DEFAULT_STAGES, stage_key
from shared.errors import PermanentError
from shared.phrases import phrase
from shared.store.dialect import added, insert_if_absent, locked
from shared.store.models import Contact, Opportunity, StageChange, StageMapping

# Put together once: that would cost more, for every event, than running them.
_OPPORTUNITY = locked(select(Opportunity).where(Opportunity.contact_id == bindparam("contact_id")), Opportunity)
_STAGE_BY_ID = select(StageMapping.odoo_stage_id).where(StageMapping.odoo_stage_id == bindparam("stage")).limit(1)
_STAGE_BY_NAME = select(StageMapping.odoo_stage_id).where(StageMapping.manychat_key == bindparam("stage")).limit(1)


def resolve_stage(session: Session, stage: int | str) -> int:
    """Odoo's id of a stage that was given by id or by ManyChat's name (whatever its case, accents and spaces).

    Raises:
        PermanentError: `unknown-stage`; a stage is never guessed. The event can be replayed once the map has it.
    """
    is_number = isinstance(stage, int)
    query, wanted = (_STAGE_BY_ID, stage) if is_number else (_STAGE_BY_NAME, stage_key(str(stage))[:100])
    with session.no_autoflush:  # a new opportunity is written once, with its stage
        found = session.scalars(query, {"stage": wanted}).one_or_none()
    if found is None:
        raise PermanentError(
            "unknown-stage", phrase("the stage %(stage)s is not in the stage map", stage=repr(str(stage)[:100]))
        )
    return found


def seed_stage_map(session: Session) -> int:
    """Add the default pairs that the stage map lacks; what somebody has edited stays. Returns how many were added."""
    added = 0
    for stage in DEFAULT_STAGES:
        values = {"manychat_name": stage.manychat_name, "odoo_stage_id": stage.odoo_stage_id, "odoo_name": stage.odoo_name}
        key = stage_key(stage.manychat_name)
        added += insert_if_absent(session, StageMapping, "manychat_key", values | {"manychat_key": key})
    return added


def locked_opportunity(session: Session, contact: Contact) -> Opportunity:
    """The contact's opportunity, made if it is new, held against other writers until the transaction ends.

    A new one is written with the next flush, and has no number before. The contact has one.
    """
    named = {"contact_id": contact.id}
    opportunity = session.scalars(_OPPORTUNITY, named).one_or_none()
    return opportunity or added(session, Opportunity, named | {"manychat_id": contact.manychat_id})


def change_stage(
    session: Session,
    opportunity: Opportunity,
    stage_id: int,
    at: datetime,
    summary: str | None,
    event_key: str,
    *,
    only_changes: bool = False,
) -> set[str]:
    """Record a stage, and make it the present one unless a newer one is known; the names of what changed.

    With `only_changes` a stage that is the present one already is reported as of `at`, so that what is older changes nothing;
    it is no change, and the history gets no line.
    """
    if only_changes and opportunity.stage_id == stage_id:
        changed = facts.merge(opportunity, {"stage_id": stage_id, "state_date": at}, at, event_key, group="stage")
        return (changed - {"state_date"}) | facts.merge(opportunity, {"summary": summary}, at, event_key)
    changed = facts.merge(opportunity, {"stage_id": stage_id, "state_date": at}, at, event_key, group="stage")
    changed |= facts.merge(opportunity, {"summary": summary}, at, event_key)
    session.add(
        StageChange(
            opportunity=opportunity,
            stage_id=stage_id,
            state_date=at,
            summary=summary,
            applied=facts.is_newest(opportunity, "stage", event_key),
            event_key=event_key,
        )
    )
    return changed
