"""Contacts and opportunities over the API: our record, as the handlers wrote it and as far as Odoo has it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import PermanentError
from shared.store.models import Channel, Contact, Opportunity, StageChange, StageMapping
from shared.web import opportunities
from tests.support.vendors import lead_sync
from tests.support.world import World, contact, opportunity
from tests.unit.web.calls import Api

CONTACTS, OPPORTUNITIES = "/api/v1/contacts/", "/api/v1/crm/opportunities/"


def manychat_ids(answer: Any) -> list[str]:
    """Whom a list names."""
    return [item["manychat_id"] for item in answer.json["items"]]


class TestContacts:
    """The people we know."""

    def test_event_is_seen_in_the_contact(self, api: Api, world: World) -> None:
        """Every field that a contact event carries, times in UTC with Z, the phone in E.164 and as it was sent."""
        world.post(
            "contact",
            contact(
                apellido_lead="Núñez 🌟",
                whatsapp="55 1234 5678",
                email_lead="ana@example.com",
                datetime_suscripcion="2026-02-01T10:00:00-06:00",
                ultimo_estado="Activo",
                estado_inicial="Nuevo",
                canal_entrada="WhatsApp",
            ),
        )
        world.run()
        answer = api.get(CONTACTS, manychat_id="m1").json
        (item,) = answer["items"]
        assert (answer["total"], answer["next"]) == (1, None)
        assert item == {
            "id": 1,
            "uuid": "70756e74-6563-8000-8000-000000000001",
            "manychat_id": "m1",
            "first_name": "Ana",
            "last_name": "Núñez 🌟",
            "email": "ana@example.com",
            "phone": "+525512345678",
            "phone_original": "55 1234 5678",
            "subscribed_at": "2026-02-01T16:00:00Z",
            "initial_state": "Nuevo",
            "last_state": "Activo",
            "channel": "WhatsApp",
            "channel_id": 1,
            "odoo_partner_id": None,
            "odoo_sync_status": None,
            "odoo_sync_error": None,
            "odoo_sync_attempts": 0,
            "synced_at": None,
            "created_at": "2026-03-02T09:00:00Z",
            "updated_at": "2026-03-02T09:00:00Z",
            "last_event_at": "2026-03-01T10:00:00Z",
            "tags": [],
            "attributes": {},
            "opt_in": None,
            "is_blocked": False,
        }

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, ["m3", "m2", "m1"]),
            ({"order": "oldest"}, ["m1", "m2", "m3"]),
            ({"manychat_id": "m2"}, ["m2"]),
            ({"manychat_id": "M2x"}, []),
            ({"phone": "+525512345678"}, ["m1"]),
            ({"phone": "55 1234-5678"}, ["m1"]),
            ({"phone": " 525512345678"}, ["m1"]),
            ({"phone": "call my sister"}, ["m3"]),
            ({"email": "ana@example.com"}, ["m1"]),
            ({"email": "ANA@example.com"}, ["m1"]),
            ({"email": "ana@example.com", "manychat_id": "m2"}, []),
        ],
    )
    def test_is_found_by_what_callers_know(
        self, api: Api, add: Callable[..., Any], query: dict[str, str], found: list[str]
    ) -> None:
        """ManyChat's id, the phone in any spelling, the e-mail address; several must all fit."""
        add(
            Contact(manychat_id="m1", phone="+525512345678", phone_original="5512345678", email="ana@example.com"),
            Contact(manychat_id="m2", phone="+34600111222"),
            Contact(manychat_id="m3", phone_original="call my sister"),
        )
        answer = api.get(CONTACTS, **query)
        assert (manychat_ids(answer), answer.json["total"]) == (found, len(found))

    def test_channels_are_named(self, api: Api, add: Callable[..., Any]) -> None:
        """Each contact's own channel, or none."""
        add(Contact(manychat_id="m1", channel=Channel(key="k", name="Instagram")), Contact(manychat_id="m2"))
        assert [item["channel"] for item in api.get(CONTACTS).json["items"]] == [None, "Instagram"]


class TestOpportunities:
    """Where each person stands, and how they got there."""

    def test_event_is_seen_in_the_opportunity_before_and_after_the_sync(self, api: Api, world: World) -> None:
        """First pending, then with Odoo's number; the stage under both its names."""
        event = opportunity(stage=25, at="2026-03-01T11:00:00+01:00", entry_date="2026-02-01T00:00:00Z", medical_advisor_id=7)
        world.post("opportunity", event | {"state": event["state"] | {"summary": "quiere precio 💬"}})
        with lead_sync():
            world.step("manychat-crm-opportunities-queue")
            (before,) = api.get(OPPORTUNITIES, manychat_id="m1").json["items"]
            world.run()
            (after,) = api.get(OPPORTUNITIES, manychat_id="m1").json["items"]
        assert before == {
            "id": 1,
            "manychat_id": "m1",
            "contact_id": 1,
            "stage_id": 25,
            "stage_name": "Comienza Cotización",
            "manychat_stage": "Comienza Cotización",
            "state_date": "2026-03-01T10:00:00Z",
            "summary": "quiere precio 💬",
            "entry_date": "2026-02-01T00:00:00Z",
            "medical_advisor_id": 7,
            "commercial_advisor_id": None,
            "odoo_lead_id": None,
            "odoo_sync_status": "pending",
            "odoo_sync_error": None,
            "odoo_sync_attempts": 0,
            "synced_at": None,
            "created_at": "2026-03-02T09:00:00Z",
            "updated_at": "2026-03-02T09:00:00Z",
            "stage_history": [
                {
                    "stage_id": 25,
                    "stage_name": "Comienza Cotización",
                    "state_date": "2026-03-01T10:00:00Z",
                    "summary": "quiere precio 💬",
                    "applied": True,
                    "recorded_at": "2026-03-02T09:00:00Z",
                }
            ],
        }
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {"odoo_lead_id", "odoo_sync_status", "synced_at"}
        assert (after["odoo_lead_id"], after["odoo_sync_status"]) == (1001, "success")

    def test_failed_sync_is_seen_with_its_error(self, api: Api, world: World) -> None:
        """Status, error and attempts, as they are."""
        world.post("opportunity", opportunity())
        with lead_sync() as odoo:
            odoo.bad["m1"] = PermanentError("odoo-refused", "Odoo says no")
            world.run()
        (item,) = api.get(OPPORTUNITIES).json["items"]
        assert (item["odoo_sync_status"], item["odoo_sync_error"], item["odoo_sync_attempts"]) == ("error", "Odoo says no", 1)

    def test_history_is_in_the_order_of_what_happened_and_tells_what_came_late(self, api: Api, world: World) -> None:
        """An event that arrives after a newer one is in its place, marked as not applied."""
        for stage, hour in ((16, 8), (21, 12), (18, 10)):
            world.post("opportunity", opportunity(stage=stage, at=f"2026-03-01T{hour:02}:00:00Z"))
            world.run(swallow=(Exception,))
        (item,) = api.get(OPPORTUNITIES).json["items"]
        assert item["stage_id"] == 21
        assert [(change["stage_id"], change["applied"]) for change in item["stage_history"]] == [
            (16, True),
            (18, False),
            (21, True),
        ]

    def test_histories_of_several_are_kept_apart_and_bounded(
        self, api: Api, add: Callable[..., Any], environment: pytest.MonkeyPatch
    ) -> None:
        """Each has its own, the newest ones where there are too many."""
        environment.setattr(opportunities, "LONGEST_HISTORY", 3)
        add(*(Opportunity(manychat_id=f"m{n}", contact=Contact(manychat_id=f"m{n}")) for n in (1, 2, 3)))
        day = datetime(2026, 3, 1, tzinfo=UTC)
        add(*(_change(1, stage=16 + n, at=day + timedelta(hours=n)) for n in (4, 2, 0, 3, 1)), _change(2, stage=26, at=day))
        histories = {
            item["manychat_id"]: [change["stage_id"] for change in item["stage_history"]]
            for item in api.get(OPPORTUNITIES).json["items"]
        }
        assert histories == {"m1": [18, 19, 20], "m2": [26], "m3": []}

    def test_stage_with_several_names_has_the_first_and_one_off_the_map_has_none(
        self, api: Api, add: Callable[..., Any]
    ) -> None:
        """The map may be edited at any time; what is not on it is shown by number alone."""
        add(StageMapping(manychat_key="otro", manychat_name="Otro nombre", odoo_stage_id=18, odoo_name="Otro"))
        add(Opportunity(manychat_id="m1", stage_id=18, contact=Contact(manychat_id="m1")))
        add(Opportunity(manychat_id="m2", stage_id=99, contact=Contact(manychat_id="m2")))
        shown = {
            item["manychat_id"]: (item["stage_name"], item["manychat_stage"]) for item in api.get(OPPORTUNITIES).json["items"]
        }
        assert shown == {"m1": ("Retornó en AC", "Retornó en AC"), "m2": (None, None)}

    def test_number_of_queries_does_not_grow_with_the_page(self, api: Api, add: Callable[..., Any], database: Any) -> None:
        """One page of 100 costs as many queries as one of 1."""
        from sqlalchemy import event

        day = datetime(2026, 3, 1, tzinfo=UTC)
        add(*(Opportunity(manychat_id=f"m{n}", stage_id=18, contact=Contact(manychat_id=f"m{n}")) for n in range(100)))
        add(*(_change(n + 1, stage=18, at=day) for n in range(100)))
        statements: list[str] = []
        event.listen(database, "before_cursor_execute", lambda *call: statements.append(call[2]))
        costs = []
        for limit in (1, 100):
            statements.clear()
            assert len(api.get(OPPORTUNITIES, limit=limit).json["items"]) == limit
            costs.append(len(statements))
        assert costs[0] == costs[1] < 7


def _change(opportunity_id: int, *, stage: int, at: datetime) -> StageChange:
    return StageChange(opportunity_id=opportunity_id, stage_id=stage, state_date=at, applied=True, event_key="e")
