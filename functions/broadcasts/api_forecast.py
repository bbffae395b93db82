"""What a broadcast would do, before it goes; and, of an execution, what it was to do and what it did."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from functions.broadcasts import automation_edits, forecast_kept, forecast_shown, forecasts
from functions.broadcasts.api import find_execution
from functions.broadcasts.forecast_tables import StoredForecast
from functions.broadcasts.forecasts import Wish
from functions.broadcasts.running_config import config_of
from shared import clock
from shared.errors import RefusedError
from shared.problems import documented
from shared.store.session import reading
from shared.web.auth import Caller, ReadingRoute, actor
from shared.web.bodies import Body, When

router = APIRouter(prefix="/api/v1/flow-automations", tags=["Broadcasts"], route_class=ReadingRoute)
executions_router = APIRouter(prefix="/api/v1/executions", tags=["Broadcasts"], route_class=ReadingRoute)

ACCEPTED = 202
TEXTS: Mapping[str, str] = {"table": "text/plain; charset=utf-8", "svg": "image/svg+xml"}
Format = Annotated[Literal["json", "table", "svg"], Query(alias="format", description="`table`: text; `svg`: a picture.")]


class ForecastIn(Body):
    """What is to be forecast otherwise than the automation says."""

    starts_at: When | None = Field(default=None, description="When it begins; now, if left out.")
    rate_limit_per_hour: int | None = Field(default=None, ge=1, le=1_000_000)
    batch_delay_seconds: int | None = Field(default=None, ge=0, le=86_400)


class HourOut(BaseModel):
    """How many messages go in an hour, named by its beginning in UTC."""

    hour: datetime
    sends: int


class CollisionsOut(BaseModel):
    """Who is in a journey now, by its name, and how many have or get another message on the day of the start."""

    in_journeys: dict[str, int]
    with_other_messages: int


class CountryOut(BaseModel):
    """Messages to a country, and what they cost; null where no price is set."""

    country: str
    messages: int
    amount: str | None


class CostOut(BaseModel):
    """What it costs by BROADCAST_PRICES."""

    currency: str
    category: str
    total: str
    unpriced_messages: int
    countries: list[CountryOut]


class HappenedOut(BaseModel):
    """What has happened since, and by how much it is more than was forecast."""

    sends: int
    hours: list[HourOut]
    last_hour: datetime | None
    skipped: dict[str, int]
    sends_more_than_forecast: int
    skipped_more_than_forecast: int


class LimitOut(BaseModel):
    """The messaging limit of our portfolio at Meta: with how many people a conversation may be opened in 24 hours."""

    people: int | None = Field(description="Null: none is known, or the number has none.")
    used: int = Field(description="How many are counted when the forecast is made.")


class ForecastOut(BaseModel):
    """A forecast on the real audience, by a simulated clock."""

    starts_at: datetime
    examined: int
    is_complete: bool = Field(description="False, in one that an earlier release made: only the first part was examined.")
    sends: int
    duplicates: int
    skipped: dict[str, int] = Field(description="Who is left out, by reason.")
    skipped_total: int
    hours: list[HourOut]
    first_at: datetime | None
    last_at: datetime | None
    put_off: dict[str, int] = Field(
        description="Who waits for their own hours, for the next day, as this one is full, or for the messaging limit."
    )
    unsent: int = Field(description="Who gets nothing within a year.")
    collisions: CollisionsOut
    cost: CostOut
    rate_per_hour: int
    faults: list[str] = Field(
        default=[], description="Why the vendor would refuse every message: a start is refused, a schedule's run is paused."
    )
    messaging_limit: LimitOut = Field(default=LimitOut(people=None, used=0))
    happened: HappenedOut | None = None
    asked_at: datetime | None = None
    is_outdated: bool = Field(default=False, description="The automation says something else by now.")


class ProgressOut(BaseModel):
    """A forecast that is being worked out in the background. Of an audience whose size is not known yet, `total` is 0."""

    state: Literal["working"]
    progress: int = Field(description="Percent of the audience.")
    examined: int
    total: int
    starts_at: datetime
    asked_at: datetime
    is_outdated: bool = Field(description="The automation says something else by now: ask again when this one is ready.")


_TEXT: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}, "image/svg+xml": {"schema": {"type": "string"}}}
AS_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": _TEXT}}
OR_PROGRESS: dict[int | str, dict[str, Any]] = AS_TEXT | {202: {"model": ProgressOut, "content": _TEXT}}


@router.post(
    "/{automation_id}/forecast",
    summary="Forecast a broadcast",
    response_model=ForecastOut,
    responses=documented(404) | OR_PROGRESS,
)
def forecast_automation(automation_id: UUID, caller: Caller, body: ForecastIn | None = None, shown_as: Format = "json") -> Any:
    """What a start would do: messages in each hour, who is left out and why, collisions, the last one, the cost.

    Of a large audience it is worked out in the background: the answer is 202 with how far it is, and GET has the forecast when
    it is ready. Until then the same is answered whatever is asked for, and no other is begun.
    """
    asked = body or ForecastIn()
    changes = {name: value for name, value in asked.given().items() if name != "starts_at" and value is not None}
    forecasts.ask(Wish(str(automation_id), changes, asked.starts_at or clock.now(), actor(caller)))
    return _newest(str(automation_id), shown_as)


@router.get(
    "/{automation_id}/forecast",
    summary="The newest forecast of a broadcast",
    response_model=ForecastOut,
    responses=documented(404, 409) | OR_PROGRESS,
)
def newest_forecast(automation_id: UUID, shown_as: Format = "json") -> Any:
    """The forecast that was asked for last, or, with 202, how far it is; 409 where it could not be worked out."""
    return _newest(str(automation_id), shown_as)


def _newest(automation_id: str, shown_as: str) -> Any:
    with reading() as session:
        automation = automation_edits.find(session, automation_id)
        row = forecasts.of_automation(session, automation.id)
        config, title = config_of(automation), automation.name
        session.expunge_all()
    if row is None:
        raise RefusedError(404, "no-forecast", "No forecast of this automation has been asked for.")
    if row.state == forecasts.FAILED:
        raise RefusedError(409, "forecast-failed", "The forecast could not be worked out.", detail=row.error_message or "")
    is_outdated = forecasts.is_outdated(row, config)
    if row.state == forecasts.READY:
        return _as(row.result | {"asked_at": row.asked_at, "is_outdated": is_outdated}, title, shown_as)
    return _progress(row, title, shown_as, is_outdated=is_outdated)


def _progress(row: StoredForecast, title: str, shown_as: str, *, is_outdated: bool) -> Response:
    facts = {name: getattr(row, name) for name in ("state", "examined", "total", "starts_at", "asked_at")}
    shown = ProgressOut(**facts, progress=forecasts.percent(row), is_outdated=is_outdated)
    if shown_as == "json":
        return Response(shown.model_dump_json(), ACCEPTED, media_type="application/json")
    words = f"being worked out: {shown.examined} of {shown.total} people examined ({shown.progress} %)"
    text = f"forecast   {words}\n" if shown_as == "table" else forecast_shown.progress(title, words, shown.progress)
    return Response(text, ACCEPTED, media_type=TEXTS[shown_as])


@executions_router.get(
    "/{execution_id:execution}/forecast",
    summary="The forecast of an execution, and what happened",
    response_model=ForecastOut,
    responses=documented(404, 409) | AS_TEXT,
)
def compare_execution(execution_id: UUID, shown_as: Format = "json") -> Any:
    """The forecast from the beginning of the execution, with what has happened since beside it."""
    with reading() as session:
        execution, automation = find_execution(session, str(execution_id))
    return _as(forecast_kept.of_execution(execution), automation.name, shown_as)


def _as(shown: dict[str, Any], title: str, wanted: str) -> Any:
    if wanted == "json":
        return ForecastOut.model_validate(shown)
    text = forecast_shown.table(shown) if wanted == "table" else forecast_shown.picture(shown, title)
    return Response(text, media_type=TEXTS[wanted])
