"""Writes a lead to Kommo: finds or creates it there, and moves it to the stage of its status."""

from datetime import timedelta

from sqlalchemy import select

from functions.leads import ids, kommo
from functions.leads.kommo import CLOSED, Kommo, Person
from functions.leads.settings import LeadSettings
from functions.leads.tables import Lead
from shared.errors import RetryableError, UncertainError
from shared.settings import settings_of
from shared.store.session import reading

SKEW = timedelta(minutes=2)  # between Kommo's clock and ours
SEARCHABLE_AFTER_SECONDS = 30  # what was just made may not be found by Kommo's search yet


def bring_up_to_date(lead: Lead) -> dict[str, int | None]:
    """Bring the lead up to date in Kommo; its ids there and the stage that we have put it into.

    Twice is once: what is there is found before anything is made.

    Raises:
        RetryableError: it is not known whether the lead was made. It is looked for again before it is made again.
        PuenteError: Kommo has refused it, or cannot be reached now.
    """
    settings = settings_of(LeadSettings)
    try:
        client = Kommo.from_settings(settings).begin()
        if lead.kommo_lead_id is None:
            return _placed(client, lead, settings)
        return _ids(lead.kommo_lead_id, lead.kommo_contact_id, _staged(client, lead, lead.kommo_lead_id, settings))
    except UncertainError as error:
        # At once it might be there and not be found.
        raise RetryableError(str(error), after_seconds=SEARCHABLE_AFTER_SECONDS) from error


def _title(lead: Lead) -> str:
    """The lead's name in Kommo, as the old system gave it."""
    return f"{lead.service} - {lead.name}"


def wanted_stage(status: str, settings: LeadSettings) -> int | None:
    """The stage for leads of that status; None where the settings name none."""
    return {"new": settings.kommo_status_id_inicial, "booked": settings.kommo_status_id_agendado}.get(status)


def _ids(lead_id: int, contact_id: int | None, stage_id: int | None) -> dict[str, int | None]:
    return {"kommo_lead_id": lead_id, "kommo_contact_id": contact_id or None, "kommo_stage_id": stage_id}


def _placed(client: Kommo, lead: Lead, settings: LeadSettings) -> dict[str, int | None]:
    """The lead, found or made. One that was found keeps its stage, unless the rules of `_staged` move it."""
    contact_id = client.find_contact(email=lead.email, phone=lead.phone or "")
    found = None
    if contact_id is not None:
        found = client.find_lead(contact_id, name=_title(lead), since=lead.received_at - SKEW)
    if found is not None and not _is_of_another(lead, found):
        return _ids(found, contact_id, _staged(client, lead, found, settings))
    stage = wanted_stage(lead.status, settings) or settings.kommo_status_id_inicial
    wanted = kommo.KommoLead(
        name=_title(lead),
        pipeline_id=settings.kommo_pipeline_id,
        status_id=stage,
        custom_fields=_custom_fields(lead, settings),
    )
    person = Person(name=lead.name, email=lead.email, phone=lead.phone or "")
    made = client.create_complex(wanted, person=person, contact_id=contact_id, key=ids.key(lead.id))
    if made.merged:  # Kommo's own control of duplicates took another lead, which keeps its stage
        return _ids(made.lead_id, made.contact_id, _staged(client, lead, made.lead_id, settings))
    return _ids(made.lead_id, made.contact_id, stage)


def _is_of_another(lead: Lead, lead_id: int) -> bool:
    """Whether Kommo's lead is the copy of another one of ours: the same request on the next day is a lead of its own."""
    with reading() as session:
        others = select(Lead.id).where(Lead.kommo_lead_id == lead_id, Lead.id != lead.id).limit(1)
        return session.scalars(others).one_or_none() is not None


def _custom_fields(lead: Lead, settings: LeadSettings) -> dict[int, str]:
    pairs = (
        (settings.kommo_field_id_empresa, lead.company),
        (settings.kommo_field_id_servicio, lead.service),
        (settings.kommo_field_id_fuente, lead.source),
    )
    return {number: text for number, text in pairs if number is not None}


def _staged(client: Kommo, lead: Lead, lead_id: int, settings: LeadSettings) -> int | None:
    """Move the lead where that is called for; the stage that we have put it into last.

    Booked: on to Agendado, unless we had done so before or people have taken it further. Not booked any more: back to the
    first stage, if it is still in Agendado, where we had put it. Any other stage was set by people and is left alone.
    """
    stage, booked = wanted_stage(lead.status, settings), settings.kommo_status_id_agendado
    if stage is None or stage == lead.kommo_stage_id:
        return lead.kommo_stage_id
    if stage == booked:
        _advance(client, lead_id, stage)
    elif lead.kommo_stage_id == booked:
        pipeline, current = client.stage_of(lead_id)
        if current == booked:
            client.update_lead_status(lead_id, stage, pipeline or None)
    return stage


def _advance(client: Kommo, lead_id: int, stage: int) -> None:
    pipeline, current = client.stage_of(lead_id)
    if current == stage or current in CLOSED:
        return
    order = client.stages(pipeline)
    if stage not in order or (current in order and order.index(current) > order.index(stage)):
        return  # people have taken it further, or to another pipeline
    client.update_lead_status(lead_id, stage, pipeline)
