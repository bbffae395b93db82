"""Taking leads over from the replaced automation: what it knew of them, what it had sent, and where they stood in Kommo.

Nothing is sent because of it and Kommo is not written to. Whoever is in the follow-up goes on where they were.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import ids, kommo_rows, persons, services
from functions.leads.kommo import CLOSED
from functions.leads.listeners import JOURNEYS
from functions.leads.old_log import BOOKED, CREATED
from functions.leads.settings import LeadSettings
from functions.leads.tables import Lead, LeadAction
from shared import clock, flows
from shared.crm.people import e164
from shared.errors import PermanentError
from shared.importer.frame import Change
from shared.journeys import engine, enrolment_records, load, schedule, taking_over
from shared.journeys.definition import Journey
from shared.journeys.schedule import Frame
from shared.journeys.taking_over import TakenOver
from shared.outbox.record_sync import SUCCESS
from shared.readers import name_key
from shared.settings import get_settings, settings_of
from shared.store.dialect import insert_if_absent, locked
from shared.store.journey_models import Enrolment
from shared.store.types import key_of

SOURCE = "the_replaced_automation"
NEW, IS_BOOKED = "new", "booked"
CLOSED_THERE, BOOKED_THERE = "closed in Kommo", "booking.created"
WAYS = {"email": ("email",), "call": ("voice",), "message": ("whatsapp", "sms", "manychat")}
RESULTS = {"failed": "failed", "canceled": "failed", "busy": "no-answer", "no-answer": "no-answer"}


@dataclass(frozen=True, kw_only=True)
class OldLead:
    """A lead of Kommo's. `is_form`: these are the words of the form; else they are Kommo's, which people may have changed."""

    number: int
    at: datetime
    name: str
    email: str
    service: str
    phone: str | None
    company: str | None
    source: str | None
    is_form: bool
    contact_id: int | None = None
    stage_id: int | None = None


def record(session: Session, number: int, at: datetime, channel: str, data: dict[str, Any], name: str) -> bool:
    """Keep something that was done with a lead of Kommo's, once for its `name`; whether it is new."""
    values = {"key": key_of("lead-action", name), "kommo_lead_id": number, "at": at, "channel": channel, "data": data}
    return insert_if_absent(session, LeadAction, "key", values)


def take(session: Session, old: OldLead, *, sends_late: bool = False) -> Change:
    """Take a lead over, where it is not known; of one that is known, what is missing here. A second run changes nothing.

    Raises:
        PermanentError: `lead-id-taken`, its number is somebody else's; `kommo-duplicate`, Kommo has the same wish of that day
            twice.
    """
    is_new, lead = _found_or_made(session, old)
    before = _shown(lead)
    _fill(session, lead, old, is_new=is_new)
    persons.observe(session, lead)
    if is_new:
        if old.stage_id not in CLOSED:
            _begin(session, lead, sends_late=sends_late)
        for _flow, listener in flows.listeners("lead.stored"):
            listener(session, lead.id, _key(lead))
    marked = note_what_was_sent(session, lead)
    return Change.of(is_new=is_new, has_changed=marked or _shown(lead) != before)


def of_kommo(session: Session, number: int) -> Lead | None:
    """Our lead that Kommo has under that number; locked until the transaction ends."""
    found = select(Lead.id).where(Lead.kommo_lead_id == number).order_by(Lead.received_at, Lead.id).limit(1)
    known = session.scalars(found).one_or_none()
    return None if known is None else _locked(session, known)


def note_what_was_sent(session: Session, lead: Lead) -> bool:
    """Count on the lead's follow-up what the replaced automation had sent; whether any is new. A second run is harmless."""
    session.flush()
    query = select(Enrolment).where(Enrolment.person == ids.key(lead.id), Enrolment.journey.in_(JOURNEYS))
    marked = 0
    for row in session.scalars(query.order_by(Enrolment.id)).all():
        found = enrolment_records.read_record(session, row)
        marked += taking_over.mark(session, row.id, _taken_over(session, lead, found.journey, found.frame()))
    return marked > 0


def note_booking(session: Session, lead: Lead) -> bool:
    """The replaced automation, or Kommo, has them as booked: the follow-up ends for good; whether that is new.

    It counts once: where the booking is taken back afterwards, what the calendar says of it here counts.
    """
    agendado = settings_of(LeadSettings).kommo_status_id_agendado
    if lead.forms or lead.status != NEW or (agendado is not None and lead.kommo_stage_id == agendado):
        return False
    lead.status, lead.kommo_stage_id = IS_BOOKED, agendado
    _end(session, lead, BOOKED_THERE)
    return True


def _locked(session: Session, number: int) -> Lead | None:
    return session.scalars(locked(select(Lead).where(Lead.id == number), Lead)).one_or_none()


def _found_or_made(session: Session, old: OldLead) -> tuple[bool, Lead]:
    """Whether the lead is new, and the lead: that of Kommo's number, else that of the same wish on that day."""
    if (known := of_kommo(session, old.number)) is not None:
        return False, known
    day = old.at.astimezone(ZoneInfo(get_settings().default_time_zone)).date()
    number = ids.lead_id(old.email, old.service, day)
    lead = _locked(session, number)
    if lead is None:
        lead = Lead(id=number, forms=0, **_values(old))
        session.add(lead)
        session.flush()
        return True, lead
    if (lead.email, name_key.key(lead.service)) != (old.email, name_key.key(old.service)):
        raise PermanentError("lead-id-taken", "its number is another lead's here")
    if lead.kommo_lead_id not in (None, old.number):
        raise PermanentError("kommo-duplicate", f"Kommo has the same wish of that day as lead {lead.kommo_lead_id}")
    return False, lead


def _values(old: OldLead) -> dict[str, Any]:
    return {
        "email": old.email,
        "service": old.service,
        "name": old.name,
        "phone": e164(old.phone, get_settings().default_phone_region) if old.phone else None,
        "phone_original": old.phone or "",
        "company": old.company or "",
        "source": old.source or "kommo",
        "status": NEW,
        "received_at": old.at,
        "said_at": old.at,
    }


def _fill(session: Session, lead: Lead, old: OldLead, *, is_new: bool) -> None:
    """What the import adds to a lead: Kommo's numbers, where it stands there, and the form's words where they are the first."""
    if lead.kommo_lead_id is None:
        lead.kommo_lead_id, lead.kommo_contact_id = old.number, old.contact_id
    lead.kommo_contact_id = lead.kommo_contact_id or old.contact_id
    if is_new:
        lead.kommo_sync_status, lead.kommo_synced_at = SUCCESS, clock.now()
        lead.kommo_stage_id = kommo_rows.wanted_stage(NEW, settings_of(LeadSettings))
    if old.is_form and (lead.forms == 0 or old.at < lead.received_at):
        _use_form(session, lead, old)
    if old.stage_id == settings_of(LeadSettings).kommo_status_id_agendado or _was_booked(session, old.number, is_new=is_new):
        note_booking(session, lead)
    if old.stage_id in CLOSED and lead.forms == 0:
        _end(session, lead, CLOSED_THERE)


def _use_form(session: Session, lead: Lead, old: OldLead) -> None:
    """The facts of the form that came first count (`functions.leads.services`); what is planned for the lead follows them."""
    facts = {name: value for name, value in _values(old).items() if name not in ("status", "said_at", "email", "service")}
    if all(getattr(lead, name) == value for name, value in facts.items()):
        return
    for name, value in facts.items():
        setattr(lead, name, value)
    names = persons.names_of(session, email=lead.email, lead_id=lead.id)
    engine.signal(session, services.CORRECTED, names, services.variables(lead), event_key=_key(lead))


def _was_booked(session: Session, number: int, *, is_new: bool) -> bool:
    """Whether the log, which was read before this lead was made, has its booking."""
    query = select(LeadAction).where(LeadAction.kommo_lead_id == number, LeadAction.channel == "kommo")
    return is_new and any(row.data.get("action") == BOOKED for row in session.scalars(query))


def _begin(session: Session, lead: Lead, *, sends_late: bool) -> None:
    """Let a lead that is in the follow-up of the old system enter ours, where something is still to come."""
    if lead.status != NEW:
        return
    data = services.variables(lead)
    window = enrolment_records.window_of(data)
    frame = Frame(
        enrolled_at=lead.received_at,
        zone=window.zone.key,
        data=data,
        testing=get_settings().testing_mode,
        window=window,
    )
    names = persons.names_of(session, email=lead.email, lead_id=lead.id)
    for journey in (found for name in JOURNEYS if (found := load.definitions().get(name)) is not None):
        due = schedule.dues(journey, frame).values()
        if not any(one.nominal is not None and one.nominal > clock.now() for one in due):
            continue
        over = _taken_over(session, lead, journey, frame, sends_late=sends_late)
        lead.first_contact_at = lead.received_at
        engine.signal(session, services.CREATED, names, data, event_key=_key(lead), at=lead.received_at, taken_over=over)


def _taken_over(session: Session, lead: Lead, journey: Journey, frame: Frame, *, sends_late: bool = False) -> TakenOver:
    """What was sent to a lead, each as the step of its channel that was due nearest to it."""
    query = select(LeadAction).where(LeadAction.kommo_lead_id == lead.kommo_lead_id, LeadAction.channel.in_(WAYS))
    sent: dict[str, datetime] = {}
    results: dict[str, str] = {}
    for action in session.scalars(query.order_by(LeadAction.at, LeadAction.id)):
        step = _nearest(journey, frame, action)
        if step is None:
            continue
        sent.setdefault(step, action.at)
        if (result := RESULTS.get(str(action.data.get("status")))) is not None:
            results[step] = result
    return TakenOver(journey=journey.name, source=SOURCE, sent=sent, results=results, sends_late=sends_late)


def _nearest(journey: Journey, frame: Frame, action: LeadAction) -> str | None:
    ways = WAYS[action.channel]
    near = [
        (abs(one.nominal - action.at), place, step)
        for place, (step, one) in enumerate(schedule.dues(journey, frame).items())
        if one.nominal is not None and {one.step.channel, *(way.channel for way in one.step.fallback)} & set(ways)
    ]
    return min(near)[2] if near else None


def _end(session: Session, lead: Lead, reason: str) -> None:
    session.flush()
    query = select(Enrolment.id).where(Enrolment.person == ids.key(lead.id), Enrolment.journey.in_(JOURNEYS))
    for number in session.scalars(query.order_by(Enrolment.id)).all():
        engine.exit(session, number, reason)


def _key(lead: Lead) -> str:
    return key_of("import", ids.key(lead.id))


def _shown(lead: Lead) -> tuple[Any, ...]:
    facts = (lead.name, lead.phone, lead.phone_original, lead.company, lead.source, lead.received_at)
    return (*facts, lead.status, lead.kommo_lead_id, lead.kommo_contact_id, lead.kommo_stage_id)


__all__ = ["CREATED", "OldLead", "note_booking", "note_what_was_sent", "of_kommo", "record", "take"]
