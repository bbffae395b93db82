"""Our record of a lead, and what its coming sets in motion: Kommo, and the journeys that begin with it."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import kommo_sync as kommo
from functions.leads import notes, persons
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


def take(session: Session, said: LeadPayload, at: datetime, event_key: str) -> str:
    """Keep a lead that came `at` that time, and set in motion what follows.

    "applied"; "capped" where its address or number came with too many within 24 hours, and it is only kept; "corrected",
    "unchanged" or "stale" where the lead is known. Raises PermanentError `lead-id-taken` where its number is somebody else's.
    """
    phone = e164(said.telefono, get_settings().default_phone_region)
    recent = max(_recent(session, Lead.email, said.email, at), _recent(session, Lead.phone, phone, at))
    known = session.scalars(locked(select(Lead).where(Lead.id == said.lead_id), Lead)).one_or_none()
    if known is not None:
        return _again(session, known, said, at, event_key)
    lead = Lead(id=said.lead_id, email=said.email, service=said.servicio, received_at=at, said_at=at)
    lead.captcha, lead.status = said.captcha, "new"
    _facts(lead, said)
    session.add(lead)
    session.flush()
    kommo.ask(session, lead.id, event_key)
    if said.captcha == "unchecked":
        notes.owe(session, lead.id, "captcha_unchecked", {}, "captcha", at=at)
    if recent >= settings_of(LeadSettings).lead_forms_per_address_per_day:
        notes.owe(session, lead.id, "many_forms", {}, "many", at=at)
        return "capped"
    names = persons.names_of(session, email=lead.email, lead_id=lead.id)
    engine.signal(session, CREATED, names, variables(lead), event_key=event_key, at=at)
    return "applied"


def _recent(session: Session, column: Any, value: str | None, at: datetime) -> int:
    """How many leads of this address or number came in the 24 hours before.

    Leads of one of them wait for each other here, so that two do not both find themselves to be the first.
    """
    if value is None:
        return 0
    query = select(Lead.id).where(column == value, Lead.received_at > at - DAY, Lead.received_at <= at)
    return len(session.scalars(locked(query, Lead)).all())


def variables(lead: Lead) -> dict[str, Any]:
    """What journeys and their templates may know of a lead. What is not set up is left out: no text goes out with a hole."""
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
    """BOOKING_URL, carrying the lead as Cal.com's metadata, which its webhooks bring back; "" where none is set."""
    if not settings.booking_url:
        return ""
    parts = urlsplit(settings.booking_url)
    own = urlencode({"metadata[lead_id]": lead_id})
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, own)))))


def first_name(name: str) -> str:
    """The first word of a name; one that is all in capitals or all in small letters is written as a name."""
    first = name.split(maxsplit=1)[0]
    return first if not (first.isupper() or first.islower()) else first.title()


def _facts(lead: Lead, said: LeadPayload) -> bool:
    """Take over what a form says beside address and service; whether that changed anything."""
    facts = {
        "name": said.nombre,
        "phone_original": said.telefono,
        "phone": e164(said.telefono, get_settings().default_phone_region),
        "company": said.empresa,
        "source": said.fuente,
    }
    changed = {name: value for name, value in facts.items() if getattr(lead, name) != value}
    for name, value in changed.items():
        setattr(lead, name, value)
    return bool(changed)


def _again(session: Session, lead: Lead, said: LeadPayload, at: datetime, event_key: str) -> str:
    """The same wish once more: newer facts count, people are told of them, and nothing begins anew."""
    if (lead.email, _plain(lead.service)) != (said.email, _plain(said.servicio)):
        raise PermanentError(
            "lead-id-taken", "this number belongs to another lead; send the form again tomorrow, or add it by hand"
        )
    if at < lead.said_at:
        return "stale"
    lead.said_at = at
    if not _facts(lead, said):
        return "unchanged"
    told = {name: getattr(said, name) for name in ("nombre", "telefono", "empresa", "fuente")}
    notes.owe(session, lead.id, "form_again", told, f"again:{event_key}", at=at)
    return "corrected"


def _plain(text: str) -> str:
    return name_key.key(text) or text.strip()
