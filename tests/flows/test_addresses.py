"""Addresses and states of contacts: in whatever order they are reported, the newest of each part, and no state twice."""

import itertools

import pytest
from sqlalchemy import select

from functions import addresses
from shared.crm import contact_details
from shared.privacy.erase import erase
from shared.privacy.erase import person as whom
from shared.store.contact_models import Address, ContactState
from shared.store.models import Contact
from shared.store.session import reading
from tests.support.functions import named
from tests.support.payloads import payload
from tests.support.world import contact, opportunity


@pytest.fixture
def app(world):
    """The app with the webhook of addresses."""
    world.webhooks["address"] = addresses.WEBHOOK
    world.handlers[addresses.EVENTS_QUEUE] = named("events_handler")
    return world


def address(at="2026-03-01T10:00:00Z", **more):
    """An address as ManyChat sends it."""
    return payload("manychat.address", "address", datetime_actual=at, **more)


def rows(model):
    """All rows of a model."""
    with reading() as session:
        return session.scalars(select(model).order_by(model.id)).all()


def history():
    """The states of the one contact."""
    with reading() as session:
        return [(one.state, one.category) for one in contact_details.states(session, session.scalars(select(Contact.id)).one())]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_newest_of_each_part_counts_in_every_order(app, order):
    """A move, a correction of the city alone, and a person who comes last; the same twice is once."""
    moved = {"manychat_id": "m1", "street": "Calle 5", "city": "Puebla", "datetime_actual": "2026-03-02T08:00:00Z"}
    events = [("address", address()), ("address", moved), ("contact", contact())]
    for number in (*order, order[0]):
        assert app.post(*events[number]).status_code == 202
        app.run()
    (row,) = rows(Address)
    assert (row.street, row.district, row.city, row.country) == ("Calle 5", "Juárez", "Puebla", "México")
    assert [one.first_name for one in rows(Contact)] == [contact()["nombre_lead"]]


def test_address_without_a_part_is_refused(app):
    """Nothing is queued; what people write for nothing is nothing."""
    for sent in ({"manychat_id": "m1"}, {"manychat_id": "m1", "city": "N/A", "street": " "}):
        assert app.post("address", sent).status_code == 422
    assert app.storage.bodies(addresses.EVENTS_QUEUE) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_states_are_one_list_in_every_order(app, order):
    """ManyChat's states and the stages of the CRM; what is reported again is one state."""
    days = [("2026-02-01", "Nuevo"), ("2026-02-02", "Nuevo"), ("2026-02-03", "Cotizado"), ("2026-02-04", "Nuevo")]
    for number in order:
        day, state = days[number]
        app.post("contact", contact(at=f"{day}T10:00:00Z", ultimo_estado=state, estado_inicial=None))
        app.run()
    app.post("opportunity", opportunity(stage=17, at="2026-02-03T12:00:00Z"))
    app.run()
    assert history() == [
        ("Nuevo", "manychat"), ("Cotizado", "manychat"), ("Recién Suscrito Pendiente AC", "crm"), ("Nuevo", "manychat"),
    ]  # fmt: skip


def test_erasure_takes_address_and_states(app):
    """Nothing is left of either."""
    app.post("contact", contact(ultimo_estado="Nuevo"))
    app.post("address", address())
    app.run()
    assert (len(rows(Address)), len(rows(ContactState)) > 0) == (1, True)
    erase(whom("m1"), way="skip", actor="dpo")
    assert (rows(Address), rows(ContactState)) == ([], [])
