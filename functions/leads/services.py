"""Stores a lead, requests its sync with Kommo, and signals the event with which its journeys begin.

The form is public, so a form proves nothing about the person whom it names. One rule follows for all that it may do: **the
address that was given first stays**. A later form adds a proposal that people see, and changes neither name, phone nor e-mail
address of what is stored; and a message about something goes only to addresses that were given in that very thing, or first.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import consents, first_contact, ids, kommo_sync, notes, persons
from functions.leads.payloads import LeadPayload
from functions.leads.settings import LeadSettings
from functions.leads.tables import Lead
from shared import clock
from shared.crm.people import e164
from shared.errors import PermanentError
from shared.intake.envelope import fingerprint
from shared.journeys import engine
from shared.messages import plain_names
from shared.readers import name_key
from shared.readers.email import mailbox
from shared.settings import Settings, get_settings, settings_of
from shared.store.dialect import locked

CREATED, CORRECTED = "lead.created", "lead.corrected"
UNCHECKED = "unchecked"
DAY = timedelta(days=1)


def take(session: Session, payload: LeadPayload, at: datetime, event_key: str) -> str:
    """Store a lead received at the time `at`, request its sync, and begin its journeys.

    "applied"; "put-off" where the hour has had its first contacts and theirs begins later; "capped" where its mailbox or number
    came too often within 24 hours, "unchecked" where the captcha could not be asked, and it is only kept. Where the lead is
    known: "proposed", "capped", "unchanged" or "corrected", see `_again`.

    Raises:
        PermanentError: `lead-id-taken`, its number is somebody else's.
    """
    phone = e164(payload.telefono, get_settings().default_phone_region)
    recent = max(_recent(session, Lead.mailbox, mailbox(payload.email), at), _recent(session, Lead.phone, phone, at))
    known = session.scalars(locked(select(Lead).where(Lead.id == payload.lead_id), Lead)).one_or_none()
    consents.record(session, payload, at, event_key, is_first=known is None or at < known.received_at)
    if known is not None:
        return _again(session, known, payload, at, event_key, recent - known.forms)
    lead = Lead(id=payload.lead_id, email=payload.email, service=payload.servicio, received_at=at, said_at=at)
    lead.captcha, lead.status = payload.captcha, "new"
    _facts(lead, payload)
    session.add(lead)
    session.flush()
    persons.observe(session, lead)
    kommo_sync.ask(session, lead.id, event_key)
    if lead.captcha == UNCHECKED:
        notes.enqueue(session, lead.id, "captcha_unchecked", {}, "captcha", at=at)
        return UNCHECKED
    return _begin(session, lead, at, event_key, recent)


def _begin(session: Session, lead: Lead, at: datetime, event_key: str, recent: int) -> str:
    """Begin the lead's journeys, later where the hour is full: "applied", "put-off", or "capped" after too many `recent`."""
    if recent >= settings_of(LeadSettings).lead_forms_per_address_per_day:
        notes.enqueue(session, lead.id, "many_forms", {}, "many", at=at)
        return "capped"
    begin_at = first_contact.begin_at(session, at)
    names = persons.names_of(session, email=lead.email, lead_id=lead.id)
    if engine.signal(session, CREATED, names, variables(lead), event_key=event_key, at=at, begin_at=begin_at):
        lead.first_contact_at = begin_at or max(at, clock.now())
    if begin_at is None:
        return "applied"
    notes.enqueue(session, lead.id, "put_off", {"begin_at": begin_at.isoformat()}, "put-off", at=at)
    return "put-off"


def _recent(session: Session, column: Any, value: str | None, at: datetime) -> int:
    """How many forms of this mailbox or number came in the 24 hours before.

    The search locks the key range, so that two leads of one mailbox or number are counted one after the other.
    """
    if value is None:
        return 0
    query = select(Lead.forms).where(column == value, Lead.received_at > at - DAY, Lead.received_at <= at)
    return sum(session.scalars(locked(query, Lead)))


def variables(lead: Lead) -> dict[str, Any]:
    """The variables of a lead for journeys and their templates. One without a value is left out, so that no text has a gap."""
    known: dict[str, Any] = {
        "lead_id": lead.id,
        "first_name": first_name(lead.name),
        "name": lead.name,
        "email": lead.email,
        "phone": lead.phone,
        "company": lead.company,
        "service": lead.service,
        "source": lead.source,
    }
    known["refused_channels"] = first_contact.refused_channels(lead.phone)
    return {name: value for name, value in known.items() if value} | links(lead.id)


def message_variables(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a message may say, at the time of sending: links that were added since it was planned, and free texts as allowed."""
    return first_contact.message_variables(links(given.get("lead_id")) | dict(given))


def links(lead_id: int | None) -> dict[str, Any]:
    """The links of the settings that a text may hold, those that are set; BOOKING_URL carries the lead, where there is one."""
    settings = get_settings()
    booking = settings.booking_url if lead_id is None else booking_url(lead_id, settings)
    known = {"booking_url": booking, "resource_url": settings.resource_url, "survey_url": settings.survey_url}
    return {name: value for name, value in known.items() if value}


def booking_url(lead_id: int, settings: Settings) -> str:
    """BOOKING_URL with the lead's signed number as Cal.com's metadata, which its webhooks bring back; "" where none is set."""
    if not settings.booking_url:
        return ""
    parts = urlsplit(settings.booking_url)
    own = urlencode({"metadata[lead_id]": ids.signed(lead_id)})
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, own)))))


def first_name(name: str) -> str:
    """The first word of a name; one that is all in capitals or all in small letters is written as a name."""
    first = (plain_names.plain(name) or name).split(maxsplit=1)[0]
    return first if not (first.isupper() or first.islower()) else first.title()


def _facts(lead: Lead, payload: LeadPayload) -> None:
    """Copy the form's facts other than address and service to the lead."""
    for name, value in _facts_of(payload).items():
        setattr(lead, name, value)


def _facts_of(payload: LeadPayload) -> dict[str, Any]:
    return {
        "name": payload.nombre,
        "phone_original": payload.telefono,
        "phone": e164(payload.telefono, get_settings().default_phone_region),
        "company": payload.empresa,
        "source": payload.fuente,
    }


def _again(session: Session, lead: Lead, payload: LeadPayload, at: datetime, event_key: str, recent: int) -> str:
    """The same request once more. Nothing of what is stored is replaced, and no journey begins anew.

    "unchanged" where it says nothing new; "proposed" where it does: people see that in a note and in the log. "capped" where
    too many have done so in a day. A form that came first and is handled late takes its place as the first ("corrected"), so
    every order of handling ends the same. Who could not be checked by the captcha and sends the same form again, now checked,
    is contacted ("applied", "put-off").
    """
    if (lead.email, _plain(lead.service)) != (payload.email, _plain(payload.servicio)):
        raise PermanentError(
            "lead-id-taken", "this number belongs to another lead; send the form again tomorrow, or add it by hand"
        )
    lead.said_at = max(lead.said_at, at)
    new, known = _facts_of(payload), _facts_of_lead(lead)
    if new == known:
        lead.received_at = min(lead.received_at, at)
        if lead.captcha != UNCHECKED or payload.captcha == UNCHECKED:
            return "unchanged"
        lead.captcha = payload.captcha
        return _begin(session, lead, at, event_key, recent)
    lead.forms += 1
    if at >= lead.received_at:
        return _proposed(session, lead, new, at)
    since, lead.received_at = lead.received_at, at
    _facts(lead, payload)
    _proposed(session, lead, known, since)
    names = persons.names_of(session, email=lead.email, lead_id=lead.id)
    engine.signal(session, CORRECTED, names, variables(lead), event_key=event_key)
    return "corrected"


def _facts_of_lead(lead: Lead) -> dict[str, Any]:
    return {name: getattr(lead, name) for name in ("name", "phone_original", "phone", "company", "source")}


def _proposed(session: Session, lead: Lead, facts: Mapping[str, Any], at: datetime) -> str:
    """Note what another form says of the lead, each once; after so many a day only that there are many."""
    if lead.forms > settings_of(LeadSettings).lead_forms_per_address_per_day:
        notes.enqueue(session, lead.id, "many_forms", {}, "many", at=at)
        return "capped"
    fields = {"nombre": "name", "telefono": "phone_original", "empresa": "company", "fuente": "source"}
    shown = {field: facts[name] for field, name in fields.items()}
    notes.enqueue(session, lead.id, "form_again", shown, f"again:{fingerprint(shown)[:16]}", at=at)
    return "proposed"


def _plain(text: str) -> str:
    return name_key.key(text) or text.strip()
