"""WooCommerce as a vendor of the sandbox: orders, coupons, and a webhook that sends once and is switched off by failures.

Here it takes Basic authentication over http, since it stands for a shop with https; a real one over http refuses that.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import Handler, RefusedError, Router, answer_json, body_of, header
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Answer, Call, Card, Column, Reply, Webhook

SECRET = "sandboxwoocommercesecret"  # noqa: S105  # known to everybody, good for nothing
KEY, KEY_SECRET = "ck_sandbox", "cs_sandbox"  # as SECRET
APP_PATH = "/api/v1/carts/woocommerce"
MOST_FAILURES = 6
ACTIVE, DISABLED = "active", "disabled"
API = "/wp-json/wc/v3"
CARDS = 20
STATES = ("checkout-draft", "pending", "on-hold", "processing", "completed", "cancelled", "failed", "refunded")


class WooCommerce(Shelved):
    """One shop, with one webhook for orders."""

    name = "woocommerce"
    title = "WooCommerce"
    prefixes = ("/woocommerce",)
    connection: Mapping[str, str] = {
        "WOOCOMMERCE_BASE_URL": "/woocommerce",
        "WOOCOMMERCE_CONSUMER_KEY": KEY,
        "WOOCOMMERCE_CONSUMER_SECRET": KEY_SECRET,
        "WOOCOMMERCE_WEBHOOK_SECRETS": SECRET,
    }
    board_title = "Orders"
    routes = ("/{rest:.*}",)
    kinds = ("orders", "coupons", "webhooks")
    default_secret = SECRET
    modes: Mapping[str, str] = {"firewall": "A page of HTML, as a firewall before the shop gives it."}
    actions: Mapping[str, str] = {
        "order": "An order: `email`, `name`, `total`, `currency`, `status` (processing), `title`, `quantity`, `coupon`.",
        "set": "The order `id` gets the `status`; `refund` gives so much back.",
        "broken": "The webhook is sent with an error in the place of an order, correctly signed.",
        "save": "The webhook is saved: the address is tried with a form, unsigned.",
    }

    def __init__(self) -> None:
        super().__init__()
        self._router = Router(
            (
                ("GET", f"{API}/system_status", lambda _call: answer_json({"environment": {"version": "10.4.0"}})),
                ("POST", f"{API}/coupons", self._new_coupon),
                ("GET", f"{API}/coupons", self._coupons),
                ("GET", f"{API}/webhooks", lambda _call: answer_json(self.shelf.rows("webhooks"))),
                ("PUT", f"{API}/webhooks/{{number}}", self._set_webhook),
                ("GET", f"{API}/orders", self._orders),
            )
        )
        self._make_webhook()

    def reset(self, options: Mapping[str, bool]) -> None:
        """Forget all; the webhook is there and active again."""
        super().reset(options)
        self._make_webhook()

    def restore(self, saved: Any) -> None:
        """Continue with what was saved."""
        super().restore(saved)
        if not self.shelf.rows("webhooks"):
            self._make_webhook()

    def _make_webhook(self) -> None:
        row: Row = {"id": 1, "name": "Puente", "status": ACTIVE, "topic": "order.updated", "failures": 0}
        self.shelf.put("webhooks", "1", row | {"delivery_url": f"https://puente.example{APP_PATH}"})

    def answer(self, call: Call) -> Answer:
        """A call of the API."""
        given = base64.b64encode(f"{KEY}:{KEY_SECRET}".encode()).decode()
        if header(call, "authorization") != f"Basic {given}":
            return _refused(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.").answer
        found: tuple[Handler, dict[str, str]] | None = self._router.find(call)
        if found is None:
            return _refused(404, "rest_no_route", "No route was found matching the URL and request method.").answer
        take, parts = found
        try:
            return take(call, **parts)
        except RefusedError as refusal:
            return refusal.answer
        except ValueError:
            return _refused(400, "rest_invalid_json", "Invalid JSON body passed.").answer

    def _new_coupon(self, call: Call) -> Answer:
        given = body_of(call)
        code = str(given.get("code") or "").lower()
        if not code:
            raise _refused(400, "rest_missing_callback_param", "Missing parameter(s): code")
        if self.shelf.get("coupons", code) is not None:
            raise _refused(400, "woocommerce_rest_coupon_code_already_exists", "The coupon code already exists")
        expires = str(given.get("date_expires") or "")
        until = expires[:19] if len(expires) == len("2026-12-05T12:00:00Z") and expires.endswith("Z") else None
        row: Row = {"id": len(self.shelf.rows("coupons")) + 1, "code": code, "description": str(given.get("description") or "")}
        row |= {"amount": str(given.get("amount")), "discount_type": str(given.get("discount_type"))}
        row |= {"usage_limit": given.get("usage_limit"), "date_expires_gmt": until}
        return answer_json(self.shelf.put("coupons", code, row), 201)

    def _coupons(self, call: Call) -> Answer:
        found = self.shelf.get("coupons", call.query.get("code", "").lower())
        return answer_json([found] if found else [])

    def _set_webhook(self, call: Call, number: str) -> Answer:
        row = self.shelf.get("webhooks", number)
        if row is None:
            raise _refused(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        row |= {"status": str(body_of(call).get("status") or row["status"]), "failures": 0}
        self.shelf.touch()
        return answer_json(row)

    def _orders(self, call: Call) -> Answer:
        since, size = call.query.get("modified_after", ""), int(call.query.get("per_page", "10"))
        page = int(call.query.get("page", "1"))
        found = [row for row in self.shelf.rows("orders") if str(row["date_modified_gmt"]) >= since]
        found.sort(key=lambda row: (row["date_modified_gmt"], row["id"]))
        return answer_json(found[(page - 1) * size : page * size], headers={"X-WP-Total": str(len(found))})

    def fail(self, mode: str, call: Call) -> Answer:
        """Something before the shop answers."""
        del mode, call
        return Answer(status=200, body=b"<html>Checking your browser</html>", content_type="text/html", outcome="firewall")

    def what(self, call: Call) -> str:
        """Such as `GET orders`."""
        return f"{call.method} {call.path.removeprefix(API).strip('/')}"

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """Base64 HMAC-SHA256 of the body; the ping is unsigned."""
        if webhook.what == "ping":
            return {}
        signed = base64.b64encode(hmac.new(self.secret.encode(), webhook.body, hashlib.sha256).digest()).decode()
        return {"X-WC-Webhook-Signature": signed}

    def on_reply(self, webhook: Webhook, reply: Reply) -> None:
        """Count failures in a row: the seventh switches the webhook off, and nothing is sent again."""
        row = self.shelf.get("webhooks", "1")
        if row is None or webhook.what == "ping":
            return
        good = reply.status is not None and 200 <= reply.status <= 302  # noqa: PLR2004  # as WooCommerce has it
        row["failures"] = 0 if good else row["failures"] + 1
        row["status"] = DISABLED if row["failures"] > MOST_FAILURES else row["status"]
        self.shelf.touch()

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`; answers the order."""
        if action == "order":
            return self._ordered(given)
        if action == "set":
            return self._set(self.row("orders", given), given)
        if action == "save":
            self.send(
                Webhook(what="ping", url=APP_PATH, body=b"webhook_id=1", content_type="application/x-www-form-urlencoded")
            )
            return {}
        if action == "broken":
            body = {
                "code": "woocommerce_rest_cannot_view",
                "message": "Sorry, you cannot view this resource.",
                "data": {"status": 401},
            }
            self._report(body, "broken")
            return {}
        return super().act(action, given)

    def _ordered(self, given: Mapping[str, Any]) -> Row:
        number, total = len(self.shelf.rows("orders")) + 881, f"{float(given.get('total', 1299)):.2f}"
        title = str(given.get("title") or "Taza azul")
        first, _blank, last = str(given.get("name") or "Ana López").partition(" ")
        billing = {"first_name": first, "last_name": last, "email": str(given.get("email") or "ana@example.com"), "phone": ""}
        product = int(hashlib.sha256(title.encode()).hexdigest()[:8], 16)
        line = {
            "product_id": product,
            "variation_id": 0,
            "name": title,
            "quantity": int(given.get("quantity", 1)),
            "total": total,
        }
        row: Row = {
            "id": number,
            "number": str(number),
            "order_key": f"wc_order_{uuid4().hex[:12]}",
            "date_created_gmt": self._now(),
        }
        row |= {"currency": str(given.get("currency") or "MXN"), "total": total, "customer_id": 0, "billing": billing}
        row |= {"line_items": [line], "refunds": [], "cart_hash": uuid4().hex}
        row |= {"coupon_lines": [{"code": str(given["coupon"]).lower(), "discount": "0.00"}] if given.get("coupon") else []}
        self.shelf.put("orders", str(number), row)
        return self._set(row, {"status": given.get("status") or "processing"})

    def _set(self, row: Row, given: Mapping[str, Any]) -> Row:
        status = str(given.get("status") or row["status"])
        if status not in STATES:
            raise ValueError(f"status must be one of {', '.join(STATES)}")
        row |= {"status": status, "date_modified_gmt": self._now()}
        if status in ("processing", "completed") and not row.get("date_paid_gmt"):
            row["date_paid_gmt"] = self._now()
        row.setdefault("date_paid_gmt", None)
        if given.get("refund"):
            row["refunds"].append({"id": len(row["refunds"]) + 1, "total": f"-{float(given['refund']):.2f}"})
        self._report(row, str(row["id"]))
        return row

    def _report(self, body: Mapping[str, Any], about: str) -> None:
        """Send the order as it is now, where the webhook is active; as PHP writes it."""
        self.shelf.touch()
        hook = self.shelf.get("webhooks", "1")
        if hook is None or hook["status"] != ACTIVE:
            return
        raw = json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()
        headers = {"X-WC-Webhook-Topic": "order.updated", "X-WC-Webhook-Resource": "order", "X-WC-Webhook-ID": "1"}
        headers |= {"X-WC-Webhook-Source": "https://tienda.example/", "X-WC-Webhook-Delivery-ID": uuid4().hex[:32]}
        self.send(Webhook(what="order.updated", url=APP_PATH, body=raw, about=about, headers=headers))

    def _now(self) -> str:
        return self.now().replace(tzinfo=None).isoformat(timespec="seconds")

    def board(self) -> Sequence[Column]:
        """Orders by their state."""
        rows = self.shelf.rows("orders")[::-1]
        states = [state for state in STATES if any(row["status"] == state for row in rows)]
        columns = []
        for number, state in enumerate(states, start=1):
            found = [row for row in rows if row["status"] == state]
            columns.append(Column(id=number, title=state, total=len(found), cards=tuple(map(_card, found[:CARDS]))))
        return columns

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Orders": len(self.shelf.rows("orders")), "Coupons": len(self.shelf.rows("coupons"))}


def _refused(status: int, code: str, message: str) -> RefusedError:
    body = {"code": code, "message": message, "data": {"status": status}}
    return RefusedError(answer_json(body, status, outcome=code))


def _card(row: Row) -> Card:
    lines = (f"{row['currency']} {row['total']}", row["billing"]["email"], *(line["name"] for line in row["line_items"]))
    return Card(id=str(row["id"]), title=f"#{row['number']}", lines=lines, tag=row["status"])
