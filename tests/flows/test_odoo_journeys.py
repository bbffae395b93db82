"""What people do in Odoo ends journeys and begins them."""

from datetime import UTC, datetime

import pytest
import yaml
from sqlalchemy import select

from shared.journeys import engine, load
from shared.journeys.definition import Journey
from shared.store.journey_models import Enrolment
from shared.store.session import reading, transact
from tests.flows.test_odoo_changes import lead, look, people, post

__all__ = ["lead", "people"]  # fixtures

ENDS = """
name: chase
title: Chase
enrol_on: [lead.created]
exit_on:
  - odoo.won
  - odoo.lost
  - {event: odoo.stage_moved, when: "data.stage_id in [22, 23]"}
re_enrol: after_exit
steps:
  - {id: one, delay: 3d, channel: email, template: lead_day_6}
"""
BEGINS = """
name: handover
title: Handover
enrol_on: [{event: odoo.assigned}, {event: odoo.lost}]
re_enrol: each_event
steps:
  - {id: one, delay: 3d, channel: email, template: lead_day_6}
"""


@pytest.fixture(autouse=True)
def definitions(monkeypatch):
    """Two journeys of these tests, and no others."""
    known = {one.name: one for one in (Journey.model_validate(yaml.safe_load(text)) for text in (ENDS, BEGINS))}
    monkeypatch.setattr(load, "definitions", lambda: known)


def enrol(address="eva@example.com", phone="+525512345678"):
    """Somebody in the journey, known by a lead's number and that phone."""
    data = {"email": address, "phone": phone}
    at = datetime.now(UTC)
    return transact(lambda s: engine.enrol(s, "chase", "lead:1", at, data, "k1"))


def standing(journey="chase"):
    """Each enrolment's person, state and reason."""
    with reading() as session:
        rows = session.scalars(select(Enrolment).where(Enrolment.journey == journey).order_by(Enrolment.id))
        return [(row.person, row.state, row.reason) for row in rows]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [({"stage_id": 22}, "odoo.stage_moved"), ({"active": False, "probability": 0}, "odoo.lost")],
)
def test_salesperson_ends_a_journey_of_the_same_phone(world, people, lead, edit, reason):  # fixtures
    """A stage that the journey names, and a lost lead; found by the phone number under another flow's name."""
    enrol()
    people.write("crm.lead", [lead], edit)
    look(world)
    assert standing() == [("lead:1", "exited", reason)]


def test_stage_that_the_journey_does_not_name_ends_nothing(world, people, lead):  # fixtures
    """Nor does our own stage that comes back."""
    enrol()
    people.write("crm.lead", [lead], {"stage_id": 19})
    look(world)
    post(world, 22, later=5)
    world.run()
    look(world)
    assert standing() == [("lead:1", "active", None)]


def test_assignment_begins_a_journey_once(world, people, lead):  # fixtures
    """Whoever enters is known by ManyChat's id; a second look begins nothing."""
    people.write("crm.lead", [lead], {"user_id": 6})
    look(world)
    look(world)
    assert [person for person, _state, _reason in standing("handover")] == ["m1"]
