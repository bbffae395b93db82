"""Each execution keeps the forecast of its beginning, so that it can be held against what happened."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.broadcasts import forecast_shown, forecasts
from functions.broadcasts.forecast_tables import StoredForecast
from functions.broadcasts.states import OPEN, PlanState, RecipientStatus
from functions.broadcasts.tables import Execution, Recipient
from shared import clock
from shared.errors import RefusedError
from shared.store.session import reading, transact

LATELY = timedelta(days=1)
MOST = 20
PAGE = 5000


def keep_all() -> int:
    """Begin the forecast of executions whose recipients have been worked out, and go on with every forecast; how many begun.

    A job of every half minute. An execution has its forecast once; a second run finds it begun or kept.
    """
    begun = transact(_begin_all)
    forecasts.go_on()
    return begun


def _begin_all(session: Session) -> int:
    begun = select(StoredForecast.execution_id).where(StoredForecast.execution_id.is_not(None))
    query = select(Execution).where(Execution.status.in_(OPEN), Execution.plan_state == PlanState.PLANNED)
    query = query.where(Execution.forecast.is_(None), Execution.created_at > clock.now() - LATELY, ~Execution.is_test)
    rows = session.scalars(query.where(Execution.id.not_in(begun)).order_by(Execution.id).limit(MOST)).all()
    for row in rows:
        forecasts.begin_of_execution(session, row)
    return len(rows)


def of_execution(execution: Execution) -> dict[str, Any]:
    """The kept forecast, with what has happened so far beside it. Recipients are read in pages.

    Raises:
        RefusedError: 409, there is none (yet).
    """
    if not execution.forecast:
        title = "There is no forecast of this execution yet; it is worked out from its start on, many people in some minutes."
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
