"""Cal.com's calendar: the webhook that it sends of each thing that becomes of a booking."""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.calcom import payloads
from sandbox.meetings.calendar import Booking, Calendar, iso
from sandbox.shelf import Shelf
from sandbox.vendor import Webhook

APP_PATH = "/api/calcom"
FIRST_ID = 9001
WEEK = timedelta(weeks=1)


class Bookings(Calendar):
    """`send` takes the webhooks; `base` tells where Cal.com's pages are."""

    def __init__(
        self, shelf: Shelf, now: Callable[[], datetime], send: Callable[[Webhook], None], base: Callable[[], str]
    ) -> None:
        super().__init__(shelf, now)
        self.send, self.base = send, base

    def book(self, person: Mapping[str, Any], start: datetime | None = None) -> Booking:
        """A new booking, at the next free time unless `start` says another. Raises ValueError.

        `person` may say how: `confirm` asks the host first, `join` takes a further seat in the meeting of that booking, `seats`
        makes it one with so many, `repeat` books as many, a week apart; `by_phone`, the attendee's phone is the place.
        """
        if person.get("join"):
            return self._join(person, self.find(person["join"]))
        booking = self._new(person, start)
        if person.get("confirm"):
            return self._ask(booking, None)
        rule = {"freq": 2, "count": int(person.get("repeat") or 1), "interval": 1}
        booking["series"] = rule if rule["count"] > 1 else None
        self._tell("BOOKING_CREATED", booking, payloads.created(booking, self.base()))
        for week in range(1, rule["count"]):
            again = self._new(person, datetime.fromisoformat(booking["start"]) + week * WEEK)
            again |= {"series": rule, "first": booking["uid"]}
            self._tell("BOOKING_CREATED", again, payloads.created(again, self.base()))
        return booking

    def reschedule(
        self, old: Booking, start: datetime | None = None, by: str = "", *, keeps_metadata: bool = False, confirm: bool = False
    ) -> Booking:
        """A booking in the place of `old`, which is off; a day later unless `start` says when. Raises ValueError.

        What the old one's link carried (`metadata`) is lost unless `keeps_metadata`: only the id leads back to it. Where the
        host is to `confirm` it, the old one is off all the same, and a request is told that names it.
        """
        self._require_accepted(old)
        booking = self._new(old if keeps_metadata else {**old, "metadata": {}}, self._later(old, start))
        booking |= {"follows": payloads.uid_of(old), "seats": old["seats"]}
        old |= {"status": "CANCELLED", "moved": True}
        if confirm:
            return self._ask(booking, old)
        payload = payloads.rescheduled(booking, old, self.base(), by or booking["email"])
        self._tell("BOOKING_RESCHEDULED", booking, payload)
        return booking

    def confirm(self, booking: Booking) -> Booking:
        """The host agrees to a request. Raises ValueError."""
        self._require_pending(booking)
        booking["status"] = "ACCEPTED"
        self._tell("BOOKING_CREATED", booking, payloads.confirmed(booking, self.base()))
        return booking

    def reject(self, booking: Booking) -> Booking:
        """The host does not agree to a request. Raises ValueError."""
        self._require_pending(booking)
        booking["status"] = "REJECTED"
        self._tell("BOOKING_REJECTED", booking, payloads.confirmed(booking, self.base()))
        return booking

    def cancel(self, booking: Booking, reason: str = "", by: str = "", *, everybody: bool = False) -> Booking:
        """Call it off; of a meeting with seats this one, or `everybody`'s; of a series this one, or all that are left.

        Raises ValueError.
        """
        self._require_accepted(booking)
        off = self._with_all(booking) if everybody else [booking]
        for row in off:
            row |= {"status": "CANCELLED", "reason": reason}
        seats = [row for row in off if payloads.uid_of(row) == payloads.uid_of(booking)]
        first = self.find(payloads.uid_of(booking))
        whole_series = everybody and bool(booking["series"])
        payload = payloads.cancelled(
            booking, self.base(), by or booking["email"], listed=seats, first=first, whole_series=whole_series
        )
        self._tell("BOOKING_CANCELLED", booking, payload)
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

    def end(self, booking: Booking, *, wrapped: bool = False) -> Booking:
        """The meeting is over; told flat, or `wrapped` as newer versions of Cal.com do. Raises ValueError."""
        self._require_accepted(booking)
        booking["ended"] = True
        flat = payloads.flat("MEETING_ENDED", booking)
        if wrapped:
            self._tell("MEETING_ENDED", booking, {name: value for name, value in flat.items() if name != "triggerEvent"})
        else:
            self._send("MEETING_ENDED", booking, flat)
        return booking

    def _new(self, person: Mapping[str, Any], start: datetime | None, uid: str = "") -> Booking:
        made = self._made(uid or secrets.token_hex(11), person, start)
        newest = self.shelf.rows("bookings")[-1:]
        made["id"] = newest[0]["id"] + 1 if newest else FIRST_ID
        made |= {"meeting": made["uid"], "seats": int(person.get("seats") or 0) or None, "seat": secrets.token_hex(9)}
        made |= {"series": None, "first": made["uid"], "asked": False, "by_phone": bool(person.get("by_phone"))}
        return self.shelf.put("bookings", made["uid"], made)

    def _join(self, person: Mapping[str, Any], meeting: Booking) -> Booking:
        """A further seat. Cal.com tells it with the metadata of the first one, into which its own are merged."""
        self._require_accepted(meeting)
        if not meeting["seats"]:
            raise ValueError(f"booking {meeting['uid']} is for one person")
        shared = payloads.uid_of(meeting)
        number = sum(payloads.uid_of(row) == shared for row in self.shelf.rows("bookings"))
        if number >= meeting["seats"]:
            raise ValueError("all seats are taken")
        merged = {**person, "metadata": {**meeting["metadata"], **(person.get("metadata") or {})}}
        booking = self._new(merged, datetime.fromisoformat(meeting["start"]), f"{shared}-{number + 1}")
        booking |= {"meeting": shared, "seats": meeting["seats"], "id": meeting["id"]}
        self._tell("BOOKING_CREATED", booking, payloads.created(booking, self.base()))
        return booking

    def _ask(self, booking: Booking, old: Booking | None) -> Booking:
        booking |= {"status": "PENDING", "asked": True}
        self._tell("BOOKING_REQUESTED", booking, payloads.requested(booking, old, self.base()))
        return booking

    def _with_all(self, booking: Booking) -> list[Booking]:
        """The seats of its meeting, and what is left of its series."""
        accepted = [row for row in self.shelf.rows("bookings") if row["status"] == "ACCEPTED"]
        seats = [row for row in accepted if payloads.uid_of(row) == payloads.uid_of(booking)]
        if booking["series"] is None:
            return seats
        now = iso(self.now())
        return seats + [
            row for row in accepted if row["first"] == booking["first"] and row["start"] >= now and row not in seats
        ]

    @staticmethod
    def _require_pending(booking: Booking) -> None:
        if booking["status"] != "PENDING":
            raise ValueError(f"booking {booking['uid']} waits for no confirmation")

    def _tell(self, trigger: str, booking: Booking, payload: Mapping[str, Any]) -> None:
        self._send(trigger, booking, payloads.envelope(trigger, self.now(), payload))

    def _send(self, trigger: str, booking: Booking, body: Mapping[str, Any]) -> None:
        self.shelf.touch()
        booking["updated_at"] = iso(self.now(), "milliseconds")
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"X-Cal-Webhook-Version": payloads.VERSION}
        self.send(Webhook(what=trigger, url=APP_PATH, body=raw, headers=headers, about=booking["uid"], line="calcom"))
