"""Cal.com as a vendor of the sandbox: a page to book on, and signed webhooks of what becomes of the bookings."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.calcom import api
from sandbox.calcom.bookings import Bookings
from sandbox.meetings.calendar import ASKED, BOOKED, OVER, Booking, metadata_of
from sandbox.meetings.pages import Pages
from sandbox.moments import start_of
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Column, Webhook

SECRET = "sandbox-calcom-secret"  # noqa: S105  # it signs for the sandbox only
UNSIGNED = "no-secret-provided"
_OFFERED: Mapping[str, tuple[str, ...]] = {
    BOOKED: ("reschedule", "cancel", "end_meeting", "no_show"),
    ASKED: ("confirm", "reject"),
    OVER: ("no_show",),
}


class Calcom(Shelved):
    """One host with one kind of meeting.

    Where somebody puts a meeting off, the new booking does not carry what the old one's link did: `metadata` is lost unless
    `keep_metadata` is given. What the real one keeps is not documented; whoever follows `rescheduleUid` needs neither.
    """

    name = "calcom"
    title = "Cal.com"
    prefixes = ("/calcom",)
    connection: Mapping[str, str] = {
        "BOOKING_URL": "/calcom/book",
        "CALCOM_WEBHOOK_SECRET": SECRET,
        "CALCOM_BASE_URL": "/calcom",
        "CALCOM_TOKEN": "(any)",
    }
    board_title = "Bookings"
    routes = ("/book", "/booking/{uid}", "/reschedule/{uid}", "/video/{uid}", "/v2/{rest:.*}")
    kinds = ("bookings",)
    links: Mapping[str, str] = {"Booking page": "/calcom/book"}
    default_secret = SECRET
    actions: Mapping[str, str] = {
        "book": "Books: `name`, `email`; if wanted `phone`, `start`, `minutes`, `time_zone`, `notes`, `metadata`, `lead_id`; "
        "`confirm` (a request), `seats`, `join` (a seat in the meeting of that booking), `repeat` (weeks), `by_phone`.",
        "confirm": "The host agrees to the request `id`.",
        "reject": "The host does not agree to the request `id`.",
        "reschedule": "Puts the booking `id` off, to `start` or by a day: it gets another id. `by`, `keep_metadata`, "
        "`confirm`.",
        "cancel": "Calls the booking `id` off; `everybody`: all seats of its meeting, all that is left of its series. "
        "`reason`, `by`.",
        "no_show": "Notes that the guest did not come; `absent: false` takes it back.",
        "start_meeting": "The meeting of the booking `id` begins.",
        "end_meeting": "The meeting of the booking `id` is over; `wrapped`, told as newer versions do.",
    }

    def __init__(self) -> None:
        super().__init__()
        self.calendar = Bookings(self.shelf, self._time, self.send, self._base)
        self.pages = Pages(self.calendar, self.title, self.prefixes[0], shown="booking", moving="reschedule", room="video")

    def _time(self) -> datetime:
        return self.now()

    def _base(self) -> str:
        return self.config.own_url + self.prefixes[0]

    def answer(self, call: Call) -> Answer:
        """Show a page, or take its form; below `/v2` its API: who it is, and the bookings."""
        return api.answer(call, self.shelf.rows("bookings")) if call.path.startswith("/v2/") else self.pages.answer(call)

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
        return self._act_on(action, self.row("bookings", given), given, by)

    def _act_on(self, action: str, booking: Booking, given: Mapping[str, Any], by: str) -> Booking:
        calendar = self.calendar
        match action:
            case "reschedule":
                keeps, confirm = bool(given.get("keep_metadata")), bool(given.get("confirm"))
                return calendar.reschedule(booking, start_of(given), by, keeps_metadata=keeps, confirm=confirm)
            case "cancel":
                everybody = bool(given.get("everybody"))
                return calendar.cancel(booking, str(given.get("reason") or ""), by, everybody=everybody)
            case "no_show":
                return calendar.mark_absent(booking, absent=bool(given.get("absent", True)))
            case "end_meeting":
                return calendar.end(booking, wrapped=bool(given.get("wrapped")))
        return {"confirm": calendar.confirm, "reject": calendar.reject, "start_meeting": calendar.begin}[action](booking)

    def board(self) -> Sequence[Column]:
        """Bookings by what became of them, the newest on top."""
        return self.calendar.columns(_OFFERED)

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Bookings": len(self.shelf.rows("bookings"))}
