"""One Workspace: its tokens, and the APIs that stand in modules of their own. Each adds its routes and kinds here."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sandbox import tokens
from sandbox.google.calendar import Calendar
from sandbox.google.directory import Directory
from sandbox.google.refusals import refusal
from sandbox.google.scheduling import Scheduling
from sandbox.jsonapi import RefusedError, Router, answer_json
from sandbox.keys import ACCOUNT, google_account
from sandbox.shelf import Row, Shelved
from sandbox.tokens import AssertionFaultError, claims_of, form_of
from sandbox.vendor import Answer, Call, Card, Column

DOMAIN = "empresa.example"
ADMIN = f"admin@{DOMAIN}"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = ("/google/oauth2/token", "/token")
"""For whom an assertion may be: this address, or Google's own, which Google's package names wherever it asks."""
CARDS = 20


class Google(Shelved):
    """One Workspace of the domain `empresa.example`. People are known once they have an account, and by any address of it."""

    name = "google"
    title = "Google Workspace"
    prefixes = ("/google",)
    board_title = "Accounts and events"
    routes = ("/{rest:.*}",)
    kinds = (tokens.KIND, *Directory.kinds, *Calendar.kinds, *Scheduling.kinds)
    modes: Mapping[str, str] = {
        "busy": "403 userRateLimitExceeded: too many calls, by its reason and not by its status.",
        "quota": "403 quotaExceeded: a matter of the account.",
        "late": "A new account is not seen yet: 404 to each look-up, while its address is taken.",
        "no_delegation": "401 unauthorized_client to each request for a token.",
        "bad_subject": "400 invalid_grant to each request for a token that names a person.",
    }
    actions: Mapping[str, str] = {
        "user": "An account is there: `email`, `first_name`, `last_name`, `employee_id`, `suspended`, `created`.",
        "delete_event": "Somebody deletes the event `id` in the calendar.",
        "busy": "Somebody (`email`) is busy from `start` to `end`.",
        "move_event": "Somebody moves the event `id` in the calendar, from `start` to `end`.",
        "answer_event": "The attendee `email` of the event `id` answers: `response` accepted, declined or tentative.",
        "forget": "Every sync token is good no more.",
        "revoke": "Every token is good no more.",
    }

    def __init__(self) -> None:
        super().__init__()
        self.connection: Mapping[str, str] = {
            "GOOGLE_TOKEN_BASE_URL": "/google/oauth2",
            "GOOGLE_DIRECTORY_BASE_URL": "/google/admin/directory/v1",
            "GOOGLE_CALENDAR_BASE_URL": "/google/calendar/v3",
            "GOOGLE_SERVICE_ACCOUNT": google_account(),
            "GOOGLE_ADMIN_EMAIL": ADMIN,
        }
        self.domain = DOMAIN
        self.directory, self.calendar, self.scheduling = Directory(self), Calendar(self), Scheduling(self)
        self._router = Router((*self.directory.routes(), *self.scheduling.routes(), *self.calendar.routes()))

    def answer(self, call: Call) -> Answer:
        """A token, or a call of one of the APIs for the person whom the token is for."""
        if call.method == "POST" and call.path == "/oauth2/token":
            return self._token(call)
        held = tokens.holder(self, call)
        if held is None:
            return refusal(401, "authError", "Invalid Credentials")
        found = self._router.find(call)
        if found is None:
            return refusal(404, "notFound", "Not Found")
        try:
            self.scheduling.before(call, held)
            answered = found[0](call, held, **found[1])
        except RefusedError as error:
            return error.answer
        self.scheduling.after()
        return answered

    def fail(self, mode: str, call: Call) -> Answer:
        """One of `modes`."""
        is_token = call.path == "/oauth2/token"
        if mode == "no_delegation":
            return _refused("unauthorized_client", 401) if is_token else self.answer(call)
        if mode == "bad_subject":
            return _refused("invalid_grant", 400) if is_token and self._claims(call).get("sub") else self.answer(call)
        if is_token:
            return self.answer(call)
        if mode == "late":
            is_look_up = call.method == "GET" and "/users/" in call.path
            return refusal(404, "notFound", "Resource Not Found: userKey") if is_look_up else self.answer(call)
        reason = "userRateLimitExceeded" if mode == "busy" else "quotaExceeded"
        return refusal(403, reason, "Limit exceeded")

    def _claims(self, call: Call) -> Mapping[str, Any]:
        for path in AUDIENCES:
            with suppress(AssertionFaultError):
                return claims_of(form_of(call).get("assertion", ""), path, self.now())
        return {}

    def _token(self, call: Call) -> Answer:
        claims = self._claims(call)
        if form_of(call).get("grant_type") != GRANT or claims.get("iss") != ACCOUNT:
            return _refused("invalid_grant", 400)
        person, domain = str(claims.get("sub") or ""), str(claims.get("sub") or "").rpartition("@")[2]
        if person and domain != DOMAIN:
            return _refused("invalid_grant", 400, "Invalid email or User ID")
        return answer_json(tokens.issue(self, "ya29.sandbox-", sub=person, scope=str(claims.get("scope") or "")))

    def what(self, call: Call) -> str:
        """Such as `POST users`; nothing of the people."""
        if call.path == "/oauth2/token":
            return "token"
        words = {"users": "users", "events": "events", "freeBusy": "freeBusy"}
        parts = call.path.split("/")
        return f"{call.method} {next((words[part] for part in parts if part in words), call.path)}"

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`."""
        if action == "user":
            return self.directory.add(given)
        if action == "delete_event":
            deleted = self.calendar.delete_by_hand(given)
            self.scheduling.after()
            return deleted
        if action in ("busy", "move_event", "answer_event", "forget"):
            return self.scheduling.act(action, given)
        if action == "revoke":
            return {"revoked": tokens.revoke_all(self)}
        return super().act(action, given)

    def board(self) -> Sequence[Column]:
        """Accounts and events, the newest first."""
        users, events = self.shelf.rows("users")[::-1], self.shelf.rows("events")[::-1]
        accounts = tuple(
            Card(id=row["id"], title=row["primaryEmail"], tag="suspended" if row["suspended"] else "active")
            for row in users[:CARDS]
        )
        return [
            Column(id=1, title="Accounts", total=len(users), cards=accounts),
            Column(id=2, title="Events", total=len(events), cards=tuple(map(_event_card, events[:CARDS]))),
        ]


def _event_card(row: Row) -> Card:
    lines = (str(row.get("start", {}).get("dateTime", "")), ", ".join(one["email"] for one in row.get("attendees") or []))
    return Card(id=row["id"], title=str(row.get("summary", "")), lines=lines, tag=row["status"])


def _refused(code: str, status: int, text: str = "") -> Answer:
    return answer_json({"error": code, "error_description": text or code}, status, outcome=code)
