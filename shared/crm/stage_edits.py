"""The stage map, kept by people: which ManyChat name means which stage of Odoo."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import resync
from shared.crm.editing import Guard, Reference, locked_row, log, refuse_referenced
from shared.crm.list_versions import STAGES, versioned
from shared.crm.stages import stage_key
from shared.errors import RefusedError
from shared.store.dialect import insert_if_absent, locked
from shared.store.models import Opportunity, StageMapping

NOUN = "stage"


@versioned(STAGES)
def create(session: Session, values: Mapping[str, Any], actor: str) -> StageMapping:
    """A new name for a stage of Odoo. Dead letters that wait for it can be replayed now.

    Raises:
        RefusedError: 409, the map has that name, whatever its case, accents and spaces.
    """
    key = _key(values["manychat_name"])
    if not insert_if_absent(session, StageMapping, "manychat_key", {**values, "manychat_key": key}):
        raise _taken(session, key)
    row = session.scalars(select(StageMapping).where(StageMapping.manychat_key == key)).one()
    log(session, actor, "stage.create", f"stage:{row.id}", f"Odoo's stage {row.odoo_stage_id}")
    return row


@versioned(STAGES)
def change(session: Session, mapping_id: int, values: Mapping[str, Any], actor: str, guard: Guard) -> StageMapping:
    """Change a row of the map.

    Where the stage gets another number in Odoo, and no other name means the old one any more, the opportunities that are in it
    move to the new number and are brought up to date in Odoo.

    Raises:
        RefusedError: 404, no such row; 409, another row has that name; or what `guard` raises.
    """
    row = locked_row(session, StageMapping, mapping_id, NOUN)
    guard(row)
    if "manychat_name" in values and (key := _key(values["manychat_name"])) != row.manychat_key:
        if session.scalars(locked(select(StageMapping.id).where(StageMapping.manychat_key == key), StageMapping)).first():
            raise _taken(session, key)
        row.manychat_key = key
    old = row.odoo_stage_id
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, values[name])
    if "odoo_stage_id" in changed:
        resync.stage(session, mapping_id, old)
    if changed:
        moved = f"; Odoo's stage was {old}, is {row.odoo_stage_id}" if "odoo_stage_id" in changed else ""
        log(session, actor, "stage.update", f"stage:{mapping_id}", ", ".join(sorted(changed)) + moved)
    return row


@versioned(STAGES)
def delete(session: Session, mapping_id: int, actor: str, guard: Guard) -> None:
    """Delete a row of the map. The last name of a stage stays as long as an opportunity is in it.

    Raises:
        RefusedError: 404, no such row; 409 naming the opportunities in the stage; or what `guard` raises.
    """
    row = locked_row(session, StageMapping, mapping_id, NOUN)
    guard(row)
    others = select(StageMapping.id).where(StageMapping.odoo_stage_id == row.odoo_stage_id, StageMapping.id != row.id)
    if session.scalars(others.limit(1)).first() is None:
        in_it = Reference("opportunities", Opportunity.id, Opportunity.stage_id == row.odoo_stage_id)
        refuse_referenced(session, f"The stage {mapping_id}", [in_it])
    session.delete(row)
    log(session, actor, "stage.delete", f"stage:{mapping_id}", f"Odoo's stage {row.odoo_stage_id}")


def _key(name: str) -> str:
    return stage_key(name)[:100]


def _taken(session: Session, key: str) -> RefusedError:
    row_id = session.scalars(select(StageMapping.id).where(StageMapping.manychat_key == key)).one()
    return RefusedError(409, "stage-taken", f"Row {row_id} of the stage map has this name already.")
