"""How calendars tell us that something has changed: a channel for each organizer, renewed before it ends.

A channel that is lost costs no change: the calendar is then read every quarter of an hour, and every six hours in any case, as
not every change is told. A notice carries a token by which it is known to be meant for us; it names the row and is signed, so
that it is checked without a database.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from functions.meetings import tokens
from functions.meetings.calendars import calendar_named
from functions.meetings.services import NO_CALENDAR
from functions.meetings.tables import CONFIRMED, Meeting, MeetingCalendar
from shared import clock
from shared.outbox.record_sync import ERROR, PENDING
from shared.settings import get_settings
from shared.store.session import reading
from shared.vendors.calendars.entries import Channel, NoSuchCalendarError

EARLY = timedelta(days=1)
OFTEN, SELDOM = timedelta(minutes=15), timedelta(hours=6)


def open_channel(calendar: MeetingCalendar) -> Mapping[str, Any]:
    """Open a channel, or renew it. Twice is harmless: a notice that comes twice changes nothing."""
    kept = {"channel_id": calendar.channel_id, "resource_id": calendar.resource_id, "expires_at": _written(calendar.expires_at)}
    with reading() as session:
        name = session.scalars(select(Meeting.calendar).where(_is_upcoming(calendar.address)).limit(1)).first()
    if name is None:
        return kept
    address = f"{get_settings().public_base_url}{tokens.PATHS[name]}"
    try:
        made = calendar_named(name).listen(calendar.address, address, tokens.token_of(calendar.id), _open(calendar))
    except NoSuchCalendarError:
        return kept
    return {"channel_id": made.channel_id, "resource_id": made.resource_id, "expires_at": _written(made.expires_at)}


def to_renew(session: Session, limit: int) -> Sequence[MeetingCalendar]:
    """Calendars with meetings ahead whose channel ends within a day, or has ended."""
    soon = or_(MeetingCalendar.expires_at.is_(None), MeetingCalendar.expires_at < clock.now() + EARLY)
    settled = MeetingCalendar.channel_sync_status.not_in((PENDING, ERROR))
    return session.scalars(select(MeetingCalendar).where(soon, settled, _has_meetings()).limit(limit)).all()


def to_read(session: Session, limit: int) -> Sequence[MeetingCalendar]:
    """Calendars with meetings ahead that have not been read for long: a quarter of an hour, or six hours with a channel."""
    now = clock.now()
    is_silent = or_(MeetingCalendar.expires_at.is_(None), MeetingCalendar.expires_at < now)
    is_due = or_(
        MeetingCalendar.read_at.is_(None),
        is_silent & (MeetingCalendar.read_at < now - OFTEN),
        MeetingCalendar.read_at < now - SELDOM,
    )
    status = MeetingCalendar.changes_sync_status
    settled = or_(status.is_(None), status.not_in((PENDING, ERROR)))
    return session.scalars(select(MeetingCalendar).where(is_due, settled, _has_meetings()).limit(limit)).all()


def _has_meetings() -> ColumnElement[bool]:
    return MeetingCalendar.address.in_(
        select(Meeting.organizer).where(
            Meeting.status == CONFIRMED, Meeting.ends_at > clock.now(), Meeting.calendar != NO_CALENDAR
        )
    )


def _is_upcoming(address: str) -> ColumnElement[bool]:
    ahead = (Meeting.status == CONFIRMED) & (Meeting.ends_at > clock.now()) & (Meeting.calendar != NO_CALENDAR)
    return (Meeting.organizer == address) & ahead


def _open(calendar: MeetingCalendar) -> Channel | None:
    if calendar.channel_id is None:
        return None
    return Channel(channel_id=calendar.channel_id, resource_id=calendar.resource_id or "", expires_at=calendar.expires_at)


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
