"""The calendar: bookings and what becomes of them, and the webhook that Cal.com sends of each."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.calcom import payloads
from sandbox.calcom.payloads import Booking
from sandbox.shelf import Shelf
from sandbox.vendor import UnknownActionError, Webhook

APP_PATH = "/api/calcom"
DAYS_OFFERED = 4
TIMES_OFFERED = (time(10, 0), time(11, 30), time(13, 0), time(16, 0), time(17, 30))
SATURDAY = 5
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Calendar:
    """Bookings on a shelf. `send` takes the webhooks; `base` tells where Cal.com's pages are."""

    def __init__(
        self, shelf: Shelf, now: Callable[[], datetime], send: Callable[[Webhook], None], base: Callable[[], str]
    ) -> None:
        self.shelf, self.now, self.send, self.base = shelf, now, send, base

    def find(self, uid: object) -> Booking:
        """The booking with this id. Raises UnknownActionError."""
        found = self.shelf.get("bookings", str(uid))
        if found is None:
            raise UnknownActionError(f"there is no booking {uid!r}")
        return found

    def offered(self) -> list[datetime]:
        """Times that are free: the next working days of the host's, at his hours."""
        zone, taken = ZoneInfo(payloads.TIME_ZONE), {row["start"] for row in self._accepted()}
        day, found, days = self.now().astimezone(zone).date(), [], 0
        while days < DAYS_OFFERED:
            day += timedelta(days=1)
            if day.weekday() >= SATURDAY:
                continue
            days += 1
            found += [datetime.combine(day, hour, zone).astimezone(UTC) for hour in TIMES_OFFERED]
        return [moment for moment in found if payloads.iso(moment) not in taken]

    def book(self, person: Mapping[str, Any], start: datetime | None = None) -> Booking:
        """A new booking, at the next free time unless `start` says another. Raises ValueError."""
        name, email = str(person.get("name") or "").strip(), str(person.get("email") or "").strip()
        if not name or not _EMAIL.fullmatch(email):
            raise ValueError("a name and an e-mail address are needed to book")
        booking = self._new({**person, "name": name, "email": email}, start or self.offered()[0])
        self._tell("BOOKING_CREATED", booking, payloads.created(booking, self.base()))
        return booking

    def reschedule(self, old: Booking, start: datetime | None = None, by: str = "", *, keeps_metadata: bool = False) -> Booking:
        """A booking in the place of `old`, which is off; a day later unless `start` says when. Raises ValueError.

        What the old one's link carried (`metadata`) is lost unless `keeps_metadata`: only the id leads back to it.
        """
        self._require_accepted(old)
        person = old if keeps_metadata else {**old, "metadata": {}}
        booking = self._new(person, start or datetime.fromisoformat(old["start"]) + timedelta(days=1))
        booking["follows"] = old["uid"]
        old |= {"status": "CANCELLED", "moved": True}
        payload = payloads.rescheduled(booking, old, self.base(), by or booking["email"])
        self._tell("BOOKING_RESCHEDULED", booking, payload)
        return booking

    def cancel(self, booking: Booking, reason: str = "", by: str = "") -> Booking:
        """Call it off. Raises ValueError."""
        self._require_accepted(booking)
        booking |= {"status": "CANCELLED", "reason": reason}
        self._tell("BOOKING_CANCELLED", booking, payloads.cancelled(booking, self.base(), by or booking["email"]))
        return booking

    def mark_absent(self, booking: Booking, *, absent: bool = True) -> Booking:
        """Note that the guest did not come, or take that back."""
        booking["absent"] = absent
        self._tell("BOOKING_NO_SHOW_UPDATED", booking, payloads.no_show(booking))
        return booking

    def begin(self, booking: Booking) -> Booking:
        """The meeting begins. Raises ValueError."""
        self._require_accepted(booking)
        self._send("MEETING_STARTED", booking, payloads.flat("MEETING_STARTED", booking))
        return booking

    def end(self, booking: Booking) -> Booking:
        """The meeting is over. Raises ValueError."""
        self._require_accepted(booking)
        booking["ended"] = True
        self._send("MEETING_ENDED", booking, payloads.flat("MEETING_ENDED", booking))
        return booking

    def _new(self, person: Mapping[str, Any], start: datetime) -> Booking:
        uid = secrets.token_hex(11)
        number = 1 + max((row["id"] for row in self.shelf.rows("bookings")[-1:]), default=9000)
        return self.shelf.put("bookings", uid, payloads.booking_of(number, uid, person, start.astimezone(UTC), self.now()))

    def _accepted(self) -> list[Booking]:
        return [row for row in self.shelf.rows("bookings") if row["status"] == "ACCEPTED"]

    @staticmethod
    def _require_accepted(booking: Booking) -> None:
        if booking["status"] != "ACCEPTED":
            raise ValueError(f"booking {booking['uid']} is {booking['status'].lower()}")

    def _tell(self, trigger: str, booking: Booking, payload: Mapping[str, Any]) -> None:
        self._send(trigger, booking, payloads.envelope(trigger, self.now(), payload))

    def _send(self, trigger: str, booking: Booking, body: Mapping[str, Any]) -> None:
        self.shelf.touch()
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"X-Cal-Webhook-Version": payloads.VERSION}
        self.send(Webhook(what=trigger, url=APP_PATH, body=raw, headers=headers, about=booking["uid"], line="calcom"))
