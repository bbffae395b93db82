"""Cal.com's calendar: the webhook that it sends of each thing that becomes of a booking."""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sandbox.calcom import payloads
from sandbox.meetings.calendar import Booking, Calendar
from sandbox.shelf import Shelf
from sandbox.vendor import Webhook

APP_PATH = "/api/calcom"
FIRST_ID = 9001


class Bookings(Calendar):
    """`send` takes the webhooks; `base` tells where Cal.com's pages are."""

    def __init__(
        self, shelf: Shelf, now: Callable[[], datetime], send: Callable[[Webhook], None], base: Callable[[], str]
    ) -> None:
        super().__init__(shelf, now)
        self.send, self.base = send, base

    def book(self, person: Mapping[str, Any], start: datetime | None = None) -> Booking:
        """A new booking, at the next free time unless `start` says another. Raises ValueError."""
        booking = self._new(person, start)
        self._tell("BOOKING_CREATED", booking, payloads.created(booking, self.base()))
        return booking

    def reschedule(self, old: Booking, start: datetime | None = None, by: str = "", *, keeps_metadata: bool = False) -> Booking:
        """A booking in the place of `old`, which is off; a day later unless `start` says when. Raises ValueError.

        What the old one's link carried (`metadata`) is lost unless `keeps_metadata`: only the id leads back to it.
        """
        self._require_accepted(old)
        booking = self._new(old if keeps_metadata else {**old, "metadata": {}}, self._later(old, start))
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

    def _new(self, person: Mapping[str, Any], start: datetime | None) -> Booking:
        made = self._made(secrets.token_hex(11), person, start)
        newest = self.shelf.rows("bookings")[-1:]
        made["id"] = newest[0]["id"] + 1 if newest else FIRST_ID
        return self.shelf.put("bookings", made["uid"], made)

    def _tell(self, trigger: str, booking: Booking, payload: Mapping[str, Any]) -> None:
        self._send(trigger, booking, payloads.envelope(trigger, self.now(), payload))

    def _send(self, trigger: str, booking: Booking, body: Mapping[str, Any]) -> None:
        self.shelf.touch()
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"X-Cal-Webhook-Version": payloads.VERSION}
        self.send(Webhook(what=trigger, url=APP_PATH, body=raw, headers=headers, about=booking["uid"], line="calcom"))
