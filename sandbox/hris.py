"""An HR system as a vendor of the sandbox: it knows employees, signs contracts, and is told what became of them."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from sandbox.jsonapi import answer_json, bearer, body_of, header
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Card, Column, Webhook

API_KEY = "sandbox-hris-key"
SECRET = "sandbox-hris-webhook-secret"  # noqa: S105  # known to everybody, good for nothing
CALLBACK_SECRET = "sandbox-hris-callback-secret"  # noqa: S105
CONTRACTS, CANCELLATIONS = "/api/v1/onboarding", "/api/v1/onboarding/cancellations"
CARDS = 20


class Hris(Shelved):
    """Employees by their addresses, and the reports that were sent to it."""

    name = "hris"
    title = "HR system"
    prefixes = ("/hris",)
    connection: Mapping[str, str] = {
        "HRIS_BASE_URL": "/hris",
        "HRIS_API_KEY": API_KEY,
        "ONBOARDING_WEBHOOK_SECRETS": SECRET,
        "ONBOARDING_CALLBACK_URL": "/hris/callback",
        "ONBOARDING_CALLBACK_SECRET": CALLBACK_SECRET,
    }
    board_title = "Contracts"
    routes = ("/{rest:.*}",)
    kinds = ("employees", "contracts", "reports")
    default_secret = SECRET
    actions: Mapping[str, str] = {
        "employee": "It knows the employee `email`: `employee_id`, `department`, `location`, `position`.",
        "sign": "A contract is signed: `email`, `full_name`, `start_date`, `manager_email`, and more.",
        "cancel": "The contract of `email` is cancelled.",
    }

    def answer(self, call: Call) -> Answer:
        """An employee, or a report."""
        if call.method == "POST" and call.path == "/callback":
            return self._report(call)
        if bearer(call) != API_KEY:
            return answer_json({"error": "unauthorized"}, 401, outcome="unauthorized")
        if call.method != "GET" or not call.path.startswith("/employees/"):
            return answer_json({"error": "not found"}, 404, outcome="not found")
        found = self.shelf.get("employees", unquote(call.path.removeprefix("/employees/")).lower())
        return answer_json(found or {"error": "no such employee"}, 200 if found else 404, outcome="ok" if found else "unknown")

    def _report(self, call: Call) -> Answer:
        wanted = hmac.new(CALLBACK_SECRET.encode(), call.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, header(call, "x-webhook-signature")):
            return answer_json({"error": "bad signature"}, 401, outcome="bad signature")
        key = header(call, "idempotency-key") or uuid4().hex
        self.shelf.put("reports", key, {"id": key, "at": self.moment(), **body_of(call)})
        return answer_json({"received": True})

    def what(self, call: Call) -> str:
        """Nothing of the people."""
        return f"{call.method} {'employee' if call.path.startswith('/employees/') else call.path}"

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """Hex HMAC-SHA256 of the body."""
        return {"X-HR-Signature": hmac.new(self.secret.encode(), webhook.body, hashlib.sha256).hexdigest()}

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`."""
        if action not in self.actions:
            return super().act(action, given)
        email = str(given["email"]).lower()
        if action == "employee":
            return self.shelf.put("employees", email, {"id": email, **given})
        url = CONTRACTS if action == "sign" else CANCELLATIONS
        number = uuid4().hex
        row = self.shelf.put("contracts", number, {"id": number, "action": action, **given})
        self.send(Webhook(what=f"contract {action}", url=url, body=json.dumps(dict(given)).encode(), line=email))
        return row

    def board(self) -> Sequence[Column]:
        """Contracts and reports, the newest first."""
        contracts, reports = self.shelf.rows("contracts")[::-1], self.shelf.rows("reports")[::-1]
        signed = tuple(Card(id=row["id"], title=str(row["email"]), tag=row["action"]) for row in contracts[:CARDS])
        told = tuple(Card(id=row["id"], title=str(row["event"]), tag=row["onboarding"]["status"]) for row in reports[:CARDS])
        return [
            Column(id=1, title="Contracts", total=len(contracts), cards=signed),
            Column(id=2, title="Reports", total=len(reports), cards=told),
        ]
