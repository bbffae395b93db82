"""A calendar with one host: which times are free, and the bookings. How they are told to the app is each vendor's own."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.shelf import Shelf
from sandbox.vendor import Card, Column, UnknownActionError

HOST, HOST_EMAIL = "Javier", "javier@sandbox.example"
MEETING = "Llamada de 30 minutos"
MINUTES = 30
TIME_ZONE = "America/Mexico_City"
DAYS_OFFERED = 4
TIMES_OFFERED = (time(10, 0), time(11, 30), time(13, 0), time(16, 0), time(17, 30))
CARDS_PER_COLUMN = 12
SATURDAY = 5
ASKED, BOOKED, OVER, ABSENT = "Asked for", "Booked", "Over", "Did not come"
MOVED, CANCELLED = "Put off", "Cancelled"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

type Booking = dict[str, Any]


def iso(moment: datetime, spec: str = "seconds") -> str:
    """An instant in UTC, such as `2026-03-02T09:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


class Calendar(ABC):
    """Bookings on a shelf, by `uid`: name, email, phone, start, end (ISO 8601, UTC), status, and what became of them."""

    def __init__(self, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self.shelf, self.now = shelf, now

    @abstractmethod
    def book(self, person: Mapping[str, Any], start: datetime | None = None) -> Booking:
        """A new booking, at the next free time unless `start` says another. Raises ValueError."""

    @abstractmethod
    def reschedule(self, old: Booking, start: datetime | None = None, by: str = "") -> Booking:
        """A booking in the place of `old`, a day later unless `start` says when. Raises ValueError."""

    @abstractmethod
    def cancel(self, booking: Booking, reason: str = "", by: str = "") -> Booking:
        """Call it off. Raises ValueError."""

    def find(self, uid: object) -> Booking:
        """The booking with this id. Raises UnknownActionError."""
        found = self.shelf.get("bookings", str(uid))
        if found is None:
            raise UnknownActionError(f"there is no booking {uid!r}")
        return found

    def offered(self) -> list[datetime]:
        """Times that are free: the next working days of the host's, at his hours."""
        zone = ZoneInfo(TIME_ZONE)
        taken = {row["start"] for row in self.shelf.rows("bookings") if row["status"] == "ACCEPTED"}
        day, found, days = self.now().astimezone(zone).date(), [], 0
        while days < DAYS_OFFERED:
            day += timedelta(days=1)
            if day.weekday() >= SATURDAY:
                continue
            days += 1
            found += [datetime.combine(day, hour, zone) for hour in TIMES_OFFERED]
        return [moment for moment in found if iso(moment) not in taken]

    def columns(self, actions: Mapping[str, tuple[str, ...]]) -> list[Column]:
        """The board: bookings by what became of them, the newest on top, each with the actions that fit."""
        found: dict[str, list[Booking]] = {state: [] for state in (ASKED, BOOKED, OVER, ABSENT, MOVED, CANCELLED)}
        for row in reversed(self.shelf.rows("bookings")):
            found[state_of(row)].append(row)
        return [
            Column(
                id=place,
                title=state,
                total=len(rows),
                cards=tuple(_card(row, actions.get(state, ())) for row in rows[:CARDS_PER_COLUMN]),
            )
            for place, (state, rows) in enumerate(found.items())
            if rows or state != ASKED  # most calendars ask nobody
        ]

    def _made(self, uid: str, person: Mapping[str, Any], start: datetime | None) -> Booking:
        """What every booking has. Raises ValueError without a name and an address."""
        name, email = str(person.get("name") or "").strip(), str(person.get("email") or "").strip()
        if not name or not _EMAIL.fullmatch(email):
            raise ValueError("a name and an e-mail address are needed to book")
        begins, minutes = (start or self.offered()[0]), int(person.get("minutes") or MINUTES)
        made: Booking = {"uid": uid, "status": "ACCEPTED", "name": name, "email": email, "phone": person.get("phone") or None}
        made |= {"time_zone": person.get("time_zone") or TIME_ZONE, "metadata": dict(person.get("metadata") or {})}
        made |= {"notes": person.get("notes") or "", "start": iso(begins), "end": iso(begins + timedelta(minutes=minutes))}
        made |= {"minutes": minutes, "created_at": iso(self.now(), "milliseconds"), "follows": None, "reason": None}
        return made | {"absent": False, "ended": False, "moved": False}

    @staticmethod
    def _later(old: Booking, start: datetime | None) -> datetime:
        return start or datetime.fromisoformat(old["start"]) + timedelta(days=1)

    @staticmethod
    def _require_accepted(booking: Booking) -> None:
        if booking["status"] != "ACCEPTED":
            raise ValueError(f"booking {booking['uid']} is {booking['status'].lower()}")


def state_of(row: Booking) -> str:
    """What became of it, in the words of the board."""
    if row["status"] == "PENDING":
        return ASKED
    if row["status"] != "ACCEPTED":
        return MOVED if row["moved"] else CANCELLED
    return ABSENT if row["absent"] else OVER if row["ended"] else BOOKED


def metadata_of(given: Mapping[str, Any]) -> dict[str, str]:
    """What a link would carry: `metadata`, and `lead_id` in it; all of it text. Raises ValueError."""
    metadata = given.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise ValueError("metadata must be an object")  # noqa: TRY004  # to the caller it is a wrong value
    carried = {str(name): str(value) for name, value in metadata.items()}
    return carried | ({"lead_id": str(given["lead_id"])} if given.get("lead_id") is not None else {})


def _card(row: Booking, actions: tuple[str, ...]) -> Card:
    lead = f"lead {row['metadata']['lead_id']}" if "lead_id" in row["metadata"] else ""
    lines = (row["start"].replace("T", " "), row["email"], row["phone"] or "", lead, row["reason"] or "")
    return Card(id=row["uid"], title=row["name"], lines=tuple(line for line in lines if line), actions=actions)
