"""Campaigns, channels and advisors: what people keep, and what their changes bring about in Odoo."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from shared import clock
from shared.crm import resync
from shared.intake import dead_letter_store
from shared.settings import get_settings
from shared.store.models import (
    ActionLog,
    Advisor,
    Campaign,
    CampaignContact,
    Channel,
    Contact,
    DeadLetter,
    Delivery,
    Opportunity,
)
from shared.store.session import reading, transact
from tests.support.examples import examples
from tests.support.vendors import lead_sync
from tests.support.world import World
from tests.unit.web.calls import Api

ADVISORS, CAMPAIGNS, CHANNELS = "/api/v1/advisors", "/api/v1/campaigns", "/api/v1/channels"
START = datetime(2026, 1, 1, tzinfo=UTC)
SPRING = {"name": "Primavera", "date_start": "2026-03-01", "date_end": "2026-06-01T00:00:00-06:00", "budget": 1500.5}
EACH = [
    (CAMPAIGNS, SPRING),
    (CHANNELS, {"name": "WhatsApp", "description": "Oficial"}),
    (
        ADVISORS,
        {"name": "Carla Ríos", "email": "carla@example.com", "phone": "5512345678", "odoo_user_id": 7, "role": "ventas"},
    ),
]
BY_KIND = pytest.mark.parametrize(("address", "body"), EACH, ids=["campaign", "channel", "advisor"])


def rows(model: Any) -> list[Any]:
    """All rows of a model."""
    with reading() as session:
        return list(session.scalars(select(model).order_by(model.id)))


class TestEach:
    """What holds for all three."""

    @BY_KIND
    def test_made_read_replaced_changed_deleted(self, api: Api, address: str, body: dict[str, Any]) -> None:
        """The whole life of one, each answer true to what is stored."""
        made = api.post(address, body=body)
        assert made.status == 201
        one = made.headers["location"]
        read = api.get(one)
        assert (read.json, read.headers["etag"]) == (made.json, made.headers["etag"])
        changed = api("PATCH", one, body={"name": "Otro"})
        assert changed.json == read.json | {"name": "Otro", "updated_at": changed.json["updated_at"]}
        replaced = api("PUT", one, body=changed.json)
        assert (replaced.status, replaced.headers["etag"]) == (200, changed.headers["etag"])
        assert [item["name"] for item in api.get(address).json["items"]] == ["Otro"]
        assert api("DELETE", one, headers={"if-match": replaced.headers["etag"]}).status == 204
        assert api.get(one).status == 404
        noun = address.rpartition("/")[2].removesuffix("s")
        assert [line.action for line in rows(ActionLog)] == [f"{noun}.create", f"{noun}.update", f"{noun}.delete"]

    @BY_KIND
    def test_change_of_what_was_changed_meanwhile_is_refused(self, api: Api, address: str, body: dict[str, Any]) -> None:
        """412, and the first change stays."""
        made = api.post(address, body=body)
        api("PATCH", f"{address}/1", body={"name": "Uno"})
        for method, body_given in (("PATCH", {"name": "Dos"}), ("PUT", body), ("DELETE", None)):
            assert api(method, f"{address}/1", body=body_given, headers={"if-match": made.headers["etag"]}).status == 412
        assert api.get(f"{address}/1").json["name"] == "Uno"

    @BY_KIND
    def test_what_is_not_there_is_a_404(self, api: Api, address: str, body: dict[str, Any]) -> None:
        """For each method."""
        for method, body_given in (("GET", None), ("PATCH", {}), ("PUT", body), ("DELETE", None)):
            answer = api(method, f"{address}/9", body=body_given)
            assert (answer.status, "9" in answer.json["title"]) == (404, True)

    @BY_KIND
    def test_what_is_required_cannot_be_taken_away(self, api: Api, address: str, body: dict[str, Any]) -> None:
        """A null for it is refused, and so is a name of spaces."""
        api.post(address, body=body)
        for body_given in ({"name": None}, {"name": "  "}):
            assert api("PATCH", f"{address}/1", body=body_given).status == 422
        assert api("PUT", f"{address}/1", body={}).status == 422

    @BY_KIND
    def test_sorted_by_name_page_by_page(self, api: Api, address: str, body: dict[str, Any]) -> None:
        """Rows that are inserted meanwhile disturb no others."""
        for name in "dbfa":
            api.post(address, body=body | {"name": name})
        first = api.get(address, sort="name", limit=2).json
        api.post(address, body=body | {"name": "aa"})
        api.post(address, body=body | {"name": "e"})
        second = api.get(address, sort="name", limit=5, after=first["next"]).json
        assert [item["name"] for item in first["items"] + second["items"]] == ["a", "b", "d", "e", "f"]
        assert second["next"] is None

    @BY_KIND
    def test_cursor_of_another_order_is_refused(self, api: Api, address: str, body: dict[str, Any]) -> None:
        """It would show rows twice and leave others out."""
        for name in "ab":
            api.post(address, body=body | {"name": name})
        after = api.get(address, sort="name", limit=1).json["next"]
        answer = api.get(address, sort="-name", limit=1, after=after)
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, "after")


class TestCampaigns:
    """Time and money."""

    def test_times_are_utc_and_money_is_exact(self, api: Api) -> None:
        """An amount is a text with two decimals, whatever it came as."""
        made = api.post(CAMPAIGNS, body=SPRING).json
        assert (made["date_start"], made["date_end"]) == ("2026-03-01T00:00:00Z", "2026-06-01T06:00:00Z")
        assert made["budget"] == "1500.50"

    @pytest.mark.parametrize(
        ("budget", "shown"),
        [("0.10", "0.10"), (0, "0.00"), ("999999999999.99", "999999999999.99"), (0.07, "0.07"), ("-0", "0.00"), (None, None)],
    )
    def test_amounts_that_can_be_kept(self, api: Api, budget: Any, shown: str | None) -> None:
        """No cent is lost on the way in or out."""
        made = api.post(CAMPAIGNS, body=SPRING | {"budget": budget})
        assert made.json["budget"] == shown
        assert api.get(made.headers["location"]).json["budget"] == shown
        assert api("PATCH", made.headers["location"], body={"budget": budget}).json["budget"] == shown

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"budget": "0.001"}, "budget"),
            ({"budget": -1}, "budget"),
            ({"budget": 10**12}, "budget"),
            ({"budget": "NaN"}, "budget"),
            ({"budget": True}, "budget"),
            ({"date_end": "2026-03-01"}, "date_end"),
            ({"date_end": "2026-02-01"}, "date_end"),
            ({"date_start": 1}, "date_start"),
            ({"date_start": "1026-01-01"}, "date_start"),
            ({"status": "x" * 21}, "status"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_by_name(self, api: Api, change: dict[str, Any], field: str) -> None:
        """422 that names the field."""
        answer = api.post(CAMPAIGNS, body=SPRING | change)
        assert (answer.status, [fault["field"] for fault in answer.json["errors"]]) == (422, [field])

    def test_end_is_held_against_the_start_that_is_stored(self, api: Api) -> None:
        """Also where only one of the two is changed."""
        api.post(CAMPAIGNS, body=SPRING)
        assert api("PATCH", f"{CAMPAIGNS}/1", body={"date_end": "2026-01-01"}).status == 422
        assert api("PATCH", f"{CAMPAIGNS}/1", body={"date_start": "2026-07-01"}).status == 422
        assert api("PATCH", f"{CAMPAIGNS}/1", body={"date_start": "2026-07-01", "date_end": None}).status == 200

    def test_unknown_channel_and_taken_number_are_conflicts(self, api: Api) -> None:
        """Each names what stands in the way."""
        assert "77" in api.post(CAMPAIGNS, body=SPRING | {"channel_id": 77}).json["title"]
        assert api.post(CAMPAIGNS, body=SPRING | {"id": 40}).headers["location"] == f"{CAMPAIGNS}/40"
        answer = api.post(CAMPAIGNS, body=SPRING | {"id": 40})
        assert (answer.status, answer.json["type"]) == (409, "urn:puente:problem:number-taken")
        api.post(CAMPAIGNS, body=SPRING)
        assert api("PATCH", f"{CAMPAIGNS}/40", body={"channel_id": 77}).status == 409

    def test_filters(self, api: Api) -> None:
        """By name, status, and what runs at a moment: from the start, to before the end."""
        api.post(CAMPAIGNS, body=SPRING | {"status": "activa"})
        api.post(CAMPAIGNS, body={"name": "Siempre", "date_start": "2026-05-01"})

        def found(**query: str) -> list[str]:
            return [item["name"] for item in api.get(CAMPAIGNS, order="oldest", **query).json["items"]]

        assert found(q="prima") == found(status="activa") == ["Primavera"]
        assert found(running_at="2026-02-28") == []
        assert found(running_at="2026-05-01") == ["Primavera", "Siempre"]
        assert found(running_at="2026-06-01T06:00:00Z") == ["Siempre"]

    def test_with_people_in_it_it_stays(self, api: Api, add: Callable[..., Any]) -> None:
        """409 that names them."""
        add(Campaign(id=1, name="c", date_start=START), Contact(id=4, manychat_id="m4"))
        add(CampaignContact(id=3, contact_id=4, campaign_id=1, registration_date=START))
        answer = api("DELETE", f"{CAMPAIGNS}/1")
        assert (answer.status, answer.json["errors"]) == (409, [{"field": "campaign_contacts", "message": "1: 3"}])


class TestChannels:
    """Made by events and by people alike."""

    def test_name_is_unique_whatever_its_case(self, api: Api, world: World) -> None:
        """Also against the channel that an event has made; one's own name is no conflict."""
        world.post(
            "contact", {"manychat_id": "1", "nombre_lead": "A", "datetime_actual": "2026-01-01", "canal_entrada": "WhatsApp"}
        )
        world.run()
        answer = api.post(CHANNELS, body={"name": " WHATSAPP "})
        assert (answer.status, "Channel 1" in answer.json["title"]) == (409, True)
        assert api("PATCH", f"{CHANNELS}/1", body={"name": "WHATSAPP"}).status == 200
        api.post(CHANNELS, body={"name": "Instagram"})
        assert api("PUT", f"{CHANNELS}/2", body={"name": "whatsapp"}).status == 409

    def test_event_finds_the_channel_that_a_person_made(self, api: Api, world: World) -> None:
        """By its name, whatever its case."""
        api.post(CHANNELS, body={"name": "Facebook"})
        world.post(
            "contact", {"manychat_id": "1", "nombre_lead": "A", "datetime_actual": "2026-01-01", "canal_entrada": "FACEBOOK"}
        )
        world.run()
        assert (len(rows(Channel)), rows(Contact)[0].channel_id) == (1, 1)

    def test_used_one_stays(self, api: Api, add: Callable[..., Any]) -> None:
        """409 that names contacts and campaigns."""
        add(Channel(id=1, key="k", name="c"), Contact(id=4, manychat_id="m4", channel_id=1))
        add(Campaign(id=9, name="c", date_start=START, channel_id=1))
        assert api("DELETE", f"{CHANNELS}/1").json["detail"] == "contacts 1: 4; campaigns 1: 9"


class TestAdvisors:
    """Whom events name."""

    def test_phone_is_kept_in_one_spelling(self, api: Api) -> None:
        """E.164; what is no number is refused."""
        assert api.post(ADVISORS, body={"name": "A", "phone": "55 1234 5678"}).json["phone"] == "+525512345678"
        assert api.post(ADVISORS, body={"name": "A", "phone": "none"}).json["errors"][0]["field"] == "phone"

    def test_found_by_name_address_phone_and_state(self, api: Api) -> None:
        """Whatever the case; the phone by its digits."""
        for _address, body in EACH[2:]:
            api.post(ADVISORS, body=body)
        api.post(ADVISORS, body={"name": "Dr. Peña", "is_active": False})
        for query in ({"q": "CARLA@"}, {"q": "ríos"}, {"q": "1234-5678"}, {"role": "ventas"}, {"odoo_user_id": 7}):
            assert [item["id"] for item in api.get(ADVISORS, **query).json["items"]] == [1], query
        assert [item["id"] for item in api.get(ADVISORS, is_active="false").json["items"]] == [2]

    def test_one_who_is_named_stays(self, api: Api, add: Callable[..., Any]) -> None:
        """409 that names rows of campaigns and opportunities; setting them inactive is what one does."""
        add(Advisor(id=3, name="A"), Contact(id=4, manychat_id="m4"), Campaign(id=1, name="c", date_start=START))
        add(CampaignContact(contact_id=4, campaign_id=1, registration_date=START, medical_advisor_id=3))
        add(Opportunity(contact_id=4, manychat_id="m4", commercial_advisor_id=3))
        answer = api("DELETE", f"{ADVISORS}/3")
        assert answer.json["detail"] == "campaign_contacts 1: 1; opportunities 1: 1"
        assert api("PATCH", f"{ADVISORS}/3", body={"is_active": False}).json["is_active"] is False

    def test_dead_letter_replays_once_the_advisor_was_added_with_the_number_it_names(self, api: Api, world: World) -> None:
        """The number that events use can be given."""
        api.post(CAMPAIGNS, body=SPRING)
        world.post("assignment", {"manychat_id": "m", "campaign_id": 1, "datetime_actual": "2026-03-01", "medico_id": 77})
        world.run()
        assert api.post(ADVISORS, body={"name": "Nueva", "id": 77}).status == 201
        dead_letter_store.replay(rows(DeadLetter)[0].id, "key:ops")
        world.run()
        assert rows(CampaignContact)[0].medical_advisor_id == 77


class TestResync:
    """A change asks for exactly the opportunities it concerns."""

    @pytest.fixture
    def crowd(self, world: World, add: Callable[..., Any], environment: pytest.MonkeyPatch) -> None:
        """Nine opportunities: three name advisor 1 (one as medical), three came by channel 1; pages of two."""
        environment.setattr(resync, "PAGE", 2)
        add(*(Advisor(id=number, name=f"A{number}") for number in (1, 2)))
        add(*(Channel(id=number, key=f"k{number}", name=f"C{number}") for number in (1, 2)))
        for number in range(9):
            person = Contact(manychat_id=f"m{number}", channel_id=1 + number % 3 if number % 3 < 2 else None)
            commercial, medical = (1 if number in (2, 5) else 2), (1 if number == 7 else None)
            lead = Opportunity(
                manychat_id=f"m{number}",
                contact=person,
                stage_id=18,
                commercial_advisor_id=commercial,
                medical_advisor_id=medical,
                odoo_sync_status="success",
            )
            add(person, lead)

    def asked(self, world: World) -> set[str]:
        """Whom Odoo was told of."""
        with lead_sync() as odoo:
            world.run()
        return {name for call in odoo.calls for name in call}

    def test_advisor_with_a_new_name(self, api: Api, world: World, crowd: None) -> None:
        """Those who name them, as commercial or as medical advisor; and the count is kept with the delivery."""
        api("PATCH", f"{ADVISORS}/1", body={"name": "Otra"})
        assert self.asked(world) == {"m2", "m5", "m7"}
        (walk,) = [row for row in rows(Delivery) if row.target == "puente"]
        assert (walk.state, walk.result) == ("done", {"opportunities": 3})
        assert {row.odoo_sync_status for row in rows(Opportunity)} == {"success"}

    def test_a_walk_longer_than_a_lease_goes_on_in_parts(
        self, api: Api, world: World, crowd: None, environment: pytest.MonkeyPatch
    ) -> None:
        """A delivery walks over some pages and plans the rest with the last of them, so that each part ends in its lease."""
        environment.setattr(resync, "PAGES_AT_ONCE", 1)
        api("PATCH", f"{ADVISORS}/1", body={"name": "Otra"})
        assert self.asked(world) == {"m2", "m5", "m7"}
        walks = [(row.subject, row.state, row.result) for row in rows(Delivery) if row.target == "puente"]
        assert [subject for subject, _state, _result in walks] == ["advisor:1", "advisor:1>6", "advisor:1>8"]
        assert sum(result["opportunities"] for _subject, _state, result in walks) == 3

    def test_a_slow_page_is_the_last_of_its_part(
        self, api: Api, world: World, crowd: None, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
    ) -> None:
        """The time of the lease counts, not the number of pages alone."""
        walk = resync._walk

        def slow(subject: str) -> Any:
            def page(session: Any, behind: int) -> Any:
                test_clock.advance(seconds=150)
                return walk(subject)(session, behind)

            return page

        environment.setattr(resync, "_walk", slow)
        api("PATCH", f"{ADVISORS}/1", body={"name": "Otra"})
        assert self.asked(world) == {"m2", "m5", "m7"}
        assert all(row.state == "done" for row in rows(Delivery) if row.target == "puente")

    def test_advisor_with_what_odoo_does_not_see(self, api: Api, world: World, crowd: None) -> None:
        """Nobody is asked for."""
        api("PATCH", f"{ADVISORS}/1", body={"role": "médica", "is_active": False, "email": "a@example.com"})
        assert self.asked(world) == set()

    def test_new_advisor_whom_events_have_named_already(self, api: Api, world: World, crowd: None) -> None:
        """Their leads get the name in place of the number."""
        transact(lambda s: s.execute(update(Opportunity).where(Opportunity.id == 4).values(commercial_advisor_id=30)))
        api.post(ADVISORS, body={"id": 30, "name": "Nueva"})
        assert self.asked(world) == {"m3"}

    def test_channel_with_a_new_name(self, api: Api, world: World, crowd: None) -> None:
        """Everybody who came by it."""
        api("PATCH", f"{CHANNELS}/1", body={"name": "Instagram"})
        assert self.asked(world) == {"m0", "m3", "m6"}

    def test_mode_without_leads(self, api: Api, world: World, crowd: None, environment: pytest.MonkeyPatch) -> None:
        """Where Odoo gets no leads there is nobody to ask for."""
        environment.setenv("ODOO_SYNC_MODE", "contacts")
        get_settings.cache_clear()
        api("PATCH", f"{ADVISORS}/1", body={"name": "Otra"})
        assert self.asked(world) == set()
        assert {row.odoo_sync_status for row in rows(Opportunity)} == {"success"}

    def test_change_and_what_it_asks_for_are_committed_together(
        self, api: Api, world: World, crowd: None, environment: pytest.MonkeyPatch
    ) -> None:
        """A crash after the commit loses nothing: the dispatcher finds what is planned."""
        environment.setattr(world.storage, "broken", True)
        assert api("PATCH", f"{ADVISORS}/1", body={"name": "Otra"}).status == 200
        environment.setattr(world.storage, "broken", False)
        assert world.storage.queues == {}
        world.timers()
        assert self.asked(world) == {"m2", "m5", "m7"}

    @given(numbers=st.lists(st.integers(0, 30), unique=True, max_size=31), waiting=st.sets(st.integers(0, 30)))
    @settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_number_of_them_has_one_open_delivery_each(
        self, api: Api, world: World, add: Callable[..., Any], numbers: list[int], waiting: set[int]
    ) -> None:
        """Whatever was waiting before: those who are concerned are due now, once; the others are left alone."""
        for model in (Delivery, Opportunity, Contact, Advisor):
            transact(lambda session, model=model: session.execute(delete(model)))
        add(Advisor(id=1, name="A"))
        for number in range(31):
            person = Contact(manychat_id=f"m{number}")
            add(
                person,
                Opportunity(manychat_id=f"m{number}", contact=person, commercial_advisor_id=1 if number in numbers else 2),
            )
        transact(lambda session: [resync_one(session, number) for number in waiting])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(resync, "PAGE", 7)
            api("PATCH", f"{ADVISORS}/1", body={"name": "B"})
            resync._carry_out("advisor:1")
        open_ones = [row for row in rows(Delivery) if row.target == "odoo"]
        subjects = sorted(row.subject for row in open_ones)
        assert subjects == sorted({f"m{number}" for number in {*numbers, *waiting}})
        wanted = {row.subject: row.wanted for row in open_ones}
        assert all(wanted[f"m{number}"] == (2 if number in waiting else 1) for number in numbers)


def resync_one(session: Any, number: int) -> None:
    """A sync that waits already."""
    from shared.crm.odoo_sync import OPPORTUNITY
    from shared.outbox import plan

    plan.sync(session, OPPORTUNITY, f"m{number}")
