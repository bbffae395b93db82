"""What a comparison with another system finds lacking is mended by a plan: seen first, and then exactly so."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from functions.bookings.tables import Booking
from shared import clock
from shared.crm import reconcile
from shared.plans import backfills
from shared.store.models import Delivery, Opportunity, Reconciliation
from shared.store.plan_models import Plan, PlanPart
from shared.store.session import reading, transact
from tests.flows.test_reconcile import lead, synced
from tests.functions.bookings.test_bookings import vendors
from tests.functions.bookings.test_bookings_compare import ANA, calcom, calendly, ours
from tests.support.comparisons import approved, planned

__all__ = ["calcom", "calendly", "ours", "synced", "vendors"]  # fixtures


def states_of(plan: Plan) -> dict[str, int]:
    with reading() as session:
        query = select(PlanPart.state, func.count()).where(PlanPart.plan_id == plan.id).group_by(PlanPart.state)
        return dict(session.execute(query).all())


def test_record_that_odoo_lacks_is_made_again(synced, world):
    """The plan says so, nothing is done before it is approved, and afterwards both sides are in step."""
    synced.unlink("crm.lead", [lead(synced, "m1"), lead(synced, "m2")])
    plan = planned("odoo")
    assert (plan.figures["create"], plan.figures["update"], plan.figures["messages"]) == (2, 0, 0)
    assert reconcile.run(dry_run=True).counts == {"missing": 2}
    done = approved(plan)
    assert (done.state, states_of(done)) == ("done", {"done": 2})
    world.run()
    assert reconcile.run(dry_run=True).completeness == 1.0


def test_plan_of_a_page_is_cut_by_time_and_still_whole(synced, monkeypatch):
    """A transaction that ends early goes on behind the last record, though those before it differ no more."""
    from shared.plans import trying

    synced.unlink("crm.lead", [lead(synced, f"m{number}") for number in range(4)])
    monkeypatch.setattr(trying, "PATIENCE", timedelta(0))
    done = approved(planned("odoo"))
    assert (done.state, states_of(done)) == ("done", {"done": 4})


def test_what_differs_otherwise_now_is_shown_again(synced):
    """Our stage has changed since: nothing is done, and the new plan is there to be seen."""
    synced.unlink("crm.lead", [lead(synced, "m1")])
    plan = planned("odoo")

    def change(session) -> None:
        row = session.scalars(select(Opportunity).where(Opportunity.manychat_id == "m1")).one()
        row.stage_id = 19

    transact(change)
    shown = approved(plan)
    assert (shown.state, shown.before_id, states_of(shown)) == ("ready", plan.id, {"planned": 1})


def test_booking_that_never_came_is_planned_with_its_messages(ours, calcom):
    """Cal.com has bookings that no webhook told of: the plan counts what would go out, and applies exactly them."""
    calcom.act("book", ANA)
    missed = calcom.act("book", ANA | {"email": "eva@example.com", "phone": "+525587654321"})
    calcom.act("no_show", {"id": missed["uid"]})
    plan = planned("calcom")
    assert (plan.figures["create"], plan.figures["stop"]) == (plan.figures["parts"], 0)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Booking)) == 0
        before = session.scalar(select(func.count()).select_from(Delivery))
    done = approved(plan)
    assert (done.state, set(states_of(done))) == ("done", {"done"})
    with reading() as session:
        assert sorted(session.scalars(select(Booking.status))) == ["booked", "no-show"]
        made = session.scalar(select(func.count()).select_from(Delivery)) - before
    assert made == plan.figures["deliveries"]
    again = planned("calcom")
    assert again.figures.get("parts", 0) == 0


def test_comparison_that_is_not_over_has_no_plan(database):
    """Nor one that there never was."""
    row = Reconciliation(asked_by="x", dry_run=True, system="odoo", asked_at=clock.now())
    number = transact(lambda session: (session.add(row), session.flush(), row.id)[2])
    with reading() as session:
        for wrong, status in ((number, 409), (number + 1, 404)):
            with pytest.raises(Exception, match=str(status)):
                backfills.asked(session, wrong)
