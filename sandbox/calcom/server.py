"""Cal.com as a vendor of the sandbox: a page to book on, and signed webhooks of what becomes of the bookings."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.calcom.bookings import Calendar
from sandbox.calcom.pages import Pages
from sandbox.calcom.payloads import Booking
from sandbox.moments import start_of
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Card, Column, Webhook

SECRET = "sandbox-calcom-secret"  # noqa: S105  # it signs for the sandbox only
UNSIGNED = "no-secret-provided"
CARDS_PER_COLUMN = 12
_OPEN = ("reschedule", "cancel", "end_meeting", "no_show")


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
        self.calendar = Calendar(self.shelf, self._time, self.send, self._base)
        self.pages = Pages(self.calendar, self.prefixes[0])

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
            return calendar.book(_person(given), start_of(given))
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
        rows = self.shelf.rows("bookings")[::-1]
        columns: dict[str, list[Booking]] = {"Booked": [], "Over": [], "Did not come": [], "Put off": [], "Cancelled": []}
        for row in rows:
            columns[_state(row)].append(row)
        return [
            Column(id=place, title=title, total=len(found), cards=tuple(map(_card, found[:CARDS_PER_COLUMN])))
            for place, (title, found) in enumerate(columns.items())
        ]

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Bookings": len(self.shelf.rows("bookings"))}


def _person(given: Mapping[str, Any]) -> dict[str, Any]:
    metadata = given.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise ValueError("metadata must be an object")  # noqa: TRY004  # to the caller it is a wrong value
    # As it comes from a link: everything in it is text.
    carried = {name: str(value) for name, value in metadata.items()}
    return {**given, "metadata": carried | ({"lead_id": str(given["lead_id"])} if given.get("lead_id") is not None else {})}


def _state(row: Booking) -> str:
    if row["status"] == "CANCELLED":
        return "Put off" if row["moved"] else "Cancelled"
    return "Did not come" if row["absent"] else "Over" if row["ended"] else "Booked"


def _card(row: Booking) -> Card:
    lead = f"lead {row['metadata']['lead_id']}" if "lead_id" in row["metadata"] else ""
    lines = (row["start"].replace("T", " "), row["email"], row["phone"] or "", lead, row["reason"] or "")
    state = _state(row)
    actions = _OPEN if state == "Booked" else ("no_show",) if state == "Over" else ()
    return Card(id=row["uid"], title=row["name"], lines=tuple(line for line in lines if line), actions=actions)
