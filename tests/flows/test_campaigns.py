"""Assignments within campaigns: who looks after a person, in whatever order the events arrive."""

import itertools
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from shared.intake import dead_letter_store
from shared.store.models import Advisor, Campaign, CampaignChange, CampaignContact, Contact, DeadLetter
from shared.store.session import reading, transact
from tests.support.payloads import payload
from tests.support.world import contact

START = datetime(2026, 2, 1, tzinfo=UTC)


def assignment(at: str = "2026-03-01T10:00:00Z", **more):
    """An assignment as ManyChat sends it."""
    return payload("manychat.campaign-assignment", "assignment", datetime_actual=at, **more)


def rows(model):
    """All rows of a model."""
    with reading() as session:
        return session.scalars(select(model).order_by(model.id)).all()


@pytest.fixture
def campaign(world):
    """One campaign with two advisors."""

    def work(session):
        session.add(Campaign(id=1, name="Marzo", date_start=START))
        session.add(Advisor(id=3, name="Carla Ríos", email="carla@example.com"))
        session.add(Advisor(id=4, name="Dr. Peña"))

    transact(work)


def test_assignment_of_a_known_person(world, campaign):
    """Advisors, dates of assignment, state and type end in one row for person and campaign."""
    world.post("contact", contact())
    world.post("assignment", assignment(comercial_id="3", medico_id=4, tipo_asignacion="medico", summary="Urgente"))
    world.run()
    (row,) = rows(CampaignContact)
    assert (row.commercial_advisor_id, row.medical_advisor_id, row.lead_state, row.last_state) == (3, 4, "medico", "Asignado")
    assert row.medical_assignment_date.isoformat() == "2026-03-01T10:00:00+00:00"
    assert row.summary == "Urgente"


def test_person_not_yet_known_is_completed_later(world, campaign):
    """The assignment makes the person; their own event gives the name."""
    world.post("assignment", assignment())
    world.run()
    assert rows(Contact)[0].first_name is None
    world.post("contact", contact(nombre_lead="Ana"))
    world.run()
    assert [person.first_name for person in rows(Contact)] == ["Ana"]


@pytest.mark.parametrize(
    ("payload", "reason", "named"),
    [
        ({"campaign_id": 9}, "unknown-campaign", "9"),
        ({"comercial_id": "nadie@example.com"}, "unknown-advisor", "nadie@example.com"),
        ({"medico_id": 77}, "unknown-advisor", "77"),
    ],
)
def test_unknown_campaign_or_advisor_is_parked_by_name(world, campaign, payload, reason, named):
    """What is not there is a dead letter that names it; nothing of the event is applied."""
    world.post("assignment", assignment(**payload))
    world.run()
    (letter,) = rows(DeadLetter)
    assert letter.reason == reason
    assert named in letter.error_message
    assert rows(CampaignContact) == []


def test_parked_assignment_replays_once_the_advisor_exists(world, campaign):
    """After the advisor was entered, the replay applies the event."""
    world.post("assignment", assignment(comercial_id="nuevo@example.com"))
    world.run()
    transact(lambda session: session.add(Advisor(id=9, name="Nuevo", email="Nuevo@Example.com")))
    dead_letter_store.replay(rows(DeadLetter)[0].id, "key:ops")
    world.run()
    assert rows(CampaignContact)[0].commercial_advisor_id == 9


def test_advisor_may_be_named(world, campaign):
    """By e-mail address or name, whatever the case."""
    world.post("assignment", assignment(comercial_id="CARLA RÍOS".title()))
    world.run()
    assert rows(CampaignContact)[0].commercial_advisor_id == 3


def test_zero_takes_the_advisor_away(world, campaign):
    """0 means: no advisor."""
    world.post("assignment", assignment(comercial_id=3))
    world.post("assignment", assignment(at="2026-03-02T10:00:00Z", comercial_id=0))
    world.run()
    (row,) = rows(CampaignContact)
    assert (row.commercial_advisor_id, row.commercial_assignment_date) == (None, None)


def test_every_order_ends_in_the_same_state(world, campaign, database):
    """Three assignments in any order leave the same row, and three entries of history."""
    events = [
        assignment(at="2026-02-01T10:00:00Z", comercial_id=3, summary="uno"),
        assignment(at="2026-02-02T10:00:00Z", medico_id=4),
        assignment(at="2026-02-03T10:00:00Z", comercial_id=4, ultimo_estado="Cerrado"),
    ]
    ends = set()
    for number, order in enumerate(itertools.permutations(events)):
        for event in order:
            world.post("assignment", event | {"manychat_id": f"p{number}"})
            world.run()
        row = rows(CampaignContact)[-1]
        ends.add((row.commercial_advisor_id, row.medical_advisor_id, row.last_state, row.summary, row.registration_date))
    assert ends == {(4, 4, "Cerrado", "uno", datetime(2026, 2, 1, 10, tzinfo=UTC))}
    assert len(rows(CampaignChange)) == 18
