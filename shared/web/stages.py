"""`/api/v1/crm/stages`: the stage map, which says what ManyChat's names of stages mean in Odoo."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from shared.crm import editing, stage_edits
from shared.intake.fields import Text
from shared.problems import documented
from shared.store.models import StageMapping
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Change, Number, Words100
from shared.web.conditions import MADE, ONE, IfMatch, guard, tag
from shared.web.paging import Page, RowId
from shared.web.sorting import LONGEST_SEARCH, SortedQuery, containing, find_sorted

router = APIRouter(prefix="/api/v1/crm/stages", tags=["Stage map"], route_class=SecuredRoute)

EDITABLE = ("manychat_name", "odoo_stage_id", "odoo_name")
SORTS = {"id": StageMapping.id, "odoo_stage_id": StageMapping.odoo_stage_id, "manychat_name": StageMapping.manychat_name}


class StageQuery(SortedQuery):
    """Filters of the list."""

    order: Literal["newest", "oldest"] = Field(default="oldest", description="Which rows come first, by when they were made.")
    sort: (
        Literal["id", "-id", "odoo_stage_id", "-odoo_stage_id", "manychat_name", "-manychat_name"] | None
    ) = Field(default=None, description="Not together with `order`.")  # fmt: skip
    q: Annotated[str, Text(LONGEST_SEARCH, at_least=1)] | None = Field(default=None, description="A part of either name.")
    odoo_stage_id: int | None = Field(default=None, ge=1, lt=2**31)


class StageOut(BaseModel):
    """A name that ManyChat has for a stage of Odoo. Several may mean the same one."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="The number of this row, not Odoo's number of the stage.")
    manychat_name: str
    odoo_stage_id: int
    odoo_name: str
    created_at: datetime
    updated_at: datetime


class StageChange(Change):
    """A row of the map in part: what is left out stays."""

    manychat_name: Words100 = Field(default_factory=str, description="Unique, whatever its case, accents and spaces.")
    odoo_stage_id: Number = Field(default_factory=int)
    odoo_name: Words100 = Field(default_factory=str)


class StageIn(StageChange):
    """A row of the map."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"manychat_name": "Pidió descuento", "odoo_stage_id": 40, "odoo_name": "Descuento"}]}
    )

    manychat_name: Words100 = Field(description="Unique, whatever its case, accents and spaces.")
    odoo_stage_id: Number
    odoo_name: Words100


@router.get("", summary="List the stage map")
def list_stages(query: Annotated[StageQuery, Query()]) -> Page[StageOut]:
    """All names and the stages they mean."""
    chosen = select(StageMapping)
    if query.odoo_stage_id is not None:
        chosen = chosen.where(StageMapping.odoo_stage_id == query.odoo_stage_id)
    if query.q is not None:
        chosen = chosen.where(containing(query.q, StageMapping.manychat_name, StageMapping.odoo_name))
    with reading() as session:
        rows, total, after = find_sorted(session, chosen, SORTS, query)
    return Page(items=[StageOut.model_validate(row) for row in rows], total=total, next=after)


@router.post("", status_code=201, summary="Add a name of a stage", responses=documented(409) | MADE)
def create_stage(body: StageIn, caller: Caller, response: Response) -> StageOut:
    """Adds a name. 409 where the map has it. Dead letters that wait for it (`unknown-stage`) can be replayed then."""
    row = editing.committed(partial(stage_edits.create, values=body.model_dump(), actor=actor(caller)))
    tag(response, row, EDITABLE, f"/api/v1/crm/stages/{row.id}")
    return StageOut.model_validate(row)


@router.get("/{row_id:id}", summary="One row of the stage map", responses=documented(404) | ONE)
def get_stage(row_id: RowId, response: Response) -> StageOut:
    """The name and the stage it means."""
    with reading() as session:
        row = session.get(StageMapping, row_id)
    if row is None:
        raise editing.missing(stage_edits.NOUN, row_id)
    tag(response, row, EDITABLE)
    return StageOut.model_validate(row)


@router.put("/{row_id:id}", summary="Replace a row of the stage map", responses=documented(404, 409, 412) | ONE)
def replace_stage(row_id: RowId, body: StageIn, caller: Caller, response: Response, if_match: IfMatch = None) -> StageOut:
    """Sets everything.

    Where a stage gets another number in Odoo, and no other name means the old one any more, the opportunities in it move along
    and are brought up to date in Odoo.
    """
    return _changed(row_id, body.model_dump(), caller, response, if_match)


@router.patch("/{row_id:id}", summary="Change a row of the stage map", responses=documented(404, 409, 412) | ONE)
def change_stage(row_id: RowId, body: StageChange, caller: Caller, response: Response, if_match: IfMatch = None) -> StageOut:
    """Sets what is given. What a new number in Odoo brings about is said at PUT."""
    return _changed(row_id, body.given(), caller, response, if_match)


@router.delete("/{row_id:id}", status_code=204, summary="Delete a row of the stage map", responses=documented(404, 409, 412))
def delete_stage(row_id: RowId, caller: Caller, if_match: IfMatch = None) -> None:
    """Deletes a name. The last one of a stage in which opportunities are cannot be deleted; 409 names them."""
    check = guard(if_match, EDITABLE)
    editing.committed(partial(stage_edits.delete, mapping_id=row_id, actor=actor(caller), guard=check))


def _changed(row_id: int, values: dict[str, object], caller: Caller, response: Response, if_match: str | None) -> StageOut:
    change = partial(stage_edits.change, mapping_id=row_id, values=values)
    row = editing.committed(partial(change, actor=actor(caller), guard=guard(if_match, EDITABLE)))
    tag(response, row, EDITABLE)
    return StageOut.model_validate(row)
