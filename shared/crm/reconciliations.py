"""Comparisons of our record with an outside system as rows: asked for, carried out, and their reports kept.

With Odoo always; with which others the flows declare (`Flow.comparisons`).
"""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from shared import clock, flows, queues, stopping
from shared.crm import reconcile
from shared.crm.reconcile import Repair
from shared.errors import PermanentError, PuenteError
from shared.intake import endpoint, inbox
from shared.intake.envelope import Envelope
from shared.settings import get_settings
from shared.store.dialect import rows_changed
from shared.store.models import ERROR_LENGTH, ActionLog, Reconciliation
from shared.store.session import long_statements, reading, transact
from shared.vendors.odoo.client import OdooClient

log = logging.getLogger("puente.reconcile")

ASKED, DONE, FAILED = "asked", "done", "failed"
ODOO = "odoo"
ROUND = timedelta(minutes=5)  # of a comparison in one invocation; then it goes on by a new message


class _ElsewhereError(Exception):
    """Another invocation carries the same comparison on."""


type Goes = Mapping[str, Any]
"""Where a comparison goes on, as JSON; what is in it is the comparison's own."""

type Comparison = Callable[[reconcile.Report, Goes | None, bool], Goes | None]
"""Compares the next page with a system, from the beginning where it is given no place, and adds to the report what it shows.

Where to go on, None at the end. Given true (`dry_run`) it changes nothing. The same page twice is as once."""


def event_repair(queue: str, envelope: Envelope, facts: Any, *, creates: bool) -> Repair:
    """The repair that applies an event which did not come, as if its webhook had told of it.

    Raises:
        PermanentError: the event is not as its flow needs it.
    """
    handler = endpoint.handler_of(queue, envelope.type)
    event = inbox.read_event(handler, envelope)
    return Repair(
        key=envelope.id,
        title=envelope.type,
        subject=envelope.subject,
        facts=facts,
        creates=creates,
        apply=lambda session: inbox.apply_once(session, handler, event),
    )


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


def ask_by_the_clock(systems: Collection[str], *, dry_run: bool) -> int:
    """Ask for a comparison with each of these systems, as a nightly job does; how many. A second one compares again.

    Raises:
        UnavailableError: as `ask`.
    """
    for system in systems:
        ask(queues.RECONCILE_QUEUE, "timer", dry_run=dry_run, system=system)
    return len(systems)


@long_statements()
def carry_out(number: int, queue: str = queues.RECONCILE_QUEUE) -> None:
    """Run the comparison and keep its report. A second message for one that is finished does nothing.

    It keeps after each page how far it has come and what it has found, so it goes on there after a crash, and after ROUND by a
    new message on `queue`; however many records there are, no invocation is long.
    A failure is kept as the report; the next night compares again, so it is not repeated here.

    Raises:
        UnavailableError: the message that is to go on with it cannot be sent; the one that has come is to come again.
    """
    with reading() as session:
        row = session.get(Reconciliation, number)
    if row is None or row.state != ASKED:
        return
    try:
        report = _carried_on(row, comparison_with(row.system))
    except _ElsewhereError:
        log.info("reconciliation %d is carried on by another invocation", number)
        return
    except PuenteError as error:
        log.error("reconciliation %d failed: %s", number, error)  # noqa: TRY400  # the words say it
        text = str(error)
        transact(lambda session: _failed(session, number, text))
        return
    if report is None:
        queues.send(queue, json.dumps({"reconciliation": number}).encode())
        return
    transact(lambda session: _finished(session, number, report))
    log.info(
        "reconciliation %d: %d compared, completeness %.4f, %d repaired, %d held back",
        number, report.compared, report.completeness, report.repaired, report.held_back,
    )  # fmt: skip


def _carried_on(row: Reconciliation, comparison: Comparison) -> reconcile.Report | None:
    """The report of the whole comparison; None where the time is up before its end. One page is compared in any case."""
    end, report, place = clock.now() + ROUND, _so_far(row), row.goes_on or None
    for pages in count(row.pages):
        following = comparison(report, place, row.dry_run)
        if following is None:
            return report
        if not transact(partial(_kept, number=row.id, pages=pages, report=report, place=following)):
            raise _ElsewhereError
        if clock.now() >= end or stopping.is_asked():
            break
        place = following
    return None


def _with_odoo(report: reconcile.Report, place: Goes | None, dry_run: bool) -> Goes | None:  # noqa: FBT001  # a `Comparison`
    client = OdooClient.from_settings(get_settings())
    following = reconcile.go_on(
        report, reconcile.ComparisonPlace(**place) if place else reconcile.FIRST, dry_run=dry_run, client=client
    )
    return asdict(following) if following is not None else None


def _so_far(row: Reconciliation) -> reconcile.Report:
    examples = defaultdict(list, {name: list(some) for name, some in (row.examples or {}).items()})
    return reconcile.Report(
        compared=row.compared or 0,
        in_step=row.in_step or 0,
        repaired=row.repaired or 0,
        held_back=row.held_back or 0,
        counts=Counter(row.counts or {}),
        examples=examples,
    )


def _kept(session: Session, number: int, pages: int, report: reconcile.Report, place: Goes) -> bool:
    """Keep how far it has come; False where another invocation has kept that page."""
    mine = update(Reconciliation).where(Reconciliation.id == number, Reconciliation.pages == pages)
    values = {"pages": pages + 1, "goes_on": dict(place), **_figures(report)}
    return rows_changed(session.execute(mine.values(values))) == 1


def _figures(report: reconcile.Report) -> dict[str, Any]:
    return {
        **{name: getattr(report, name) for name in ("compared", "in_step", "repaired", "held_back")},
        "counts": dict(report.counts),
        "examples": dict(report.examples),
    }


def comparison_with(system: str) -> Comparison:
    """What compares our record with a system. Raises PermanentError: `no-comparison`, nothing does."""
    if system == ODOO:
        return _with_odoo
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
    for name, value in _figures(report).items():
        setattr(row, name, value)
