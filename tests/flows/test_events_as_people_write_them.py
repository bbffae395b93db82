"""Events as people fill them in: stages by their names, phones in every form, and what each sync mode makes of them in Odoo."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from shared.crm.odoo_sync import CONTACT
from shared.crm.stages import DEFAULT_STAGES, Stage
from shared.outbox.actions import Claimed, Done, Outcome
from shared.settings import get_settings
from shared.store.models import Contact, DeadLetter, Delivery, Opportunity, StageChange
from shared.store.session import reading
from tests.support.vendors import FakeOdoo, fake_odoo, registered
from tests.support.world import World, contact, opportunity


@pytest.fixture
def odoo() -> Iterator[FakeOdoo]:
    """Odoo's leads."""
    with fake_odoo() as leads:
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
    def test_each_of_the_eleven(self, world: World, odoo: FakeOdoo, stage: Stage, written) -> None:
        """In ManyChat's own spelling, and in others."""
        world.post("opportunity", opportunity(stage=written(stage.manychat_name)))
        world.run()
        with reading() as session:
            assert session.scalars(select(Opportunity.stage_id)).one() == stage.odoo_stage_id
            assert session.scalars(select(StageChange.stage_id)).one() == stage.odoo_stage_id
            assert session.scalars(select(DeadLetter)).all() == []
        assert odoo.leads == {"m1": stage.odoo_stage_id}

    @pytest.mark.parametrize("stage", DEFAULT_STAGES, ids=lambda stage: str(stage.odoo_stage_id))
    def test_each_of_the_eleven_in_the_older_shape(self, world: World, odoo: FakeOdoo, stage: Stage) -> None:
        """`stage_manychat` beside the person, without a `state`."""
        world.post("opportunity", {"manychat_id": "m1", "stage_manychat": stage.manychat_name})
        world.run()
        assert odoo.leads == {"m1": stage.odoo_stage_id}

    def test_one_person_through_all_of_them(self, world: World, odoo: FakeOdoo) -> None:
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
    ("+1 (555) 123-4567", "+15551234567"),
    ("15551234567", "+15551234567"),
    ("+34 600 00 00 00", "+34600000000"),
    ("0034600000000", "+34600000000"),
    ("+54 9 11 2345-6789", "+5491123456789"),
    ("+57 300 123 4567", "+573001234567"),
    ("+55 11 91234-5678", "+5511912345678"),
    ("12345678", None),
    ("044 55 1234 5678", None),
    ("no tengo", None),
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
    world: World, environment: pytest.MonkeyPatch, odoo: FakeOdoo, partners: list[str], mode, leads, contacts
) -> None:
    """As a lead, as a partner, or as both, by a delivery each."""
    environment.setenv("ODOO_SYNC_MODE", mode)
    get_settings.cache_clear()
    world.post("opportunity", opportunity())
    world.run()
    assert (odoo.leads, partners) == (leads, contacts)


def test_both_keeps_the_two_apart(world: World, environment: pytest.MonkeyPatch, odoo: FakeOdoo, partners: list[str]) -> None:
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
