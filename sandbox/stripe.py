"""Stripe as a vendor of the sandbox: payments that a person or a test makes, and signed webhooks of what becomes of them.

Our app calls no API of Stripe's, so there is none here. Each action sends what Stripe sends for it: several events, of the
shapes of the newer API versions.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import answer_json
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Answer, Call, Card, Column, Webhook

SECRET = "whsec_sandbox"  # noqa: S105  # known to everybody, good for nothing
APP_PATH = "/api/v1/stripe/webhook"
VERSION = "2026-06-30"
PAID, OPEN, FAILED, EXPIRED = "paid", "open", "failed", "expired"
CARDS = 20
_OFFERED: Mapping[str, tuple[str, ...]] = {PAID: ("refund", "dispute"), OPEN: ("settle", "expire"), FAILED: ("retry",)}
_TITLES = {PAID: "Paid", OPEN: "Waiting for the money", FAILED: "Failed", EXPIRED: "Expired"}


class Stripe(Shelved):
    """One account. Amounts are given as Stripe counts them: hundredths of MXN, whole CLP."""

    name = "stripe"
    title = "Stripe"
    prefixes = ("/stripe",)
    connection: Mapping[str, str] = {"STRIPE_SIGNING_SECRET": SECRET}
    board_title = "Payments"
    routes = ("/{rest:.*}",)
    kinds = ("payments",)
    default_secret = SECRET
    actions: Mapping[str, str] = {
        "pay": "A card pays: `amount` (129900), `currency` (mxn), `email`, `name`, `order`, `customer`; `test` for test mode.",
        "subscribe": "The first payment of a subscription: session, invoice, intent, charge. As `pay`.",
        "voucher": "A voucher or transfer is made, `method` oxxo or customer_balance; as `pay`.",
        "settle": "The money for the voucher `id` comes.",
        "expire": "The voucher `id` is never paid.",
        "decline": "A card is declined; as `pay`.",
        "retry": "The declined payment `id` is tried again, on the same intent, and succeeds.",
        "refund": "`amount` (all that is left) of the payment `id` goes back.",
        "fail_refund": "The newest refund of the payment `id` fails.",
        "dispute": "The payment `id` is disputed; `status` (needs_response, or lost or won, which close it).",
    }

    def answer(self, call: Call) -> Answer:
        """No call is known here."""
        body = {
            "error": {"type": "invalid_request_error", "message": f"Unrecognized request URL ({call.method}: {call.path})."}
        }
        return answer_json(body, 404, outcome="not found")

    def what(self, call: Call) -> str:
        """Such as `GET charges`."""
        return f"{call.method} {call.path.strip('/')}"

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`; answers the payment."""
        if action not in self.actions:
            return super().act(action, given)
        begin = {"pay": self._pay, "subscribe": self._subscribe, "voucher": self._voucher, "decline": self._decline}
        if action in begin:
            return begin[action](self._new(given))
        go_on = {"settle": self._settle, "expire": self._expire, "retry": self._retry, "refund": self._refund}
        go_on |= {"fail_refund": self._fail_refund, "dispute": self._dispute}
        return go_on[action](self.row("payments", given), given)

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """HMAC-SHA256 of the time and the body, anew with each try."""
        moment = str(int(self.now().timestamp()))
        signed = hmac.new(self.secret.encode(), f"{moment}.".encode() + webhook.body, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={moment},v1={signed}"}

    def board(self) -> Sequence[Column]:
        """Payments by what became of them."""
        rows = self.shelf.rows("payments")[::-1]
        columns = []
        for number, (state, title) in enumerate(_TITLES.items(), start=1):
            found = [row for row in rows if row["state"] == state]
            cards = tuple(_card(row, state) for row in found[:CARDS])
            columns.append(Column(id=number, title=title, total=len(found), cards=cards))
        return columns

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Payments": len(self.shelf.rows("payments"))}

    def _new(self, given: Mapping[str, Any]) -> Row:
        """A new payment. Raises ValueError."""
        amount = given.get("amount", 129_900)
        if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0:
            raise ValueError("amount must be a whole number above 0, as Stripe counts the currency")
        number = uuid4().hex[:16]
        row: Row = {"id": f"pi_{number}", "amount": amount, "currency": str(given.get("currency") or "mxn").lower()}
        row |= {"charge": f"ch_{number}", "session": f"cs_{number}", "invoice": f"in_{number}", "refunds": []}
        row |= {
            "customer": str(given.get("customer") or f"cus_{number}"),
            "email": str(given.get("email") or "ana@example.com"),
        }
        row |= {
            "name": str(given.get("name") or "Ana López"),
            "order": str(given.get("order") or ""),
            "live": not given.get("test"),
        }
        row |= {"method": str(given.get("method") or "card"), "state": OPEN, "dispute": "", "at": self._at()}
        return self.shelf.put("payments", row["id"], row)

    def _pay(self, row: Row) -> Row:
        row["state"] = PAID
        self._events(
            row,
            ("payment_intent.succeeded", self._intent(row)),
            ("charge.succeeded", self._charge(row)),
            ("checkout.session.completed", self._session(row)),
        )
        return row

    def _subscribe(self, row: Row) -> Row:
        row["state"] = PAID
        session = self._session(row) | {"mode": "subscription", "payment_intent": None, "invoice": row["invoice"]}
        self._events(
            row,
            ("checkout.session.completed", session),
            ("charge.succeeded", self._charge(row)),
            ("payment_intent.succeeded", self._intent(row)),
            ("invoice.paid", self._invoice(row)),
        )
        return row

    def _voucher(self, row: Row) -> Row:
        row["method"] = row["method"] if row["method"] != "card" else "oxxo"
        self._events(
            row,
            ("payment_intent.requires_action", self._intent(row, "requires_action")),
            ("checkout.session.completed", self._session(row)),
        )
        return row

    def _decline(self, row: Row) -> Row:
        row["state"] = FAILED
        self._events(
            row,
            ("charge.failed", self._charge(row)),
            ("payment_intent.payment_failed", self._intent(row, "requires_payment_method")),
        )
        return row

    def _settle(self, row: Row, _given: Mapping[str, Any]) -> Row:
        self._require(row, OPEN)
        row["state"] = PAID
        self._events(
            row,
            ("charge.succeeded", self._charge(row)),
            ("payment_intent.succeeded", self._intent(row)),
            ("checkout.session.async_payment_succeeded", self._session(row)),
        )
        return row

    def _expire(self, row: Row, _given: Mapping[str, Any]) -> Row:
        self._require(row, OPEN)
        row["state"] = EXPIRED
        self._events(
            row,
            ("payment_intent.payment_failed", self._intent(row, "requires_payment_method")),
            ("checkout.session.async_payment_failed", self._session(row)),
        )
        return row

    def _retry(self, row: Row, _given: Mapping[str, Any]) -> Row:
        self._require(row, FAILED)
        row["charge"] = f"{row['charge']}b"
        return self._pay(row)

    def _refund(self, row: Row, given: Mapping[str, Any]) -> Row:
        self._require(row, PAID)
        left = row["amount"] - _refunded(row)
        amount = given.get("amount", left)
        if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount <= left:
            raise ValueError(f"amount must be a whole number from 1 to {left}")
        row["refunds"].append({"id": f"re_{uuid4().hex[:16]}", "amount": amount, "status": "succeeded"})
        self._events(row, ("charge.refunded", self._charge(row)))
        return row

    def _fail_refund(self, row: Row, _given: Mapping[str, Any]) -> Row:
        if not row["refunds"]:
            raise ValueError(f"payment {row['id']} has no refund")
        row["refunds"][-1]["status"] = "failed"
        self._events(row, ("charge.refund.updated", self._refund_object(row)))
        return row

    def _dispute(self, row: Row, given: Mapping[str, Any]) -> Row:
        self._require(row, PAID)
        status = str(given.get("status") or "needs_response")
        kind = "charge.dispute.closed" if status in ("lost", "won") else "charge.dispute.created"
        row["dispute"] = status
        self._events(row, (kind, self._dispute_object(row)))
        return row

    def _require(self, row: Row, state: str) -> None:
        if row["state"] != state:
            raise ValueError(f"payment {row['id']} is {row['state']}, not {state}")

    def _events(self, row: Row, *events: tuple[str, dict[str, Any]]) -> None:
        """Send the events, one after another; the objects are as they were when it happened."""
        self.shelf.touch()
        for kind, found in events:
            body = {"id": f"evt_{uuid4().hex[:20]}", "object": "event", "api_version": VERSION, "created": self._at()}
            body |= {"type": kind, "livemode": row["live"], "pending_webhooks": 1, "data": {"object": found}}
            body |= {"request": {"id": None, "idempotency_key": None}}
            raw = json.dumps(body, ensure_ascii=False, indent=2).encode()
            self.send(Webhook(what=kind, url=APP_PATH, body=raw, about=row["id"], line=row["id"]))

    def _at(self) -> int:
        return int(self.now().timestamp())

    def _common(self, row: Row, kind: str) -> dict[str, Any]:
        data = {"order_id": row["order"]} if row["order"] else {}
        known = {"object": kind, "currency": row["currency"], "livemode": row["live"], "metadata": data}
        return known | {"created": row["at"], "customer": row["customer"]}

    def _intent(self, row: Row, status: str = "succeeded") -> dict[str, Any]:
        came = row["amount"] if status == "succeeded" else 0
        failure = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}
        known = {"id": row["id"], "amount": row["amount"], "amount_received": came, "status": status}
        known |= {"payment_method_types": [row["method"]], "latest_charge": row["charge"] if came else None}
        known |= {"last_payment_error": failure if status == "requires_payment_method" else None, "receipt_email": None}
        return self._common(row, "payment_intent") | known

    def _charge(self, row: Row) -> dict[str, Any]:
        paid = row["state"] == PAID
        known = {"id": row["charge"], "amount": row["amount"], "amount_captured": row["amount"] if paid else 0}
        known |= {"amount_refunded": _refunded(row), "captured": paid, "paid": paid, "payment_intent": row["id"]}
        known |= {"refunded": paid and _refunded(row) == row["amount"], "status": "succeeded" if paid else "failed"}
        known |= {"failure_code": None if paid else "card_declined", "payment_method_details": {"type": row["method"]}}
        return (
            self._common(row, "charge")
            | known
            | {"billing_details": {"email": row["email"], "name": row["name"], "phone": None}}
        )

    def _session(self, row: Row) -> dict[str, Any]:
        known = {"id": row["session"], "mode": "payment", "status": "complete", "amount_total": row["amount"]}
        known |= {"payment_status": "paid" if row["state"] == PAID else "unpaid", "payment_intent": row["id"], "invoice": None}
        details = {"email": row["email"], "name": row["name"], "phone": None}
        return self._common(row, "checkout.session") | known | {"customer_details": details, "client_reference_id": None}

    def _invoice(self, row: Row) -> dict[str, Any]:
        payment = {"payment": {"type": "payment_intent", "payment_intent": row["id"]}, "status": "paid"}
        known = {"id": row["invoice"], "amount_paid": row["amount"], "status": "paid", "billing_reason": "subscription_create"}
        known |= {"customer_email": row["email"], "customer_name": row["name"]}
        return self._common(row, "invoice") | known | {"payments": {"object": "list", "data": [payment]}}

    def _refund_object(self, row: Row) -> dict[str, Any]:
        common = {name: value for name, value in self._common(row, "refund").items() if name not in ("livemode", "customer")}
        newest: dict[str, Any] = row["refunds"][-1]
        return common | newest | {"charge": row["charge"], "payment_intent": row["id"]}

    def _dispute_object(self, row: Row) -> dict[str, Any]:
        common = {name: value for name, value in self._common(row, "dispute").items() if name != "customer"}
        known = {"id": f"dp_{row['id'].removeprefix('pi_')}", "amount": row["amount"], "status": row["dispute"]}
        return common | known | {"charge": row["charge"], "payment_intent": row["id"], "reason": "fraudulent"}


def _refunded(row: Row) -> int:
    return sum(refund["amount"] for refund in row["refunds"] if refund["status"] != "failed")


def _card(row: Row, state: str) -> Card:
    lines = (f"{row['amount']} {row['currency'].upper()}", row["method"], row["email"])
    tag = row["dispute"] or (f"refunded {_refunded(row)}" if _refunded(row) else "")
    return Card(id=row["id"], title=row["name"], lines=lines, tag=tag, actions=_OFFERED.get(state, ()))
