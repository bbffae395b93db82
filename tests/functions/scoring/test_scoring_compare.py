"""Scored leads held against their contacts in HubSpot; what differs is mended by a plan."""

import pytest
from sqlalchemy import select, update

from functions.scoring import compare
from functions.scoring.contacts import LEADS
from functions.scoring.tables import ScoredLead
from shared.store.plan_models import PlanPart
from shared.store.session import reading, transact
from tests.functions.scoring.conftest import Account, lead
from tests.support.comparisons import approved, found, planned, whole


def test_what_was_written_is_in_step(account: Account) -> None:
    """Leads of one contact are compared once; HubSpot's own spelling of numbers is no difference."""
    account.report(lead("1"), lead("2"), lead("3", email="ana1@example.com"))
    account.settle()
    account.hubspot.act("set", {"id": "50", "properties": {"lead_score__c": "33.0"}})
    assert account.contacts[0]["lead_score__c"] == "33.0"
    assert account.leads[0].score == 33
    assert found(whole(compare.with_hubspot)) == (2, 2, {})


def test_differences_are_mended_by_a_plan(account: Account) -> None:
    """A contact that is gone, one that somebody has changed, one that was never sent: the plan says what each side has."""
    account.report(lead("1"), lead("2"), lead("3"), lead("4"))
    account.settle()
    gone, changed, unsent, _kept = [row.hubspot_contact_id for row in account.leads]
    account.hubspot.act("remove", {"id": gone})
    account.hubspot.act("set", {"id": changed, "properties": {"firstname": "Otra"}})
    transact(_never_sent)
    account.hubspot.act("remove", {"id": unsent})
    assert found(whole(compare.with_hubspot)) == (4, 1, {"missing": 1, "differs:firstname": 1, "unsent": 1})
    plan = planned("hubspot-leads")
    assert (plan.state, plan.figures["create"], plan.figures["update"], plan.figures["stop"]) == ("ready", 2, 1, 0)
    with reading() as session:
        details = set(session.scalars(select(PlanPart.detail).where(PlanPart.what == "update")))
    assert details == {"differs firstname Ana Otra"}
    account.settle()
    assert len(account.contacts) == 2
    assert approved(plan).state == "done"
    account.settle()
    assert {one["firstname"] for one in account.contacts} == {"Ana"}
    assert (len(account.contacts), found(whole(compare.with_hubspot))) == (4, (4, 4, {}))


def _never_sent(session: object) -> None:
    values = {"hubspot_sync_status": None, "hubspot_contact_id": None}
    session.execute(update(ScoredLead).where(ScoredLead.ext_id == "3").values(values))  # type: ignore[attr-defined]


def test_what_salesmen_have_moved_on_is_no_difference(account: Account) -> None:
    """A further stage of the life cycle stays, and so does a property that no report says."""
    account.report(lead("1"))
    account.settle()
    account.hubspot.act("set", {"id": "50", "properties": {"lifecyclestage": "customer", "lastname": "Díaz"}})
    assert found(whole(compare.with_hubspot)) == (1, 1, {})


def test_what_has_changed_meanwhile_is_shown_again(account: Account) -> None:
    """Nothing is written then; what waits for a sync is not compared."""
    account.report(lead("1"), lead("2"))
    account.settle()
    number = account.leads[0].hubspot_contact_id
    account.hubspot.act("set", {"id": number, "properties": {"firstname": "Otra"}})
    plan = planned("hubspot-leads")
    account.hubspot.act("set", {"id": number, "properties": {"firstname": "Otra más"}})
    shown = approved(plan)
    assert (shown.state, shown.before_id) == ("ready", plan.id)
    transact(lambda session: LEADS.request(session, session.get_one(ScoredLead, account.leads[0].id)))
    assert found(whole(compare.with_hubspot)) == (1, 1, {})


@pytest.mark.parametrize("at_once", [1, 2])
def test_all_are_compared_page_by_page(account: Account, environment: pytest.MonkeyPatch, at_once: int) -> None:
    """Each contact once, also where its leads are on two pages."""
    environment.setattr(compare, "LARGEST_BATCH", at_once)
    account.report(lead("1"), lead("2"), lead("3"), lead("4", email="ana1@example.com"))
    account.settle()
    assert found(whole(compare.with_hubspot)) == (3, 3, {})
    assert compare.ask_nightly() == 1
