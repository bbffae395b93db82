"""Kommo (API v4): contacts and leads.

Kommo takes no idempotency key: before a contact or lead is created it is looked for (`find_contact`, `find_lead`), and after
an UncertainError again. Seven requests a second are taken; whoever calls keeps to that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError
from shared.readers.email import key as address_key
from shared.vendors import answers, waits
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

    from functions.leads.settings import LeadSettings
    from shared.vendors.connection import Connection

READ_SECONDS = 20.0
API = "/api/v4"
PAGE = "250"
# Kommo's own stages, the same in every pipeline: won, lost.
CLOSED = (142, 143)
# Numbers are the same person's when this many last digits are: country codes and the Mexican 1 are written or left out.
DISTINCTIVE_DIGITS = 10


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who a contact is."""

    name: str
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, kw_only=True)
class KommoLead:
    """What becomes a lead. `custom_fields` are texts by the field's id; empty ones are left out."""

    name: str
    pipeline_id: int | None = None
    status_id: int | None = None
    custom_fields: Mapping[int, str] = field(default_factory=dict)
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class Created:
    """Kommo's ids. `merged`: its own control of duplicates took an existing lead instead of making one."""

    lead_id: int
    contact_id: int
    merged: bool


class Kommo:
    """One account. Shared by the process's threads.

    Raises, from every method: PermanentError `kommo-...` for what Kommo refuses, UnavailableError also for an unpaid account
    and for an address that Kommo has barred.
    """

    def __init__(self, url: str, token: str, adapter: BaseAdapter | None = None, per_second: float = 7) -> None:
        from shared.vendors.pace import Paced

        self._pace = Paced(per_second, adapter)
        self._http = KOMMO.connect(url, token, adapter=self._pace)

    @staticmethod
    def from_settings(settings: LeadSettings) -> Kommo:
        """The process's client. Raises PermanentError `not-configured`."""
        KOMMO.require(settings)
        token = settings.kommo_access_token.get_secret_value() if settings.kommo_access_token else ""
        return kept(Kommo, settings.kommo_base_url, token, None, settings.kommo_requests_per_second)

    def begin(self) -> Kommo:
        """This client, at the beginning of a batch: its first request keeps its distance from another instance's last."""
        self._pace.rest()
        return self

    def ping(self) -> str:
        """The account's subdomain, as a sign that Kommo answers us."""
        return self._http.ping()

    def find_contact(self, *, email: str = "", phone: str = "") -> int | None:
        """The oldest contact that has this e-mail address, else this phone number; None without one.

        Kommo's search looks into every field and for parts of words, so what it finds is compared here.
        """
        digits = _distinctive(phone)
        for query, matches in ((email.strip(), _has_email(email)), (digits, _has_phone(digits))):
            found = [entry["id"] for entry in self._search("/contacts", query, "contacts") if matches(entry)] if query else []
            if found:
                return int(min(found))
        return None

    def find_lead(self, contact_id: int, *, name: str, since: datetime | None = None) -> int | None:
        """The newest open lead of this contact with this name, made since then; None without one."""
        contact = self._call("GET", f"/contacts/{contact_id}", "reading a contact", params={"with": "leads"})
        ids = [int(lead["id"]) for lead in _embedded(contact, "leads")]
        if not ids:
            return None
        params = {f"filter[id][{index}]": str(lead_id) for index, lead_id in enumerate(sorted(ids, reverse=True)[:50])}
        leads = _embedded(self._call("GET", "/leads", "reading leads", params=params), "leads")
        earliest = since.timestamp() if since else 0
        found = (
            int(lead["id"])
            for lead in leads
            if lead.get("name") == name and lead.get("status_id") not in CLOSED and lead.get("created_at", 0) >= earliest
        )
        return max(found, default=None)

    def create_complex(
        self, lead: KommoLead, *, person: Person | None = None, contact_id: int | None = None, key: str = ""
    ) -> Created:
        """A lead with its contact, in one request: the one of `contact_id`, or a new one for `person`.

        Not repeatable. `key` comes back in Kommo's answer and does no more.
        """
        contact = {"id": contact_id} if contact_id is not None else _contact(person or Person(name=lead.name))
        body = _lead(lead) | {"_embedded": {"contacts": [contact]}}
        if lead.tags:
            body["_embedded"]["tags"] = [{"name": tag} for tag in lead.tags]
        if key:
            body["request_id"] = key
        what = "creating a lead"
        content = self._call("POST", "/leads/complex", what, json=[body], repeatable=False)
        made = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}
        if not made.get("id"):
            raise answers.unknown(f"Kommo: {what}: the answer names no lead", repeatable=False)
        return Created(int(made["id"]), int(made.get("contact_id") or contact_id or 0), bool(made.get("merged")))

    def stage_of(self, lead_id: int) -> tuple[int, int]:
        """The pipeline and the stage in which the lead is now."""
        lead = self._call("GET", f"/leads/{lead_id}", "reading a lead")
        if not isinstance(lead, dict) or not lead.get("status_id"):
            raise PermanentError("kommo-no-lead", f"Kommo has no lead {lead_id} any more")
        return int(lead.get("pipeline_id") or 0), int(lead["status_id"])

    def stages(self, pipeline_id: int) -> list[int]:
        """The stages of a pipeline, first to last."""
        content = self._call("GET", f"/leads/pipelines/{pipeline_id}/statuses", "reading stages")
        return [int(one["id"]) for one in sorted(_embedded(content, "statuses"), key=lambda one: int(one.get("sort") or 0))]

    def update_lead_status(self, lead_id: int, status_id: int, pipeline_id: int | None = None) -> None:
        """Put the lead into a stage; doing it twice is doing it once. `pipeline_id` is needed to change the pipeline."""
        body = {"status_id": status_id} | ({} if pipeline_id is None else {"pipeline_id": pipeline_id})
        self._call("PATCH", f"/leads/{lead_id}", "moving a lead", json=body)

    def update_lead(self, lead_id: int, lead: KommoLead) -> None:
        """Give the lead these values (tags are left alone); doing it twice is doing it once."""
        self._call("PATCH", f"/leads/{lead_id}", "updating a lead", json=_lead(lead))

    def update_contact(self, contact_id: int, person: Person) -> None:
        """Give the contact this name, address and phone, in place of those it has; doing it twice is doing it once."""
        self._call("PATCH", f"/contacts/{contact_id}", "updating a contact", json=_contact(person))

    def add_notes(self, lead_id: int, texts: Sequence[str]) -> list[int]:
        """Put notes on a lead; their ids. Not repeatable: a second call leaves a second set; see `find_note`."""
        body = [{"note_type": "common", "params": {"text": text}} for text in texts]
        content = self._call("POST", f"/leads/{lead_id}/notes", "adding notes", json=body, repeatable=False)
        return [int(note["id"]) for note in _embedded(content, "notes")]

    def find_note(self, lead_id: int, text: str) -> int | None:
        """The newest of the lead's last 250 notes with exactly this text; None without one."""
        params = {"limit": PAGE, "order[updated_at]": "desc"}
        notes = _embedded(self._call("GET", f"/leads/{lead_id}/notes", "reading notes", params=params), "notes")
        return max((int(note["id"]) for note in notes if (note.get("params") or {}).get("text") == text), default=None)

    def leads_page(self, page: int, *, pipeline_id: int | None = None) -> list[dict[str, Any]]:
        """A page (from 1) of the account's leads, oldest first, each with the ids of its contacts; empty behind the last."""
        params = {"page": str(page), "limit": PAGE, "order[id]": "asc", "with": "contacts"}
        if pipeline_id is not None:
            params["filter[pipeline_id][0]"] = str(pipeline_id)
        return _embedded(self._call("GET", "/leads", "reading leads", params=params), "leads")

    def contacts(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """The contacts of these ids, at most 50; without those that there are not."""
        params = {f"filter[id][{place}]": str(number) for place, number in enumerate(ids)} | {"limit": PAGE}
        return _embedded(self._call("GET", "/contacts", "reading contacts", params=params), "contacts") if ids else []

    def notes_page(self, page: int) -> list[dict[str, Any]]:
        """A page (from 1) of the notes on leads, oldest first; empty behind the last."""
        params = {"page": str(page), "limit": PAGE, "order[id]": "asc"}
        return _embedded(self._call("GET", "/leads/notes", "reading notes", params=params), "notes")

    def _search(self, path: str, query: str, name: str) -> list[dict[str, Any]]:
        content = self._call("GET", path, f"searching {name}", params={"query": query, "limit": PAGE})
        return _embedded(content, name)

    def _call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        repeatable: bool = True,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Any:
        response = self._http.answer(method, f"{API}{path}", what, repeatable=repeatable, params=params, json=json)
        content = answers.parsed(response)
        if content is None and response.content:
            problem = f"Kommo: {what} was answered with something else than JSON"
            raise answers.unknown(problem, repeatable=repeatable)
        return content  # 204: nothing found


def _code_and_message(problem: Mapping[str, Any]) -> tuple[object, object]:
    """The title of a problem (RFC 9457), and which fields are at fault."""
    faults = [
        f"{fault.get('path')} {fault.get('code')}"
        for entry in problem.get("validation-errors") or []
        for fault in entry.get("errors") or []
    ]
    return None, "; ".join([str(problem.get("title") or ""), *faults])


def _asked(http: Connection) -> str:
    """The account's subdomain (GET /api/v4/account, developers.kommo.com/reference)."""
    return str(http.call("GET", f"{API}/account", "asking for the account", repeatable=True).get("subdomain") or "")


# For one lead: reading it, contact by e-mail and by phone, lead, making or updating both, its stages, moving it.
# After too many requests Kommo bars the address from everything with 403.
KOMMO = RestClient(
    name="Kommo",
    address="kommo_base_url",
    key="kommo_access_token",
    ping_by=_asked,
    read_seconds=READ_SECONDS,
    calls=8,
    error=_code_and_message,
    account_statuses=frozenset({403}),
    named_wait=waits.in_body("retry_after"),
)


def _lead(lead: KommoLead) -> dict[str, Any]:
    body: dict[str, Any] = {"name": lead.name}
    if lead.pipeline_id is not None:
        body["pipeline_id"] = lead.pipeline_id
    if lead.status_id is not None:
        body["status_id"] = lead.status_id
    fields = [{"field_id": number, "values": [{"value": text}]} for number, text in lead.custom_fields.items() if text]
    return body | ({"custom_fields_values": fields} if fields else {})


def _contact(person: Person) -> dict[str, Any]:
    pairs = (("EMAIL", person.email), ("PHONE", person.phone))
    fields = [{"field_code": code, "values": [{"value": text, "enum_code": "WORK"}]} for code, text in pairs if text]
    return {"name": person.name} | ({"custom_fields_values": fields} if fields else {})


def _embedded(content: Any, name: str) -> list[dict[str, Any]]:
    inside = content.get("_embedded") if isinstance(content, dict) else None
    return list((inside or {}).get(name) or [])


def values_of(entry: Mapping[str, Any], code: str) -> list[str]:
    """The values of a contact's field with that code, such as EMAIL."""
    fields = entry.get("custom_fields_values") or []
    return [
        str(one.get("value", "")) for chosen in fields if chosen.get("field_code") == code for one in chosen.get("values") or []
    ]


def _has_email(email: str) -> Callable[[Mapping[str, Any]], bool]:
    wanted = address_key(email)
    return lambda entry: wanted in [address_key(value) for value in values_of(entry, "EMAIL")]


def _has_phone(digits: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda entry: digits in [_distinctive(value) for value in values_of(entry, "PHONE")]


def _distinctive(phone: str) -> str:
    """The last digits of a number; "" for one that has too few of them to identify a person by."""
    digits = re.sub(r"\D", "", phone)
    return digits[-DISTINCTIVE_DIGITS:] if len(digits) >= DISTINCTIVE_DIGITS else ""
