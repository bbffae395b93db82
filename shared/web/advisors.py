"""`/api/v1/advisors`: the colleagues to whom people are assigned."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select

from shared.crm import catalogue, editing
from shared.intake.fields import RequiredEmail, Text
from shared.problems import documented
from shared.store.models import Advisor
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Change, Flag, Number, PhoneNumber, Words20, Words50, Words200
from shared.web.conditions import MADE, ONE, IfMatch, guard, tag
from shared.web.paging import Page, RowId, text
from shared.web.sorting import LONGEST_SEARCH, SortedQuery, containing, find_sorted

router = APIRouter(prefix="/api/v1/advisors", tags=["Advisors"], route_class=SecuredRoute)

EDITABLE = ("name", "email", "phone", "odoo_user_id", "role", "status", "genre", "is_active")
SORTS = {"id": Advisor.id, "name": Advisor.name}
OWN_NUMBER = "By default the next free one. Give it where events name the advisor by a number already."


class AdvisorQuery(SortedQuery):
    """Filters of the list."""

    sort: Literal["id", "-id", "name", "-name"] | None = Field(default=None, description="Not together with `order`.")
    q: Annotated[str, Text(LONGEST_SEARCH, at_least=1)] | None = Field(
        default=None, description="A part of the name, the e-mail address or the phone number."
    )
    role: Annotated[str, text(50)] | None = None
    is_active: bool | None = None
    odoo_user_id: int | None = Field(default=None, ge=1, lt=2**31)

    def applied(self, query: Select[Advisor]) -> Select[Advisor]:
        """`query`, narrowed down."""
        for name in ("role", "is_active", "odoo_user_id"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(Advisor, name) == value)
        if self.q is not None:
            query = query.where(containing(self.q, Advisor.name, Advisor.email, phone=Advisor.phone))
        return query


class AdvisorOut(BaseModel):
    """An advisor."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    email: str | None
    phone: str | None = Field(description="In E.164.")
    odoo_user_id: int | None = Field(description="The same person among Odoo's users; leads are theirs there.")
    role: str | None
    status: str | None
    genre: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime


class AdvisorChange(Change):
    """An advisor in part: what is left out stays, null takes it away."""

    name: Words200 = Field(default_factory=str)
    email: RequiredEmail | None = None
    phone: PhoneNumber | None = None
    odoo_user_id: Number | None = Field(default=None, description="The same person among Odoo's users.")
    role: Words50 | None = None
    status: Words20 | None = None
    genre: Words20 | None = None
    is_active: Flag = Field(default_factory=bool)


class AdvisorIn(AdvisorChange):
    """An advisor."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Carla Ríos", "email": "carla@example.com", "odoo_user_id": 7}]}
    )

    name: Words200
    is_active: Flag = True


class NewAdvisor(AdvisorIn):
    """An advisor to be added."""

    id: Number | None = Field(default=None, description=OWN_NUMBER)


@router.get("", summary="List advisors")
def list_advisors(query: Annotated[AdvisorQuery, Query()]) -> Page[AdvisorOut]:
    """Advisors, by name, address, phone, role, and whether they are active."""
    with reading() as session:
        rows, total, after = find_sorted(session, query.applied(select(Advisor)), SORTS, query)
    return Page(items=[AdvisorOut.model_validate(row) for row in rows], total=total, next=after)


@router.post("", status_code=201, summary="Add an advisor", responses=documented(409) | MADE)
def create_advisor(body: NewAdvisor, caller: Caller, response: Response) -> AdvisorOut:
    """Adds an advisor. 409 where a number is given that is taken. Dead letters that wait for them can be replayed then."""
    row = editing.committed(partial(catalogue.create_advisor, values=body.model_dump(), actor=actor(caller)))
    tag(response, row, EDITABLE, f"/api/v1/advisors/{row.id}")
    return AdvisorOut.model_validate(row)


@router.get("/{advisor_id:id}", summary="One advisor", responses=documented(404) | ONE)
def get_advisor(advisor_id: RowId, response: Response) -> AdvisorOut:
    """The advisor."""
    with reading() as session:
        row = session.get(Advisor, advisor_id)
    if row is None:
        raise editing.missing("advisor", advisor_id)
    tag(response, row, EDITABLE)
    return AdvisorOut.model_validate(row)


@router.put("/{advisor_id:id}", summary="Replace an advisor", responses=documented(404, 412) | ONE)
def replace_advisor(
    advisor_id: RowId, body: AdvisorIn, caller: Caller, response: Response, if_match: IfMatch = None
) -> AdvisorOut:
    """Sets everything. With a new name or Odoo user the opportunities that name them are brought up to date in Odoo."""
    return _changed(advisor_id, body.model_dump(), caller, response, if_match)


@router.patch("/{advisor_id:id}", summary="Change an advisor", responses=documented(404, 412) | ONE)
def change_advisor(
    advisor_id: RowId, body: AdvisorChange, caller: Caller, response: Response, if_match: IfMatch = None
) -> AdvisorOut:
    """Sets what is given. With a new name or Odoo user the opportunities that name them are brought up to date in Odoo."""
    return _changed(advisor_id, body.given(), caller, response, if_match)


@router.delete("/{advisor_id:id}", status_code=204, summary="Delete an advisor", responses=documented(404, 409, 412))
def delete_advisor(advisor_id: RowId, caller: Caller, if_match: IfMatch = None) -> None:
    """Deletes an advisor whom nothing names; 409 names what does. Set `is_active` to false instead for one who has left."""
    check = guard(if_match, EDITABLE)
    editing.committed(partial(catalogue.delete_advisor, advisor_id=advisor_id, actor=actor(caller), guard=check))


def _changed(
    advisor_id: int, values: dict[str, object], caller: Caller, response: Response, if_match: str | None
) -> AdvisorOut:
    change = partial(catalogue.change_advisor, advisor_id=advisor_id, values=values)
    row = editing.committed(partial(change, actor=actor(caller), guard=guard(if_match, EDITABLE)))
    tag(response, row, EDITABLE)
    return AdvisorOut.model_validate(row)
