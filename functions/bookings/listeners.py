"""What other flows' events mean for bookings."""

from sqlalchemy.orm import Session

from functions.bookings import services


def adopt_waiting_bookings(session: Session, lead_id: int, event_key: str) -> None:
    """Give a lead that was just stored the meetings that wait for it: a booking may arrive before its form does."""
    services.adopt(session, lead_id, event_key)
