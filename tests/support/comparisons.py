"""Comparisons with outside systems as the tests carry them out: whole reports, and the plans of what they find lacking."""

from collections.abc import Callable
from typing import Any

from shared import queues
from shared.crm import reconciliations
from shared.crm.reconcile import Report
from shared.plans import backfills, running
from shared.store.models import Reconciliation
from shared.store.plan_models import Plan
from shared.store.session import reading

KEY, NAME = "key:olga", "olga"


def whole(compare: Callable[[Report, Any, bool], Any], *, fill: bool = False) -> Report:
    """The report of all pages."""
    report, place = Report(), None
    while (place := compare(report, place, not fill)) is not None:
        pass
    return report


def found(report: Report) -> tuple[int, int, dict[str, int]]:
    """How many were compared, how many are in step, and how often each difference was found."""
    return report.compared, report.in_step, dict(report.counts)


def compared(system: str) -> int:
    """A comparison that has come to its end and has only reported; its number."""
    number = reconciliations.ask(queues.RECONCILE_QUEUE, "timer", dry_run=True, system=system)
    reconciliations.carry_out(number)
    with reading() as session:
        assert session.get_one(Reconciliation, number).state == reconciliations.DONE
    return number


def planned(system: str) -> Plan:
    """The plan of the backfill of such a comparison."""
    number = compared(system)
    with reading() as session:
        asked = backfills.asked(session, number)
    return plan_of(running.begin(backfills.NAME, asked, KEY, NAME))


def approved(plan: Plan) -> Plan:
    """A plan once it was approved as it was shown."""
    return plan_of(running.approve(plan.id, plan.hash, KEY, NAME))


def plan_of(number: int) -> Plan:
    """A plan as it is now."""
    with reading() as session:
        row = session.get_one(Plan, number)
        session.expunge(row)
        return row
