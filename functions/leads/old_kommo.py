"""The leads and notes that Kommo has, read page by page at Kommo's pace."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from functions.leads.kommo import Kommo, values_of
from functions.leads.old_log import KommoId
from functions.leads.settings import LeadSettings
from shared.importer.frame import Row
from shared.importer.patience import patiently
from shared.intake.fields import Instant, Label, LongText, Phone, RequiredEmail, RequiredName
from shared.settings import settings_of

LEADS, NOTES = "leads", "notes"
AT_ONCE = 50  # of one question for contacts; Kommo advises no more
NAMES = {"service": "servicio", "company": "empresa", "source": "fuente"}


class KommoRow(BaseModel):
    """A lead with its first contact."""

    model_config = ConfigDict(extra="ignore")

    id: KommoId
    created_at: Instant
    status_id: int
    contact_id: KommoId
    name: RequiredName
    email: RequiredEmail
    service: RequiredName
    phone: Phone = None
    company: Label = None
    source: Label = None


class NoteRow(BaseModel):
    """A note on a lead."""

    model_config = ConfigDict(extra="ignore")

    id: KommoId
    lead_id: KommoId
    created_at: Instant
    note_type: Label = None
    text: LongText = None


class KommoAccount:
    """The account, of whose leads those of KOMMO_PIPELINE_ID are read where that is set."""

    def __init__(self, kommo: Kommo) -> None:
        self._kommo, self._settings = kommo, settings_of(LeadSettings)

    def rows(self, kind: str) -> Iterator[Row]:
        """The leads or the notes, oldest first."""
        return self._leads() if kind == LEADS else self._notes()

    def _leads(self) -> Iterator[Row]:
        pipeline = self._settings.kommo_pipeline_id
        for leads in _pages(lambda page: self._kommo.leads_page(page, pipeline_id=pipeline)):
            first = {lead["id"]: _contact_of(lead) for lead in leads}
            contacts = self._contacts([number for number in first.values() if number])
            for lead in leads:
                yield self._lead(lead, contacts.get(first[lead["id"]] or 0, {}))

    def _contacts(self, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        found: dict[int, Mapping[str, Any]] = {}
        wanted = sorted(set(ids))
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            found |= {int(one["id"]): one for one in patiently(lambda part=part: self._kommo.contacts(part))}  # type: ignore[misc]
        return found

    def _lead(self, lead: Mapping[str, Any], contact: Mapping[str, Any]) -> Row:
        """The old system named a lead `servicio - nombre`; the custom fields count before that."""
        service, dash, name = str(lead.get("name") or "").partition(" - ")
        fields = self._fields(lead)
        return {
            "id": lead["id"],
            "created_at": _moment(lead.get("created_at")),
            "status_id": lead.get("status_id"),
            "contact_id": contact.get("id"),
            "name": contact.get("name") or name,
            "email": next(iter(values_of(contact, "EMAIL")), None),
            "phone": next(iter(values_of(contact, "PHONE")), None),
            "service": fields.get("service") or (service if dash else None),
            "company": fields.get("company"),
            "source": fields.get("source"),
        }

    def _fields(self, lead: Mapping[str, Any]) -> dict[str, str]:
        """Service, company and source, by the ids of the settings, else by the names of the fields."""
        settings = self._settings
        ids = {
            "service": settings.kommo_field_id_servicio,
            "company": settings.kommo_field_id_empresa,
            "source": settings.kommo_field_id_fuente,
        }
        found = {}
        for field in lead.get("custom_fields_values") or []:
            text = str(next((one.get("value") for one in field.get("values") or []), None) or "")
            for fact, number in ids.items():
                is_it = field.get("field_id") == number if number else str(field.get("field_name")).casefold() == NAMES[fact]
                if is_it and text:
                    found[fact] = text
        return found

    def _notes(self) -> Iterator[Row]:
        for notes in _pages(self._kommo.notes_page):
            for note in notes:
                own = {"id": note["id"], "lead_id": note.get("entity_id"), "created_at": _moment(note.get("created_at"))}
                yield own | {"note_type": note.get("note_type"), "text": (note.get("params") or {}).get("text")}


def _pages(ask: Callable[[int], list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    page = 1
    while found := patiently(lambda page=page: ask(page)):  # type: ignore[misc]
        yield found
        page += 1


def _contact_of(lead: Mapping[str, Any]) -> int | None:
    contacts = (lead.get("_embedded") or {}).get("contacts") or []
    main = next((one for one in contacts if one.get("is_main")), contacts[0] if contacts else None)
    return int(main["id"]) if main else None


def _moment(seconds: Any) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if isinstance(seconds, int) else None
