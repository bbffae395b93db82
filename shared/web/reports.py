"""`/api/v1/reports/...` and `/metrics`: how it is, and what happened."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from shared import clock
from shared.errors import FieldError, RefusedError
from shared.watch import metrics
from shared.watch.health import health
from shared.watch.summary import summary
from shared.web.auth import SecuredRoute
from shared.web.paging import Moment

router = APIRouter(tags=["Reports"], route_class=SecuredRoute)

LONGEST_PERIOD = timedelta(days=366)
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)


class CheckOut(BaseModel):
    """How one part answered."""

    status: str = Field(description="`ok`, `failed` or `no-answer`.")
    milliseconds: int | None
    detail: Any = Field(description="What it said: figures where it is well, the reason where it is not.")


class HealthOut(BaseModel):
    """The state of the whole."""

    status: str = Field(description="`healthy`, or `unhealthy` with the problems.")
    problems: list[str]
    checks: dict[str, CheckOut]


@router.get(
    "/api/v1/reports/health",
    responses={503: {"model": HealthOut, "description": "Something is not well; the problems say what."}},
)
def report_health(response: Response) -> HealthOut:
    """SQL, storage, queues, deliveries, timers and each outside system that is configured, with how long each took to answer.

    All are asked at the same time; answers within five seconds, whatever hangs.
    """
    found = health()
    response.status_code = 503 if found.problems else 200
    return HealthOut(
        status="unhealthy" if found.problems else "healthy",
        problems=list(found.problems),
        checks={name: CheckOut(**vars(check)) for name, check in found.checks.items()},
    )


class Events(BaseModel):
    """Events of one type and outcome."""

    source: str
    type: str
    outcome: str
    count: int


class ChannelCount(BaseModel):
    """People of one channel; null: of none."""

    channel: str | None
    contacts: int


class StageCount(BaseModel):
    """Opportunities in one stage and sync state."""

    stage_id: int | None
    stage: str | None
    odoo_sync_status: str | None
    opportunities: int


class Lag(BaseModel):
    """From a change to Odoo's answer, in milliseconds, of so many syncs."""

    syncs: int
    p50_ms: int
    p95_ms: int
    p99_ms: int


class Assignments(BaseModel):
    """People assigned to an advisor within a campaign."""

    campaign: str
    advisor: str
    kind: str = Field(description="`commercial` or `medical`.")
    contacts: int


class SummaryOut(BaseModel):
    """What happened in a period; stages and channels as they are now."""

    events: list[Events]
    contacts_by_channel: list[ChannelCount]
    opportunities_by_stage: list[StageCount]
    sync_lag: Lag
    assignments: list[Assignments]


@router.get("/api/v1/reports/summary")
def report_summary(
    since: Annotated[Moment | None, Query(alias="from", description="Default: a day before `to`.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Default: now.")] = None,
) -> SummaryOut:
    """Events, people, opportunities, sync lag and assignments of a period of up to a year."""
    end = until or clock.now()
    start = since or end - min(timedelta(days=1), end - FIRST_MOMENT)
    if not (start < end and end - start <= LONGEST_PERIOD):
        wrong = FieldError("from", "must lie before `to`, by a year at most")
        raise RefusedError(422, "invalid-fields", "The period is not as it must be.", errors=[wrong])
    return SummaryOut.model_validate(summary(start, end))


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text."}}
)
def prometheus() -> Response:
    """All figures for Prometheus, true across instances."""
    return Response(metrics.page(), media_type=metrics.CONTENT_TYPE)
