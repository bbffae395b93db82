"""Figures of a day: the meetings that were to begin on it, held, missed or cancelled, with and without a reminder."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import case, exists, func, select
from sqlalchemy.orm import Session

from functions.bookings.tables import Booking
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.watch.day_figures import Figure

NAME, JOURNEY, STEP = "booking", "booking", "reminder"
WITH, WITHOUT = "reminded", "not reminded"


def of_bookings(session: Session, since: datetime, until: datetime) -> Iterator[Figure]:
    """By whether a reminder went out, and by what became of the meeting. `booked` of a day that is over: nobody has said.

    Meetings of which only a test has told do not count.
    """
    reminder = (
        select(EnrolmentStep.id)
        .join(Enrolment, Enrolment.id == EnrolmentStep.enrolment_id)
        .where(Enrolment.journey == JOURNEY, Enrolment.instance == Booking.instance)
        .where(EnrolmentStep.step == STEP, EnrolmentStep.state == "sent")
    )
    reminded = case((exists(reminder), 1), else_=0).label("reminded")
    of_day = (
        select(Booking.status, reminded).where(Booking.start_at >= since, Booking.start_at < until, ~Booking.of_test).subquery()
    )
    columns = (of_day.c.status, of_day.c.reminded)
    for status, was_reminded, number in session.execute(select(*columns, func.count()).group_by(*columns)):
        yield Figure(name=NAME, owner=WITH if was_reminded else WITHOUT, part=status, number=number)
