"""`/api/v1/contacts`: the people our record knows."""

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StringConstraints, model_validator
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from shared.crm import contact_edits, contact_profiles, editing, merged_contacts
from shared.crm.contact_profiles import Profile
from shared.crm.people import e164
from shared.errors import RefusedError
from shared.intake.fields import ManychatId, RequiredEmail, Text
from shared.messages import contact_words
from shared.problems import documented
from shared.readers.email import key as address_key
from shared.settings import get_settings
from shared.store.models import MANYCHAT_ID_LENGTH, Contact
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body, Number, PhoneNumber, Words100, Words200
from shared.web.conditions import MADE, ONE, IfMatch, guard, tag
from shared.web.paging import Page, RowId, text
from shared.web.sorting import LONGEST_SEARCH, SortedQuery, find_sorted, having_words

router = APIRouter(prefix="/api/v1/contacts", tags=["Contacts"], route_class=SecuredRoute)

EDITABLE = ("manychat_id", "first_name", "last_name", "phone", "phone_original", "email", "channel_id")
SORTS = {"id": Contact.id, "name": Contact.search_text, "updated_at": Contact.updated_at}


class ContactQuery(SortedQuery):
    """Filters of the list."""

    sort: Literal["id", "-id", "name", "-name", "updated_at", "-updated_at"] | None = Field(
        default=None, description="`name` is first and last name without case and accents. Not together with `order`."
    )
    q: Annotated[str, Text(LONGEST_SEARCH, at_least=1)] | None = Field(
        default=None, description="Parts of names in any spelling, all of which must occur, or a part of a phone number."
    )
    manychat_id: Annotated[str, text(MANYCHAT_ID_LENGTH)] | None = None
    phone: Annotated[str, text(100)] | None = Field(
        default=None, description="In any spelling; a number without a country code is taken to be of DEFAULT_PHONE_REGION."
    )
    email: Annotated[str, text(254)] | None = None
    channel_id: int | None = Field(default=None, ge=1, lt=2**31)

    def applied(self, query: Select[Contact]) -> Select[Contact]:
        """`query`, narrowed down."""
        if self.manychat_id is not None:
            query = query.where(Contact.manychat_id == self.manychat_id)
        if self.phone is not None:
            query = query.where(_has_phone(self.phone))
        if self.email is not None:
            query = query.where(Contact.email.in_({self.email, self.email.lower(), address_key(self.email)}))
        if self.channel_id is not None:
            query = query.where(Contact.channel_id == self.channel_id)
        if self.q is not None:
            query = query.where(having_words(Contact.search_text, self.q))
        return query


def _has_phone(phone: str) -> ColumnElement[bool]:
    number = e164(phone.strip(), get_settings().default_phone_region)
    return Contact.phone == number if number else Contact.phone_original == phone


class ContactOut(BaseModel):
    """A person. `odoo_...` tells how far Odoo's partner is in step; null where ODOO_SYNC_MODE wants no partners."""

    id: int
    uuid: str = Field(description="The same id where ids are UUIDs.")
    manychat_id: str | None = Field(description="Null for a person whom ManyChat does not know.")
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None = Field(description="In E.164; null where what was sent is no possible number.")
    phone_original: str | None = Field(description="As it was sent.")
    subscribed_at: datetime | None
    initial_state: str | None
    last_state: str | None
    channel: str | None = Field(description="The channel's name.")
    channel_id: int | None
    odoo_partner_id: int | None
    odoo_sync_status: str | None = Field(description="`pending`, `success`, `error` or null.")
    odoo_sync_error: str | None
    odoo_sync_attempts: int
    synced_at: datetime | None = Field(description="When Odoo last took it.")
    created_at: datetime
    updated_at: datetime
    last_event_at: datetime | None = Field(
        description="When the newest event about this person happened, by its sender's clock."
    )
    tags: list[str]
    attributes: dict[str, Any] = Field(description="Further facts, by name.")
    opt_in: bool | None = Field(description="Whether they want messages to many; null where nobody has said.")
    is_blocked: bool = Field(description="Nothing is sent to them by WhatsApp.")


class ContactExists(BaseModel):
    """Whether somebody is known; `id` is the contact's number here."""

    exists: bool
    id: int | None


OWN_NAMES = {"uuid", "manychat_id", "channel", "odoo_partner_id", "synced_at", *contact_profiles.FIELDS}
PROFILE_ALIASES = {"phone": "phone_number", "attributes": "custom_fields"}
CHANGED: dict[int | str, dict[str, Any]] = {200: {"model": ContactOut, "description": "The contact was there.", **ONE[200]}}
AttributeName = Annotated[str, StringConstraints(pattern=r"^\w[\w-]{0,63}$")]
AttributeValue = StrictBool | StrictInt | StrictFloat | Annotated[str, StringConstraints(max_length=1000)] | None


class ContactChange(Body):
    """What is known of a person, in part: what is left out stays, null takes it away."""

    read_only: ClassVar = frozenset(ContactOut.model_fields) - {*EDITABLE, *contact_profiles.FIELDS} | {"phone_original"}

    manychat_id: ManychatId | None = Field(default=None, description="Cannot be changed; given, it must be the present one.")
    first_name: Words200 | None = None
    last_name: Words200 | None = None
    phone: PhoneNumber | None = None
    email: RequiredEmail | None = None
    channel_id: Number | None = None
    tags: list[Words100] | None = Field(default=None, max_length=contact_profiles.MOST_TAGS, description="All tags.")
    attributes: dict[AttributeName, AttributeValue] | None = Field(
        default=None, description="Further facts to set; null takes one away, what is not named stays."
    )
    opt_in: bool | None = Field(default=None, description="Whether they want messages to many.")
    is_blocked: bool | None = Field(default=None, description="True: nothing is sent to them by WhatsApp.")

    @model_validator(mode="before")
    @classmethod
    def _by_other_names(cls, data: Any) -> Any:
        """`phone_number` and `custom_fields` are other names of `phone` and `attributes`; `name` is the whole name."""
        if not isinstance(data, dict):
            return data
        data = {**data}
        for name, other in PROFILE_ALIASES.items():
            if other in data and name not in data:
                data[name] = data.pop(other)
        if isinstance(data.get("name"), str) and not {"first_name", "last_name"} & data.keys():
            first, _, last = data.pop("name").strip().partition(" ")
            data |= {"first_name": first or None, "last_name": last.strip() or None}
        return data


class ContactIn(ContactChange):
    """A person. What is left out is not known."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"manychat_id": "123456", "first_name": "Ana", "last_name": "Núñez", "phone": "55 1234 5678"}]
        }
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.manychat_id is None and self.phone is None:
            raise ValueError("give `manychat_id` or `phone`")
        return self

    def facts(self) -> dict[str, Any]:
        """All that can be changed; of what is kept beside the row, what was given."""
        left_out = {"manychat_id", *(set(contact_profiles.FIELDS) - self.model_fields_set)}
        return self.model_dump(exclude=left_out)


@router.get("", summary="List contacts")
def list_contacts(query: Annotated[ContactQuery, Query()]) -> Page[ContactOut]:
    """Contacts, by name or phone, ManyChat's id, e-mail address or channel."""
    with reading() as session:
        rows, total, after = find_sorted(session, query.applied(select(Contact)), SORTS, query)
        profiles = contact_profiles.of(session, [row.id for row in rows])
    return Page(items=[_shown(row, profiles[row.id]) for row in rows], total=total, next=after)


@router.get("/exists", summary="Whether there is a contact with a ManyChat id")
def contact_exists(manychat_id: Annotated[str, Query(min_length=1, max_length=MANYCHAT_ID_LENGTH)]) -> ContactExists:
    """Answers 200 either way, so that a flow of ManyChat can branch on `exists`."""
    with reading() as session:
        found = session.scalars(select(Contact.id).where(Contact.manychat_id == manychat_id.strip())).one_or_none()
    return ContactExists(exists=found is not None, id=found)


@router.post("", status_code=201, summary="Add a contact", responses=documented(409) | MADE | CHANGED)
def create_contact(body: ContactIn, caller: Caller, response: Response) -> ContactOut:
    """Adds a person, or changes whoever has the number where there is no `manychat_id` (then 200).

    409 where their ManyChat id is known, also from an event, where several contacts have the number (`errors` names them),
    or where there is no such channel.
    """
    row, is_new = editing.committed(partial(_kept, body=body, who=actor(caller)))
    if is_new:
        tag(response, row, EDITABLE, f"/api/v1/contacts/{row.id}")
    else:
        response.status_code = 200
        tag(response, row, EDITABLE)
    return _with_profile(row)


def _kept(session: Session, body: ContactIn, who: str) -> tuple[Contact, bool]:
    if body.manychat_id is not None:
        row, is_new = contact_edits.create(session, body.manychat_id, body.facts(), who), True
    else:
        row, is_new = contact_edits.keep_by_phone(session, body.facts(), who)
    contact_words.keep(session, row, body.model_dump(include=body.model_fields_set))
    return row, is_new


@router.get("/{contact_id:id}", summary="One contact", responses=documented(404) | ONE)
def get_contact(contact_id: RowId, response: Response) -> ContactOut:
    """The person as our record knows them now. The id of a contact that turned out to be another one leads to that one."""
    with reading() as session:
        row = session.get(Contact, merged_contacts.survivor(session, contact_id))
        if row is None:
            raise editing.missing("contact", contact_id)
        profile = contact_profiles.of(session, [row.id])[row.id]
    _locate(response, row, contact_id)
    tag(response, row, EDITABLE)
    return _shown(row, profile)


def _locate(response: Response, row: Contact, asked: int) -> None:
    """Where the contact that was named turned out to be another one, say which."""
    if row.id != asked:
        response.headers["Content-Location"] = f"/api/v1/contacts/{row.id}"


@router.put("/{contact_id:id}", summary="Replace a contact's facts", responses=documented(404, 409, 412) | ONE)
def replace_contact(
    contact_id: RowId, body: ContactIn, caller: Caller, response: Response, if_match: IfMatch = None
) -> ContactOut:
    """Sets all that can be changed; what is left out is not known any more. Events older than now do not undo it."""
    return _changed(contact_id, body.facts(), body.manychat_id, caller, response, if_match)


@router.patch("/{contact_id:id}", summary="Change some of a contact's facts", responses=documented(404, 409, 412) | ONE)
def change_contact(
    contact_id: RowId, body: ContactChange, caller: Caller, response: Response, if_match: IfMatch = None
) -> ContactOut:
    """Sets what is given, null taking it away. Events older than now do not undo it."""
    values = body.given()
    return _changed(contact_id, values, values.pop("manychat_id", None), caller, response, if_match)


@router.delete("/{contact_id:id}", status_code=204, summary="Delete a contact", responses=documented(404, 409, 412))
def delete_contact(contact_id: RowId, caller: Caller, if_match: IfMatch = None) -> None:
    """Deletes a person to whom nothing refers; 409 names what does. An event about them that comes later makes them anew."""
    check = guard(if_match, EDITABLE)

    def work(session: Session) -> None:
        if (now := merged_contacts.survivor(session, contact_id)) != contact_id:
            title = "This contact turned out to be another one; to delete that one, name it."
            raise RefusedError(409, "contact-merged", title, detail=f"Contact {contact_id} is contact {now} now.")
        contact_edits.delete(session, contact_id, actor(caller), check)

    editing.committed(work)


def _changed(
    contact_id: int,
    values: dict[str, Any],
    manychat_id: str | None,
    caller: Caller,
    response: Response,
    if_match: str | None,
) -> ContactOut:
    def work(session: Session) -> Contact:
        check = guard(if_match, EDITABLE)
        number = merged_contacts.survivor(session, contact_id)
        row = contact_edits.change(session, number, values, actor(caller), check, manychat_id)
        contact_words.keep(session, row, values)
        return row

    row = editing.committed(work)
    _locate(response, row, contact_id)
    tag(response, row, EDITABLE)
    return _with_profile(row)


def _with_profile(row: Contact) -> ContactOut:
    with reading() as session:
        return _shown(row, contact_profiles.of(session, [row.id])[row.id])


def _shown(row: Contact, profile: Profile) -> ContactOut:
    same = {name: getattr(row, name) for name in ContactOut.model_fields if name not in OWN_NAMES}
    return ContactOut(
        **same,
        **asdict(profile),
        uuid=contact_profiles.uuid_of(row.id),
        manychat_id=contact_profiles.shown_manychat_id(row.manychat_id),
        channel=row.channel.name if row.channel else None,
        odoo_partner_id=row.odoo_id,
        synced_at=row.odoo_synced_at,
    )
