"""Splits what a calendar reports about several bookings at once into one event for each of them.

In a meeting with seats one id of the calendar is not one person: each seat is a booking with its own reminders. An event about
the whole meeting (its end, an absence, its cancellation) concerns the seats that it lists, or all that are known. And who calls
off a series of repeated meetings sends one event for all of them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.bookings.chain import Chain
from functions.bookings.facts import ABSENT, END_REPORTED, RECEIVED, SERIES, SERIES_OFF, digest, instant, keep, stamp
from functions.bookings.payloads import CALCOM, CANCELLED, CREATED, NO_SHOW, RESCHEDULED, BookingEvent, seat_of
from functions.bookings.tables import Booking, BookingUid

# Of a meeting with seats these may be another person's.
_OF_ANOTHER = ("name", "first_name", "last_name", "phone", "time_zone", "locale", "lead_ref")


def of_event(session: Session, event: BookingEvent) -> list[BookingEvent]:
    """One event for each booking that this one is about, in the order of the people's addresses; mostly itself alone."""
    if event.calendar != CALCOM or event.uid is None or event.seat is not None:
        return [event]
    known = _seats_of(session, event.uid)
    if not known and not event.seats:
        return [event]
    seats = event.seats
    if event.trigger == NO_SHOW:
        seats = {seat_of(address): address for address in event.absent if address}
    elif event.trigger != CANCELLED or not event.seats:
        seats = dict.fromkeys(known, "") | event.seats
    parts = [_of_seat(event, seat, address or None) for seat, address in seats.items()]
    return sorted(parts, key=lambda part: (part.email or "", part.seat or ""))


def inherit(session: Session, chain: Chain, event: BookingEvent) -> None:
    """Give a seat that is new what was reported about its meeting before: the end, and whether this person stayed away."""
    record = chain.record(event.booking)
    if event.meeting is None or record.meeting is not None:
        return
    record.meeting = event.meeting
    query = select(BookingUid).where(or_(BookingUid.uid == event.meeting, BookingUid.meeting == event.meeting))
    own = digest(event.email or "")
    facts = dict(record.facts)
    for other in session.scalars(query.where(BookingUid.uid != record.uid)):
        for name, (at, value) in other.facts.items():
            if name in (END_REPORTED, f"{ABSENT}{own}") or name.startswith(f"{RECEIVED}{NO_SHOW}:{own}:"):
                keep(facts, name, value, instant(at))
    record.facts = facts


def rest_of_series(session: Session, chain: Chain, event: BookingEvent) -> Iterable[tuple[BookingEvent, datetime]]:
    """Cancellations, with their times, that follow from the end of a series: of its other bookings, or of this one itself.

    The person, the kind of meeting and the time of its beginning say which bookings are meant; the calendar says no more.
    """
    record = chain.record(event.booking)
    if SERIES not in record.facts or chain.booking.email is None:
        return []
    theirs = (Booking.calendar == CALCOM, Booking.email == chain.booking.email)
    query = select(BookingUid).join(Booking, Booking.id == BookingUid.booking_id).where(*theirs).order_by(BookingUid.uid)
    others = [one for one in session.scalars(query) if one.uid != record.uid and _is_of_series(one, record)]
    if event.trigger == CANCELLED and SERIES_OFF in record.facts:
        return [_cancelled(one, record) for one in others if _is_off(one, record)]
    if event.trigger in (CREATED, RESCHEDULED):
        return [_cancelled(record, one) for one in others if _is_off(record, one)]
    return []


def _seats_of(session: Session, uid: str) -> list[str]:
    query = select(BookingUid.uid).where(BookingUid.meeting == uid).order_by(BookingUid.uid)
    return [seat.rpartition("/")[2] for seat in session.scalars(query)]


def _of_seat(event: BookingEvent, seat: str, address: str | None) -> BookingEvent:
    """The event as it concerns one seat; what it says of a person is left out, because it may be said of another."""
    own: dict[str, Any] = dict.fromkeys(_OF_ANOTHER) | {"seat": seat, "seats": {}, "email": address}
    own["absent"] = {name: away for name, away in event.absent.items() if name == address}
    return event.model_copy(update=own)


def _is_of_series(one: BookingUid, other: BookingUid) -> bool:
    return SERIES in one.facts and bool(one.facts[SERIES][1] == other.facts[SERIES][1])


def _is_off(record: BookingUid, ending: BookingUid) -> bool:
    """Whether the end of the series that was reported with `ending` calls this booking off."""
    start = record.facts.get("start_at", ("", None))[1]
    if SERIES_OFF not in ending.facts or start is None:
        return False
    at, days = ending.facts[SERIES_OFF]
    begins = stamp(instant(start))
    return begins in days if days else begins >= at


def _cancelled(record: BookingUid, ending: BookingUid) -> tuple[BookingEvent, datetime]:
    seat = record.uid.rpartition("/")[2] if record.meeting is not None else None
    uid = record.meeting or record.uid
    return BookingEvent(trigger=CANCELLED, uid=uid, seat=seat), instant(ending.facts[SERIES_OFF][0])


__all__ = ["inherit", "of_event", "rest_of_series"]
