"""Who takes part in a meeting, and the times of theirs that other meetings of ours have taken or keep free.

Rows are locked in this order: the meeting, then the participants by their addresses. A transaction locks one meeting, so that
none waits in a circle.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from functions.meetings.tables import CANCELLED, FAILED, Meeting, MeetingAttendee, MeetingCalendar
from shared import clock
from shared.store.dialect import held, insert_if_absent, locked
from shared.vendors.calendars.entries import DECLINED, Interval

OVER = (CANCELLED, FAILED)


def locked_meeting(session: Session, meeting_id: int) -> Meeting | None:
    """The meeting, locked until the transaction ends."""
    return session.scalars(held(select(Meeting).where(Meeting.id == meeting_id), Meeting)).one_or_none()


def lock_people(session: Session, addresses: Iterable[str]) -> None:
    """Be alone with the time of these people until the transaction ends. A meeting's own row is locked before."""
    for address in sorted(set(addresses)):
        insert_if_absent(session, MeetingCalendar, "address", {"address": address})
        query = select(MeetingCalendar.id, MeetingCalendar.updated_at).where(MeetingCalendar.address == address)
        session.execute(locked(query, MeetingCalendar)).all()


def people_of(meeting: Meeting) -> list[str]:
    """The addresses of all who take part: the organizer, and who has not declined."""
    return [meeting.organizer, *(one.address for one in meeting.present)]


def taken(session: Session, meeting: Meeting, buffer: timedelta) -> list[Interval]:
    """When somebody of theirs has another meeting of ours that is booked, or that somebody has just chosen; with its buffer.

    `lock_people` comes first: then what is found stays so until the transaction ends.
    """
    found = session.scalars(select(Meeting).where(_with(people_of(meeting)), Meeting.id != meeting.id, _is_ahead())).all()
    times = [(one.starts_at, one.ends_at) for one in found]
    times += [(one.held_starts_at, _end(one.held_starts_at, one.minutes)) for one in found]
    return sorted(Interval(start - buffer, end + buffer) for start, end in times if start is not None and end is not None)


def duplicate(session: Session, organizer: str, subject: str, days: int) -> Meeting | None:
    """The organizer's meeting of that subject that begins within so many days, or for which a time is still being found."""
    now = clock.now()
    soon = (Meeting.starts_at >= now) & (Meeting.starts_at <= now + timedelta(days=days))
    open_ = Meeting.starts_at.is_(None) & (Meeting.created_at >= now - timedelta(days=days))
    query = select(Meeting).where(Meeting.organizer == organizer, Meeting.subject == subject, Meeting.status.not_in(OVER))
    return session.scalars(query.where(or_(soon, open_)).order_by(Meeting.starts_at, Meeting.id).limit(1)).first()


def calendar_of(session: Session, address: str) -> MeetingCalendar:
    """The row of somebody's calendar, which is made where there is none."""
    insert_if_absent(session, MeetingCalendar, "address", {"address": address})
    return session.scalars(select(MeetingCalendar).where(MeetingCalendar.address == address)).one()


def _with(addresses: Sequence[str]) -> ColumnElement[bool]:
    invited = select(MeetingAttendee.meeting_id).where(
        MeetingAttendee.address.in_(addresses), MeetingAttendee.response != DECLINED
    )
    return or_(Meeting.organizer.in_(addresses), Meeting.id.in_(invited))


def _is_ahead() -> ColumnElement[bool]:
    now = clock.now()
    return Meeting.status.not_in(OVER) & or_(Meeting.ends_at > now, Meeting.held_starts_at > now)


def _end(start: datetime | None, minutes: int) -> datetime | None:
    return None if start is None else start + timedelta(minutes=minutes)
