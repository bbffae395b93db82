"""Deliveries over the API: what goes to the outside world, its history, and a person's word about it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from shared.crm import odoo_sync
from shared.errors import RetryableError
from shared.outbox import plan
from shared.outbox.execute import drain
from shared.store.models import ActionLog, Contact, Delivery, Opportunity
from shared.store.session import transact
from shared.web import deliveries
from tests.conftest import START
from tests.support.vendors import lead_sync
from tests.unit.web.calls import Api

LIST = "/api/v1/deliveries"


def row(**more: Any) -> Delivery:
    """A sync of the opportunity of `m1`, unless told otherwise."""
    values = {"kind": "sync", "target": "odoo", "action": "opportunity", "subject": "m1", "due_at": clock.now()}
    return Delivery(**(values | more))


class TestList:
    """What operators see."""

    def test_shows_what_there_is_to_know(self, api: Api, add: Callable[..., Any], test_clock: clock.TestClock) -> None:
        """Payload, result and error are there; what only workers need to know (leases) is not."""
        add(row(kind="message", payload={"text": "¡Hola! 🎉"}, result={"sid": "SM1"}, state="done", dedupe_key="k", attempts=2))
        (item,) = api.get(LIST).json["items"]
        assert (item["payload"], item["result"], item["attempts"]) == ({"text": "¡Hola! 🎉"}, {"sid": "SM1"}, 2)
        assert item["due_at"] == item["created_at"] == "2026-03-02T09:00:00Z"
        hidden = {column.name for column in Delivery.__table__.columns} - set(item)
        assert hidden == {"wanted", "claimed", "lease_token", "lease_until", "traceparent", "owed_since", "batch_limit"}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, [5, 4, 3, 2, 1]),
            ({"state": "dead"}, [2]),
            ({"kind": "message"}, [5, 4]),
            ({"target": "odoo"}, [3, 2, 1]),
            ({"action": "contact"}, [3]),
            ({"subject": "m2"}, [5, 2]),
            ({"since": "2026-03-02T09:04:00Z"}, [5, 4]),
            ({"until": "2026-03-02T10:03:00+01:00"}, [2, 1]),
            ({"kind": "message", "subject": "m2", "order": "oldest"}, [5]),
        ],
    )
    def test_filters_narrow_it_down_together(
        self, api: Api, add: Callable[..., Any], query: dict[str, str], found: list[int]
    ) -> None:
        """All filters given must fit; the total counts what fits."""
        made = [START + timedelta(minutes=number) for number in range(6)]
        add(
            row(created_at=made[1]),
            row(created_at=made[2], state="dead", subject="m2"),
            row(created_at=made[3], action="contact"),
            row(created_at=made[4], kind="message", target="alerts", state="uncertain"),
            row(created_at=made[5], kind="message", target="alerts", state="skipped", subject="m2"),
        )
        answer = api.get(LIST, **query).json
        assert ([item["id"] for item in answer["items"]], answer["total"]) == (found, len(found))

    def test_tells_by_which_delivery_one_was_retried(self, api: Api, add: Callable[..., Any]) -> None:
        """The newest of them; the list and the single one say the same."""
        add(row(state="dead"), row(state="dead", retry_of=1), row(retry_of=1, subject="m1"), row(retry_of=2, subject="m9"))
        retried = {item["id"]: item["retried_by"] for item in api.get(LIST).json["items"]}
        assert retried == {1: 3, 2: 4, 3: None, 4: None}
        assert api.get(f"{LIST}/1").json["retried_by"] == 3


class TestOne:
    """One delivery, with everything that was tried and done about it."""

    def test_history_tells_attempts_and_deeds_in_order(
        self, api: Api, add: Callable[..., Any], test_clock: clock.TestClock
    ) -> None:
        """Two failed attempts, a person who wants it now, success."""
        add(Opportunity(manychat_id="m1", stage_id=18, contact=Contact(manychat_id="m1")))
        with lead_sync() as odoo:
            number = transact(lambda session: plan.sync(session, odoo_sync.OPPORTUNITY, "m1"))
            odoo.failures = [RetryableError("try later"), RetryableError("later still")]
            drain("odoo")
            test_clock.advance(minutes=1)
            drain("odoo")
            api.post(f"{LIST}/{number}/retry")
            test_clock.advance(seconds=1)
            drain("odoo")
        shown = api.get(f"{LIST}/{number}").json
        assert shown["state"] == "done"
        assert [(line["actor"], line["result"], line["attempt"], line["detail"]) for line in shown["history"]] == [
            ("system", "retryable", 1, "try later"),
            ("system", "retryable", 2, "later still"),
            ("key:ops", "hastened", None, None),
            ("system", "done", 3, None),
        ]
        assert [line["at"] for line in shown["history"]] == sorted(line["at"] for line in shown["history"])

    def test_history_is_bounded_and_keeps_the_newest(self, api: Api, add: Callable[..., Any]) -> None:
        """One that was tried for ever does not make an endless answer."""
        add(row())
        longest = deliveries.LONGEST_HISTORY
        add(
            *(
                ActionLog(actor="system", action="odoo.opportunity", delivery_id=1, attempt=n, result="x")
                for n in range(longest + 5)
            )
        )
        attempts = [line["attempt"] for line in api.get(f"{LIST}/1").json["history"]]
        assert attempts == list(range(5, longest + 5))

    def test_unknown_one_is_not_found(self, api: Api) -> None:
        """404 that names it."""
        answer = api.get(f"{LIST}/8")
        assert (answer.status, answer.json["title"]) == (404, "There is no delivery 8.")


class TestDeeds:
    """Retry and cancel; what they do in each state is in test_manual_actions."""

    def test_retry_answers_with_the_delivery_that_will_be_tried(self, api: Api, add: Callable[..., Any]) -> None:
        """202, its address in Location, and the link to the old one."""
        add(row(state="dead", reason="attempts-used-up"))
        answer = api.post(f"{LIST}/1/retry", key="write-key")
        assert (answer.status, answer.headers["location"]) == (202, "/api/v1/deliveries/2")
        assert (answer.json["id"], answer.json["state"], answer.json["retry_of"]) == (2, "pending", 1)
        old = api.get(f"{LIST}/1").json
        assert (old["state"], old["reason"], old["retried_by"]) == ("dead", "attempts-used-up", 2)
        assert old["history"][0]["actor"] == "key:robot"

    def test_cancel_answers_with_what_it_is_now(self, api: Api, add: Callable[..., Any]) -> None:
        """200, cancelled, by whom."""
        add(row())
        answer = api.post(f"{LIST}/1/cancel")
        assert (answer.status, answer.json["state"], answer.json["reason"]) == (200, "cancelled", "by key:ops")

    @pytest.mark.parametrize(
        ("deed", "state", "status"),
        [("retry", "done", 409), ("retry", "sending", 409), ("cancel", "done", 409), ("cancel", "skipped", 409)],
    )
    def test_what_the_state_does_not_allow_is_a_409_with_the_reason(
        self, api: Api, add: Callable[..., Any], deed: str, state: str, status: int
    ) -> None:
        """The problem names the state, and why."""
        add(row(state=state))
        answer = api.post(f"{LIST}/1/{deed}")
        assert (answer.status, answer.json["type"]) == (status, f"urn:puente:problem:delivery-{state}")
        assert answer.json["detail"]

    @pytest.mark.parametrize("deed", ["retry", "cancel"])
    def test_unknown_one_is_not_found(self, api: Api, deed: str) -> None:
        """404."""
        assert api.post(f"{LIST}/3/{deed}").status == 404
