"""The places of functions/contacts.py that lock rows, and how somebody comes by them."""

from types import SimpleNamespace

from sqlalchemy.orm import Session

from functions.contacts import apply_contact
from shared import clock
from shared.store.models import Opportunity
from tests.lab.rows import Wait, opportunity


def a_contact_event(session: Session) -> None:
    """An event about a contact, whose opportunity is asked for."""
    payload = SimpleNamespace(manychat_id="m1", nombre_lead="Ana", apellido_lead=None, whatsapp=None, email_lead=None)
    payload.canal_entrada = payload.datetime_suscripcion = payload.estado_inicial = payload.ultimo_estado = None
    times = SimpleNamespace(time=clock.now(), received=clock.now())
    apply_contact(session, SimpleNamespace(payload=payload, envelope=times, key="k"))


WAITS = {
    "functions.contacts:apply_contact": Wait(Opportunity, opportunity, a_contact_event),
}
