"""What becomes of a meeting: asked for, a time found or offered, chosen, booked, moved, cancelled. Calls no outside system.

Each function runs in its caller's transaction, changes the meeting, and plans what follows: the calendars are read, the event
is written, people are told. Doing the same twice changes nothing.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.meetings import holding, notices, people, slots, values
from functions.meetings.flow import OLD_ID
from functions.meetings.requests import MeetingRequest
from functions.meetings.settings import MeetingSettings
from functions.meetings.syncs import AVAILABILITY, CHANNEL, EVENT
from functions.meetings.tables import (
    CANCELLED,
    CONFIRMED,
    FAILED,
    OFFERED,
    SEARCHING,
    Meeting,
    MeetingAttendee,
)
from shared import clock
from shared.errors import RefusedError
from shared.settings import settings_of
from shared.vendors.calendars.entries import DECLINED, NEEDS_ACTION, Interval
from shared.watch import flow_figures

DUPLICATE_DAYS = 7
NO_CALENDAR = "none"
NO_SLOTS, SLOT_GONE, OPTIONS_PASSED = "no_slots_available", "slot_gone", "options_passed"


class DuplicateMeetingError(RefusedError):
    """The organizer has such a meeting already; `meeting_id` is its number."""

    def __init__(self, meeting_id: int) -> None:
        title = "There is such a meeting already; nothing was added."
        detail = f"It is /api/v1/meetings/{meeting_id}. With `force` another one is made."
        super().__init__(409, "duplicate-meeting", title, detail=detail)
        self.meeting_id = meeting_id


def ask(session: Session, wanted: MeetingRequest, request_key: str, began: datetime, *, force: bool = False) -> Meeting:
    """Keep a request, which came at `began`, and look for a time.

    The same `request_key` again is the same meeting, whatever was sent with it.

    Raises:
        DuplicateMeetingError: the organizer has a meeting of that subject within 7 days, and it is not to be made by force.
    """
    holding.lock_people(session, [wanted.organizer])
    known = session.scalars(select(Meeting).where(Meeting.request_key == request_key)).one_or_none()
    if known is not None:
        return known
    same = None if force else holding.duplicate(session, wanted.organizer, wanted.subject, DUPLICATE_DAYS)
    if same is not None:
        raise DuplicateMeetingError(same.id)
    meeting = Meeting(
        key=uuid.uuid4().hex,
        request_key=request_key,
        organizer=wanted.organizer,
        subject=wanted.subject,
        description=wanted.description,
        location=wanted.location,
        minutes=wanted.minutes,
        zone=wanted.zone,
        wishes=values.wishes_of(wanted),
        status=SEARCHING,
        calendar=settings_of(MeetingSettings).meetings_calendar,
        attendees=[values.attendee_of(one) for one in wanted.attendees],
    )
    session.add(meeting)
    session.flush()
    search(session, meeting)
    flow_figures.taken(session, OLD_ID, began)
    return meeting


def search(session: Session, meeting: Meeting) -> None:
    """Look for a time: read the calendars, or decide at once where there are none. The meeting is new or locked."""
    meeting.asked_at, meeting.busy = clock.now(), None
    if meeting.calendar == NO_CALENDAR:
        decide(session, meeting)
    else:
        AVAILABILITY.request(session, meeting)


def decide(session: Session, meeting: Meeting) -> None:
    """Answer the open question with what is known of the calendars by now: book, offer, or say that no time suits.

    What could not be read is unknown, never free: then nothing is booked before somebody has chosen. Does nothing where no
    question is open. The meeting is locked or new; its participants are locked here.
    """
    if meeting.asked_at is None or meeting.status in holding.OVER:
        meeting.busy = None  # times of others are not kept
        return
    busy, meeting.busy, meeting.asked_at = dict(meeting.busy or {}), None, None
    holding.lock_people(session, holding.people_of(meeting))
    rules = people.rules()
    known = {name: values.without_own(values.intervals(busy.get(name)), meeting) for name in values.names_of(meeting)}
    for attendee in meeting.attendees:
        attendee.is_unknown = known.get(str(attendee.id)) is None
    meeting.wishes = dict(meeting.wishes) | {"is_organizer_unknown": known[values.ORGANIZER] is None}
    occupied = holding.taken(session, meeting, rules.buffer)
    if meeting.held_starts_at is not None:
        _settle_held(session, meeting, known, occupied)
        return
    wish = values.wish_of(meeting)
    found = slots.find(wish, values.participants(meeting), known, rules, clock.now(), occupied)
    found = [one for one in found if one.start != meeting.starts_at]  # that one it has
    chosen = slots.select(found, wish)
    if chosen.best is None:
        _no_time(session, meeting)
    elif meeting.status == CONFIRMED or meeting.wishes.get("asks_first") or chosen.best.unknown:
        _offer(session, meeting, chosen)
    else:
        meeting.reason, meeting.alternatives = chosen.reason, values.written(chosen.alternatives)
        book(session, meeting, chosen.best.start, by="request")


def _settle_held(
    session: Session, meeting: Meeting, known: Mapping[str, Sequence[Interval] | None], occupied: Sequence[Interval]
) -> None:
    """Book the time that was chosen, unless a calendar says by now that somebody is busy: then there are fresh options."""
    start, by = meeting.held_starts_at, str(meeting.held_by)
    if start is None:
        return
    whole = values.whole_of(meeting, start)
    is_busy = any(whole.meets(one) for several in known.values() if several for one in several)
    if start > clock.now() and not is_busy and not any(whole.meets(one) for one in occupied):
        book(session, meeting, start, by=by)
        return
    meeting.held_starts_at = meeting.held_by = None
    meeting.reason = SLOT_GONE
    ask_again(session, meeting)


def ask_again(session: Session, meeting: Meeting) -> None:
    """Look for fresh options, of which somebody is to choose. A time that the meeting has stays until then."""
    meeting.wishes = dict(meeting.wishes) | {"asks_first": True}
    meeting.options = []
    if meeting.status == OFFERED:
        meeting.status = SEARCHING
    search(session, meeting)


def _offer(session: Session, meeting: Meeting, chosen: slots.Selection) -> None:
    meeting.options, meeting.alternatives = values.written(chosen.options), values.written(chosen.alternatives)
    meeting.reason, meeting.rounds = meeting.reason or chosen.reason, meeting.rounds + 1
    if meeting.status != CONFIRMED:
        meeting.status = OFFERED
    notices.offer(session, meeting)


def _no_time(session: Session, meeting: Meeting) -> None:
    """No time suits. A meeting that has one keeps it; the organizer is told in any case."""
    meeting.reason, meeting.options = NO_SLOTS, []
    meeting.rounds += 1
    if meeting.status != CONFIRMED:
        meeting.status = FAILED
    notices.no_time(session, meeting)


@dataclass(frozen=True)
class Choice:
    """What became of a choice.

    `confirmed`, `held` (it is kept free while calendars are asked once more), `same` (it was this very one before), `taken`
    (another choice was quicker, or it is none of the options), `gone` (it is no longer free, fresh options follow), `closed`.
    """

    outcome: str


def choose(session: Session, meeting: Meeting, start: datetime, by: str) -> Choice:
    """Choose one of the options. The first who does decides. The meeting is locked.

    Where calendars can be read, the time is kept free at once and booked when they have been asked once more.
    """
    if meeting.status in holding.OVER:
        return Choice("closed")
    if start in (meeting.held_starts_at, meeting.starts_at):
        return Choice("same")
    if meeting.held_starts_at is not None or not meeting.options:
        return Choice("taken" if meeting.held_starts_at or meeting.starts_at else "closed")
    if start not in [one.start for one in values.options_of(meeting)]:
        return Choice("taken")
    return Choice(_hold(session, meeting, start, by))


def _hold(session: Session, meeting: Meeting, start: datetime, by: str) -> str:
    holding.lock_people(session, holding.people_of(meeting))
    rules = people.rules()
    whole = values.whole_of(meeting, start)
    occupied = holding.taken(session, meeting, rules.buffer)
    if start <= clock.now() or any(whole.meets(one) for one in occupied):
        meeting.reason = SLOT_GONE
        ask_again(session, meeting)
        return "gone"
    if meeting.calendar == NO_CALENDAR:
        book(session, meeting, start, by=by)
        return "confirmed"
    meeting.held_starts_at, meeting.held_by = start, by
    search(session, meeting)
    return "held"


def move(session: Session, meeting: Meeting, start: datetime, by: str) -> Choice:
    """Give the meeting that time, whoever works then; where calendars can be read, once they have been asked. It is locked."""
    if meeting.status in holding.OVER:
        return Choice("closed")
    if start in (meeting.held_starts_at, meeting.starts_at):
        return Choice("same")
    return Choice(_hold(session, meeting, start, by))


def book(session: Session, meeting: Meeting, start: datetime, *, by: str) -> None:
    """Give the meeting that time, and have it written, told and reminded of. It is locked, and the time is free."""
    if meeting.starts_at is not None and start != meeting.starts_at:
        meeting.sequence += 1
    meeting.starts_at, meeting.ends_at = start, start + timedelta(minutes=meeting.minutes)
    meeting.status, meeting.moved_by, meeting.options = CONFIRMED, by, []
    meeting.held_starts_at = meeting.held_by = meeting.asked_at = None
    for attendee in meeting.attendees:
        if attendee.response != DECLINED:
            attendee.response = NEEDS_ACTION
    if meeting.calendar == NO_CALENDAR:
        notices.announce(session, meeting)
        return
    EVENT.request(session, meeting)
    listen(session, meeting.organizer)
    notices.remind(session, meeting)


def listen(session: Session, organizer: str) -> None:
    """Have the organizer's calendar tell us of changes, from now on."""
    row = holding.calendar_of(session, organizer)
    if row.channel_sync_status is None:
        CHANNEL.request(session, row)


def cancel(session: Session, meeting: Meeting, by: str, *, is_written: bool = False) -> bool:
    """Cancel the meeting and tell everybody; False where it was over already. It is locked.

    `is_written`: the calendar itself says so, and has told those whom it had invited.
    """
    if meeting.status in holding.OVER:
        return False
    had_time = meeting.starts_at is not None
    meeting.status, meeting.moved_by, meeting.options, meeting.asked_at = CANCELLED, by, [], None
    meeting.held_starts_at = meeting.held_by = None
    meeting.sequence += 1
    if meeting.calendar != NO_CALENDAR and had_time and not is_written:
        EVENT.request(session, meeting)
    if had_time or meeting.rounds:
        notices.cancelled(session, meeting)
    return True


def decline(session: Session, meeting: Meeting, attendee: MeetingAttendee, *, is_written: bool = False) -> str:
    """Somebody does not come. Where nobody is left the meeting is cancelled. It is locked."""
    if meeting.status in holding.OVER or attendee.response == DECLINED:
        return "same"
    attendee.response = DECLINED
    if not meeting.present:
        cancel(session, meeting, f"attendee:{attendee.id}", is_written=is_written)
        return "cancelled"
    if meeting.starts_at is not None and meeting.calendar != NO_CALENDAR and not is_written:
        EVENT.request(session, meeting)
    notices.declined(session, meeting, attendee)
    return "declined"
