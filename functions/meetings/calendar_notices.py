"""A calendar has told us that something has changed: it is read. Nothing is read here."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.meetings.syncs import CHANGES, CHANNEL
from functions.meetings.tables import MeetingCalendar
from shared.store.dialect import held


def take(session: Session, changed: Sequence[int], lost: Sequence[int], event_key: str) -> str:
    """Have these calendars read, and listened to anew where no more will be told. "ignored" where none of them is known.

    Any number of notices is one reading: the delivery that is open does for all.
    """
    numbers = sorted({*changed, *lost})
    query = select(MeetingCalendar).where(MeetingCalendar.id.in_(numbers)).order_by(MeetingCalendar.address)
    rows = session.scalars(held(query, MeetingCalendar)).all()
    for row in rows:
        row.left_to_look = None  # a round that is under way does not end before all were looked at once more
        CHANGES.request(session, row, event_key)
        if row.id in lost:
            row.expires_at = None
            CHANNEL.request(session, row, event_key)
    return "applied" if rows else "ignored"
