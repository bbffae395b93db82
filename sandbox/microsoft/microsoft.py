"""One tenant: its tokens, and the parts of Graph that stand in modules of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox import tokens
from sandbox.jsonapi import RefusedError, Router, answer_json
from sandbox.microsoft.calendars import Calendars
from sandbox.microsoft.refusals import refusal
from sandbox.microsoft.users import Users
from sandbox.shelf import Shelved
from sandbox.tokens import form_of
from sandbox.vendor import Answer, Call, Card, Column, Reply, Webhook

TENANT, CLIENT_ID = "sandbox.example", "sandbox-entra-client"
SECRET = "sandbox-entra-secret"  # noqa: S105  # known to everybody, good for nothing
SCOPE = "https://graph.microsoft.com/.default"
CARDS = 20


class Microsoft(Shelved):
    """One tenant with one app."""

    name = "microsoft"
    title = "Microsoft Graph"
    prefixes = ("/microsoft",)
    connection: Mapping[str, str] = {
        "ENTRA_TENANT": TENANT,
        "ENTRA_CLIENT_ID": CLIENT_ID,
        "ENTRA_CLIENT_SECRET": SECRET,
        "ENTRA_LOGIN_BASE_URL": "/microsoft/login",
        "GRAPH_BASE_URL": "/microsoft/v1.0",
    }
    board_title = "Users"
    routes = ("/{rest:.*}",)
    kinds = (tokens.KIND, *Users.kinds, *Calendars.kinds)
    modes: Mapping[str, str] = {
        "no_role": "403 Authorization_RequestDenied: the role was not consented to.",
        "throttled": "429 without Retry-After.",
        "bad_secret": "401 invalid_client to each request for a token.",
    }
    actions: Mapping[str, str] = {
        "user": "A user is there: `email`, `first_name`, `last_name`, `employee_id`, `enabled`, `created`.",
        "busy": "Somebody (`email`) is busy from `start` to `end`.",
        "move_event": "Somebody moves the event `id` in the calendar, from `start` to `end`.",
        "answer_event": "The attendee `email` of the event `id` answers: `response` accepted, declined or tentativelyAccepted.",
        "delete_event": "Somebody deletes the event `id` in the calendar.",
        "drop_subscriptions": "Every subscription ends, and its address is told so.",
        "revoke": "Every token is good no more.",
    }

    def __init__(self) -> None:
        super().__init__()
        self.users, self.calendars = Users(self), Calendars(self)
        self._router = Router((*self.calendars.routes(), *self.users.routes()))

    def answer(self, call: Call) -> Answer:
        """A token, or a call of Graph."""
        if call.method == "POST" and call.path == f"/login/{TENANT}/oauth2/v2.0/token":
            return self._token(call)
        if tokens.holder(self, call) is None:
            return refusal(401, "InvalidAuthenticationToken", "Access token is empty or has expired.")
        found = self._router.find(call)
        if found is None:
            return refusal(404, "Request_ResourceNotFound", "Resource not found for the segment.")
        try:
            return found[0](call, **found[1])
        except RefusedError as error:
            return error.answer

    def fail(self, mode: str, call: Call) -> Answer:
        """One of `modes`."""
        is_token = call.path.endswith("/oauth2/v2.0/token")
        if mode == "bad_secret":
            return _refused("invalid_client", 401) if is_token else self.answer(call)
        if is_token:
            return self.answer(call)
        if mode == "throttled":
            return refusal(429, "TooManyRequests", "Too many requests")
        return refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

    def _token(self, call: Call) -> Answer:
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "scope": SCOPE, "client_secret": SECRET}
        if form_of(call) != wanted:
            return _refused("invalid_client", 401)
        return answer_json(tokens.issue(self, "sandbox-graph-"))

    def what(self, call: Call) -> str:
        """Such as `POST users` or `PATCH events`; nothing of the people."""
        if call.path.endswith("/token"):
            return "token"
        for part in ("events", "subscriptions", "getSchedule"):
            if part in call.path.split("/"):
                return f"{call.method} {part}" + (" cancel" if call.path.endswith("/cancel") else "")
        last = call.path.rpartition("/")[2]
        verb = f" {last}" if last in ("assignLicense", "revokeSignInSessions") else ""
        return f"{call.method} users{verb}"

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`."""
        if action == "user":
            return self.users.add(given)
        if action in ("busy", "move_event", "answer_event", "delete_event", "drop_subscriptions"):
            return self.calendars.act(action, given)
        if action == "revoke":
            return {"revoked": tokens.revoke_all(self)}
        return super().act(action, given)

    def on_reply(self, webhook: Webhook, reply: Reply) -> None:
        """What an address has answered to the question for its token."""
        self.calendars.on_reply(webhook, reply)

    def board(self) -> Sequence[Column]:
        """The users, the newest first."""
        rows = self.shelf.rows("users")[::-1]
        cards = tuple(
            Card(id=row["id"], title=row["userPrincipalName"], tag="enabled" if row["accountEnabled"] else "disabled")
            for row in rows[:CARDS]
        )
        return [Column(id=1, title="Users", total=len(rows), cards=cards)]


def _refused(code: str, status: int) -> Answer:
    return answer_json({"error": code, "error_description": f"AADSTS7000215: {code}"}, status, outcome=code)
