"""Calendly as a vendor of the sandbox: a page to book on, and signed webhooks of what becomes of the invitees."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import answer_json, bearer
from sandbox.meetings.calendar import ABSENT, BOOKED, HOST, HOST_EMAIL, MEETING, OVER, Booking, Calendar, iso, metadata_of
from sandbox.meetings.pages import Pages
from sandbox.moments import start_of
from sandbox.shelf import Shelf, Shelved, one_of
from sandbox.vendor import Answer, Call, Column, Webhook

KEY = "sandbox-calendly-key"
API = "https://api.calendly.com"
USER = f"{API}/users/SANDBOX"
ORGANIZATION = f"{API}/organizations/SANDBOX"
API_PATH = "/api"
ACTIVE, DISABLED, DELETED = "active", "disabled", "deleted"
APP_PATH = "/api/v1/christmas/noshow-recovery-handler"
CREATED, CANCELED = "invitee.created", "invitee.canceled"
NO_SHOW, NO_SHOW_TAKEN_BACK = "invitee_no_show.created", "invitee_no_show.deleted"
_OFFERED: Mapping[str, tuple[str, ...]] = {
    BOOKED: ("reschedule", "cancel", "no_show"),
    OVER: ("no_show",),
    ABSENT: ("take_back",),
}
_UTM = ("utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid")


def event_uri(row: Booking) -> str:
    """The address of the meeting."""
    return f"{API}/scheduled_events/{row['event']}"


def invitee_uri(row: Booking) -> str:
    """The address of the person in the meeting."""
    return f"{event_uri(row)}/invitees/{row['uid']}"


def _stamp(text: str) -> str:
    """Calendly writes instants to the microsecond."""
    return iso(datetime.fromisoformat(text), "microseconds")


def invitee(row: Booking, base: str) -> dict[str, Any]:
    """The invitee as webhooks describe them; `base` is where the pages are."""
    first, _, last = row["name"].partition(" ")
    questions = [{"question": "Notas", "answer": row["notes"], "position": 0}] if row["notes"] else []
    return {
        "uri": invitee_uri(row),
        "email": row["email"],
        "name": row["name"],
        "first_name": first,
        "last_name": last or None,
        "status": "active" if row["status"] == "ACCEPTED" else "canceled",
        "timezone": row["time_zone"],
        "event": event_uri(row),
        "text_reminder_number": row["phone"],
        "rescheduled": row["moved"],
        "old_invitee": row["old_uri"],
        "new_invitee": row["new_uri"],
        "cancel_url": f"{base}/cancellations/{row['uid']}",
        "reschedule_url": f"{base}/reschedulings/{row['uid']}",
        "questions_and_answers": questions,
        "tracking": {name: row["metadata"].get(name) for name in _UTM},
        "payment": None,
        "no_show": row["no_show"],
        "reconfirmation": None,
        "routing_form_submission": None,
        "scheduling_method": None,
        "invitee_scheduled_by": None,
        "created_at": _stamp(row["created_at"]),
        "updated_at": _stamp(row["updated_at"]),
        "scheduled_event": _event(row, base),
    } | ({"cancellation": row["cancellation"]} if row["cancellation"] else {})


def _event(row: Booking, base: str) -> dict[str, Any]:
    canceled = row["status"] != "ACCEPTED"
    event: dict[str, Any] = {"uri": event_uri(row), "name": MEETING, "status": "canceled" if canceled else "active"}
    event |= {"start_time": _stamp(row["start"]), "end_time": _stamp(row["end"])}
    event |= {"event_type": f"{API}/event_types/SANDBOX", "created_at": _stamp(row["created_at"])}
    event |= {"updated_at": _stamp(row["updated_at"]), "meeting_notes_plain": None, "meeting_notes_html": None}
    counts = {"total": 1, "active": 0 if canceled else 1, "limit": 1}
    member = {"user": USER, "user_email": HOST_EMAIL, "user_name": HOST}
    lists = {"event_memberships": [member], "event_guests": [], "invitees_counter": counts}
    place = {"type": "google_conference", "status": "pushed", "join_url": f"{base}/meet/{row['uid']}"}
    return {**event, **lists, "location": place} | ({"cancellation": row["cancellation"]} if row["cancellation"] else {})


def _page(following: str | None) -> dict[str, Any]:
    return {"count": None, "next_page": None, "next_page_token": following, "previous_page": None, "previous_page_token": None}


class Invitees(Calendar):
    """Calendly's calendar: every booking is a meeting with one invitee. `vendor` sends the webhooks."""

    def __init__(self, shelf: Shelf, vendor: "Calendly") -> None:
        super().__init__(shelf, vendor.time)
        self.vendor = vendor

    def book(self, person: Mapping[str, Any], start: datetime | None = None) -> Booking:
        """A new booking, at the next free time unless `start` says another. Raises ValueError."""
        row = self._new(person, start)
        self.vendor.tell(CREATED, row)
        return row

    def reschedule(self, old: Booking, start: datetime | None = None, by: str = "", *, created_first: bool = False) -> Booking:
        """A booking in the place of `old`. Raises ValueError.

        Both are told: that the old one is off (`rescheduled`), and that there is a new one; in this order, or the other.
        """
        self._require_accepted(old)
        row = self._new(old, self._later(old, start))
        row |= {"old_uri": invitee_uri(old), "follows": old["uid"]}
        self._call_off(old, "", by)
        old |= {"moved": True, "new_uri": invitee_uri(row)}
        told = [(CANCELED, old), (CREATED, row)]
        for event, about in reversed(told) if created_first else told:
            self.vendor.tell(event, about)
        return row

    def cancel(self, booking: Booking, reason: str = "", by: str = "") -> Booking:
        """Call it off. Raises ValueError."""
        self._require_accepted(booking)
        self._call_off(booking, reason, by)
        self.vendor.tell(CANCELED, booking)
        return booking

    def mark_absent(self, row: Booking, *, bare: bool = False) -> Booking:
        """Note that the invitee did not come; `bare`: told in the short form, with addresses alone. Raises ValueError."""
        self._require_accepted(row)
        now = iso(self.now(), "microseconds")
        row |= {"absent": True, "no_show": {"uri": f"{API}/invitee_no_shows/{uuid4()}", "created_at": now}}
        short = {"uri": row["no_show"]["uri"], "invitee": invitee_uri(row), "created_at": now}
        self.vendor.tell(NO_SHOW, row, short if bare else None)
        return row

    def take_back(self, row: Booking) -> Booking:
        """They came after all. Raises ValueError."""
        if not row["absent"]:
            raise ValueError(f"booking {row['uid']} is not marked as a no-show")
        row |= {"absent": False, "no_show": None}
        self.vendor.tell(NO_SHOW_TAKEN_BACK, row)
        return row

    def _call_off(self, row: Booking, reason: str, by: str) -> None:
        now = iso(self.now(), "microseconds")
        kind = "host" if by in (HOST, HOST_EMAIL, "host") else "invitee"
        who = HOST if kind == "host" else by or row["name"]
        cancellation = {"canceled_by": who, "reason": reason, "canceler_type": kind, "created_at": now}
        row |= {"status": "CANCELED", "reason": reason, "cancellation": cancellation, "updated_at": now}

    def _new(self, person: Mapping[str, Any], start: datetime | None) -> Booking:
        row = self._made(str(uuid4()), person, start)
        row |= {"event": str(uuid4()), "old_uri": None, "new_uri": None, "no_show": None, "cancellation": None}
        return self.shelf.put("bookings", row["uid"], row | {"updated_at": row["created_at"]})


class Calendly(Shelved):
    """One host with one kind of meeting, and one subscription, whose signing key is the secret.

    A webhook that is sent again keeps the time and signature of its first try: the real one does not say whether it signs anew.
    A subscription that is `disabled` sends nothing any more, as one that was refused for a day.
    """

    name = "calendly"
    title = "Calendly"
    prefixes = ("/calendly",)
    connection: Mapping[str, str] = {
        "Booking page": "/calendly/book",
        "CALENDLY_SIGNING_KEYS": KEY,
        "CALENDLY_BASE_URL": "/calendly/api",
        "CALENDLY_TOKEN": "(any)",
    }
    board_title = "Invitees"
    routes = ("/{rest:.*}",)
    kinds = ("bookings",)
    links: Mapping[str, str] = {"Booking page": "/calendly/book"}
    default_secret = KEY
    actions: Mapping[str, str] = {
        "book": "Books: `name`, `email`; if wanted `phone`, `start`, `minutes`, `time_zone`, `notes`, `metadata` (utm_...).",
        "reschedule": "Puts the booking `id` off, to `start` or by a day: two webhooks. `by`, `created_first`.",
        "cancel": "Calls the booking `id` off. `reason`, `by` (`host`, or a name).",
        "no_show": "Notes that the invitee did not come. `bare`: told in the short form.",
        "take_back": "They came after all.",
        "subscription": "Sets the subscription's `state`: active, disabled (nothing is sent any more), or deleted.",
    }

    def __init__(self) -> None:
        super().__init__()
        self.calendar = Invitees(self.shelf, self)
        self.pages = Pages(
            self.calendar, self.title, self.prefixes[0], shown="cancellations", moving="reschedulings", room="meet"
        )
        self.state = ACTIVE
        self._signed_at: dict[str, str] = {}

    def time(self) -> datetime:
        """Now, by its clock, whatever that is by then."""
        return self.now()

    def answer(self, call: Call) -> Answer:
        """Show a page, or take its form; below `/api` its API: who it is, subscriptions, meetings, invitees."""
        if call.path.split("/")[1] in ("book", "cancellations", "reschedulings", "meet"):
            return self.pages.answer(call)
        if call.method == "GET" and call.path.startswith(API_PATH):
            return self._asked(call, call.path.removeprefix(API_PATH))
        return self._unknown()

    def _asked(self, call: Call, path: str) -> Answer:
        if not bearer(call):
            body = {"title": "Unauthenticated", "message": "The access token is invalid"}
            return answer_json(body, 401, outcome="unauthenticated")
        if path == "/users/me":
            return answer_json({"resource": {"uri": USER, "name": HOST, "current_organization": ORGANIZATION}})
        if path == "/webhook_subscriptions" and call.query.get("organization") == ORGANIZATION:
            return answer_json({"collection": self._subscriptions(), "pagination": _page(None)})
        if path == "/scheduled_events" and call.query.get("organization") == ORGANIZATION:
            return self._meetings(call)
        found = [row for row in self.shelf.rows("bookings") if path == f"/scheduled_events/{row['event']}/invitees"]
        base = self.config.own_url + self.prefixes[0]
        people = [{name: value for name, value in invitee(row, base).items() if name != "scheduled_event"} for row in found]
        return answer_json({"collection": people, "pagination": _page(None)}) if found else self._unknown()

    def _meetings(self, call: Call) -> Answer:
        """Meetings that begin in the time asked for, as many as fit on a page."""
        since, until = call.query.get("min_start_time", ""), call.query.get("max_start_time", "9")
        rows = sorted(
            (row for row in self.shelf.rows("bookings") if since <= row["start"] < until), key=lambda row: row["start"]
        )
        begin, count = int(call.query.get("page_token") or 0), int(call.query.get("count") or 20)
        page = rows[begin : begin + count]
        following = str(begin + count) if begin + count < len(rows) else None
        base = self.config.own_url + self.prefixes[0]
        return answer_json({"collection": [_event(row, base) for row in page], "pagination": _page(following)})

    def _subscriptions(self) -> list[dict[str, Any]]:
        own: dict[str, Any] = {"uri": f"{API}/webhook_subscriptions/SANDBOX", "state": self.state, "scope": "organization"}
        own |= {"callback_url": self.config.app_url + APP_PATH, "organization": ORGANIZATION, "user": None}
        return [own | {"events": [CREATED, CANCELED, NO_SHOW, NO_SHOW_TAKEN_BACK]}] if self.state != DELETED else []

    @staticmethod
    def _unknown() -> Answer:
        body = {"title": "Resource Not Found", "message": "The server could not find the requested resource."}
        return answer_json(body, 404, outcome="not found")

    def what(self, call: Call) -> str:
        """Such as `POST reschedulings`."""
        return f"{call.method} {call.path.strip('/').partition('/')[0]}"

    def tell(self, event: str, row: Booking, payload: Mapping[str, Any] | None = None) -> None:
        """Send a webhook about an invitee, whole unless `payload` says less."""
        self.shelf.touch()
        if self.state != ACTIVE:
            return
        body = {"event": event, "created_at": iso(self.now(), "microseconds"), "created_by": USER}
        whole = payload or invitee(row, self.config.own_url + self.prefixes[0])
        raw = json.dumps(body | {"payload": whole}, ensure_ascii=False, separators=(",", ":")).encode()
        self.send(Webhook(what=event, url=APP_PATH, body=raw, about=row["uid"], line=self.name))

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """HMAC-SHA256 of the body and of the time at which it was first sent."""
        name = hashlib.sha256(webhook.body).hexdigest()
        moment = self._signed_at.setdefault(name, str(int(self.now().timestamp())))
        signed = hmac.new(self.secret.encode(), f"{moment}.".encode() + webhook.body, hashlib.sha256).hexdigest()
        return {"Calendly-Webhook-Signature": f"t={moment},v1={signed}"}

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`; answers the booking."""
        calendar, by = self.calendar, str(given.get("by") or "")
        if action == "book":
            return calendar.book({**given, "metadata": metadata_of(given)}, start_of(given))
        if action == "subscription":
            self.state = one_of(given, "state", (ACTIVE, DISABLED, DELETED))
            return {"state": self.state}
        if action not in self.actions:
            return super().act(action, given)
        row = self.row("bookings", given)
        if action == "reschedule":
            return calendar.reschedule(row, start_of(given), by, created_first=bool(given.get("created_first")))
        if action == "cancel":
            return calendar.cancel(row, str(given.get("reason") or ""), by)
        return calendar.mark_absent(row, bare=bool(given.get("bare"))) if action == "no_show" else calendar.take_back(row)

    def board(self) -> Sequence[Column]:
        """Bookings by what became of them; a meeting counts as over when its time has passed."""
        for row in self.shelf.rows("bookings"):
            row["ended"] = datetime.fromisoformat(row["end"]) <= self.now()
        return self.calendar.columns(_OFFERED)

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Bookings": len(self.shelf.rows("bookings"))}
