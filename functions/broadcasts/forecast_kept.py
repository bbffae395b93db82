"""Each execution keeps the forecast of its beginning, so that it can be held against what happened."""

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.broadcasts import forecast, forecast_shown
from functions.broadcasts.states import OPEN, PlanState, RecipientStatus
from functions.broadcasts.tables import Execution, Recipient
from shared import clock
from shared.errors import PuenteError, RefusedError
from shared.store.dialect import held
from shared.store.session import reading, transact

LATELY = timedelta(days=1)
BUDGET_SECONDS = 15  # of a job of every half minute
MOST = 3
PAGE = 5000
log = logging.getLogger("puente.broadcasts")


def keep_all() -> int:
    """Work out the forecast of executions whose recipients have been worked out; how many. A second run finds them kept."""
    with reading() as session:
        query = select(Execution.id).where(Execution.status.in_(OPEN), Execution.plan_state == PlanState.PLANNED)
        query = query.where(Execution.forecast.is_(None), Execution.created_at > clock.now() - LATELY, ~Execution.is_test)
        execution_ids = session.scalars(query.order_by(Execution.id).limit(MOST)).all()
    for execution_id in execution_ids:
        try:
            shown = forecast_shown.as_json(forecast.of_execution(execution_id, BUDGET_SECONDS))
        except PuenteError as error:  # its flow is gone, or a setting is wrong: it goes, and nothing is compared
            log.warning("execution %d has no forecast: %s", execution_id, error)
            shown = {}
        transact(partial(_keep, execution_id=execution_id, shown=shown))
    return len(execution_ids)


def _keep(session: Session, execution_id: int, shown: dict[str, Any]) -> None:
    execution = session.scalars(held(select(Execution).where(Execution.id == execution_id), Execution)).one()
    execution.forecast = execution.forecast or shown


def of_execution(execution: Execution) -> dict[str, Any]:
    """The kept forecast, with what has happened so far beside it. Recipients are read in pages.

    Raises:
        RefusedError: 409, there is none (yet).
    """
    if not execution.forecast:
        title = "There is no forecast of this execution yet; it is worked out within a minute of its start."
        raise RefusedError(409, "no-forecast", title)
    hours: Counter[datetime] = Counter()
    after = 0
    while True:
        with reading() as session:
            query = select(Recipient.id, Recipient.sent_at).where(Recipient.execution_id == execution.id)
            rows = session.execute(query.where(Recipient.id > after).order_by(Recipient.id).limit(PAGE)).all()
        sent = (row.sent_at for row in rows if row.sent_at is not None)
        hours.update(at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for at in sent)
        if len(rows) < PAGE:
            return forecast_shown.compared(execution.forecast, hours, _skipped(execution.id))
        after = rows[-1].id


def _skipped(execution_id: int) -> Counter[str]:
    with reading() as session:
        ours = (Recipient.execution_id == execution_id, Recipient.status == RecipientStatus.SKIPPED)
        rows = session.execute(select(Recipient.reason, func.count()).where(*ours).group_by(Recipient.reason))
        return Counter({str(reason): int(number) for reason, number in rows})
