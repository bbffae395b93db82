"""Rehearsals: a change that is rolled back, and the plan of what it would have caused."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from functions import contacts, opportunities
from shared.intake import inbox
from shared.intake.envelope import parse
from shared.journeys import engine, load
from shared.outbox import rehearsal
from shared.store.models import Contact, Delivery
from shared.store.session import reading, transact
from tests.support import shadow
from tests.support.examples import examples
from tests.support.world import contact, opportunity

HANDLERS = {contacts.QUEUE: contacts.HANDLER, opportunities.QUEUE: opportunities.HANDLER}
PEOPLE = ("m1", "m2")


def events():
    """Three events of each of two people, as they lie on their queues."""
    known = shadow.webhooks()
    found = []
    for number, who in enumerate(PEOPLE):
        hour = 10 + number
        facts = {"nombre_lead": f"Ana {number}", "whatsapp": f"+52155123456{number}0"}
        found.append(shadow.recorded(known, "manychat.contact", contact(who, f"2026-03-01T{hour}:00:00Z", **facts)))
        for minute, stage in ((5, 16), (9, 18)):
            moved = opportunity(who, stage, f"2026-03-01T{hour}:0{minute}:00Z")
            found.append(shadow.recorded(known, "manychat.opportunity", moved))
    return found


def applied(session, recorded):
    """Apply recorded events in one transaction."""
    handled = ((HANDLERS[queue], parse(body)) for queue, body in recorded)
    return [inbox.apply_once(session, handler, inbox.read_event(handler, envelope)) for handler, envelope in handled]


def rehearsed(recorded):
    """The plan of these events."""
    return rehearsal.rehearse(lambda session: applied(session, recorded))[1]


@pytest.fixture
def whole(environment, database, storage, test_clock):
    """The app with every outside system set up."""
    with shadow.watched(environment):
        yield events()


def test_nothing_stays(whole) -> None:
    """The plan names the syncs of both; the database is as before."""
    plan = rehearsed(whole)
    assert {(one.target, one.action, one.state) for one in plan.effects} == {
        ("odoo", "contact", "pending"),
        ("odoo", "opportunity", "pending"),
    }
    assert len(plan.effects) == 2 * len(PEOPLE)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0
        assert session.scalar(select(func.count()).select_from(Contact)) == 0


def test_plan_names_nobody(whole) -> None:
    """A plan may be shown and kept: its people are digests."""
    text = rehearsed(whole).canonical()
    assert "Ana" not in text
    assert "5512345" not in text


def test_difference_names_the_field(whole) -> None:
    """Another stage is a difference of that effect alone, and two equal plans differ in nothing."""
    plan, known = rehearsed(whole), shadow.webhooks()
    later = shadow.recorded(known, "manychat.opportunity", opportunity("m2", 20, "2026-03-02T08:00:00Z"))
    ((before, after),) = plan.difference(rehearsed([*whole, later]))
    assert (before.action, after.action) == ("opportunity", "opportunity")
    changed = {name for name in before.fields if before.fields[name] != after.fields[name]}
    assert "stage" in changed
    assert changed <= {"stage", "summary", "entry_date"}
    assert plan.difference(rehearsed(whole)) == []


def test_effect_of_one_plan_alone(whole) -> None:
    """Whoever is missing stands as None."""
    pairs = rehearsed(whole[:3]).difference(rehearsed(whole))
    assert [(before, after.target) for before, after in pairs] == [(None, "odoo")] * 2


def test_what_is_taken_back_shows(whole, monkeypatch) -> None:
    """A change that ends a journey cancels its messages; the plan says so."""
    journey = load.parse(
        "name: simple\ntitle: Simple\nenrol_on: [lead.created]\nexit_on: [booking.created]\n"
        "steps:\n  - {id: one, delay: 3d, channel: email, template: a}\n"
    )
    monkeypatch.setattr(load, "definitions", lambda: {journey.name: journey})
    data = {"email": "ana@example.com"}
    transact(lambda s: engine.signal(s, "lead.created", ["lead:1"], data, event_key="e1"))
    plan = rehearsal.rehearse(lambda s: engine.signal(s, "booking.created", ["lead:1"], {}, event_key="e2"))[1]
    assert [(one.action, one.state) for one in plan.effects] == [("email", "cancelled")]
    with reading() as session:
        assert session.scalars(select(Delivery.state)).all() == ["pending"]


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), copies=st.lists(st.integers(1, 3), min_size=6, max_size=6))
def test_any_order_and_repetition_give_one_hash(whole, seed, copies) -> None:
    """Contacts and stages promise that the order of arrival does not matter: whatever it is, the plan is the same."""
    shuffled = [one for one, times in zip(whole, copies, strict=True) for _ in range(times)]
    random.Random(seed).shuffle(shuffled)  # noqa: S311  # an order, no secret
    assert rehearsed(shuffled).hash == rehearsed(whole).hash
