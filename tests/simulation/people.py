"""The people of a simulated year: who they are, where they live, and what happens to them and when."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
HOMES = (
    ("MX", "America/Mexico_City", "+5255{:08d}"),
    ("ES", "Europe/Madrid", "+346{:08d}"),
    ("US", "America/New_York", "+1212{:07d}"),
    ("CL", "America/Santiago", "+569{:08d}"),
)

type Happening = tuple[datetime, str, dict[str, Any]]


@dataclass(frozen=True)
class Person:
    """Somebody, and where they live."""

    key: str
    country: str
    zone: str
    data: dict[str, Any]

    def local(self, moment: datetime) -> datetime:
        """What the clock on their wall shows."""
        return moment.astimezone(ZoneInfo(self.zone))

    def is_free_for_us(self, moment: datetime) -> bool:
        """Whether they may be written to: from nine to eight, on no Sunday and no holiday."""
        local = self.local(moment)
        return 9 <= local.hour < 20 and local.weekday() != 6 and not _is_holiday(self.country, local.date())


@dataclass
class Known:
    """What the book knows of a person, from the events that were handled."""

    person: Person
    booked: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    unsubscribed: bool = False
    bounced: bool = False
    complained: bool = False
    enrolments: dict[int, str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    bookings: dict[str, int] = field(default_factory=dict)


def somebody(number: int, chance: random.Random) -> Person:
    """The person of that number; one in ten has told no address or no phone."""
    country, zone, phone = HOMES[number % len(HOMES)]
    data = {"first_name": f"P{number}", "email": f"p{number}@example.com", "phone": phone.format(number + 1)}
    if chance.random() < 0.1:
        del data[chance.choice(("email", "phone"))]
    return Person(f"lead:{number}", country, zone, data | {"time_zone": zone, "country": country})


def life(person: Person, chance: random.Random) -> Iterator[Happening]:
    """What happens to somebody in the year: each event with its moment and its data."""
    begin = START + timedelta(seconds=round(YEAR.total_seconds() * chance.random()))
    yield begin, "lead.created", person.data
    if chance.random() < 0.4:
        yield from _meeting(person, begin + timedelta(hours=chance.randrange(1, 300)), chance)
    if chance.random() < 0.2:
        at = begin + timedelta(hours=chance.randrange(0, 400))
        sent_at = at - timedelta(hours=chance.choice((0, 30)))
        yield at, "assessment.completed", person.data | {"email_1_sent_at": sent_at.isoformat()}
    if chance.random() < 0.1:
        yield begin + timedelta(hours=chance.randrange(50, 500)), "postcall.maybe", person.data
    if chance.random() < 0.1:
        yield begin + timedelta(hours=chance.randrange(1, 500)), "person.unsubscribed", {}
    if chance.random() < 0.15:
        paid = begin + timedelta(hours=chance.randrange(1, 500))
        yield paid, "payment.received", {}
        yield paid + timedelta(minutes=1), "onboarding.started", person.data


def _meeting(person: Person, at: datetime, chance: random.Random) -> Iterator[Happening]:
    uid, start = f"b{person.key}", at + timedelta(hours=chance.randrange(2, 200))

    def facts(start: datetime) -> dict[str, Any]:
        return {"booking_uid": uid, "start_at": start.isoformat(), "end_at": (start + timedelta(hours=1)).isoformat()}

    yield at, "booking.created", person.data | facts(start)
    if chance.random() < 0.3:
        moved = at + (start - at) * chance.random()
        start += timedelta(hours=chance.randrange(24, 100))
        yield moved, "booking.rescheduled", facts(start)
    if chance.random() < 0.3:
        yield at + (start - at) * chance.random(), "booking.cancelled", {"booking_uid": uid}
    elif chance.random() < 0.3:
        yield start + timedelta(minutes=20), "booking.noshow", {"booking_uid": uid}
        yield start + timedelta(minutes=21), "noshow.reported", person.data | {"calendly_event": uid}


@cache
def _is_holiday(country: str, day: date) -> bool:
    return day in _calendar(country)


@cache
def _calendar(country: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country)
