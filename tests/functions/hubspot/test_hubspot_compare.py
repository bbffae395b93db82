"""HubSpot's contacts held against what its webhooks told, through our own client; what is missing is mended by a plan."""

from typing import Any

import pytest
from sqlalchemy import select

from functions.hubspot import changed, compare
from shared.crm import reconciliations
from shared.settings import get_settings
from shared.store.models import Reconciliation
from shared.store.session import reading
from tests.functions.hubspot.conftest import stored
from tests.support.comparisons import approved, found, planned, whole
from tests.support.hubspot import PRODUCT, SUBSCRIBER, Account
from tests.unit.web.calls import Api


def lost(account: Account) -> None:
    """HubSpot's webhooks up to now are lost, and so much time passes that none is on its way any more."""
    account.wire.sent.clear()
    account.clock.advance(minutes=20)


def test_interest_that_no_webhook_told_of_is_planned_with_its_message(account: Account) -> None:
    """The plan counts the message; approved, it goes out once, and both sides are in step. A late webhook sends no second."""
    account.person()
    late = list(account.wire.sent)
    lost(account)
    assert found(whole(compare.with_hubspot)) == (1, 0, {"missing": 1})
    plan = planned("hubspot")
    assert (plan.state, plan.figures["create"], plan.figures["stop"], plan.figures["messages"]) == ("ready", 1, 0, 1)
    assert (stored(), account.sent) == ([], [])
    done = approved(plan)
    assert done.state == "done"
    account.settle()
    assert len(account.sent) == 1
    assert found(whole(compare.with_hubspot)) == (1, 1, {})
    for webhook in late:
        account.post(webhook.body, account.signed(webhook.body))
    account.settle()
    assert len(account.sent) == 1


def test_what_webhooks_told_is_in_step(account: Account) -> None:
    """So is what was skipped for a reason; another property's change says nothing of the interest."""
    ana = account.person()["id"]
    account.deliver()
    account.settle()
    account.clock.advance(minutes=20)
    assert found(whole(compare.with_hubspot)) == (1, 1, {})
    account.hubspot.act("set", {"id": ana, "properties": {PRODUCT: "Plan Mensual"}})
    account.wire.sent.clear()
    account.clock.advance(minutes=1)
    account.hubspot.act("set", {"id": ana, "properties": {"email": "ana@example.com"}})
    account.deliver()
    account.settle()
    account.clock.advance(minutes=20)
    assert found(whole(compare.with_hubspot)) == (1, 0, {"missing": 1})


def test_what_is_no_gap(account: Account, environment: pytest.MonkeyPatch) -> None:
    """Nobody's ManyChat, no interest, a webhook on its way, long ago, and what an app of ours wrote."""
    old = account.person(**{SUBSCRIBER: "987654321"})["id"]
    account.person(**{SUBSCRIBER: ""})
    account.person(**{PRODUCT: ""})
    account.wire.sent.clear()
    account.clock.advance(hours=80)
    account.hubspot.act("set", {"id": old, "properties": {"firstname": "Eva"}})
    account.person(**{SUBSCRIBER: ""})
    account.person(**{PRODUCT: ""})
    account.clock.advance(minutes=20)
    ana = account.person()["id"]
    account.clock.advance(minutes=1)
    assert found(whole(compare.with_hubspot)) == (0, 0, {})
    account.clock.advance(minutes=20)
    assert found(whole(compare.with_hubspot)) == (1, 0, {"missing": 1})
    written: Any = account.hubspot._contacts
    written.change(written.found(ana, ""), {PRODUCT: "Plan Mensual"}, "INTEGRATION")
    lost(account)
    assert found(whole(compare.with_hubspot)) == (1, 0, {"missing": 1})
    environment.setenv("HUBSPOT_APP_IDS", "1160452")
    get_settings.cache_clear()
    assert found(whole(compare.with_hubspot)) == (0, 0, {})


def test_all_are_compared_page_by_page(account: Account, environment: pytest.MonkeyPatch) -> None:
    """Behind the last id, not behind a page; a contact that was merged is known by the ids that it had."""
    environment.setattr(changed, "AT_ONCE", 2)
    made = [account.person(**{SUBSCRIBER: f"12345678{number}"})["id"] for number in range(5)]
    account.deliver()
    account.settle()
    account.clock.advance(minutes=20)
    assert found(whole(compare.with_hubspot)) == (5, 5, {})
    account.hubspot.act("merge", {"id": made[0], "other": made[1]})
    lost(account)
    assert found(whole(compare.with_hubspot)) == (4, 4, {})


def test_every_night_and_on_request(account: Account, api: Api, environment: pytest.MonkeyPatch) -> None:
    """It only reports; HubSpot away is a failed report; without a token nothing is asked."""
    account.person()
    lost(account)
    assert compare.ask_nightly() == 1
    asked = api.post("/api/v1/hubspot/comparisons")
    assert asked.status == 202, asked.json
    with reading() as session:
        numbers = session.scalars(select(Reconciliation.id)).all()
    for number in numbers:
        reconciliations.carry_out(number)
    assert stored() == []
    reports = api.get("/api/v1/hubspot/comparisons").json["items"]
    assert [(one["system"], one["state"], one["counts"]) for one in reports] == [("hubspot", "done", {"missing": 1})] * 2
    environment.delenv("HUBSPOT_TOKEN")
    get_settings.cache_clear()
    assert compare.ask_nightly() == 0
