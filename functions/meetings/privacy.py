"""What meetings hold of people. The meetings that somebody organizes are theirs; of those of others only their place is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from functions.meetings.tables import Meeting, MeetingAttendee, MeetingCalendar
from shared.crm.timeline import Source
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

MEETINGS, CALENDARS = Meeting.__tablename__, MeetingCalendar.__tablename__


def identify(session: Session, person: Person) -> Person:
    """The meetings that they organize, and their calendar; deliveries name both by the numbers of the rows."""
    theirs = or_(Meeting.organizer.in_(person.emails), Meeting.id.in_(person.of(MEETINGS)))
    organized = session.scalars(select(Meeting.id).where(theirs)).all()
    calendars = session.scalars(select(MeetingCalendar.id).where(MeetingCalendar.address.in_(person.emails))).all()
    names = [f"meeting:{number}" for number in organized] + [f"meeting-calendar:{number}" for number in calendars]
    return person.with_rows(MEETINGS, organized).with_rows(CALENDARS, calendars).with_names(names)


def in_calendars(session: Session, person: Person) -> Mapping[str, Sequence[int | str]]:
    """The events of their meetings in calendars, which an operator deletes there: organized, and those they are invited to."""
    invited = select(MeetingAttendee.meeting_id).where(MeetingAttendee.address.in_(person.emails))
    query = select(Meeting.calendar_event_id).where(
        or_(Meeting.id.in_(person.of(MEETINGS)), Meeting.id.in_(invited)), Meeting.calendar_event_id.is_not(None)
    )
    return {"events in calendars": sorted(str(one) for one in session.scalars(query))}


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(
            MeetingAttendee,
            lambda person: or_(MeetingAttendee.meeting_id.in_(person.of(MEETINGS)), MeetingAttendee.address.in_(person.emails)),
        ),
        Holding(Meeting, lambda person: Meeting.id.in_(person.of(MEETINGS))),
        Holding(MeetingCalendar, lambda person: MeetingCalendar.id.in_(person.of(CALENDARS))),
    ),
    identify=identify,
    outside=in_calendars,
)


def _of_whom(whose: Any) -> ColumnElement[bool]:
    addresses = whose.values("email")
    invited = select(MeetingAttendee.meeting_id).where(MeetingAttendee.address.in_(addresses))
    return or_(Meeting.organizer.in_(addresses), Meeting.id.in_(invited))


def _shown(_session: Session, rows: Sequence[Meeting]) -> Iterator[dict[str, Any]]:
    for row in rows:
        start = row.starts_at.isoformat() if row.starts_at else None
        details = {"starts_at": start, "minutes": row.minutes, "changed_by": row.moved_by}
        yield {"what": row.subject, "outcome": row.status, "reason": row.reason, "details": details}


TIMELINE = Source("meeting", Meeting, Meeting.created_at, _of_whom, _shown)
