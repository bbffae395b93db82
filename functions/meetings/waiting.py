"""Meetings whose calendars do not answer: after a while hours are proposed all the same, as unknown, and somebody chooses."""

from datetime import timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.meetings import holding, services
from functions.meetings.settings import MeetingSettings
from functions.meetings.tables import Meeting
from shared import clock
from shared.crm import editing
from shared.settings import settings_of
from shared.store.session import reading

AT_ONCE = 100


def give_up_waiting() -> int:
    """Answer the questions that have been open for MEETINGS_WAIT_MINUTES; how many there were.

    Each is answered in a transaction of its own, and once: a second run finds it answered.
    """
    before = clock.now() - timedelta(minutes=settings_of(MeetingSettings).meetings_wait_minutes)
    query = select(Meeting.id).where(Meeting.asked_at < before).order_by(Meeting.asked_at).limit(AT_ONCE)
    with reading() as session:
        waiting = session.scalars(query).all()
    for number in waiting:
        editing.committed(partial(_answer, meeting_id=number))
    return len(waiting)


def _answer(session: Session, meeting_id: int) -> None:
    meeting = holding.locked_meeting(session, meeting_id)
    if meeting is not None:
        services.decide(session, meeting)
