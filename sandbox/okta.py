"""Okta as a vendor of the sandbox: an API token, or tokens for a client's signed assertion; users and what becomes of them."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from sandbox import tokens
from sandbox.jsonapi import Handler, RefusedError, Router, answer_json, body_of, header
from sandbox.keys import KEY_ID, pem
from sandbox.shelf import Row, Shelved
from sandbox.tokens import AssertionFaultError, claims_of, form_of
from sandbox.vendor import Answer, Call, Card, Column

CLIENT_ID = "0oa-sandbox-client"
API_TOKEN = "00-sandbox-okta-token"  # noqa: S105  # known to everybody, good for nothing
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE = "okta.users.manage"
STAGED, PROVISIONED, ACTIVE, SUSPENDED, GONE = "STAGED", "PROVISIONED", "ACTIVE", "SUSPENDED", "DEPROVISIONED"
USERS = "/api/v1/users"
CARDS = 20
KNOWN = frozenset(
    [
        "login",
        "email",
        "firstName",
        "lastName",
        "displayName",
        "title",
        "department",
        "division",
        "organization",
        "manager",
        "managerId",
        "employeeNumber",
        "mobilePhone",
        "primaryPhone",
        "city",
        "state",
        "countryCode",
        "postalAddress",
        "locale",
        "timezone",
        "userType",
    ]
)


class Okta(Shelved):
    """One organization with one service app. A login is taken whatever the user's status."""

    name = "okta"
    title = "Okta"
    prefixes = ("/okta",)
    board_title = "Users"
    routes = ("/{rest:.*}",)
    kinds = (tokens.KIND, "users", "mails", "assertions")
    modes: Mapping[str, str] = {
        "limited": "429 with X-Rate-Limit-Reset and without Retry-After.",
        "crowded": "429 with a limit of 0: too many at once.",
        "dpop": "400 use_dpop_nonce to each request for a token.",
        "no_role": "403 E0000006: the app has the scope, and no admin role.",
    }
    actions: Mapping[str, str] = {
        "user": "A user is there: `email`, `first_name`, `last_name`, `employee_id`, `status`, `created`.",
        "revoke": "Every token is good no more.",
    }

    def __init__(self) -> None:
        super().__init__()
        self.connection: Mapping[str, str] = {
            "OKTA_BASE_URL": "/okta",
            "OKTA_CLIENT_ID": CLIENT_ID,
            "OKTA_PRIVATE_KEY": pem(),
            "OKTA_KEY_ID": KEY_ID,
        }
        one = f"{USERS}/{{key}}"
        verbs = ("activate", "reactivate", "deactivate", "suspend", "unsuspend")
        moves: list[tuple[str, str, Handler]] = [("POST", f"{one}/lifecycle/{verb}", self._mover(verb)) for verb in verbs]
        plain: list[tuple[str, str, Handler]] = [
            ("POST", USERS, self._create),
            ("GET", one, self._get),
            ("POST", one, self._update),
            ("DELETE", one, self._delete),
        ]
        self._router = Router([*moves, *plain])

    def answer(self, call: Call) -> Answer:
        """A token, or a call of the API."""
        if call.method == "POST" and call.path == "/oauth2/v1/token":
            return self._token(call)
        if header(call, "authorization") != f"SSWS {API_TOKEN}" and tokens.holder(self, call) is None:
            return _refusal(401, "E0000011", "Invalid token provided")
        found = self._router.find(call)
        if found is None:
            return _refusal(404, "E0000022", "The endpoint does not support the provided HTTP method")
        try:
            return found[0](call, **found[1])
        except RefusedError as error:
            return error.answer

    def fail(self, mode: str, call: Call) -> Answer:
        """One of `modes`."""
        is_token = call.path == "/oauth2/v1/token"
        if mode == "dpop":
            return _token_refused("use_dpop_nonce") if is_token else self.answer(call)
        if is_token:
            return self.answer(call)
        if mode == "no_role":
            return _refusal(403, "E0000006", "You do not have permission to perform the requested action")
        from email.utils import format_datetime

        now = self.now()
        limit = {"X-Rate-Limit-Limit": "600" if mode == "limited" else "0", "X-Rate-Limit-Remaining": "0"}
        headers = limit | {"X-Rate-Limit-Reset": str(int(now.timestamp()) + 7), "Date": format_datetime(now, usegmt=False)}
        return _refusal(429, "E0000047", "API call exceeded rate limit due to too many requests.", headers=headers)

    def _token(self, call: Call) -> Answer:
        form = form_of(call)
        try:
            claims = claims_of(form.get("client_assertion", ""), "/okta/oauth2/v1/token", self.now())
        except AssertionFaultError:
            return _token_refused("invalid_client", 401)
        number = str(claims.get("jti") or "")
        if form.get("client_assertion_type") != ASSERTION or not claims.get("iss") == claims.get("sub") == CLIENT_ID:
            return _token_refused("invalid_client", 401)
        if not number or self.shelf.get("assertions", number):
            return _token_refused("invalid_client", 401)
        if form.get("scope") != SCOPE or form.get("grant_type") != "client_credentials":
            return _token_refused("invalid_scope")
        self.shelf.put("assertions", number, {"id": number})
        return answer_json(tokens.issue(self, "sandbox-okta-", scope=SCOPE) | {"scope": SCOPE})

    def what(self, call: Call) -> str:
        """Such as `POST users`; nothing of the people."""
        if call.path == "/oauth2/v1/token":
            return "token"
        verb = call.path.rpartition("/lifecycle/")[2] if "/lifecycle/" in call.path else ""
        return f"{call.method} users {verb}".strip()

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`."""
        if action == "revoke":
            return {"revoked": tokens.revoke_all(self)}
        if action != "user":
            return super().act(action, given)
        profile = {
            "login": str(given["email"]),
            "email": str(given["email"]),
            "firstName": str(given.get("first_name", "")),
            "lastName": str(given.get("last_name", "")),
        } | ({"employeeNumber": str(given["employee_id"])} if given.get("employee_id") else {})
        row = self._row(profile, str(given.get("status") or ACTIVE))
        row["created"] = str(given.get("created") or "2024-01-08T15:00:00.000Z")
        return self.shelf.put("users", row["id"], row)

    def board(self) -> Sequence[Column]:
        """Users, the newest first."""
        rows = self.shelf.rows("users")[::-1]
        cards = tuple(Card(id=row["id"], title=row["profile"]["login"], tag=row["status"]) for row in rows[:CARDS])
        return [Column(id=1, title="Users", total=len(rows), cards=cards)]

    def _row(self, profile: Mapping[str, Any], status: str) -> Row:
        number = f"00u{uuid4().hex[:17]}"
        return {
            "id": number,
            "status": status,
            "created": self.moment(),
            "activated": None if status == STAGED else self.moment(),
            "statusChanged": None,
            "lastLogin": None,
            "lastUpdated": self.moment(),
            "passwordChanged": None,
            "type": {"id": "oty-sandbox"},
            "profile": dict(profile),
            "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
            "_links": {"self": {"href": f"https://sandbox.okta.example{USERS}/{number}"}},
        }

    def _create(self, call: Call) -> Answer:
        profile = _profile(call)
        for name in ("login", "email", "firstName", "lastName"):
            if not profile.get(name):
                raise _refused(400, "E0000001", f"Api validation failed: {name}", f"{name}: The field cannot be left blank")
        if self._find(str(profile["login"])) is not None:
            text = "login: An object with this field already exists in the current organization"
            raise _refused(400, "E0000001", "Api validation failed: login", text)
        activate = call.query.get("activate", "true") == "true"
        row = self._row(profile, PROVISIONED if activate else STAGED)
        if activate:
            self._mail(row)
        return answer_json(self.shelf.put("users", row["id"], row))

    def _find(self, key: str) -> Row | None:
        wanted = key.lower()
        rows = self.shelf.rows("users")
        return next((row for row in rows if wanted in (row["id"].lower(), str(row["profile"]["login"]).lower())), None)

    def _known(self, key: str) -> Row:
        row = self._find(unquote(key))
        if row is None:
            raise _refused(404, "E0000007", "Not found: Resource not found: (User)")
        return row

    def _get(self, _call: Call, key: str) -> Answer:
        return answer_json(self._known(key))

    def _update(self, call: Call, key: str) -> Answer:
        row = self._known(key)
        row["profile"] = {**row["profile"], **_profile(call)}
        row["lastUpdated"] = self.moment()
        return answer_json(self.shelf.put("users", row["id"], row))

    def _delete(self, _call: Call, key: str) -> Answer:
        """The first deletion only deactivates."""
        row = self._known(key)
        if row["status"] == GONE:
            self.shelf.drop("users", row["id"])
        else:
            self._move(row, GONE)
        return Answer(status=204)

    def _mover(self, verb: str) -> Any:
        return lambda call, key: self._lifecycle(call, key, verb)

    def _lifecycle(self, call: Call, key: str, verb: str) -> Answer:
        row = self._known(key)
        mail = call.query.get("sendEmail", "true") == "true"
        if verb == "activate" and row["status"] in (PROVISIONED, ACTIVE):
            raise _refused(403, "E0000016", "Activation failed because the user is already active")
        if verb == "reactivate" and row["status"] != PROVISIONED:
            raise _refused(403, "E0000038", "This operation is not allowed in the user's current status.")
        if verb in ("activate", "reactivate"):
            self._move(row, PROVISIONED)
            if mail:
                self._mail(row)
            return answer_json(
                {} if mail else {"activationUrl": "https://sandbox.okta.example/welcome", "activationToken": "x"}
            )
        self._move(row, {"deactivate": GONE, "suspend": SUSPENDED, "unsuspend": ACTIVE}[verb])
        return answer_json({})

    def _move(self, row: Row, status: str) -> None:
        row |= {"status": status, "statusChanged": self.moment()}
        self.shelf.put("users", row["id"], row)

    def _mail(self, row: Row) -> None:
        number = uuid4().hex
        self.shelf.put("mails", number, {"id": number, "to": row["profile"]["email"], "at": self.moment()})


def _profile(call: Call) -> dict[str, Any]:
    try:
        body = body_of(call)
        profile = dict(body["profile"])
    except (ValueError, KeyError, TypeError):
        raise _refused(400, "E0000003", "The request body was not well-formed.") from None
    if unknown := set(profile) - KNOWN:
        name = min(unknown)
        raise _refused(400, "E0000001", f"Api validation failed: {name}", f"{name}: is not a property of this user type")
    return profile


def _refusal(status: int, code: str, summary: str, cause: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    causes = [{"errorSummary": cause}] if cause else []
    body = {
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": f"oae{uuid4().hex[:12]}",
        "errorCauses": causes,
    }
    return answer_json(body, status, outcome=code, headers=headers or {})


def _refused(status: int, code: str, summary: str, cause: str = "") -> RefusedError:
    return RefusedError(_refusal(status, code, summary, cause))


def _token_refused(code: str, status: int = 400) -> Answer:
    return answer_json({"error": code, "error_description": code}, status, outcome=code)
