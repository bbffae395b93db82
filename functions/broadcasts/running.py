"""The job that runs executions: start, plan what is due soon, watch, finish. It bears to run twice and to die anywhere."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Select, bindparam, exists, literal_column, or_, select
from sqlalchemy.orm import Session

from functions.broadcasts import running_control, running_plan, running_watch
from functions.broadcasts.running_tables import RecentFailure
from functions.broadcasts.states import OPEN, AutomationStatus, ExecutionStatus, PlanState
from functions.broadcasts.tables import Automation, Execution
from shared import clock, faults
from shared.crm import editing
from shared.errors import PuenteError
from shared.store.session import reading, transact

log = logging.getLogger("puente.broadcasts")

AFTER_START = faults.point("broadcasts.after_start")
AFTER_FINISH = faults.point("broadcasts.after_finish")
MOST = 200  # executions of one round
MOST_PAGES = 25  # of one cancelled execution in one round
RECENTLY = timedelta(days=2)
_ANYTHING: Select[int] = select(literal_column("1")).where(
    or_(
        exists().where(Execution.status.in_(OPEN)),
        exists().where(Execution.status == ExecutionStatus.CANCELLED, Execution.cancelled_at > bindparam("lately")),
        exists().where(RecentFailure.at < bindparam("forgotten")),
    )
)


def run_all() -> int:
    """Do for every open execution what is to be done now; how many recipients were planned. A job of every half minute.

    An execution that fails is logged and stops no other; the next round tries it again. Where no execution is open, as almost
    always, one question is all that it costs.
    """
    if not _is_anything():
        return 0
    transact(running_watch.forget)
    _each(_paused_and_due(), lambda one: editing.committed(partial(_resume, execution_id=one)))
    _each(_ready(), _start)
    _each(_cancelled(), _take_back)
    return sum(_each(running_plan.running(), _advance))


def _start(execution_id: int) -> int:
    started = editing.committed(partial(running_control.start_if_ready, execution_id=execution_id))
    faults.hit(AFTER_START)
    return int(started)


def _take_back(execution_id: int) -> int:
    """Page by page, so that a round takes back whatever a quarter of an hour had planned, and no round is long."""
    taken = 0
    for _ in range(MOST_PAGES):
        found = editing.committed(partial(running_watch.take_back, execution_id=execution_id))
        taken += found
        if found < running_watch.PAGE:
            break
    return taken


def _advance(execution_id: int) -> int:
    """Pause it for a wave of errors; else plan what is due soon, bring strays in line, and finish it if all have ended."""
    if editing.committed(partial(running_watch.pause_for_errors, execution_id=execution_id)):
        return 0
    planned = running_plan.plan(execution_id)
    editing.committed(partial(running_watch.settle_strays, execution_id=execution_id))
    editing.committed(partial(running_watch.finish, execution_id=execution_id))
    faults.hit(AFTER_FINISH)
    return planned


def _each(execution_ids: Sequence[int], work: Callable[[int], int]) -> list[int]:
    found = []
    for execution_id in execution_ids:
        try:
            found.append(int(work(execution_id)))
        except PuenteError as error:
            log.warning("execution %d is tried again: %s", execution_id, error)
        except Exception:
            log.exception("execution %d is tried again", execution_id)
    return found


def _resume(session: Session, execution_id: int) -> int:
    running_control.resume(session, execution_id, running_control.SYSTEM)
    return 1


def _is_anything() -> bool:
    now = clock.now()
    with reading() as session:
        return session.scalar(_ANYTHING, {"lately": now - RECENTLY, "forgotten": now - running_watch.KEPT}) is not None


def _paused_and_due() -> Sequence[int]:
    due = (Execution.status == ExecutionStatus.PAUSED, Execution.resumes_at <= clock.now(), Automation.deleted_at.is_(None))
    query = select(Execution.id).join(Automation, Automation.id == Execution.automation_id)
    with reading() as session:
        return session.scalars(query.where(*due).order_by(Execution.id).limit(MOST)).all()


def _ready() -> Sequence[int]:
    ready = (Execution.status == ExecutionStatus.QUEUED, Execution.plan_state == PlanState.PLANNED)
    allowed = or_(Execution.approval == "none", Execution.approval == "approved")
    query = select(Execution.id).join(Automation, Automation.id == Execution.automation_id)
    query = query.where(*ready, allowed, Automation.status != AutomationStatus.PAUSED)
    with reading() as session:
        return session.scalars(query.order_by(Execution.id).limit(MOST)).all()


def _cancelled() -> Sequence[int]:
    lately = (Execution.status == ExecutionStatus.CANCELLED, Execution.cancelled_at > clock.now() - RECENTLY)
    with reading() as session:
        return session.scalars(select(Execution.id).where(*lately).order_by(Execution.id).limit(MOST)).all()
