"""Cal.com as a vendor of the sandbox: a page to book on, and signed webhooks of what becomes of the bookings."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.calcom.bookings import Bookings
from sandbox.meetings.calendar import BOOKED, OVER, metadata_of
from sandbox.meetings.pages import Pages
from sandbox.moments import start_of
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Column, Webhook

SECRET = "sandbox-calcom-secret"  # noqa: S105  # it signs for the sandbox only
UNSIGNED = "no-secret-provided"
_OFFERED: Mapping[str, tuple[str, ...]] = {BOOKED: ("reschedule", "cancel", "end_meeting", "no_show"), OVER: ("no_show",)}


class Calcom(Shelved):
    """One host with one kind of meeting.

    Where somebody puts a meeting off, the new booking does not carry what the old one's link did: `metadata` is lost unless
    `keep_metadata` is given. What the real one keeps is not documented; whoever follows `rescheduleUid` needs neither.
    """

    name = "calcom"
    title = "Cal.com"
    prefixes = ("/calcom",)
    connection: Mapping[str, str] = {"BOOKING_URL": "/calcom/book", "CALCOM_WEBHOOK_SECRET": SECRET}
    board_title = "Bookings"
    routes = ("/book", "/booking/{uid}", "/reschedule/{uid}")
    kinds = ("bookings",)
    links: Mapping[str, str] = {"Booking page": "/calcom/book"}
    default_secret = SECRET
    actions: Mapping[str, str] = {
        "book": "Books: `name`, `email`; if wanted `phone`, `start`, `minutes`, `time_zone`, `notes`, `metadata`, `lead_id`.",
        "reschedule": "Puts the booking `id` off, to `start` or by a day; it gets another id. `by`, `keep_metadata`.",
        "cancel": "Calls the booking `id` off. `reason`, `by`.",
        "no_show": "Notes that the guest did not come; `absent: false` takes it back.",
        "start_meeting": "The meeting of the booking `id` begins.",
        "end_meeting": "The meeting of the booking `id` is over.",
    }

    def __init__(self) -> None:
        super().__init__()
        self.calendar = Bookings(self.shelf, self._time, self.send, self._base)
        self.pages = Pages(self.calendar, self.title, self.prefixes[0], shown="booking", moving="reschedule")

    def _time(self) -> datetime:
        return self.now()

    def _base(self) -> str:
        return self.config.own_url + self.prefixes[0]

    def answer(self, call: Call) -> Answer:
        """Show a page, or take its form."""
        return self.pages.answer(call)

    def what(self, call: Call) -> str:
        """Such as `POST book`."""
        return f"{call.method} {call.path.strip('/').partition('/')[0]}"

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """HMAC-SHA256 of the body, or the word that Cal.com sends where no secret was set."""
        key = self.secret.encode()
        signed = hmac.new(key, webhook.body, hashlib.sha256).hexdigest() if key else UNSIGNED
        return {"X-Cal-Signature-256": signed}

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`; answers the booking."""
        calendar, by = self.calendar, str(given.get("by") or "")
        if action == "book":
            return calendar.book({**given, "metadata": metadata_of(given)}, start_of(given))
        if action not in self.actions:
            return super().act(action, given)
        booking = self.row("bookings", given)
        if action == "reschedule":
            keeps = bool(given.get("keep_metadata"))
            return calendar.reschedule(booking, start_of(given), by, keeps_metadata=keeps)
        if action == "cancel":
            return calendar.cancel(booking, str(given.get("reason") or ""), by)
        if action == "no_show":
            return calendar.mark_absent(booking, absent=bool(given.get("absent", True)))
        return calendar.begin(booking) if action == "start_meeting" else calendar.end(booking)

    def board(self) -> Sequence[Column]:
        """Bookings by what became of them, the newest on top."""
        return self.calendar.columns(_OFFERED)

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Bookings": len(self.shelf.rows("bookings"))}
