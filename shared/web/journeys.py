"""`/api/v1/journeys`: what there is, who is where in it and why, pause and resume, and what would come (forecast)."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from shared.crm import editing
from shared.errors import FieldError, RefusedError
from shared.journeys import forecast, forecast_lines, history, load, operator_actions, pauses, picture
from shared.journeys.beginnings import BeginningState
from shared.journeys.definition import Journey
from shared.journeys.enrolment_records import Standing
from shared.journeys.forecast_lines import Traveller
from shared.problems import documented
from shared.store.journey_models import Enrolment, JourneyBeginning, JourneyPause
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Moment, Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/journeys", tags=["Journeys"], route_class=SecuredRoute)

JourneyName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
LONGEST_DEFINITION = 50_000
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class JourneyOut(BaseModel):
    """A journey and how many people are in it."""

    name: str
    title: str
    description: str
    version: str = Field(description="Name of the content; who enters now gets this one.")
    steps: int
    paused_at: datetime | None = Field(description="Since when it stands still; null while it runs.")
    enrolments: dict[Standing, int] = Field(description="How many people stand where.")
    waiting: int = Field(description="How many wait for the pause before the journey to be over; they are not in it yet.")


class JourneyDetail(JourneyOut):
    """A journey with its definition."""

    definition: dict[str, Any]


class EnrolmentOut(BaseModel):
    """A person in a journey."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    journey: str
    person: str
    instance: str | None
    state: Standing
    reason: str | None = Field(description="Why they left.")
    anchor_at: datetime
    created_at: datetime
    left_at: datetime | None


class StepOut(BaseModel):
    """One step for one person."""

    model_config = ConfigDict(from_attributes=True)

    step: str
    channel: str
    template: str
    state: str
    due_at: datetime | None = Field(description="When it is due by the definition.")
    goes_at: datetime | None = Field(description="When it is expected to go out; null if it will not, or has.")
    sent_at: datetime | None
    reason: str | None
    result: str | None = Field(description="The vendor's last word.")
    delivery_id: int | None
    delivery_state: str | None
    text_version: int | None = Field(description="The version of its text that went out, where somebody had edited it.")
    answer: str = Field(description="Why they did not get it, or when they will, in a sentence.")


class DecisionOut(BaseModel):
    """What was decided, and why."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    step: str | None
    kind: str
    reason: str | None
    due_at: datetime | None


class TalkOut(BaseModel):
    """Where a person stands in a talking flow."""

    model_config = ConfigDict(from_attributes=True)

    node: str | None = Field(description="The step that they are at; the last one once it has ended.")
    state: Literal["sending", "asked", "approving", "ended"]
    until: datetime | None = Field(description="Until when an answer is waited for.")
    tries: int = Field(description="How many answers have not fitted.")
    outcome: str | None
    completed: bool = Field(description="Whether the flow itself came to an end.")
    answer: str = Field(description="What is waited for, or why it ended, in a sentence.")


class EnrolmentDetail(EnrolmentOut):
    """A person in a journey, with every step and every decision."""

    version: str
    is_newest_version: bool
    paused_at: datetime | None
    talk: TalkOut | None = Field(description="Null where the journey does not talk.")
    steps: list[StepOut]
    decisions: list[DecisionOut]


class EnrolmentQuery(PageQuery):
    """Filters of the list."""

    person: Annotated[str, text(100)] | None = Field(default=None, description="The person's key, for example `lead:1`.")
    state: Standing | None = None

    def applied(self, query: Select[Enrolment]) -> Select[Enrolment]:
        """`query`, narrowed down."""
        if self.person is not None:
            query = query.where(Enrolment.person == self.person)
        return query if self.state is None else query.where(Enrolment.state == self.state.value)


class BeginningOut(BaseModel):
    """A person for whom the pause before a journey runs, or has run."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    journey: str
    event: str = Field(description="The kind of event that begins the pause, and restarts it.")
    person: str
    instance: str | None
    state: BeginningState
    reason: str | None = Field(description="Why they did not enter.")
    at: datetime = Field(description="When the newest event of this kind happened.")
    due_at: datetime = Field(description="When the pause is over, and they enter.")
    enrolment_id: int | None = Field(description="The enrolment by which they entered.")


class BeginningQuery(PageQuery):
    """Filters of the list."""

    person: Annotated[str, text(100)] | None = Field(default=None, description="The person's key, for example `lead:1`.")
    state: BeginningState | None = None

    def applied(self, query: Select[JourneyBeginning]) -> Select[JourneyBeginning]:
        """`query`, narrowed down."""
        if self.person is not None:
            query = query.where(JourneyBeginning.person == self.person)
        return query if self.state is None else query.where(JourneyBeginning.state == self.state.value)


class PauseOut(BaseModel):
    """A journey that stands still, or goes on."""

    journey: str
    paused_at: datetime | None
    moved: int = Field(default=0, description="How many enrolments were moved by the length of the pause.")


class ForecastIn(BaseModel):
    """For whom, from when, and on what assumptions."""

    model_config = ConfigDict(extra="forbid")

    everybody: bool = Field(default=False, description="All who are in it now, instead of somebody who enters.")
    enrolment: int | None = Field(default=None, ge=1, lt=10**18, description="One who is in it now.")
    data: dict[str, Any] = Field(default_factory=dict, description="Facts of somebody who enters; addresses may be left out.")
    at: Annotated[Moment, Field(ge=EARLIEST, le=LATEST)] | None = Field(
        default=None, description="When they enter, between 2000 and 2100; now if left out."
    )
    assume: dict[str, str] = Field(
        default_factory=dict, description="Results of steps, for example `call`: `no-answer`; of questions, their answers."
    )
    definition: str | None = Field(
        default=None, max_length=LONGEST_DEFINITION, description="A changed definition (YAML), compared with the running one."
    )


class LineOut(BaseModel):
    """What becomes of one step for one person."""

    person: str
    step: str
    channel: str
    template: str
    due_at: datetime | None
    goes_at: datetime | None
    zone: str
    what: str
    reason: str | None


class ChangeOut(BaseModel):
    """What a changed definition changes."""

    person: str
    step: str
    before: str
    after: str


class ForecastOut(BaseModel):
    """Who gets what and when."""

    lines: list[LineOut]
    changes: list[ChangeOut] | None = Field(description="Null where no changed definition was given.")
    table: str = Field(description="The lines as text; times in each person's own zone.")
    svg: str = Field(description="The lines as a picture.")


@router.get("", summary="List journeys")
def list_journeys() -> list[JourneyOut]:
    """Every journey, its version, and how many people stand where."""
    with reading() as session:
        return [JourneyOut(**_facts(session, one)) for one in load.definitions().values()]


@router.get("/{name}", summary="One journey", responses=documented(404))
def get_journey(name: JourneyName) -> JourneyDetail:
    """The journey with its definition."""
    found = load.journey(name)
    with reading() as session:
        return JourneyDetail(**_facts(session, found), definition=found.dumped())


@router.get("/{name}/enrolments", summary="Who is in it", responses=documented(404))
def list_enrolments(name: JourneyName, query: Annotated[EnrolmentQuery, Query()]) -> Page[EnrolmentOut]:
    """The people who are or were in a journey."""
    load.journey(name)
    with reading() as session:
        wanted = query.applied(select(Enrolment).where(Enrolment.journey == name))
        rows, total, after = find(session, wanted, Enrolment.id, query)
    return Page(items=[EnrolmentOut.model_validate(row) for row in rows], total=total, next=after)


@router.get("/{name}/beginnings", summary="Who waits to enter it", responses=documented(404))
def list_beginnings(name: JourneyName, query: Annotated[BeginningQuery, Query()]) -> Page[BeginningOut]:
    """The people for whom the pause before the journey runs, and what became of those for whom it ran."""
    load.journey(name)
    with reading() as session:
        wanted = query.applied(select(JourneyBeginning).where(JourneyBeginning.journey == name))
        rows, total, after = find(session, wanted, JourneyBeginning.id, query)
    return Page(items=[BeginningOut.model_validate(row) for row in rows], total=total, next=after)


@router.get(
    "/{name}/enrolments/{enrolment_id:id}", summary="Why they did not get it, and when they will", responses=documented(404)
)
def get_enrolment(name: JourneyName, enrolment_id: RowId) -> EnrolmentDetail:
    """One person in a journey: every step with an answer, every decision with its reason."""
    with reading() as session:
        row = session.get(Enrolment, enrolment_id)
        if row is None or row.journey != name:
            raise RefusedError(404, "no-such-enrolment", f"There is no enrolment {enrolment_id} in {name}.")
        found = history.story(session, row)
        return EnrolmentDetail(
            **EnrolmentOut.model_validate(row).model_dump(),
            version=found.version,
            is_newest_version=found.is_newest_version,
            paused_at=found.paused_at,
            talk=TalkOut.model_validate(found.talk) if found.talk else None,
            steps=[StepOut.model_validate(step) for step in found.steps],
            decisions=[DecisionOut.model_validate(one) for one in found.decisions],
        )


@router.post("/{name}/enrolments/{enrolment_id:id}/exit", summary="Let somebody leave", responses=documented(404, 409))
def end_enrolment(name: JourneyName, enrolment_id: RowId, caller: Caller) -> EnrolmentOut:
    """What is left for them is cancelled, for good. 409 where they have left, or nothing is left. They may enter again."""
    work = partial(operator_actions.end, journey=name, enrolment_id=enrolment_id, actor=actor(caller))
    return EnrolmentOut.model_validate(editing.committed(work))


@router.post("/{name}/pause", summary="Let it stand still", responses=documented(404, 409))
def pause_journey(name: JourneyName, caller: Caller) -> PauseOut:
    """Nobody gets anything from it until it is resumed; nobody is lost."""
    return PauseOut(journey=name, paused_at=pauses.pause(name, actor(caller)).paused_at)


@router.post("/{name}/resume", summary="Let it go on", responses=documented(404, 409))
def resume_journey(name: JourneyName, caller: Caller) -> PauseOut:
    """Everybody goes on where they were; due times move by the length of the pause."""
    return PauseOut(journey=name, paused_at=None, moved=pauses.resume(name, actor(caller)))


@router.post("/{name}/forecast", summary="Who would get what, and when", responses=documented(404))
def forecast_journey(name: JourneyName, asked: ForecastIn) -> ForecastOut:
    """Runs the definition on a simulated clock; writes and sends nothing."""
    running, changed = load.journey(name), _changed(asked.definition)
    pairs = _travellers(running, asked)
    lines = [line for journey, who in pairs for line in forecast.forecast(journey, who, asked.assume)]
    changes = None
    if changed is not None:
        then = [line for _journey, who in pairs for line in forecast.forecast(changed, who, asked.assume)]
        changes = [ChangeOut(**asdict(one)) for one in forecast.compare(lines, then)]
        lines = then
    return ForecastOut(
        lines=[LineOut(**asdict(line)) for line in lines],
        changes=changes,
        table=forecast_lines.table(lines),
        svg=picture.picture_of(changed or running, lines),
    )


def _travellers(running: Journey, asked: ForecastIn) -> list[tuple[Journey, Traveller]]:
    if not asked.everybody and asked.enrolment is None:
        return [(running, forecast.newcomer(asked.data, at=asked.at))]
    with reading() as session:
        return forecast.enrolled(session, running.name, asked.enrolment)


def _changed(definition: str | None) -> Journey | None:
    if definition is None:
        return None
    try:
        changed = load.parse(definition)
        mistakes = load.missing_templates(changed)
    except load.DefinitionError as error:
        mistakes = str(error).splitlines()
    if mistakes:
        faults = [FieldError("definition", line) for line in mistakes[:50]]
        raise RefusedError(422, "bad-definition", "The definition cannot be used.", errors=faults)
    return changed


def _facts(session: Session, journey: Journey) -> dict[str, Any]:
    pause: JourneyPause | None = pauses.is_paused(session, journey.name)
    return {
        "name": journey.name,
        "title": journey.title,
        "description": journey.description,
        "version": journey.version(),
        "steps": len(journey.steps),
        "paused_at": pause.paused_at if pause else None,
        "enrolments": _counts(session, journey.name),
        "waiting": _waiting(session, journey.name),
    }


def _waiting(session: Session, name: str) -> int:
    waiting = (JourneyBeginning.journey == name, JourneyBeginning.state == BeginningState.WAITING.value)
    return session.scalar(select(func.count()).select_from(JourneyBeginning).where(*waiting)) or 0


def _counts(session: Session, name: str) -> Mapping[str, int]:
    query = select(Enrolment.state, func.count()).where(Enrolment.journey == name).group_by(Enrolment.state)
    return {state: count for state, count in session.execute(query)}  # noqa: C416  # a row is no pair for the type checker
