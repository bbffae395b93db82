"""The flow, from the webhook to the erasure (in this project it runs in a copy: see `test_outsider.py`)."""

import json

import pytest
from sqlalchemy import select

from shared import clock
from shared.outbox import dispatch
from shared.privacy.erase import erase, look, person
from shared.settings import get_settings
from shared.store.session import reading, transact
from shared.vendors import registry
from tests.support.functions import named
from tests.support.payloads import payload
from tests.support.variables import lacking

ANA = payload("shop.points", "points")


@pytest.fixture
def cards(environment, monkeypatch):
    """Stamps, as a dictionary of the cards that it has been told of."""
    from functions.loyalty import stamps, triggers

    environment.setenv("STAMPS_API_KEY", "stamps-key")
    get_settings.cache_clear()
    kept = {}

    def call(_self, method, path, *, repeatable, json):
        kept[path] = (method, repeatable, json["points"])
        return {"number": f"C{len(kept)}"}

    monkeypatch.setattr(type(stamps.STAMPS), "call", call)
    return kept, triggers


def test_flow_does_what_it_declares(database, storage, world, test_clock, cards):
    """An event becomes a row, a card and an enrolment, each once; the person can be erased; the health report knows Stamps."""
    from functions.loyalty.tables import Member

    kept, triggers = cards
    world.webhooks["points"] = triggers.WEBHOOK
    world.handlers["events-queue"] = named("events_handler")
    for report in (ANA, ANA, ANA | {"points": 90, "at": "2026-02-01T10:00:00Z"}):
        assert world.post("points", report).status_code == 202
    world.run()
    with reading() as session:
        row = session.scalars(select(Member)).one()
    assert (row.email, row.points, row.card, row.stamps_sync_status) == ("ana@xn--espaa-rta.es", 120, "C1", "success")
    assert kept == {"/cards/ana@xn--espaa-rta.es": ("PUT", True, 120)}
    assert "Stamps" in [system.name for system in registry.with_ping()]
    found = look(person(email="ana@españa.es"), ask_odoo=False)
    assert (found.rows["loyalty_members"], found.rows["enrolments"]) == (1, 1)
    assert found.by_hand["cards at Stamps"] == ["C1"]
    erase(person(email="ana@españa.es"), way="skip", actor="dpo")
    assert not any(look(person(email="ana@españa.es"), ask_odoo=False).rows.values())


def test_lost_sync_is_requested_again(database, storage, world, test_clock, cards):
    """Without a line of the flow about it: a delivery that a restored backup has lost is found by the engine's job."""
    from functions.loyalty.tables import Member
    from shared.store.models import Delivery

    kept, triggers = cards
    world.webhooks["points"] = triggers.WEBHOOK
    world.handlers["events-queue"] = named("events_handler")
    world.post("points", ANA)
    world.step("events-queue")
    transact(lambda session: [session.delete(row) for row in session.scalars(select(Delivery))])
    test_clock.advance(hours=1)
    assert dispatch.requeue_lost() == 1
    dispatch.dispatch_due()
    world.run()
    with reading() as session:
        assert session.scalars(select(Member.card)).one() == "C1"
    assert clock.now() == test_clock.moment
    assert json.dumps(kept)


def test_welcome_gets_what_its_text_needs():
    """From the names that `services.keep` gives; a test demands this of each journey."""
    assert lacking("loyalty_welcome", {"email", "name", "points"}) == {}
