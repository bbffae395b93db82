"""`/api/v1/meetings`: ask for a meeting, see what has become of it, choose, move and cancel it.

POST /api/v1/executions/webhook/{namespace}/meeting_scheduler_automatic/{key}, as the replaced flow had it, asks as well.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Body, Header, Path, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from functions.meetings import asking, flow, holding, services
from functions.meetings.settings import MeetingSettings
from functions.meetings.shown import shown
from functions.meetings.tables import Meeting, MeetingAttendee
from shared.crm import editing
from shared.errors import RefusedError
from shared.intake import signatures
from shared.problems import documented
from shared.readers.email import key as address_key
from shared.setting_types import ApiKey, Scope
from shared.settings import Settings, settings_of
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body as StrictBody
from shared.web.paging import Moment, Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/meetings", tags=["Meetings"], route_class=SecuredRoute)
NOUN = "meeting"
SIGNATURES = ("x-hub-signature-256", "x-signature")
SIGNER = ApiKey(name="meetings-signature", sha256="0" * 64, scopes=frozenset({"webhook:meetings"}))
"""Who signs the body has no key; this one opens nothing, as no text has that digest."""


class RequestRoute(SecuredRoute):
    """The scope `write` or `webhook:meetings`, a signature of the body, or in the old address the key at its end."""

    also: ClassVar[tuple[Scope, ...]] = ("webhook:meetings",)
    takes_key_in_address: ClassVar[bool] = True

    def signed(self, headers: Mapping[str, str], raw: bytes, settings: Settings) -> ApiKey | None:
        """By one of MEETINGS_WEBHOOK_SECRETS. Raises RefusedError 401."""
        del settings
        secrets = settings_of(MeetingSettings).meetings_webhook_secrets
        if not secrets or not any(name in headers for name in SIGNATURES):
            return None
        signatures.of_body(headers, raw, secrets, SIGNATURES)
        return SIGNER


class SlotOut(BaseModel):
    """A time that is offered."""

    start: datetime
    end: datetime
    score: int = Field(description="10 for a day that was liked, 5 for a time of day.")
    confidence: Literal["high", "low"] = Field(description="`low`: somebody's calendar could not be read.")


class AttendeeOut(BaseModel):
    """Somebody who is invited."""

    email: str
    name: str | None
    time_zone: str | None = Field(description="Theirs, where the request names one.")
    response: Literal["needs-action", "accepted", "declined", "tentative"]
    calendar_read: bool = Field(description="false: it could not be read, so that nobody knows whether they are free.")


class MeetingOut(BaseModel):
    """A meeting. Times are instants in UTC."""

    id: int
    status: Literal["searching", "offered", "confirmed", "cancelled", "failed"]
    reason: str | None = Field(description="Such as `preferred_match`, `first_available`, `no_slots_available`, `slot_gone`.")
    organizer_email: str
    subject: str
    description: str
    location: str
    duration_minutes: int
    time_zone: str
    start_time: datetime | None
    end_time: datetime | None
    held_start_time: datetime | None = Field(description="A time that was chosen, until calendars have been asked once more.")
    is_searching: bool = Field(description="Calendars are being read.")
    options: list[SlotOut] = Field(description="The times of which somebody is to choose.")
    alternatives: list[SlotOut]
    attendees: list[AttendeeOut]
    calendar_provider: Literal["none", "google", "outlook"]
    calendar_event_id: str | None
    calendar_sync_status: str | None
    calendar_sync_error: str | None
    meeting_url: str | None
    uid: str = Field(description="The event's UID in iCalendar.")
    sequence: int
    changed_by: str | None
    created_at: datetime


class AskedOut(BaseModel):
    """What became of a request."""

    success: bool
    meeting: MeetingOut | None = None
    existing_meeting: MeetingOut | None = Field(default=None, description="The one that is there already (409).")
    errors: list[str] = Field(description="Codes, such as `invalid_organizer_email`.")
    warnings: list[str] = Field(description="What was mended, such as `invalid_emails_removed_1`.")
    message: str | None = None


class MeetingQuery(PageQuery):
    """Filters of the list."""

    status: Literal["searching", "offered", "confirmed", "cancelled", "failed"] | None = None
    email: Annotated[str, text(254)] | None = Field(default=None, description="Of the organizer, or of somebody invited.")
    since: Moment | None = Field(default=None, description="Begins at this time or later.")
    until: Moment | None = Field(default=None, description="Begins before this time.")

    def applied(self, query: Select[Meeting]) -> Select[Meeting]:
        """`query`, narrowed down."""
        if self.status is not None:
            query = query.where(Meeting.status == self.status)
        if self.email is not None:
            address = address_key(self.email)
            invited = select(MeetingAttendee.meeting_id).where(MeetingAttendee.address == address)
            query = query.where(or_(Meeting.organizer == address, Meeting.id.in_(invited)))
        if self.since is not None:
            query = query.where(Meeting.starts_at >= self.since)
        return query if self.until is None else query.where(Meeting.starts_at < self.until)


class ChoiceIn(StrictBody):
    """Which of the options."""

    start: AwareDatetime = Field(description="The beginning of one of `options`.")


class MoveIn(StrictBody):
    """When the meeting is to be instead."""

    start: AwareDatetime | None = Field(default=None, description="Left out: fresh options are looked for and mailed.")


@router.get("", summary="List meetings")
def list_meetings(query: Annotated[MeetingQuery, Query()]) -> Page[MeetingOut]:
    """Meetings by status, who takes part, and when they begin."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Meeting)), Meeting.id, query)
        return Page(items=[MeetingOut.model_validate(shown(row)) for row in rows], total=total, next=after)


@router.get("/{meeting_id:id}", summary="One meeting", responses=documented(404))
def get_meeting(meeting_id: RowId) -> MeetingOut:
    """What has become of a request: its time or its options, and what those who are invited said."""
    with reading() as session:
        row = session.get(Meeting, meeting_id)
        if row is None:
            raise editing.missing(NOUN, meeting_id)
        return MeetingOut.model_validate(shown(row))


@router.post("/{meeting_id:id}/choose", summary="Choose an option", responses=documented(404, 409))
def choose(meeting_id: RowId, body: ChoiceIn, caller: Caller) -> MeetingOut:
    """The first who chooses decides. 409 where it is decided otherwise, or the time is no longer free.

    Where calendars can be read the time is kept (`held_start_time`) until they have been asked once more.
    """

    def work(session: Session, meeting: Meeting) -> str:
        return services.choose(session, meeting, body.start, actor(caller)).outcome

    return _changed(meeting_id, work, caller, "meeting-chosen")


@router.post("/{meeting_id:id}/reschedule", summary="Move a meeting", responses=documented(404, 409))
def reschedule(meeting_id: RowId, body: MoveIn, caller: Caller) -> MeetingOut:
    """To the time that is given, whoever works then; or fresh options are mailed. The old time stays until then."""

    def work(session: Session, meeting: Meeting) -> str:
        if body.start is not None:
            return services.move(session, meeting, body.start, actor(caller)).outcome
        if meeting.status in holding.OVER:
            return "closed"
        services.ask_again(session, meeting)
        return "asked"

    return _changed(meeting_id, work, caller, "meeting-moved")


@router.post("/{meeting_id:id}/cancel", summary="Cancel a meeting", responses=documented(404))
def cancel(meeting_id: RowId, caller: Caller) -> MeetingOut:
    """Everybody is told, and the event is deleted. A meeting that is over stays as it is."""

    def work(session: Session, meeting: Meeting) -> str:
        return "cancelled" if services.cancel(session, meeting, actor(caller)) else "same"

    return _changed(meeting_id, work, caller, "meeting-cancelled")


REFUSALS = {
    "taken": "Another choice was quicker, or it is none of the options; nothing was changed.",
    "gone": "That time is no longer free; fresh options are looked for.",
    "closed": "The meeting is cancelled, or nothing is offered; nothing was changed.",
}


def _changed(meeting_id: int, work: Callable[[Session, Meeting], str], caller: ApiKey, what: str) -> MeetingOut:
    """The meeting after a change. What was refused is committed as well: fresh options may have been asked for."""

    def whole(session: Session) -> tuple[str, MeetingOut]:
        meeting = holding.locked_meeting(session, meeting_id)
        if meeting is None:
            raise editing.missing(NOUN, meeting_id)
        outcome = work(session, meeting)
        if outcome not in REFUSALS and outcome != "same":
            editing.log(session, actor(caller), what, f"{NOUN}:{meeting_id}")
        session.flush()
        return outcome, MeetingOut.model_validate(shown(meeting))

    outcome, made = editing.committed(whole)
    if outcome in REFUSALS:
        raise RefusedError(409, f"meeting-{outcome}", REFUSALS[outcome], detail=f"It is /api/v1/meetings/{meeting_id}.")
    return made


asks = APIRouter(prefix="/api/v1", tags=["Meetings"], route_class=RequestRoute)
Namespace = Annotated[str, Path(max_length=100, description="Any.")]
Key = Annotated[str, Path(max_length=200, description="An API key that opens webhooks only.")]
OwnKey = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=200, description="The same again is the same meeting.")
]
Inputs = Annotated[
    dict[str, Any],
    Body(
        description="`organizer_email`, `attendees` (a list or a text with commas), `subject`, and the rest as in meetings.md."
    ),
]
ANSWERS: dict[int | str, dict[str, Any]] = documented(409, 422)
for _status, _meaning in {
    409: "The organizer has such a meeting within 7 days; `force`: true makes another one.",
    422: "The codes in `errors` say what is wrong.",
}.items():
    ANSWERS[_status] = {**ANSWERS[_status], "model": AskedOut, "description": _meaning}
SUMMARY = "Ask for a meeting"
ADDRESS = f"/executions/webhook/{{namespace}}/{flow.OLD_ID}"


@asks.post("/meetings", status_code=202, summary=SUMMARY, responses=ANSWERS, response_model=AskedOut)
def ask(inputs: Inputs, caller: Caller, idempotency_key: OwnKey = None) -> JSONResponse:
    """The request is checked and kept while the caller waits; a time is found a moment later (`GET` shows it)."""
    return _answered(inputs, caller, idempotency_key)


@asks.post(ADDRESS, status_code=202, summary=SUMMARY, responses=ANSWERS, response_model=AskedOut)
def ask_as_before(inputs: Inputs, namespace: Namespace, caller: Caller, idempotency_key: OwnKey = None) -> JSONResponse:
    """The address of the replaced flow, with the key in the header, or a signature."""
    del namespace
    return _answered(inputs, caller, idempotency_key)


@asks.post(f"{ADDRESS}/{{key}}", status_code=202, summary=SUMMARY, responses=ANSWERS, response_model=AskedOut)
def ask_with_key(
    inputs: Inputs, namespace: Namespace, key: Key, caller: Caller, idempotency_key: OwnKey = None
) -> JSONResponse:
    """The address of the replaced flow, with the key at its end."""
    del namespace, key
    return _answered(inputs, caller, idempotency_key)


def _answered(inputs: dict[str, Any], caller: ApiKey, own_key: str | None) -> JSONResponse:
    reply = asking.answer(inputs, f"{caller.name}:{own_key}" if own_key else None)
    return JSONResponse(dict(reply.body), reply.status)
