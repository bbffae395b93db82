"""The stage map, edited by people; and opportunities, looked at and synced by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from shared.crm import resync
from shared.intake import dead_letter_store
from shared.settings import get_settings
from shared.store.models import ActionLog, Contact, DeadLetter, Delivery, Opportunity, StageMapping
from shared.store.session import reading
from tests.support.vendors import lead_sync
from tests.support.world import World, opportunity
from tests.unit.web.calls import Api

STAGES, OPPORTUNITIES = "/api/v1/crm/stages", "/api/v1/crm/opportunities"
NEW = {"manychat_name": "Pidió descuento", "odoo_stage_id": 40, "odoo_name": "Descuento"}


def rows(model: Any) -> list[Any]:
    """All rows of a model."""
    with reading() as session:
        return list(session.scalars(select(model).order_by(model.id)))


def row_of(api: Api, stage_id: int) -> int:
    """The number of the map's row for a stage of Odoo."""
    (item,) = api.get(STAGES, odoo_stage_id=stage_id).json["items"]
    return int(item["id"])


class TestMap:
    """Names and what they mean."""

    def test_lists_the_eleven_of_the_start_in_their_order(self, api: Api) -> None:
        """Odoo's stages 16 to 26."""
        answer = api.get(STAGES).json
        assert [item["odoo_stage_id"] for item in answer["items"]] == list(range(16, 27))
        assert answer["items"][2]["manychat_name"] == "Retornó en AC"

    def test_made_changed_deleted(self, api: Api) -> None:
        """With tags against lost updates, and each deed logged."""
        made = api.post(STAGES, body=NEW)
        one = made.headers["location"]
        assert api.get(one).json == made.json
        assert api("PATCH", one, body={"odoo_name": "Rebaja"}).json["odoo_name"] == "Rebaja"
        assert api("PUT", one, body=NEW, headers={"if-match": made.headers["etag"]}).status == 412
        assert api("PUT", one, body=made.json).json["odoo_name"] == "Descuento"
        assert api("DELETE", one).status == 204
        assert api.get(one).status == 404
        actions = [line.action for line in rows(ActionLog)]
        assert actions == ["stage.create", "stage.update", "stage.update", "stage.delete"]

    @pytest.mark.parametrize("name", ["Retornó en AC", "RETORNO EN AC", " retorno-en ac "])
    def test_name_is_unique_in_any_spelling(self, api: Api, name: str) -> None:
        """As events are matched: without case, accents and spaces."""
        assert api.post(STAGES, body=NEW | {"manychat_name": name}).status == 409
        made = api.post(STAGES, body=NEW).headers["location"]
        assert api("PATCH", made, body={"manychat_name": name}).status == 409
        assert api("PATCH", made, body={"manychat_name": "PIDIÓ DESCUENTO"}).status == 200

    def test_event_with_a_new_name_is_understood_from_then_on(self, api: Api, world: World) -> None:
        """Its dead letter replays."""
        world.post("opportunity", opportunity(stage="pidio descuento"))
        world.run()
        assert rows(DeadLetter)[0].reason == "unknown-stage"
        api.post(STAGES, body=NEW)
        dead_letter_store.replay(1, "key:ops")
        with lead_sync() as odoo:
            world.run()
        assert odoo.leads == {"m1": 40}

    def test_stage_in_use_cannot_be_deleted(self, api: Api, add: Callable[..., Any]) -> None:
        """409 naming the opportunities; one of several names of it can."""
        add(Opportunity(id=7, manychat_id="m1", stage_id=18, contact=Contact(manychat_id="m1")))
        answer = api("DELETE", f"{STAGES}/{row_of(api, 18)}")
        assert (answer.status, answer.json["errors"]) == (409, [{"field": "opportunities", "message": "1: 7"}])
        alias = api.post(STAGES, body=NEW | {"odoo_stage_id": 18}).headers["location"]
        assert api("DELETE", alias).status == 204


class TestMovedStage:
    """A stage that has another number in Odoo."""

    @pytest.fixture
    def crowd(self, world: World, environment: pytest.MonkeyPatch) -> None:
        """Five people in stage 18, one in 19; everything in step."""
        environment.setattr(resync, "PAGE", 2)
        for number in range(6):
            world.post("opportunity", opportunity(f"m{number}", stage=18 if number < 5 else 19))
        with lead_sync():
            world.run()

    def moved(self, world: World) -> dict[str, int | None]:
        """What Odoo was told."""
        with lead_sync() as odoo:
            world.run()
        return odoo.leads

    def test_opportunities_in_it_move_along_and_no_others(self, api: Api, world: World, crowd: None) -> None:
        """In pages; a late event that is older than where they stand changes nothing."""
        api("PATCH", f"{STAGES}/{row_of(api, 18)}", body={"odoo_stage_id": 118})
        assert self.moved(world) == {f"m{number}": 118 for number in range(5)}
        world.post("opportunity", opportunity("m0", stage=19, at="2026-02-01T00:00:00Z"))
        world.run()
        assert [row.stage_id for row in rows(Opportunity)] == [118] * 5 + [19]

    def test_with_another_name_for_the_old_number_nobody_moves(self, api: Api, world: World, crowd: None) -> None:
        """They may have got there by that name."""
        api.post(STAGES, body=NEW | {"odoo_stage_id": 18})
        first = api.get(STAGES, odoo_stage_id=18).json["items"][0]["id"]
        api("PATCH", f"{STAGES}/{first}", body={"odoo_stage_id": 118})
        assert self.moved(world) == {}
        assert rows(Opportunity)[0].stage_id == 18

    @pytest.mark.parametrize("numbers", [[118, 18], [118, 218], [118, 218, 18]])
    def test_changed_again_before_it_was_carried_out(self, api: Api, world: World, crowd: None, numbers: list[int]) -> None:
        """Everybody ends where the map says at the end."""
        row = row_of(api, 18)
        for number in numbers:
            api("PATCH", f"{STAGES}/{row}", body={"odoo_stage_id": number})
        self.moved(world)
        assert {opportunity.stage_id for opportunity in rows(Opportunity)} == {numbers[-1], 19}

    def test_new_label_asks_for_nobody(self, api: Api, world: World, crowd: None) -> None:
        """Odoo has its own names of stages."""
        api("PATCH", f"{STAGES}/{row_of(api, 18)}", body={"odoo_name": "Otro", "manychat_name": "Otro"})
        assert self.moved(world) == {}


class TestOpportunities:
    """One by one."""

    @pytest.fixture
    def three(self, add: Callable[..., Any]) -> None:
        """In different stages, at different times, in different states of sync."""
        for number, (stage, state) in enumerate([(16, "success"), (18, "error"), (18, "pending")], start=1):
            lead = Opportunity(
                manychat_id=f"m{number}",
                stage_id=stage,
                odoo_sync_status=state,
                state_date=datetime(2026, 3, number, tzinfo=UTC),
                medical_advisor_id=number,
                commercial_advisor_id=9 if number == 3 else None,
                contact=Contact(manychat_id=f"m{number}"),
            )
            add(lead)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"stage_id": 18}, [3, 2]),
            ({"odoo_sync_status": "error"}, [2]),
            ({"since": "2026-03-02"}, [3, 2]),
            ({"until": "2026-03-02"}, [1]),
            ({"since": "2026-03-02T00:00:00Z", "stage_id": 18, "odoo_sync_status": "pending"}, [3]),
            ({"advisor_id": 9}, [3]),
            ({"advisor_id": 2}, [2]),
        ],
    )
    def test_filters(self, api: Api, three: None, query: dict[str, Any], found: list[int]) -> None:
        """Stage, state of the sync, since when; several must all fit."""
        assert [item["id"] for item in api.get(OPPORTUNITIES, **query).json["items"]] == found

    def test_one_is_the_same_as_in_the_list_with_its_delivery(self, api: Api, world: World) -> None:
        """Stage history and all; the delivery as it stands."""
        world.post("opportunity", opportunity())
        world.step("manychat-crm-opportunities-queue")
        one = api.get(f"{OPPORTUNITIES}/1").json
        delivery = one.pop("delivery")
        assert one == api.get(OPPORTUNITIES).json["items"][0]
        assert (delivery["state"], delivery["attempts"], delivery["id"]) == ("pending", 0, 1)
        with lead_sync():
            world.run()
        assert api.get(f"{OPPORTUNITIES}/1").json["delivery"]["state"] == "done"

    def test_sync_now_asks_for_it_even_where_nothing_changed(self, api: Api, world: World) -> None:
        """202 with the delivery; Odoo is told of exactly this one; who asked is logged."""
        for name in ("m1", "m2"):
            world.post("opportunity", opportunity(name))
        with lead_sync():
            world.run()
        answer = api.post(f"{OPPORTUNITIES}/1/sync", key="write-key")
        assert (answer.status, answer.json["odoo_sync_status"], answer.json["delivery"]["state"]) == (202, "pending", "pending")
        with lead_sync() as odoo:
            world.run()
        assert odoo.calls == [["m1"]]
        assert api.get(f"{OPPORTUNITIES}/1").json["odoo_sync_status"] == "success"
        assert ("key:robot", "opportunity.sync") in {(line.actor, line.action) for line in rows(ActionLog)}

    def test_asking_twice_is_one_sync(self, api: Api, three: None) -> None:
        """It rides along with the one that waits."""
        first, second = (api.post(f"{OPPORTUNITIES}/1/sync").json["delivery"]["id"] for _ in range(2))
        assert (first == second, len(rows(Delivery))) == (True, 1)

    def test_unknown_one_and_a_mode_without_leads(self, api: Api, three: None, environment: pytest.MonkeyPatch) -> None:
        """404, and 409 that says why."""
        assert api.get(f"{OPPORTUNITIES}/9").status == api.post(f"{OPPORTUNITIES}/9/sync").status == 404
        environment.setenv("ODOO_SYNC_MODE", "contacts")
        get_settings.cache_clear()
        answer = api.post(f"{OPPORTUNITIES}/1/sync")
        assert (answer.status, "ODOO_SYNC_MODE" in answer.json["title"]) == (409, True)


def test_every_default_stage_is_on_the_map(api: Api) -> None:
    """The migration has filled it."""
    assert len(rows(StageMapping)) == 11
