"""What a talking flow does for a person beside talking: a tag, an advisor, and a note in the CRM."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from functions.leads import listeners as lead_listeners
from sandbox import testing
from shared import clock
from shared.journeys.talks import acts
from shared.journeys.talks.events import TalkAct
from shared.outbox import plan
from shared.settings import get_settings
from shared.store.contact_models import ContactTag
from shared.store.models import Advisor, Campaign, CampaignContact, Contact, Delivery
from shared.store.session import reading, transact
from tests.flows.test_notes_in_odoo import ANA, clinic, known, sandbox  # noqa: F401  # fixtures
from tests.support.world import World


def act(**more: Any) -> TalkAct:
    """A step of the flow that is shipped, for Ana."""
    facts = {"enrolment_id": 1, "flow": "encuesta_de_interes", "step": "asesor", "person": "contact:1", "key": "1:asesor:4"}
    return TalkAct(**{**facts, "variables": {"phone": ANA}, "at": clock.now(), **more})  # type: ignore[arg-type]


def done(listener: Any, what: TalkAct) -> None:
    """Call a listener, and let what it has planned go out."""

    def work(session: Any) -> set[str]:
        listener(session, what)
        return plan.newly_due(session)

    plan.nudge(transact(work))


def tags() -> list[tuple[int, str]]:
    """Whoever has a tag."""
    with reading() as session:
        return [(row.contact_id, row.name) for row in session.scalars(select(ContactTag).order_by(ContactTag.contact_id))]


@pytest.fixture
def alerts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the operators are told of."""
    found: list[str] = []
    monkeypatch.setattr(acts, "plan_alert", lambda _session, _key, text: found.append(text))
    return found


def in_campaign(world: World) -> None:
    """Ana is in a campaign, and there is an advisor."""

    def work(session: Any) -> None:
        session.add(Campaign(id=1, name="C1", date_start=datetime(2026, 2, 1, tzinfo=UTC)))
        session.add(Advisor(id=3, name="Carla Ríos", email="carla@example.com"))

    transact(work)
    fields = {"manychat_id": "m1", "campaign_id": 1, "datetime_actual": "2026-02-10T10:00:00Z", "ultimo_estado": "Nuevo"}
    world.post("assignment", fields)
    world.run()


def test_tags_reach_the_contact_once(clinic: World) -> None:  # noqa: F811
    """By the number, in whatever spelling; again, nothing more."""
    known(clinic, "m1")
    for number in (ANA, ANA.replace("+52", "+521")):
        done(acts.tag, act(tags=("interesado", "ventas"), variables={"phone": number}))
    assert tags() == [(1, "interesado"), (1, "ventas")]


def test_number_of_the_contact_counts_before_the_phone(clinic: World) -> None:  # noqa: F811
    """Of relatives who share a number, whoever was written to gets the tag."""
    known(clinic, "m1", "m2")
    done(acts.tag, act(tags=("interesado",), variables={"phone": ANA, "contact_id": 2}))
    assert tags() == [(2, "interesado")]


def test_note_and_advisor(clinic: World, sandbox: testing.InProcessSandbox, alerts: list[str]) -> None:  # noqa: F811
    """The note stands in Odoo once, and the advisor in the newest campaign."""
    known(clinic, "m1")
    in_campaign(clinic)
    for _ in range(2):
        done(acts.assign, act(advisor="carla@example.com", note="Quiere una llamada <hoy>"))
    clinic.run()
    bodies = [row["body"] for row in sandbox.records("mail.message", model="crm.lead") if "Encuesta" in row["body"]]
    assert len(bodies) == 1
    assert "Quiere una llamada &lt;hoy&gt;" in bodies[0]
    assert "para carla@example.com" in bodies[0]
    with reading() as session:
        assert session.scalars(select(CampaignContact.commercial_advisor_id)).all() == [3]
    assert alerts == []


@pytest.mark.parametrize("people", [(), ("m1",), ("m1", "m2")])
def test_who_cannot_be_assigned_is_told_of(clinic: World, people: tuple[str, ...], alerts: list[str]) -> None:  # noqa: F811
    """Nobody, two, or one in no campaign: an alert, and the talk goes on."""
    known(clinic, *people)
    done(acts.assign, act(advisor="carla@example.com", note="Quiere una llamada"))
    (alert,) = alerts
    assert "encuesta_de_interes assigns nobody to enrolment 1" in alert
    with reading() as session:
        assert len(session.scalars(select(Contact)).unique().all()) == len(people)


def test_note_on_the_lead_in_kommo(world: World, environment: pytest.MonkeyPatch) -> None:
    """Who is known as a lead has the note on their lead, once; others have none there."""
    environment.setenv("KOMMO_BASE_URL", "https://example.kommo.com")
    environment.setenv("KOMMO_ACCESS_TOKEN", "token")
    get_settings.cache_clear()
    for person in ("lead:17", "lead:17", "contact:1"):
        done(lead_listeners.note_assignment, act(person=person, advisor="Luz", note="Quiere una llamada"))
    with reading() as session:
        notes = session.scalars(select(Delivery).where(Delivery.target == "kommo")).all()
        assert [(row.subject, row.payload["variables"]["text"]) for row in notes] == [("lead:17", "Quiere una llamada")]
