"""Scored leads held against their contacts in HubSpot; what differs is mended by a plan."""

import pytest
from sqlalchemy import select, update

from functions.scoring import compare
from functions.scoring.contacts import LEADS
from functions.scoring.tables import ScoredLead
from shared import queues
from shared.crm import reconciliations
from shared.crm.reconcile import Report
from shared.plans import backfills, running
from shared.store.plan_models import Plan, PlanPart
from shared.store.session import reading, transact
from tests.functions.scoring.conftest import Account, lead


def whole() -> Report:
    """The report of all pages."""
    report, place = Report(), None
    while (place := compare.with_hubspot(report, place, True)) is not None:
        pass
    return report


def found() -> tuple[int, int, dict[str, int]]:
    report = whole()
    return report.compared, report.in_step, dict(report.counts)


def planned() -> Plan:
    """A comparison by its queue, and the plan of its backfill."""
    number = reconciliations.ask(queues.RECONCILE_QUEUE, "test", dry_run=True, system="hubspot-leads")
    reconciliations.carry_out(number)
    with reading() as session:
        asked = backfills.asked(session, number)
    return plan_of(running.begin(backfills.NAME, asked, "key:olga", "olga"))


def plan_of(number: int) -> Plan:
    with reading() as session:
        row = session.get_one(Plan, number)
        session.expunge(row)
        return row


def test_what_was_written_is_in_step(account: Account) -> None:
    """Leads of one contact are compared once; HubSpot's own spelling of numbers is no difference."""
    account.report(lead("1"), lead("2"), lead("3", email="ana1@example.com"))
    account.settle()
    account.hubspot.act("set", {"id": "50", "properties": {"lead_score__c": "33.0"}})
    assert account.contacts[0]["lead_score__c"] == "33.0"
    assert account.leads[0].score == 33
    assert found() == (2, 2, {})


def test_differences_are_mended_by_a_plan(account: Account) -> None:
    """A contact that is gone, one that somebody has changed, one that was never sent: the plan says what each side has."""
    account.report(lead("1"), lead("2"), lead("3"), lead("4"))
    account.settle()
    gone, changed, unsent, _kept = [row.hubspot_contact_id for row in account.leads]
    account.hubspot.act("remove", {"id": gone})
    account.hubspot.act("set", {"id": changed, "properties": {"firstname": "Otra"}})
    transact(_never_sent)
    account.hubspot.act("remove", {"id": unsent})
    assert found() == (4, 1, {"missing": 1, "differs:firstname": 1, "unsent": 1})
    plan = planned()
    assert (plan.state, plan.figures["create"], plan.figures["update"], plan.figures["stop"]) == ("ready", 2, 1, 0)
    with reading() as session:
        details = set(session.scalars(select(PlanPart.detail).where(PlanPart.what == "update")))
    assert details == {"differs firstname Ana Otra"}
    account.settle()
    assert len(account.contacts) == 2
    assert plan_of(running.approve(plan.id, plan.hash, "key:olga", "olga")).state == "done"
    account.settle()
    assert {one["firstname"] for one in account.contacts} == {"Ana"}
    assert (len(account.contacts), found()) == (4, (4, 4, {}))


def _never_sent(session: object) -> None:
    values = {"hubspot_sync_status": None, "hubspot_contact_id": None}
    session.execute(update(ScoredLead).where(ScoredLead.ext_id == "3").values(values))  # type: ignore[attr-defined]


def test_what_salesmen_have_moved_on_is_no_difference(account: Account) -> None:
    """A further stage of the life cycle stays, and so does a property that no report says."""
    account.report(lead("1"))
    account.settle()
    account.hubspot.act("set", {"id": "50", "properties": {"lifecyclestage": "customer", "lastname": "Díaz"}})
    assert found() == (1, 1, {})


def test_what_has_changed_meanwhile_is_shown_again(account: Account) -> None:
    """Nothing is written then; what waits for a sync is not compared."""
    account.report(lead("1"), lead("2"))
    account.settle()
    number = account.leads[0].hubspot_contact_id
    account.hubspot.act("set", {"id": number, "properties": {"firstname": "Otra"}})
    plan = planned()
    account.hubspot.act("set", {"id": number, "properties": {"firstname": "Otra más"}})
    shown = plan_of(running.approve(plan.id, plan.hash, "key:olga", "olga"))
    assert (shown.state, shown.before_id) == ("ready", plan.id)
    transact(lambda session: LEADS.request(session, session.get_one(ScoredLead, account.leads[0].id)))
    assert found() == (1, 1, {})


@pytest.mark.parametrize("at_once", [1, 2])
def test_all_are_compared_page_by_page(account: Account, environment: pytest.MonkeyPatch, at_once: int) -> None:
    """Each contact once, also where its leads are on two pages."""
    environment.setattr(compare, "LARGEST_BATCH", at_once)
    account.report(lead("1"), lead("2"), lead("3"), lead("4", email="ana1@example.com"))
    account.settle()
    assert found() == (3, 3, {})
    assert compare.ask_nightly() == 1
