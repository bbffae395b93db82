"""What other flows' events mean for bookings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings import services
from functions.bookings.payloads import subject_of
from functions.bookings.tables import Booking, BookingUid
from functions.leads.log import MOST, Contribution, Happened, written
from functions.leads.services import message_variables

JOURNEYS = ("booking",)


def adopt_waiting_bookings(session: Session, lead_id: int, event_key: str) -> None:
    """Give a lead that was just stored the meetings that wait for it: a booking may arrive before its form does."""
    services.adopt(session, lead_id, event_key)


def add_to_lead_log(session: Session, lead_id: int) -> Contribution:
    """The lead's meetings as they are now, and the subjects of the calendar's events about them."""
    query = select(Booking).where(Booking.lead_id == lead_id).order_by(Booking.id.desc()).limit(MOST)
    rows = session.scalars(query).all()
    numbers = [row.id for row in rows]
    uids = session.scalars(select(BookingUid.uid).where(BookingUid.booking_id.in_(numbers))).all() if numbers else []
    return Contribution(
        channel="booking",
        subjects=[subject_of(uid) for uid in uids],
        happened=[_happened(row) for row in rows],
    )


def fill_links(context: Mapping[str, Any], given: Mapping[str, Any], _at: datetime) -> Mapping[str, Any] | None:
    """What a message about a meeting may say now; links that it was planned with stay."""
    return message_variables(given) if context.get("journey") in JOURNEYS else None


def _happened(row: Booking) -> Happened:
    facts = {
        "status": row.status,
        "uid": row.current_uid,
        "start_at": written(row.start_at),
        "end_at": written(row.end_at),
        "title": row.title,
    }
    return Happened(at=row.said_at, id=row.id, channel="booking", action=f"{row.calendar}.booking", facts=facts)
