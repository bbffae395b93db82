"""The importer of the replaced broadcast system, from CSV exports of its tables: contacts, and automations as drafts.

`flows.csv` says which of our flows stands for an old one (`id`, `name`): the steps of its flows lay outside that system, so
they are rebuilt here as files. Contacts keep their UUID, by which automations name them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import automation_edits
from functions.broadcasts.api_models import AutomationIn
from functions.broadcasts.tables import Automation
from shared.crm import contact_profiles, facts, people
from shared.errors import PermanentError, RefusedError
from shared.importer.frame import AS_OF, Change, Importer, Run
from shared.importer.sources import CsvFolder
from shared.journeys import chatbots
from shared.readers import phone
from shared.settings import get_settings
from shared.store.contact_models import ContactProfile
from shared.store.dialect import held, insert_if_absent, locked
from shared.store.models import Contact
from shared.store.types import key_of

YES, NO = frozenset(("t", "true", "1", "yes")), frozenset(("f", "false", "0", "no"))
ACTOR = "import"


def _flag(value: Any) -> Any:
    word = str(value).strip().lower()
    return True if word in YES else False if word in NO else None


def _object(value: Any) -> Any:
    """What a column of JSON holds; empty, where it holds nothing that can be read."""
    try:
        read = json.loads(value) if isinstance(value, str) and value.strip() else value
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    return read if isinstance(read, dict) else {}


def _words(value: Any) -> Any:
    return [part.strip() for part in str(value or "").strip("{}[]").replace('"', "").split(",") if part.strip()]


Flag = Annotated[bool | None, BeforeValidator(_flag)]
JsonObject = Annotated[dict[str, Any], BeforeValidator(_object)]


class FlowRow(BaseModel):
    """An old flow, and the name of the one that stands for it here."""

    id: UUID
    name: str = Field(min_length=1)


class PersonRow(BaseModel):
    """A contact of the old system. `phone_number` may be missing where `whatsapp_id` is there."""

    model_config = ConfigDict(extra="ignore")

    id: UUID
    phone_number: str | None = None
    whatsapp_id: str | None = None
    name: str | None = None
    email: str | None = None
    attributes: JsonObject = Field(default_factory=dict)
    tags: Annotated[list[str], BeforeValidator(_words)] = Field(default_factory=list)
    opt_in: Flag = None
    is_blocked: Flag = None
    deleted_at: str | None = None


class AutomationRow(BaseModel):
    """An automation of the old system."""

    model_config = ConfigDict(extra="allow")

    id: UUID
    name: str
    flow_id: UUID
    deleted_at: str | None = None


class Moved(Run):
    """One import. What was said since stays: facts count as older than every event's, and a word that is there stays."""

    def __init__(self) -> None:
        self.flows: dict[UUID, str] = {}

    def remember(self, row: Any) -> None:
        """Which flow stands for which."""
        if isinstance(row, FlowRow):
            self.flows[row.id] = row.name

    def apply(self, session: Session, row: Any) -> Change:
        """Take a contact or an automation over."""
        if isinstance(row, FlowRow):
            known = {flow.name for flow in chatbots.talking_flows().values()}
            if row.name not in known:
                raise PermanentError("no-such-flow", f"there is no flow {row.name[:60]!r} here")
            return Change.UNCHANGED
        if (row.deleted_at or "").strip():
            return Change.UNCHANGED
        return _person(session, row) if isinstance(row, PersonRow) else self._automation(session, row)

    def _automation(self, session: Session, row: AutomationRow) -> Change:
        if session.scalars(select(Automation.id).where(Automation.uuid == str(row.id))).one_or_none() is not None:
            return Change.UNCHANGED
        if (name := self.flows.get(row.flow_id)) is None:
            raise PermanentError("flow-unknown", "flows.csv does not say which flow stands for its flow_id")
        fields = _fields(row) | {"flow_id": chatbots.flow_id(name)}
        try:
            made = automation_edits.create(session, AutomationIn.model_validate(fields).model_dump(), ACTOR)
        except ValueError as error:  # pydantic's, whose text may quote what people wrote
            raise PermanentError("not-taken", f"its fields cannot be used ({type(error).__name__})") from error
        except RefusedError as error:
            named = "; ".join(f"{fault.field}: {fault.message}" for fault in error.errors)
            raise PermanentError("not-taken", named or error.title) from error
        made.uuid = str(row.id)
        return Change.NEW


def _fields(row: AutomationRow) -> dict[str, Any]:
    """The columns that an automation has here as well; it comes as a draft, without its number and chatbot."""
    left_out = {"id", "flow_id", "chatbot_id", "whatsapp_number_id", "status", "is_active", "trigger_type", "deleted_at"}
    names = AutomationIn.model_fields.keys() - left_out
    given = {name: value for name, value in {**row.model_dump(), **(row.model_extra or {})}.items() if name in names}
    read = {name: _read(name, value) for name, value in given.items() if value not in (None, "")}
    return {name: value for name, value in read.items() if value is not None}


def _read(name: str, value: Any) -> Any:
    if name in ("audience_config", "variable_mapping", "trigger_config"):
        return _object(value)
    if name == "retry_failed":
        return _flag(value)
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


def _person(session: Session, row: PersonRow) -> Change:
    number = phone.e164_or_none(row.phone_number, default=get_settings().default_phone_region, channel="csv")
    number = number or phone.e164_or_none(row.whatsapp_id, channel="whatsapp")
    known = session.scalars(select(ContactProfile.contact_id).where(ContactProfile.uuid == str(row.id))).one_or_none()
    if known is None and number is None:
        raise PermanentError("no-phone", "no number can be read")
    contact, is_new = _contact(session, known, str(number))
    key = key_of("import", str(row.id))
    first, _, last = (row.name or "").strip().partition(" ")
    given = {"first_name": first or None, "last_name": last.strip() or None, "email": (row.email or "").strip() or None}
    changed = facts.merge(contact, {**given, "phone": number, "phone_original": row.phone_number}, AS_OF, key)
    session.flush()
    changed |= contact_profiles.apply(session, contact, _new_words(session, contact.id, row))
    profile = session.get_one(ContactProfile, contact.id)
    if profile.uuid != str(row.id):
        profile.uuid = str(row.id)
        changed.add("uuid")
    if changed & people.IDENTIFYING:
        people.observe(session, contact, AS_OF)
    return Change.of(is_new=is_new, has_changed=bool(changed))


def _contact(session: Session, known: int | None, number: str) -> tuple[Contact, bool]:
    """The contact, locked, and whether they are new; whoever has the number, if it is one."""
    if known is not None:
        return session.scalars(held(select(Contact).where(Contact.id == known), Contact)).one(), False
    holders = contact_profiles.holders(session, number)
    if len(holders) > 1:
        raise PermanentError("several-contacts", f"{len(holders)} contacts have this number")
    if holders:
        return holders[0], False
    name = contact_profiles.without_manychat(number)
    insert_if_absent(session, Contact, "manychat_id", {"manychat_id": name})
    return session.scalars(locked(select(Contact).where(Contact.manychat_id == name), Contact)).one(), True


def _new_words(session: Session, contact_id: int, row: PersonRow) -> Mapping[str, Any]:
    """What of the row nobody has said here yet."""
    known = contact_profiles.of(session, [contact_id])[contact_id]
    words: dict[str, Any] = {"tags": [*known.tags, *row.tags]}
    words["attributes"] = {name: value for name, value in row.attributes.items() if name not in known.attributes}
    if known.opt_in is None and row.opt_in is not None:
        words["opt_in"] = row.opt_in
    return words | ({"is_blocked": True} if row.is_blocked else {})


IMPORTER = Importer(
    name="pytake",
    about="Contacts and automations of PyTake, from CSV exports of its tables.",
    source="a folder with contacts.csv, automations.csv and flows.csv (id, name of the flow here)",
    kinds=MappingProxyType({"flows": FlowRow, "contacts": PersonRow, "automations": AutomationRow}),
    open=lambda options: CsvFolder(Path(options.source)),
    begin=lambda _options: Moved(),
)
