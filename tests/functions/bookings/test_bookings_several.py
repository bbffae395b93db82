"""What one id or one webhook of the calendar's says of several bookings: requests, seats, series."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from functions.bookings.tables import Booking
from functions.leads.tables import Lead
from shared import clock
from shared.store.journey_models import Enrolment
from shared.store.models import Delivery
from shared.store.session import reading
from tests.functions.bookings.test_bookings import Calendar, add_lead, calendar, due, rows, standing, status_of, vendors
from tests.support import calcom
from tests.support.calcom import ANA, CREATED_AT, STARTS

__all__ = ["calendar", "vendors"]  # fixtures
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEA = "bea@example.com"


def meetings() -> list[tuple[str | None, str]]:
    """Who has a booking, and how it stands."""
    return sorted((row.email, row.status) for row in rows(Booking))


def reminded() -> list[str]:
    """To which numbers a reminder is due."""
    waiting = [row.payload for row in rows(Delivery, state="pending") if row.payload and "context" in row.payload]
    return sorted(one["to"] for one in waiting if one["context"]["step"] == "reminder")


class TestRequests:
    """A meeting that the host confirms: the confirmation leaves out whose it is and what it takes the place of."""

    def words(self) -> list[dict[str, Any]]:
        """A meeting, the request to move it, and its confirmation, which knows neither the lead nor the old meeting."""
        return [
            calcom.created(lead_id=17),
            calcom.requested("uid2", STARTS + DAY, CREATED_AT + HOUR, "uid1", lead_id=17),
            calcom.created(CREATED_AT + 2 * HOUR, uid="uid2", start=STARTS + DAY, email="otra@example.com"),
        ]

    @pytest.mark.share(2)
    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_confirmed(self, calendar: Calendar, order: tuple[int, ...]) -> None:
        """One meeting of the lead at its new time, with one reminder, in whatever order it is reported."""
        add_lead()
        calendar.send(*(self.words()[which] for which in order))
        (row,) = rows(Booking)
        assert (row.uid, row.current_uid, row.start_at, row.lead_id) == ("uid1", "uid2", STARTS + DAY, 17)
        assert due() == {"reminder": STARTS, "survey": STARTS + DAY + 1.5 * HOUR}
        assert status_of() == "booked"

    def test_until_then_the_old_meeting_stays(self, calendar: Calendar) -> None:
        """As it was."""
        add_lead()
        calendar.send(*self.words()[:2])
        assert [(row.current_uid, row.status) for row in rows(Booking)] == [("uid1", "booked"), ("uid2", "requested")]
        assert due()["reminder"] == STARTS - DAY

    def test_rejected(self, calendar: Calendar) -> None:
        """Cal.com has called the old one off for the request, so nothing is left."""
        add_lead()
        calendar.send(*self.words()[:2], calcom.event("BOOKING_REJECTED", CREATED_AT + 3 * HOUR, uid="uid2"))
        assert [(row.current_uid, row.status) for row in rows(Booking)] == [("uid2", "cancelled")]
        assert (due(), status_of(), standing()["lead_followup"]) == ({}, "new", "active")


class TestSeats:
    """Several people in one meeting, whose id is the same for all."""

    def book(self, calendar: Calendar, email: str, minutes: int = 0, **more: Any) -> None:
        """A seat, by the number that the form asks for."""
        phone = {"attendeePhoneNumber": {"value": "+525512345678" if email == ANA else "+525587654321"}}
        responses = {"email": {"value": email}, **phone}
        at = CREATED_AT + timedelta(minutes=minutes)
        calendar.send(calcom.created(at, **calcom.seat(email, responses=responses), **more))

    def test_each_has_a_booking(self, calendar: Calendar) -> None:
        """And a reminder, by their own number."""
        self.book(calendar, ANA)
        self.book(calendar, BEA, 1)
        assert meetings() == [(ANA, "booked"), (BEA, "booked")]
        assert len(reminded()) == len(set(reminded())) == 2

    def test_one_gives_a_seat_up(self, calendar: Calendar) -> None:
        """The cancellation has the meeting's id, and lists whose seat it was; the answers are the first person's."""
        self.book(calendar, ANA)
        self.book(calendar, BEA, 1)
        calendar.send(calcom.cancelled(CREATED_AT + HOUR, **calcom.seat(BEA)))
        assert meetings() == [(ANA, "booked"), (BEA, "cancelled")]
        assert len(reminded()) == 1

    def test_the_whole_meeting_is_off(self, calendar: Calendar) -> None:
        """Everybody is listed."""
        self.book(calendar, ANA)
        self.book(calendar, BEA, 1)
        both = [calcom.attendee(ANA), calcom.attendee(BEA)]
        calendar.send(calcom.cancelled(CREATED_AT + HOUR, **calcom.seat(ANA, attendees=both)))
        assert meetings() == [(ANA, "cancelled"), (BEA, "cancelled")]

    def test_all_attendees_may_be_listed_with_a_new_seat(self, calendar: Calendar) -> None:
        """The form says who booked."""
        self.book(calendar, ANA)
        calendar.send(
            calcom.created(
                CREATED_AT + HOUR,
                **calcom.seat(BEA, attendees=[calcom.attendee(ANA), calcom.attendee(BEA)], responses={"email": {"value": BEA}}),
            )
        )
        assert meetings() == [(ANA, "booked"), (BEA, "booked")]

    def test_absence_and_end_reach_their_seats(self, calendar: Calendar) -> None:
        """Neither says that there are seats; and the end was stored when the first person booked."""
        self.book(calendar, ANA)
        self.book(calendar, BEA, 1)
        calendar.send(calcom.no_show(STARTS + HOUR, email=BEA), calcom.ended(email=ANA))
        assert meetings() == [(ANA, "ended"), (BEA, "no-show")]

    def test_what_was_told_before_the_seat_counts(self, calendar: Calendar) -> None:
        """An absence that comes before the booking, and an end that comes before another one's."""
        calendar.send(calcom.no_show(STARTS + HOUR, email=BEA))
        self.book(calendar, ANA)
        calendar.send(calcom.ended(email=ANA))
        self.book(calendar, BEA, 1)
        assert {(row.email, row.status) for row in rows(Booking) if row.current_uid != "uid1"} == {
            (ANA, "ended"),
            (BEA, "no-show"),
        }

    @pytest.mark.share(2)
    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_the_end_reaches_every_seat_in_any_order(self, calendar: Calendar, order: tuple[int, ...]) -> None:
        """Also where it comes before any booking, and so before anything says that there are seats."""
        deeds = [
            lambda: self.book(calendar, ANA),
            lambda: self.book(calendar, BEA, 1),
            lambda: calendar.send(calcom.ended(email=ANA)),
        ]
        for number in order:
            deeds[number]()
        assert meetings() == [(ANA, "ended"), (BEA, "ended")]
        surveys = [row.subject for row in rows(Delivery, target="brevo")]
        assert sorted(surveys) == [f"email:{ANA}", f"email:{BEA}"]

    def test_one_moves_to_another_time(self, calendar: Calendar) -> None:
        """Named by the meeting's id or by that of the seat; the other person stays."""
        self.book(calendar, ANA, attendeeSeatId="seat-ana")
        self.book(calendar, BEA, 1, attendeeSeatId="seat-bea")
        for number, (email, old) in enumerate([(ANA, "seat-ana"), (BEA, "uid1")]):
            start, at = STARTS + (number + 1) * DAY, CREATED_AT + (number + 1) * HOUR
            calendar.send(calcom.rescheduled(f"new{number}", old, start, at, **calcom.seat(email)))
        found = {row.email: (row.status, row.start_at) for row in rows(Booking)}
        assert found == {ANA: ("booked", STARTS + DAY), BEA: ("booked", STARTS + 2 * DAY)}

    def test_links_lead_to_the_calendars_pages(self, calendar: Calendar) -> None:
        """By the seat's own number where it is known, else by the meeting's id; never by an id of ours."""
        self.book(calendar, ANA, attendeeSeatId="seat-ana")
        self.book(calendar, BEA, 1)
        variables_planned = [row.payload["variables"] for row in rows(Delivery, state="pending", target="twilio")]
        links = {(one["first_name"], one["reschedule_url"], one["cancel_url"]) for one in variables_planned}
        ana = ("https://cal.com/reschedule/seat-ana", "https://cal.com/booking/uid1?cancel=true&seatReferenceUid=seat-ana")
        bea = ("https://cal.com/reschedule/uid1", "https://cal.com/booking/uid1?cancel=true")
        assert {one[1:] for one in links} == {ana, bea}

    def test_lead_of_the_first_person_is_not_the_second_ones(self, calendar: Calendar) -> None:
        """Cal.com merges the metadata of the first booking into those that follow."""
        add_lead(17, ANA)
        add_lead(18, BEA)
        self.book(calendar, ANA, lead_id=17)
        self.book(calendar, BEA, 1, lead_id=17)
        assert {row.email: row.lead_id for row in rows(Booking)} == {ANA: 17, BEA: 18}

    ORDERS = enumerate(permutations(range(4)))

    @pytest.mark.share(2)
    @pytest.mark.parametrize("order", [pytest.param(one, marks=[pytest.mark.slow] if n % 3 else []) for n, one in ORDERS])
    def test_every_order_ends_the_same(self, calendar: Calendar, order: tuple[int, ...]) -> None:
        """Two people book, one gives the seat up, the other does not come."""
        bea = {"email": {"value": BEA}}
        words = [
            calcom.created(CREATED_AT, **calcom.seat(ANA)),
            calcom.created(CREATED_AT + HOUR, **calcom.seat(BEA, responses=bea)),
            calcom.cancelled(CREATED_AT + 2 * HOUR, **calcom.seat(BEA)),
            calcom.no_show(STARTS + HOUR, email=ANA),
        ]
        calendar.send(*(words[which] for which in order))
        assert {(row.email, row.status) for row in rows(Booking) if row.current_uid != "uid1"} == {
            (ANA, "no-show"),
            (BEA, "cancelled"),
        }
        with reading() as session:
            active = select(Enrolment).where(Enrolment.journey == "booking", Enrolment.state == "active")
            assert session.scalars(active).all() == []


class TestSeries:
    """Meetings that are repeated, of which one webhook calls off all that are left."""

    RULE = {"freq": 2, "count": 3, "interval": 1}  # noqa: RUF012  # of the tests alone

    def words(self) -> list[dict[str, Any]]:
        """Three meetings a week apart, and one of another kind."""
        weeks = [
            calcom.created(CREATED_AT, uid=f"w{week}", start=STARTS + 7 * week * DAY, recurringEvent=self.RULE)
            for week in range(3)
        ]
        return [*weeks, calcom.created(CREATED_AT, uid="x", start=STARTS + DAY, eventTypeId=6)]

    @pytest.mark.share(2)
    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_all_that_are_left_are_off(self, calendar: Calendar, test_clock: clock.TestClock, order: tuple[int, ...]) -> None:
        """Those to come at that time; one of the past stays, and so does another meeting of the person."""
        test_clock.moment = STARTS + DAY
        off = calcom.cancelled(STARTS + DAY, uid="w1", start=STARTS + 7 * DAY, recurringEvent=self.RULE)
        first, second, third, other = self.words()
        late = [second, third, off]
        calendar.send(first, other, *(late[which] for which in order))
        found = {row.current_uid: row.status for row in rows(Booking)}
        assert found == {"w0": "booked", "w1": "cancelled", "w2": "cancelled", "x": "booked"}

    def test_one_of_them(self, calendar: Calendar) -> None:
        """Its cancellation has no rule of repetition."""
        calendar.send(*self.words(), calcom.cancelled(CREATED_AT + HOUR, uid="w1", start=STARTS + 7 * DAY))
        assert {row.current_uid for row in rows(Booking, status="cancelled")} == {"w1"}

    def test_named_days(self, calendar: Calendar) -> None:
        """Where the cancellation lists them, only they are off."""
        days = [calcom.iso(STARTS), calcom.iso(STARTS + 14 * DAY)]
        calendar.send(*self.words(), calcom.cancelled(CREATED_AT + HOUR, uid="w0", cancelledDates=days))
        assert {row.current_uid for row in rows(Booking, status="cancelled")} == {"w0", "w2"}

    def test_lead_is_new_again(self, calendar: Calendar) -> None:
        """When the last of the meetings is off."""
        add_lead()
        calendar.send(*self.words()[:3])
        assert status_of() == "booked"
        calendar.send(calcom.cancelled(CREATED_AT + HOUR, uid="w0", recurringEvent=self.RULE))
        assert (status_of(), standing()["lead_followup"], due()) == ("new", "active", {})
        assert len(rows(Lead)) == 1
