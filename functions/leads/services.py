"""Stores a lead, requests its sync with Kommo, and signals the event with which its journeys begin."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import ids, kommo_sync, notes, persons
from functions.leads.payloads import LeadPayload
from functions.leads.settings import LeadSettings
from functions.leads.tables import Lead
from shared.crm.people import e164
from shared.errors import PermanentError
from shared.journeys import engine
from shared.readers import name_key
from shared.settings import Settings, get_settings, settings_of
from shared.store.dialect import locked

CREATED = "lead.created"
DAY = timedelta(days=1)


def take(session: Session, payload: LeadPayload, at: datetime, event_key: str) -> str:
    """Store a lead received at the time `at`, request its sync, and begin its journeys.

    "applied"; "capped" where its address or number came with too many within 24 hours, and it is only kept; "corrected",
    "unchanged" or "stale" where the lead is known. Raises PermanentError `lead-id-taken` where its number is somebody else's.
    """
    phone = e164(payload.telefono, get_settings().default_phone_region)
    recent = max(_recent(session, Lead.email, payload.email, at), _recent(session, Lead.phone, phone, at))
    known = session.scalars(locked(select(Lead).where(Lead.id == payload.lead_id), Lead)).one_or_none()
    if known is not None:
        return _again(session, known, payload, at, event_key)
    lead = Lead(id=payload.lead_id, email=payload.email, service=payload.servicio, received_at=at, said_at=at)
    lead.captcha, lead.status = payload.captcha, "new"
    _facts(lead, payload)
    session.add(lead)
    session.flush()
    persons.observe(session, lead)
    kommo_sync.ask(session, lead.id, event_key)
    if payload.captcha == "unchecked":
        notes.enqueue(session, lead.id, "captcha_unchecked", {}, "captcha", at=at)
    if recent >= settings_of(LeadSettings).lead_forms_per_address_per_day:
        notes.enqueue(session, lead.id, "many_forms", {}, "many", at=at)
        return "capped"
    names = persons.names_of(session, email=lead.email, lead_id=lead.id)
    engine.signal(session, CREATED, names, variables(lead), event_key=event_key, at=at)
    return "applied"


def _recent(session: Session, column: Any, value: str | None, at: datetime) -> int:
    """How many leads of this address or number came in the 24 hours before.

    The search locks the key range, so that two leads of one address or number are counted one after the other.
    """
    if value is None:
        return 0
    query = select(Lead.id).where(column == value, Lead.received_at > at - DAY, Lead.received_at <= at)
    return len(session.scalars(locked(query, Lead)).all())


def variables(lead: Lead) -> dict[str, Any]:
    """The variables of a lead for journeys and their templates. One without a value is left out, so that no text has a gap."""
    known = {
        "lead_id": lead.id,
        "first_name": first_name(lead.name),
        "name": lead.name,
        "email": lead.email,
        "phone": lead.phone,
        "company": lead.company,
        "service": lead.service,
        "source": lead.source,
    }
    return {name: value for name, value in known.items() if value} | links(lead.id)


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
    first = name.split(maxsplit=1)[0]
    return first if not (first.isupper() or first.islower()) else first.title()


def _facts(lead: Lead, payload: LeadPayload) -> bool:
    """Copy the form's facts other than address and service to the lead; whether that changed any."""
    facts = {
        "name": payload.nombre,
        "phone_original": payload.telefono,
        "phone": e164(payload.telefono, get_settings().default_phone_region),
        "company": payload.empresa,
        "source": payload.fuente,
    }
    changed = {name: value for name, value in facts.items() if getattr(lead, name) != value}
    for name, value in changed.items():
        setattr(lead, name, value)
    return bool(changed)


def _again(session: Session, lead: Lead, payload: LeadPayload, at: datetime, event_key: str) -> str:
    """The same request once more: newer facts replace older ones, a note in Kommo names them, and no journey begins anew."""
    if (lead.email, _plain(lead.service)) != (payload.email, _plain(payload.servicio)):
        raise PermanentError(
            "lead-id-taken", "this number belongs to another lead; send the form again tomorrow, or add it by hand"
        )
    if at < lead.said_at:
        return "stale"
    lead.said_at = at
    if not _facts(lead, payload):
        return "unchanged"
    facts = {name: getattr(payload, name) for name in ("nombre", "telefono", "empresa", "fuente")}
    notes.enqueue(session, lead.id, "form_again", facts, f"again:{event_key}", at=at)
    return "corrected"


def _plain(text: str) -> str:
    return name_key.key(text) or text.strip()
