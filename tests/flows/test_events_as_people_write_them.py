"""Events as people fill them in: stages by their names, phones in every form, and what each sync mode makes of them in Odoo."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from shared.crm import timeline
from shared.crm.odoo_sync import CONTACT
from shared.crm.stages import DEFAULT_STAGES, Stage
from shared.outbox.actions import Claimed, Done, Outcome
from shared.settings import get_settings
from shared.store.models import Channel, Contact, DeadLetter, Delivery, InboxEvent, Opportunity, StageChange
from shared.store.session import reading
from tests.support.vendors import LeadSync, lead_sync, registered
from tests.support.world import World, contact, opportunity

pytestmark = pytest.mark.slow


@pytest.fixture
def odoo() -> Iterator[LeadSync]:
    """Odoo's leads."""
    with lead_sync() as leads:
        yield leads


@pytest.fixture
def partners() -> Iterator[list[str]]:
    """Odoo's partners, as often as they were written."""
    written: list[str] = []

    def execute(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
        written.extend(delivery.subject for delivery in deliveries)
        return {delivery.id: Done({"odoo_id": 500 + len(written), "linked": True}) for delivery in deliveries}

    with registered(replace(CONTACT, execute=execute)):
        yield written


class TestStagesByName:
    """ManyChat sends a stage's name; our record and Odoo have its number."""

    @pytest.mark.parametrize("stage", DEFAULT_STAGES, ids=lambda stage: str(stage.odoo_stage_id))
    @pytest.mark.parametrize("written", [str, str.upper, str.swapcase], ids=["as it is", "shouted", "odd"])
    def test_each_of_the_eleven(self, world: World, odoo: LeadSync, stage: Stage, written) -> None:
        """In ManyChat's own spelling, and in others."""
        world.post("opportunity", opportunity(stage=written(stage.manychat_name)))
        world.run()
        with reading() as session:
            assert session.scalars(select(Opportunity.stage_id)).one() == stage.odoo_stage_id
            assert session.scalars(select(StageChange.stage_id)).one() == stage.odoo_stage_id
            assert session.scalars(select(DeadLetter)).all() == []
        assert odoo.leads == {"m1": stage.odoo_stage_id}

    @pytest.mark.parametrize("stage", DEFAULT_STAGES, ids=lambda stage: str(stage.odoo_stage_id))
    def test_each_of_the_eleven_in_the_older_shape(self, world: World, odoo: LeadSync, stage: Stage) -> None:
        """`stage_manychat` beside the person, without a `state`."""
        world.post("opportunity", {"manychat_id": "m1", "stage_manychat": stage.manychat_name})
        world.run()
        assert odoo.leads == {"m1": stage.odoo_stage_id}

    def test_one_person_through_all_of_them(self, world: World, odoo: LeadSync) -> None:
        """In the order of the funnel, each a minute after the one before; all are recorded, the last one stands."""
        for minute, stage in enumerate(DEFAULT_STAGES):
            world.post("opportunity", opportunity(stage=stage.manychat_name, at=f"2026-03-01T10:{minute:02}:00Z"))
        world.run()
        with reading() as session:
            history = session.scalars(select(StageChange.stage_id).order_by(StageChange.state_date)).all()
        assert history == list(range(16, 27))
        assert odoo.leads == {"m1": 26}


PHONES = [
    ("5512345678", "+525512345678"),
    ("55 1234 5678", "+525512345678"),
    ("(55) 1234-5678", "+525512345678"),
    ("55.1234.5678", "+525512345678"),
    ("52 55 1234 5678", "+525512345678"),
    ("+52 1 55 1234 5678", "+525512345678"),
    ("5215512345678", "+525512345678"),
    ("0052 55 1234 5678", "+525512345678"),
    ("whatsapp:+5215512345678", "+525512345678"),
    (" +52\u00a055\u00a01234\u00a05678 ", "+525512345678"),  # no-break spaces, as copied from a page
    ("+52‑55‑1234‑5678", "+525512345678"),  # noqa: RUF001  # hyphens that do not break
    ("５５１２３４５６７８", "+525512345678"),  # noqa: RUF001  # full-width digits
    ("999 123 4567", "+529991234567"),
    ("+1 (202) 555-0143", "+12025550143"),
    ("12025550143", "+12025550143"),
    ("+1 (555) 123-4567", None),  # no such area
    ("553187654321", "+5531987654321"),  # WhatsApp's id of an older account, without the ninth digit
    ("5512345678.0", "+525512345678"),
    ("+52\u200e55\u200e1234\u200e5678", "+525512345678"),
    ("1 55 1234 5678", None),
    ("+34 600 00 00 00", "+34600000000"),
    ("0034600000000", "+34600000000"),
    ("+54 9 11 2345-6789", "+5491123456789"),
    ("+57 300 123 4567", "+573001234567"),
    ("+55 11 91234-5678", "+5511912345678"),
    ("12345678", None),
    ("044 55 1234 5678", "+525512345678"),
    ("no tiene WhatsApp", None),
    ("+52", None),
    ("55 1234 5678 / 55 8765 4321", None),
]


@pytest.mark.parametrize(("written", "stored"), PHONES)
def test_phone_of_a_contact_event_is_stored_in_one_form(world: World, written: str, stored: str | None) -> None:
    """E.164, or none where the text is no number; what was written is kept beside it."""
    world.post("contact", contact(whatsapp=written))
    world.run()
    with reading() as session:
        row = session.scalars(select(Contact)).unique().one()
    assert row.phone == stored
    assert row.phone_original == written.strip()


@pytest.mark.parametrize(
    ("mode", "leads", "contacts"),
    [("opportunities", {"m1": 16}, []), ("contacts", {}, ["m1"]), ("both", {"m1": 16}, ["m1"])],
)
def test_each_sync_mode_brings_an_opportunity_to_odoo(
    world: World, environment: pytest.MonkeyPatch, odoo: LeadSync, partners: list[str], mode, leads, contacts
) -> None:
    """As a lead, as a partner, or as both, by a delivery each."""
    environment.setenv("ODOO_SYNC_MODE", mode)
    get_settings.cache_clear()
    world.post("opportunity", opportunity())
    world.run()
    assert (odoo.leads, partners) == (leads, contacts)


def test_both_keeps_the_two_apart(world: World, environment: pytest.MonkeyPatch, odoo: LeadSync, partners: list[str]) -> None:
    """A contact event is a partner's matter; with an opportunity each has a status, an id and a delivery of its own."""
    environment.setenv("ODOO_SYNC_MODE", "both")
    get_settings.cache_clear()
    world.post("contact", contact())
    world.run()
    assert (odoo.leads, partners) == ({}, ["m1"])
    world.post("opportunity", opportunity(at="2026-03-01T11:00:00Z"))
    world.run()
    assert (odoo.leads, partners) == ({"m1": 16}, ["m1", "m1"])
    with reading() as session:
        person, lead = session.scalars(select(Contact)).unique().one(), session.scalars(select(Opportunity)).unique().one()
        done = session.execute(select(Delivery.action, Delivery.state).order_by(Delivery.id)).all()
    assert (person.odoo_sync_status, lead.odoo_sync_status) == ("success", "success")
    assert (person.odoo_id, lead.odoo_id) == (502, 1001)
    assert sorted(map(tuple, done)) == [("contact", "done"), ("contact", "done"), ("opportunity", "done")]


def test_a_field_that_cannot_be_read_costs_itself_and_is_shown(world: World) -> None:
    """The event counts without it; the timeline names the field beside the whole of what was sent."""
    sent = contact(email_lead="ana@hotmail.con", datetime_suscripcion="31/02/2026", apellido_lead="{{last_name}}")
    world.post("contact", sent)
    world.run()
    with reading() as session:
        row, event = session.scalars(select(Contact)).unique().one(), session.scalars(select(InboxEvent)).one()
        shown = next(
            entry for entry in timeline.entries(session, timeline.of_contact(session, row), 10) if entry.kind == "event"
        )
    assert (row.email, row.subscribed_at, row.last_name, row.first_name) == (None, None, None, sent["nombre_lead"])
    assert {note["field"] for note in event.left_out} == {"email_lead", "datetime_suscripcion"}
    assert (shown.details["left_out"], shown.details["data"]) == (event.left_out, sent)


def test_an_event_without_such_a_field_names_none(world: World) -> None:
    """Nothing is shown where everything was read."""
    world.post("contact", contact())
    world.run()
    with reading() as session:
        assert session.scalars(select(InboxEvent.left_out)).all() == [None]


def test_names_of_a_channel_that_read_the_same_are_one_channel(world: World) -> None:
    """However they are typed; an emoji that tells two apart makes two."""
    names = ["Facebook Ads", "facebook_ads", "FACEBOOK  ADS.", "Plan \U0001f947", "Plan \U0001f948"]
    for number, name in enumerate(names):
        world.post("contact", contact(manychat_id=f"m{number}", canal_entrada=name))
    world.run()
    with reading() as session:
        assert session.scalars(select(Channel.name).order_by(Channel.id)).all() == [names[0], names[3], names[4]]
