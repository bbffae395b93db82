"""The plan of a change of a list that people keep: of one row, of a whole file, or back to an earlier version.

All edits of a list are one unit, in their order, because they depend on each other: a name may only go once another one means
its stage. An edit whose row was changed meanwhile stops, and so does one that other rows forbid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.crm import catalogue, editing, resync, stage_edits
from shared.crm.list_versions import ADVISORS, CHANNELS, KEPT, STAGES, Row
from shared.errors import PermanentError
from shared.phrases import pattern
from shared.plans import list_files
from shared.plans.kinds import CREATE, UPDATE, Applied, Asked, Page, Place, Step, Unit
from shared.store.models import Contact, Opportunity, StageMapping

NAME = "list"
IMPORT, RETURN, CHANGE = "import", "return", "change"
TITLES = {
    IMPORT: pattern("Import of the list: %(list)s"),
    RETURN: pattern("Return to an earlier version of the list: %(list)s"),
    CHANGE: pattern("Change of the list: %(list)s"),
}


def asked(name: str, how: str, edits: Sequence[Mapping[str, Any]]) -> Asked:
    """These edits of a list (see `list_files.differences`), as a plan is asked for them."""
    return {"list": name, "how": how, "edits": list(edits)}


@dataclass(frozen=True)
class _Lists:
    role: str = "admin"
    here: str = "settings"

    def title(self, asked: Asked) -> tuple[str, Mapping[str, Any]]:
        """What is done to which list."""
        return TITLES[asked["how"]], {"list": asked["list"]}

    def back(self, asked: Asked) -> str:
        """The list."""
        return f"/console/lists/{asked['list']}"

    def link(self, name: str) -> str | None:
        """Rows have no page of their own."""
        del name
        return None

    def total(self, session: Session, asked: Asked) -> int | None:
        """How many edits there are."""
        del session
        return len(asked["edits"])

    def page(self, asked: Asked, place: Place | None) -> Page:
        """All edits, as one unit."""
        if place is not None or not asked["edits"]:
            return Page()
        kept = list_files.named(asked["list"])
        steps = [_step(kept, number, edit) for number, edit in enumerate(asked["edits"])]
        return Page(units=[Unit(key=f"list:{kept.name}", steps=steps, after={"done": True})])


def _step(kept: list_files.KeptList, number: int, edit: Mapping[str, Any]) -> Step:
    row: Row = edit["after"] or edit["before"]
    title = str(row.get("manychat_name") or row.get("name"))
    return Step(name=str(edit["id"] or f"new-{number}"), title=title, apply=partial(_apply, kept=kept, edit=edit))


def _apply(session: Session, actor: str, *, kept: list_files.KeptList, edit: Mapping[str, Any]) -> Applied:
    """Make one edit, as the API does; and what it touches beside its own row."""
    number, before, after = edit["id"], edit["before"], edit["after"]
    weight = 1 + (_touched(session, kept.name, number, before, after) if before is not None else 0)
    if before is not None:
        _require_unchanged(session, kept, number, before)
    if after is None:
        DELETE[kept.name](session, number, actor, editing.unguarded)
    elif before is None:
        values = {name: value for name, value in after.items() if name != "id" or value is not None}
        CREATE_BY[kept.name](session, values, actor)
    else:
        values = {name: value for name, value in after.items() if name != "id"}
        CHANGE_BY[kept.name](session, number, values, actor, editing.unguarded)
    facts = [before, after]
    return Applied(what=CREATE if before is None else UPDATE, detail=_shown(before, after), weight=weight, facts=facts)


def _require_unchanged(session: Session, kept: list_files.KeptList, number: int, before: Row) -> None:
    row = session.get(KEPT[kept.name][0], number)
    if row is None or any(getattr(row, column) != before[column] for column in kept.columns):
        raise PermanentError("changed-meanwhile", "somebody has changed or removed this row since")


def _touched(session: Session, name: str, number: int, before: Row, after: Row | None) -> int:
    """How many opportunities are brought up to date in Odoo, or moved to another stage, by this edit."""
    if after is None:
        return 0
    query = select(func.count()).select_from(Opportunity)
    if name == STAGES:
        old = before["odoo_stage_id"]
        others = select(StageMapping.id).where(StageMapping.odoo_stage_id == old, StageMapping.id != number)
        if after["odoo_stage_id"] == old or session.scalars(others.limit(1)).first() is not None:
            return 0
        return session.scalar(query.where(Opportunity.stage_id == old)) or 0
    if name == ADVISORS and (before["name"], before["odoo_user_id"]) != (after["name"], after["odoo_user_id"]):
        return session.scalar(query.where(resync.of_advisor(number))) or 0
    if name == CHANNELS and before["name"] != after["name"]:
        of_channel = Opportunity.contact_id.in_(select(Contact.id).where(Contact.channel_id == number))
        return session.scalar(query.where(of_channel)) or 0
    return 0


def _shown(before: Row | None, after: Row | None) -> str:
    """Field by field, what an edit changes."""
    if before is None or after is None:
        row = before or after or {}
        sign = "-" if after is None else "+"
        return f"{sign} " + ", ".join(f"{value}" for value in row.values() if value not in (None, ""))
    changed = [name for name in after if name != "id" and before[name] != after[name]]
    return "; ".join(f"{name}: {before[name]} → {after[name]}" for name in changed)


CREATE_BY: Mapping[str, Any] = {
    STAGES: stage_edits.create,
    ADVISORS: catalogue.create_advisor,
    CHANNELS: catalogue.create_channel,
}
CHANGE_BY: Mapping[str, Any] = {
    STAGES: stage_edits.change,
    ADVISORS: catalogue.change_advisor,
    CHANNELS: catalogue.change_channel,
}
DELETE: Mapping[str, Any] = {
    STAGES: stage_edits.delete,
    ADVISORS: catalogue.delete_advisor,
    CHANNELS: catalogue.delete_channel,
}

CHANGED_LISTS = _Lists()
