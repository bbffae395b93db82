"""Comparisons of our record with an outside system as rows: asked for, carried out, and their reports kept.

With Odoo always; with which others the flows declare (`Flow.comparisons`).
"""

import json
import logging
from collections.abc import Callable

from sqlalchemy.orm import Session

from shared import clock, flows, queues
from shared.crm import reconcile
from shared.errors import PermanentError, PuenteError
from shared.store.models import ERROR_LENGTH, ActionLog, Reconciliation
from shared.store.session import long_statements, reading, transact

log = logging.getLogger("puente.reconcile")

ASKED, DONE, FAILED = "asked", "done", "failed"
ODOO = "odoo"


type Comparison = Callable[[bool], reconcile.Report]
"""Compares our record with a system and says what it found; given true (`dry_run`) it changes nothing. Twice is as once."""


def ask(queue: str, actor: str, *, dry_run: bool, system: str = ODOO) -> int:
    """Put a comparison with a system on the queue; the number of its report.

    Raises:
        UnavailableError: the queue or the database cannot be written.
    """

    def work(session: Session) -> int:
        row = Reconciliation(asked_by=actor[:60], dry_run=dry_run, system=system)
        session.add(row)
        session.add(ActionLog(actor=actor[:60], action=f"{system}.reconcile", result="asked", detail=f"dry_run={dry_run}"))
        session.flush()
        return row.id

    number = transact(work)
    queues.send(queue, json.dumps({"reconciliation": number}).encode())
    return number


@long_statements()
def carry_out(number: int) -> None:
    """Run the comparison and keep its report. A second message for one that is finished does nothing.

    A failure is kept as the report; the next night compares again, so it is not repeated here.
    """
    with reading() as session:
        row = session.get(Reconciliation, number)
    if row is None or row.state != ASKED:
        return
    try:
        report = _comparison(row.system)(row.dry_run)
    except PuenteError as error:
        log.error("reconciliation %d failed: %s", number, error)  # noqa: TRY400  # the words say it
        text = str(error)
        transact(lambda session: _failed(session, number, text))
        return
    transact(lambda session: _finished(session, number, report))
    log.info(
        "reconciliation %d: %d compared, completeness %.4f, %d repaired, %d held back",
        number, report.compared, report.completeness, report.repaired, report.held_back,
    )  # fmt: skip


def _comparison(system: str) -> Comparison:
    if system == ODOO:
        return lambda dry_run: reconcile.run(dry_run=dry_run)
    declared = {name: reference for flow in flows.installed() for name, reference in flow.comparisons.items()}
    if system not in declared:
        raise PermanentError("no-comparison", f"nothing here is compared with {system}")
    found: Comparison = flows.resolve(declared[system])
    return found


def _failed(session: Session, number: int, text: str) -> None:
    row = session.get_one(Reconciliation, number)
    row.state, row.finished_at, row.error = FAILED, clock.now(), text[:ERROR_LENGTH]


def _finished(session: Session, number: int, report: reconcile.Report) -> None:
    row = session.get_one(Reconciliation, number)
    row.state, row.finished_at = DONE, clock.now()
    row.compared, row.in_step, row.repaired, row.held_back = report.compared, report.in_step, report.repaired, report.held_back
    row.counts, row.examples = dict(report.counts), dict(report.examples)
