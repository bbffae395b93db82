"""`/api/v1/odoo/contacts`: Odoo's contacts (partners), seen and changed in Odoo itself, over whichever API is configured."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.crm import editing
from shared.crm.odoo_contacts import STAMPS, Partners, Search
from shared.intake.fields import RequiredEmail, Text
from shared.problems import documented
from shared.store.models import MANYCHAT_ID_LENGTH
from shared.vendors.odoo.values import from_datetime
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Change, Flag, Words50, Words100, Words200, Words255
from shared.web.conditions import LOCATION_HEADER
from shared.web.cursor import BY_ID
from shared.web.odoo_errors import STATUSES, as_problems
from shared.web.paging import Page, PageQuery, RowId, text

router = APIRouter(prefix="/api/v1/odoo/contacts", tags=["Odoo"], route_class=SecuredRoute)

COLLECTION = tuple(status for status in STATUSES if status != 404)  # noqa: PLR2004  # HTTP
LARGEST_ID = 2**31 - 1  # what Odoo's database can compare with


class PartnerQuery(PageQuery):
    """Filters of the list."""

    q: Annotated[str, Text(100, at_least=1)] | None = Field(default=None, description="A part of name, e-mail or phone.")
    email: Annotated[str, text(254)] | None = Field(default=None, description="A part of it, whatever the case.")
    phone: Annotated[str, text(100)] | None = Field(default=None, description="A part of it, as Odoo has it written.")
    manychat_id: Annotated[str, text(MANYCHAT_ID_LENGTH)] | None = None
    is_company: bool | None = None
    archived: bool = Field(default=False, description="true: archived ones as well.")

    def search(self) -> Search:
        """The same as a search of ours."""
        return Search(**{name: getattr(self, name) for name in Search.__dataclass_fields__})


class PartnerOut(BaseModel):
    """A contact of Odoo."""

    id: int
    manychat_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    function: str | None = Field(description="Job position.")
    street: str | None
    city: str | None
    zip: str | None
    vat: str | None
    website: str | None
    ref: str | None
    is_company: bool
    active: bool = Field(description="false: archived.")
    created_at: datetime | None
    updated_at: datetime | None


class PartnerChange(Change):
    """A contact in part: what is left out stays, null takes it away."""

    name: Words200 = Field(default_factory=str)
    manychat_id: Words50 | None = None
    email: RequiredEmail | None = None
    phone: Words100 | None = None
    function: Words255 | None = None
    street: Words255 | None = None
    city: Words255 | None = None
    zip: Words50 | None = None
    vat: Words50 | None = None
    website: Words255 | None = None
    ref: Words100 | None = None
    is_company: Flag = Field(default_factory=bool)
    active: Flag = Field(default_factory=bool)


class PartnerIn(PartnerChange):
    """A contact."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Ana Núñez", "manychat_id": "123456", "email": "ana@example.com"}]}
    )

    name: Words200
    is_company: Flag = False
    active: Flag = True


@router.get("", summary="List Odoo's contacts", responses=documented(*COLLECTION))
def list_odoo_contacts(query: Annotated[PartnerQuery, Query()], caller: Caller) -> Page[PartnerOut]:
    """Contacts as Odoo has them at this moment."""
    after = min(*BY_ID.place(query.after), LARGEST_ID) if query.after is not None else None
    newest = query.order == "newest"
    with as_problems():
        found, total = Partners(actor(caller)).find(query.search(), query.limit + 1, after, newest=newest)
    rows = found[: query.limit]
    more = len(found) > query.limit
    return Page(items=[_shown(row) for row in rows], total=total, next=BY_ID.text(rows[-1]["id"]) if more else None)


@router.post(
    "",
    status_code=201,
    summary="Add a contact to Odoo",
    responses=documented(*COLLECTION) | {201: {"headers": LOCATION_HEADER}},
)
def create_odoo_contact(body: PartnerIn, caller: Caller, response: Response) -> PartnerOut:
    """Adds a contact in Odoo. 409 where Odoo knows somebody by that ManyChat id. After a 504 look before trying again."""
    with as_problems():
        row = Partners(actor(caller)).create(body.model_dump())
    response.headers["Location"] = f"/api/v1/odoo/contacts/{row['id']}"
    return _shown(row)


@router.get("/{partner_id:id}", summary="One contact of Odoo", responses=documented(*STATUSES))
def get_odoo_contact(partner_id: RowId, caller: Caller) -> PartnerOut:
    """The contact as Odoo has it at this moment, archived or not."""
    with as_problems():
        return _shown(Partners(actor(caller)).read(_odoo_id(partner_id)))


@router.put("/{partner_id:id}", summary="Replace a contact of Odoo", responses=documented(*STATUSES))
def replace_odoo_contact(partner_id: RowId, body: PartnerIn, caller: Caller) -> PartnerOut:
    """Sets all the values that are here; what is left out is taken away. Odoo's other fields stay as they are."""
    with as_problems():
        return _shown(Partners(actor(caller)).write(_odoo_id(partner_id), body.model_dump()))


@router.patch("/{partner_id:id}", summary="Change a contact of Odoo", responses=documented(*STATUSES))
def change_odoo_contact(partner_id: RowId, body: PartnerChange, caller: Caller) -> PartnerOut:
    """Sets what is given, null taking it away."""
    with as_problems():
        return _shown(Partners(actor(caller)).write(_odoo_id(partner_id), body.given()))


@router.delete("/{partner_id:id}", status_code=204, summary="Delete a contact of Odoo", responses=documented(*STATUSES))
def delete_odoo_contact(partner_id: RowId, caller: Caller) -> None:
    """Deletes it in Odoo. 409 where other records of Odoo need it; set `active` to false instead to archive it."""
    with as_problems(deleting=True):
        Partners(actor(caller)).unlink(_odoo_id(partner_id))


def _odoo_id(number: int) -> int:
    """The number, if Odoo's database can hold it."""
    if number > LARGEST_ID:
        raise editing.missing("Odoo contact", number)
    return number


def _shown(row: dict[str, Any]) -> PartnerOut:
    """A record of Odoo; a field that this Odoo does not have is null."""
    values = {name: row.get(name) for name in PartnerOut.model_fields}
    created, written = (from_datetime(row[name]) if row.get(name) else None for name in STAMPS)
    return PartnerOut(**values | {"created_at": created, "updated_at": written})
