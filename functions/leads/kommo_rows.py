"""What a lead looks like in Kommo: found or made there, and moved to the stage that our record calls for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from functions.leads import ids
from functions.leads.settings import LeadSettings
from functions.leads.tables import Lead
from shared.errors import PermanentError, PuenteError, RetryableError, UncertainError
from shared.outbox.actions import Done, Outcome
from shared.store.session import reading
from shared.vendors import kommo as vendor
from shared.vendors.kommo import CLOSED, Kommo, Person

SKEW = timedelta(minutes=2)  # between Kommo's clock and ours
SEARCHABLE_AFTER_SECONDS = 30  # what was just made may not be found by Kommo's search yet


@dataclass(frozen=True, kw_only=True)
class Known:
    """What our record says of a lead, and of its place in Kommo."""

    id: int
    name: str
    email: str
    phone: str
    company: str
    service: str
    source: str
    status: str
    received_at: datetime
    lead_id: int | None
    contact_id: int | None
    stage_id: int | None

    @property
    def title(self) -> str:
        """The lead's name in Kommo, as the old system gave it."""
        return f"{self.service} - {self.name}"


def bring_up_to_date(subject: str) -> Outcome:
    """Bring the lead of that name up to date; its ids in Kommo and the stage that we have put it into.

    Twice is once: what is there is found before anything is made.
    """
    known = _read(subject)
    if known is None:
        return PermanentError("no-such-record", "our own record of it no longer exists")
    try:
        settings = LeadSettings.current()
        kommo = Kommo.from_settings(settings).begin()
        if known.lead_id is None:
            return Done(_placed(kommo, known, settings))
        return Done(_ids(known.lead_id, known.contact_id, _staged(kommo, known, known.lead_id, settings)))
    except UncertainError as error:
        # Looked for again before it is made again; at once it might be there and not be found.
        return RetryableError(str(error), after_seconds=SEARCHABLE_AFTER_SECONDS)
    except PuenteError as error:
        return error


def wanted_stage(status: str, settings: LeadSettings) -> int | None:
    """The stage that a lead of that status belongs into; None where nothing says so."""
    return {"new": settings.kommo_status_id_inicial, "booked": settings.kommo_status_id_agendado}.get(status)


def _read(subject: str) -> Known | None:
    with reading() as session:
        lead = session.get(Lead, ids.number(subject))
        if lead is None:
            return None
        return Known(
            id=lead.id,
            name=lead.name,
            email=lead.email,
            phone=lead.phone or "",
            company=lead.company,
            service=lead.service,
            source=lead.source,
            status=lead.status,
            received_at=lead.received_at,
            lead_id=lead.kommo_lead_id,
            contact_id=lead.kommo_contact_id,
            stage_id=lead.kommo_stage_id,
        )


def _ids(lead_id: int, contact_id: int | None, stage_id: int | None) -> dict[str, int | None]:
    return {"kommo_lead_id": lead_id, "kommo_contact_id": contact_id or None, "kommo_stage_id": stage_id}


def _placed(kommo: Kommo, known: Known, settings: LeadSettings) -> dict[str, int | None]:
    """The lead, found or made. One that was found stands where it stands: its stage is looked at as if it were ours."""
    contact_id = kommo.find_contact(email=known.email, phone=known.phone)
    found = None
    if contact_id is not None:
        found = kommo.find_lead(contact_id, name=known.title, since=known.received_at - SKEW)
    if found is not None and not _is_of_another(known, found):
        return _ids(found, contact_id, _staged(kommo, known, found, settings))
    stage = wanted_stage(known.status, settings) or settings.kommo_status_id_inicial
    lead = vendor.Lead(
        name=known.title,
        pipeline_id=settings.kommo_pipeline_id,
        status_id=stage,
        custom_fields=_custom_fields(known, settings),
    )
    person = Person(name=known.name, email=known.email, phone=known.phone)
    made = kommo.create_complex(lead, person=person, contact_id=contact_id, key=ids.key(known.id))
    if made.merged:  # Kommo's own control of duplicates took another lead, which stands where it stands
        return _ids(made.lead_id, made.contact_id, _staged(kommo, known, made.lead_id, settings))
    return _ids(made.lead_id, made.contact_id, stage)


def _is_of_another(known: Known, lead_id: int) -> bool:
    """Whether Kommo's lead stands for another one of ours: the same wish on the next day is a lead of its own."""
    with reading() as session:
        others = select(Lead.id).where(Lead.kommo_lead_id == lead_id, Lead.id != known.id).limit(1)
        return session.scalars(others).one_or_none() is not None


def _custom_fields(known: Known, settings: LeadSettings) -> dict[int, str]:
    pairs = (
        (settings.kommo_field_id_empresa, known.company),
        (settings.kommo_field_id_servicio, known.service),
        (settings.kommo_field_id_fuente, known.source),
    )
    return {number: text for number, text in pairs if number is not None}


def _staged(kommo: Kommo, known: Known, lead_id: int, settings: LeadSettings) -> int | None:
    """Move the lead where that is called for; the stage that we have put it into last.

    Booked: on to Agendado, unless we had done so before or people have taken it further. Not booked any more: back to the
    first stage, if it still stands in Agendado, where we had put it. Anything else is people's work and is left alone.
    """
    stage, booked = wanted_stage(known.status, settings), settings.kommo_status_id_agendado
    if stage is None or stage == known.stage_id:
        return known.stage_id
    if stage == booked:
        _advance(kommo, lead_id, stage)
    elif known.stage_id == booked:
        pipeline, stands = kommo.stage_of(lead_id)
        if stands == booked:
            kommo.update_lead_status(lead_id, stage, pipeline or None)
    return stage


def _advance(kommo: Kommo, lead_id: int, stage: int) -> None:
    pipeline, stands = kommo.stage_of(lead_id)
    if stands == stage or stands in CLOSED:
        return
    order = kommo.stages(pipeline)
    if stage not in order or (stands in order and order.index(stands) > order.index(stage)):
        return  # people have taken it further, or to another pipeline
    kommo.update_lead_status(lead_id, stage, pipeline)
