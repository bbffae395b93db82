"""Begin the execution of a schedule's run: one row, from which recipients are worked out. `starting` begins one by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from functions.broadcasts.running_config import config_of
from functions.broadcasts.states import AutomationStatus
from functions.broadcasts.tables import Automation, Execution, Schedule
from shared import clock
from shared.store.dialect import insert_if_absent


def begin(
    session: Session,
    automation: Automation,
    schedule: Schedule,
    due: datetime,
    changes: Mapping[str, Any] | None,
) -> Execution | None:
    """An execution for the run that was due at `due`, `queued`; None where that run has one already: then nothing changes.

    `changes` are those of the schedule's exceptions. The automation becomes `active`. Its counts of executions are raised in
    the database, so that two that begin at once both count.
    """
    run_key = f"schedule:{schedule.id}:{due.isoformat()}"
    values = {
        "automation_id": automation.id,
        "run_key": run_key,
        "execution_type": "scheduled",
        "triggered_by_event": "cron",
        "scheduled_for": due,
        "config": config_of(automation, changes),
    }
    if not insert_if_absent(session, Execution, "run_key", values):
        return None
    raised = {"total_executions": Automation.total_executions + 1, "last_executed_at": clock.now()}
    session.execute(
        update(Automation)
        .where(Automation.id == automation.id)
        .values(**raised, status=AutomationStatus.ACTIVE, is_active=True, updated_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return session.scalars(select(Execution).where(Execution.run_key == run_key)).one()
