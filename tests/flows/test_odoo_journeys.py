"""What people do in Odoo ends journeys and begins them."""

from datetime import UTC, datetime

import pytest
import yaml
from sqlalchemy import select

from shared.crm import people_edits
from shared.journeys import engine, load
from shared.journeys.definition import Journey
from shared.people import kinds, observing
from shared.people.observing import Seen
from shared.store.journey_models import Enrolment
from shared.store.people_models import Identity
from shared.store.session import reading, transact
from tests.flows.test_odoo_changes import _admin, _won_stage, lead, look, people, post

__all__ = ["lead", "people"]  # fixtures

ENDS = """
name: chase
title: Chase
enrol_on: [lead.created]
exit_on:
  - odoo.won
  - odoo.lost
  - odoo.deleted
  - {event: odoo.stage_moved, when: "data.stage_id in [22, 23]"}
move_on: [odoo.assigned]
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
AFTERWARDS = """
name: afterwards
title: Afterwards
enrol_on:
  - {event: odoo.won, when: data.outcome == "won"}
  - odoo.reopened
  - odoo.deleted
exit_on: [odoo.reopened]
re_enrol: each_event
steps:
  - {id: one, delay: 3d, channel: whatsapp, template: lead_day_3}
"""
PHONE = "+525512345678"


@pytest.fixture(autouse=True)
def definitions(monkeypatch):
    """The journeys of these tests, and no others."""
    known = {one.name: one for one in (Journey.model_validate(yaml.safe_load(text)) for text in (ENDS, BEGINS, AFTERWARDS))}
    monkeypatch.setattr(load, "definitions", lambda: known)


def enrol(name="lead:1", *, proven=None, **typed):
    """Somebody in the journey whom a form has shown, with what they typed, by themselves their lead's phone."""
    kind, _, value = name.partition(":")
    typed = typed or {"phone": PHONE}
    seen = Seen(
        source="test",
        at=datetime.now(UTC),
        proven=kinds.identities(**{kind: value}, **(proven or {})),
        typed=kinds.identities(**typed),
    )
    data = {"email": "somebody@example.com", **typed}

    def work(session):
        observing.observe(session, seen)
        return engine.enrol(session, "chase", name, datetime.now(UTC), data, f"enters:{name}")

    return transact(work)


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


def win(people, lead):
    """Somebody moves the lead to the stage that means won."""
    people.write("crm.lead", [lead], {"stage_id": _won_stage(people)})


def lose(people, lead):
    """Somebody marks the lead as lost."""
    people.call("crm.lead", "action_set_lost", ids=[lead])


def reopen(people, lead):
    """Somebody takes a lost lead back."""
    people.call("crm.lead", "write", {"vals": {"active": True, "probability": 10}}, ids=[lead])


def delete(people, lead):
    """Somebody deletes the lead."""
    del people
    _admin().unlink("crm.lead", [lead])


@pytest.mark.parametrize(("does", "reason"), [(win, "odoo.won"), (delete, "odoo.deleted")])
def test_won_and_deleted_end_a_journey_and_begin_another(world, people, lead, does, reason):  # fixtures
    """Once, however often it is looked at: who was chased is not chased any more, and what comes afterwards begins."""
    enrol()
    does(people, lead)
    look(world)
    look(world)
    assert standing() == [("lead:1", "exited", reason)]
    assert standing("afterwards") == [("m1", "active", None)]


def test_reopened_ends_a_journey_and_begins_one(world, people, lead):  # fixtures
    """What began by the deal that was won ends when it is open again, and what is for reopened leads begins."""
    win(people, lead)
    look(world)
    people.write("crm.lead", [lead], {"stage_id": 19})
    look(world)
    look(world)
    assert standing("afterwards") == [("m1", "exited", "odoo.reopened"), ("m1", "active", None)]
    assert standing("handover") == []


def test_lost_lead_that_is_taken_back_begins_one(world, people, lead):  # fixtures
    """Out of the archive counts as reopened as well."""
    lose(people, lead)
    look(world)
    reopen(people, lead)
    look(world)
    assert standing("afterwards") == [("m1", "active", None)]


class TestPerson:
    """Journeys ask for the person, not for the row that Odoo's record belongs to."""

    @pytest.mark.parametrize("does", [win, lose, delete])
    def test_one_who_was_joined_is_meant(self, world, people, lead, does):  # fixtures
        """A lead with no address in common, of which a link of ours has shown that it is the same person."""
        enrol(proven={"manychat": "m1"}, email="work@example.com")
        does(people, lead)
        look(world)
        assert [state for _person, state, _reason in standing()] == ["exited"]

    @pytest.mark.parametrize("does", [win, lose, delete])
    def test_two_with_one_phone_stay_two(self, world, people, lead, does):  # fixtures
        """Somebody else of the household, to whom the same phone has been proven, goes on."""
        for key in ("m1", "m2"):
            seen = Seen(source="test", at=datetime.now(UTC), proven=kinds.identities(manychat=key, phone=PHONE))
            transact(lambda session, seen=seen: observing.observe(session, seen))
        enrol("manychat:m2", phone=PHONE)
        does(people, lead)
        look(world)
        assert standing() == [("manychat:m2", "active", None)]

    def test_two_whom_somebody_has_told_apart_stay_two(self, world, people, lead):  # fixtures
        """A lead that has the same phone and was joined goes on once an operator has said that it is another person."""
        enrol(proven={"manychat": "m1"}, phone=PHONE)
        with reading() as session:
            row = session.scalars(select(Identity).where(Identity.kind == "lead")).one()
            number = row.person_id
        transact(lambda session: people_edits.separate(session, number, [row.id], "key:ops"))
        win(people, lead)
        look(world)
        assert standing() == [("lead:1", "active", None)]

    def test_facts_do_not_reach_who_only_typed_the_same_phone(self, world, people, lead):  # fixtures
        """An assignment brings the contact's data to their own enrolments, and to nobody's who is only probably they."""
        enrol()
        enrol("manychat:m1", phone=PHONE)
        people.write("crm.lead", [lead], {"user_id": 6})
        look(world)
        with reading() as session:
            known = {row.person: row.data for row in session.scalars(select(Enrolment).where(Enrolment.journey == "chase"))}
        assert "advisor_id" not in known["lead:1"]
        assert known["manychat:m1"]["advisor_id"]
