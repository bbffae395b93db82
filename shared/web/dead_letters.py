"""`/api/v1/dead-letters`: events that could not be handled; looked at, and put back on their queues once the reason is gone."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool
from sqlalchemy import select

from shared.errors import PermanentError, RefusedError
from shared.intake import dead_letter_store
from shared.problems import documented
from shared.store.models import DeadLetter
from shared.store.session import reading
from shared.web import bulk_replay
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.cursor import After
from shared.web.paging import Moment, Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/dead-letters", tags=["Dead letters"], route_class=SecuredRoute)

DeadLetterState = Literal["parked", "replayed", "resolved"]


class Chosen(BaseModel):
    """Which dead letters are meant; what is left out does not matter."""

    original_queue: Annotated[str, text(63)] | None = None
    reason: Annotated[str, text(64)] | None = Field(default=None, description="For example `unknown-stage`.")
    type: Annotated[str, text(100)] | None = Field(default=None, description="Of the event, for example `manychat.contact`.")
    subject: Annotated[str, text(100)] | None = Field(
        default=None, description="Whom the event is about, as its sender names it."
    )
    since: Moment | None = Field(default=None, description="Failed at this time or later.")
    until: Moment | None = Field(default=None, description="Failed before this time.")

    def filter(self, state: str | None) -> dead_letter_store.Filter:
        """The same as a filter of the store."""
        return dead_letter_store.Filter(
            state=state,
            original_queue=self.original_queue,
            reason=self.reason,
            type=self.type,
            subject=self.subject,
            since=self.since,
            until=self.until,
        )


class DeadLetterQuery(PageQuery, Chosen):
    """Filters of the list."""

    state: DeadLetterState | None = None


class DeadLetterOut(BaseModel):
    """An event that could not be handled, whole, and what has become of it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    key: str
    original_queue: str
    original_event: str = Field(description="The message as it was on its queue: usually a CloudEvents envelope in JSON.")
    event_id: str | None
    source: str | None
    type: str | None
    subject: str | None
    reason: str = Field(description="A short code to filter by.")
    error_message: str
    error_time: datetime
    trace: str | None
    attempts: int
    state: DeadLetterState
    replay_of: int | None = Field(description="The dead letter of whose replay this is the failure.")
    replays: int
    replayed_at: datetime | None
    resolved_at: datetime | None
    created_at: datetime


class Replayed(BaseModel):
    """A dead letter whose event is on its queue again."""

    id: int
    state: DeadLetterState
    replays: int
    queue: str


def _number(value: Any) -> Any:
    """Only a number, as JSON has them: 10 and 10.0 are the same one; a text or a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")  # noqa: TRY004  # pydantic wants a ValueError
    return value


class ReplayRequest(Chosen):
    """Which dead letters to replay, oldest first. Without `dry_run: false` nothing is replayed."""

    model_config = ConfigDict(extra="forbid")

    state: DeadLetterState | None = Field(default="parked", description="null: whatever their state.")
    limit: Annotated[int, BeforeValidator(_number)] = Field(
        default=100, ge=1, le=dead_letter_store.MAX_REPLAYED_AT_ONCE, description="Most to replay at once."
    )
    after: After | None = Field(default=None, description="The `next` of the answer before, to go on behind what has failed.")
    dry_run: StrictBool = Field(default=True, description="true: only say what would be replayed.")


class ReplayGroup(BaseModel):
    """How many of one reason and queue."""

    reason: str
    queue: str
    count: int


class ReplayPlan(BaseModel):
    """What would be replayed."""

    dry_run: Literal[True] = True
    total: int = Field(description="How many match in all.")
    count: int = Field(description="How many of them this request would replay.")
    ids: list[int]
    groups: list[ReplayGroup]
    next: str | None = Field(description="Give it as `after` for those beyond `limit`; null where there are none.")


class ReplayOutcome(BaseModel):
    """What happened to one of them."""

    id: int
    outcome: Literal["replayed", "failed", "not-tried"]
    queue: str
    reason: str | None = Field(description="A short code where it was not replayed.")
    detail: str | None


class ReplayReport(BaseModel):
    """What was replayed and what was not."""

    dry_run: Literal[False] = False
    total: int = Field(description="How many matched in all.")
    count: int = Field(description="How many of them this request was for.")
    replayed: int
    failed: int
    not_tried: int
    results: list[ReplayOutcome]
    next: str | None = Field(description="Give it as `after` for those beyond `limit`; null where there are none.")


@router.get("", summary="List dead letters")
def list_dead_letters(query: Annotated[DeadLetterQuery, Query()]) -> Page[DeadLetterOut]:
    """Events that could not be handled, with their reasons."""
    with reading() as session:
        rows, total, after = find(session, query.filter(query.state).applied(select(DeadLetter)), DeadLetter.id, query)
    return Page(items=[DeadLetterOut.model_validate(row) for row in rows], total=total, next=after)


@router.post(
    "/replay",
    summary="Replay all that match, or say what would be replayed",
    response_model=ReplayPlan,
    response_description="With `dry_run`: what would be replayed. Nothing was changed.",
    responses=documented(400, 413, 415) | {202: {"model": ReplayReport, "description": "Replayed; what happened to each."}},
)
def replay_matching(wanted: ReplayRequest, caller: Caller) -> ReplayPlan | Response:
    """Puts the events of all dead letters that match back on their queues, oldest first.

    With `dry_run` (the default) it answers 200 and changes nothing. One that fails does not hold the others back.
    """
    with reading() as session:
        chosen, total, after = bulk_replay.select_ids(session, wanted.filter(wanted.state), wanted.limit, wanted.after)
    if wanted.dry_run:
        ids = [letter.id for letter in chosen]
        return ReplayPlan(total=total, count=len(ids), ids=ids, groups=_groups(chosen), next=after)
    results = [_outcome(result) for result in bulk_replay.replay_each(chosen, actor(caller))]
    counts = Counter(result.outcome for result in results)
    report = ReplayReport(
        total=total,
        count=len(results),
        replayed=counts["replayed"],
        failed=counts["failed"],
        not_tried=counts["not-tried"],
        results=results,
        next=after,
    )
    return JSONResponse(report.model_dump(mode="json"), status_code=202)


def _groups(chosen: Sequence[bulk_replay.ParkedLetter]) -> list[ReplayGroup]:
    counts = Counter((letter.reason, letter.queue) for letter in chosen)
    return [ReplayGroup(reason=reason, queue=queue, count=count) for (reason, queue), count in counts.most_common()]


def _outcome(result: bulk_replay.Result) -> ReplayOutcome:
    return ReplayOutcome(
        id=result.letter.id, outcome=result.outcome, queue=result.letter.queue, reason=result.reason, detail=result.detail
    )


@router.get("/{dead_letter_id:id}", summary="One dead letter", responses=documented(404))
def get_dead_letter(dead_letter_id: RowId) -> DeadLetterOut:
    """The event whole, its reason and, where it was a mistake of ours, the trace."""
    with reading() as session:
        letter = session.get(DeadLetter, dead_letter_id)
    if letter is None:
        raise _missing(dead_letter_id)
    return DeadLetterOut.model_validate(letter)


@router.post("/{dead_letter_id:id}/replay", status_code=202, summary="Replay one", responses=documented(404, 409))
def replay_one(dead_letter_id: RowId, caller: Caller) -> Replayed:
    """Puts its event back on its queue, whatever its state. Replaying twice is harmless: an event takes effect once."""
    try:
        letter = dead_letter_store.replay(dead_letter_id, actor(caller))
    except LookupError:
        raise _missing(dead_letter_id) from None
    except PermanentError as error:
        raise RefusedError(409, error.reason, "This dead letter cannot be replayed.", detail=str(error)) from error
    values: dict[str, Any] = {"state": letter.state}
    return Replayed(id=letter.id, replays=letter.replays, queue=letter.original_queue, **values)


def _missing(dead_letter_id: int) -> RefusedError:
    return RefusedError(404, "no-such-dead-letter", f"There is no dead letter {dead_letter_id}.")
