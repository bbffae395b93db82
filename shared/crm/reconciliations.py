"""Comparisons with Odoo as rows: asked for, carried out, and their reports kept."""

import json
import logging

from sqlalchemy.orm import Session

from shared import clock, queues
from shared.crm import reconcile
from shared.errors import PuenteError
from shared.store.models import ERROR_LENGTH, ActionLog, Reconciliation
from shared.store.session import long_statements, reading, transact

log = logging.getLogger("puente.reconcile")

ASKED, DONE, FAILED = "asked", "done", "failed"


def ask(queue: str, actor: str, *, dry_run: bool) -> int:
    """Put a comparison on the queue; the number of its report.

    Raises:
        UnavailableError: the queue or the database cannot be written.
    """

    def work(session: Session) -> int:
        row = Reconciliation(asked_by=actor[:60], dry_run=dry_run)
        session.add(row)
        session.add(ActionLog(actor=actor[:60], action="odoo.reconcile", result="asked", detail=f"dry_run={dry_run}"))
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
        report = reconcile.run(dry_run=row.dry_run)
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


def _failed(session: Session, number: int, text: str) -> None:
    row = session.get_one(Reconciliation, number)
    row.state, row.finished_at, row.error = FAILED, clock.now(), text[:ERROR_LENGTH]


def _finished(session: Session, number: int, report: reconcile.Report) -> None:
    row = session.get_one(Reconciliation, number)
    row.state, row.finished_at = DONE, clock.now()
    row.compared, row.in_step, row.repaired, row.held_back = report.compared, report.in_step, report.repaired, report.held_back
    row.counts, row.examples = dict(report.counts), dict(report.examples)
