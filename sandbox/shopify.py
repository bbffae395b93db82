"""Shopify as a vendor of the sandbox: tokens of 24 hours, discount codes, and signed webhooks of checkouts and orders.

Of the Admin API it knows what our client asks. Webhooks are signed over the body alone; each action sends what Shopify sends.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from sandbox.jsonapi import answer_json, body_of, header
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Answer, Call, Card, Column, Webhook

SECRET = "sandbox-shopify-client-secret"  # noqa: S105  # known to everybody, good for nothing
CLIENT_ID = "sandbox-shopify-client"
SHOP = "sandbox.myshopify.com"
APP_PATH = "/api/v1/carts/shopify"
TOKEN_SECONDS = 86_399
VERSION = "2026-07"
CARDS = 20
OPEN, ORDERED = "open", "ordered"


class Shopify(Shelved):
    """One shop with one app."""

    name = "shopify"
    title = "Shopify"
    prefixes = ("/shopify",)
    connection: Mapping[str, str] = {
        "SHOPIFY_BASE_URL": "/shopify",
        "SHOPIFY_CLIENT_ID": CLIENT_ID,
        "SHOPIFY_CLIENT_SECRET": SECRET,
        "SHOPIFY_WEBHOOK_SECRETS": SECRET,
        "SHOPIFY_SHOP": SHOP,
    }
    board_title = "Checkouts"
    routes = ("/{rest:.*}",)
    kinds = ("checkouts", "orders", "discounts", "tokens")
    default_secret = SECRET
    modes: Mapping[str, str] = {
        "throttled": "Status 200 with the error THROTTLED: the account has spent its points.",
        "denied": "Status 200 with the error ACCESS_DENIED: a scope is missing.",
    }
    actions: Mapping[str, str] = {
        "leave": "A cart is left: `email`, `name`, `title`, `price` (649.50), `quantity`, `currency`, `customer`, `phone`.",
        "change": "The cart `id` is changed: `title`, `price`, `quantity`, `email`.",
        "empty": "Everything is taken out of the cart `id`.",
        "order": "The cart `id` is ordered; `status` (paid, or pending), `code`, `email`.",
        "redact": "Shopify asks to erase the customer of the cart `id`.",
        "revoke": "Every token is good no more.",
    }

    def answer(self, call: Call) -> Answer:
        """A token, or a query."""
        if call.method == "POST" and call.path == "/admin/oauth/access_token":
            return self._token(call)
        if call.method != "POST" or not call.path.startswith("/admin/api/") or not call.path.endswith("/graphql.json"):
            return answer_json({"errors": "Not Found"}, 404, outcome="not found")
        token = self.shelf.get("tokens", header(call, "x-shopify-access-token"))
        if token is None or datetime.fromisoformat(token["until"]) <= self.now():
            words = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return answer_json({"errors": words}, 401, outcome="unauthorized")
        return self._asked(call)

    def _token(self, call: Call) -> Answer:
        form = {name: values[0] for name, values in parse_qs(call.body.decode(errors="replace")).items()}
        known = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": SECRET}
        if form != known:
            return answer_json({"error": "application_cannot_be_found"}, 400, outcome="refused")
        token = f"shpat_sandbox_{uuid4().hex[:12]}"
        until = (self.now() + timedelta(seconds=TOKEN_SECONDS)).isoformat()
        self.shelf.put("tokens", token, {"id": token, "until": until})
        return answer_json({"access_token": token, "scope": "write_discounts,read_orders", "expires_in": TOKEN_SECONDS})

    def _asked(self, call: Call) -> Answer:
        try:
            asked = body_of(call)
            query, variables = str(asked["query"]), asked.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            return answer_json({"errors": {"query": "Required parameter missing or invalid"}}, 400, outcome="bad request")
        headers, data = {"X-Shopify-API-Version": VERSION}, dict[str, Any]()
        if "discountCodeBasicCreate" in query:
            data = {"discountCodeBasicCreate": self._created(dict(variables.get("discount") or {}))}
        elif "codeDiscountNodeByCode" in query:
            found = self.shelf.get("discounts", str(variables.get("code")).upper())
            node = {"id": found["gid"], "codeDiscount": {"title": found["title"]}} if found else None
            data = {"codeDiscountNodeByCode": node}
        elif "shop" in query:
            data = {"shop": {"name": "Tienda de prueba"}}
        else:
            return self._error("undefinedField", "Field doesn't exist on type")
        return answer_json({"data": data, "extensions": {"cost": _cost(2000)}}, headers=headers)

    def _created(self, given: dict[str, Any]) -> dict[str, Any]:
        code, fault = str(given.get("code") or ""), _fault(given)
        if fault is None and self.shelf.get("discounts", code.upper()) is not None:
            fault = ("code", "TAKEN", "Code must be unique. Please try a different code.")
        if fault is not None:
            field, kind, message = fault
            error = {"field": ["basicCodeDiscount", field], "code": kind, "message": message}
            return {"codeDiscountNode": None, "userErrors": [error]}
        row = {"id": code.upper(), "code": code, "gid": f"gid://shopify/DiscountCodeNode/{uuid4().int % 10**12}"}
        self.shelf.put("discounts", code.upper(), row | {"title": given["title"], "percentage": _percentage(given)})
        return {"codeDiscountNode": {"id": row["gid"]}, "userErrors": []}

    def fail(self, mode: str, call: Call) -> Answer:
        """An error that comes with status 200."""
        del call
        if mode == "throttled":
            return self._error("THROTTLED", "Throttled", cost=_cost(0))
        return self._error("ACCESS_DENIED", "Access denied for discountCodeBasicCreate field.")

    def _error(self, code: str, message: str, cost: Mapping[str, Any] | None = None) -> Answer:
        body: dict[str, Any] = {"errors": [{"message": message, "extensions": {"code": code}}]}
        return answer_json(body | ({"extensions": {"cost": cost}} if cost else {}), outcome=code.lower())

    def what(self, call: Call) -> str:
        """What is asked for."""
        if call.path.endswith("access_token"):
            return "token"
        names = ("discountCodeBasicCreate", "codeDiscountNodeByCode")
        return next((name for name in names if name.encode() in call.body), f"{call.method} {call.path}")

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """Base64 HMAC-SHA256 of the body, and of nothing else."""
        signed = base64.b64encode(hmac.new(self.secret.encode(), webhook.body, hashlib.sha256).digest()).decode()
        return {"X-Shopify-Hmac-Sha256": signed}

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`; answers the checkout."""
        if action not in self.actions:
            return super().act(action, given)
        if action == "revoke":
            for row in self.shelf.rows("tokens"):
                self.shelf.drop("tokens", row["id"])
            return {}
        if action == "leave":
            return self._left(given)
        row = self.row("checkouts", given)
        return {"change": self._changed, "empty": self._emptied, "order": self._ordered, "redact": self._redacted}[action](
            row, given
        )

    def _left(self, given: Mapping[str, Any]) -> Row:
        number, token = uuid4().int % 10**12, uuid4().hex
        customer = given.get("customer") or number
        row: Row = {"id": token, "number": number, "email": str(given.get("email") or "ana@example.com"), "state": OPEN}
        row |= {"currency": str(given.get("currency") or "MXN"), "customer": customer, "phone": given.get("phone")}
        row |= {"lines": [_line(given)], "created": self.moment(), "name": str(given.get("name") or "Ana López")}
        self.shelf.put("checkouts", token, row)
        self._report("checkouts/create", self._checkout(row), token)
        return row

    def _changed(self, row: Row, given: Mapping[str, Any]) -> Row:
        row["lines"], row["email"] = [_line(given)], str(given.get("email") or row["email"])
        self._report("checkouts/update", self._checkout(row), row["id"])
        return row

    def _emptied(self, row: Row, _given: Mapping[str, Any]) -> Row:
        row["lines"] = []
        self._report("checkouts/update", self._checkout(row), row["id"])
        return row

    def _ordered(self, row: Row, given: Mapping[str, Any]) -> Row:
        row["state"] = ORDERED
        order = self._order(row, given)
        self.shelf.put(
            "orders", str(order["id"]), {"id": str(order["id"]), "checkout": row["id"], "status": order["financial_status"]}
        )
        self._report("orders/create", order, row["id"])
        self._report("checkouts/update", self._checkout(row) | {"completed_at": order["created_at"]}, row["id"])
        return row

    def _redacted(self, row: Row, _given: Mapping[str, Any]) -> Row:
        customer = {"id": row["customer"], "email": row["email"], "phone": row["phone"]}
        body = {"shop_id": 954889, "shop_domain": SHOP, "customer": customer, "orders_to_redact": []}
        self._report("customers/redact", body, row["id"])
        return row

    def _report(self, topic: str, body: Mapping[str, Any], about: str) -> None:
        self.shelf.touch()
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": SHOP, "X-Shopify-API-Version": VERSION}
        headers |= {"X-Shopify-Webhook-Id": str(uuid4()), "X-Shopify-Triggered-At": self.moment()}
        self.send(Webhook(what=topic, url=APP_PATH, body=raw, about=about, line=about, headers=headers))

    def _checkout(self, row: Row) -> dict[str, Any]:
        known = {"id": row["number"], "token": row["id"], "cart_token": f"cart-{row['id']}", "email": row["email"]}
        known |= {
            "phone": row["phone"],
            "completed_at": None,
            "currency": row["currency"],
            "presentment_currency": row["currency"],
        }
        known |= {"abandoned_checkout_url": f"https://{SHOP}/checkouts/{row['id']}/recover?key=k", "discount_codes": []}
        known |= {"created_at": row["created"], "updated_at": self.moment(), "total_price": _total(row)}
        return known | {"line_items": row["lines"], "customer": self._customer(row)}

    def _order(self, row: Row, given: Mapping[str, Any]) -> dict[str, Any]:
        at, status, email = self.moment(), str(given.get("status") or "paid"), str(given.get("email") or row["email"])
        codes = [{"code": str(given["code"]), "amount": "0.00", "type": "percentage"}] if given.get("code") else []
        known = {"id": uuid4().int % 10**12, "checkout_token": row["id"], "cart_token": f"cart-{row['id']}", "email": email}
        known |= {
            "contact_email": email,
            "phone": row["phone"],
            "financial_status": status,
            "test": False,
            "cancelled_at": None,
        }
        known |= {"currency": row["currency"], "presentment_currency": row["currency"], "total_price": _total(row)}
        known |= {"current_total_price": _total(row), "discount_codes": codes, "created_at": at, "updated_at": at}
        return known | {"processed_at": at, "line_items": row["lines"], "customer": self._customer(row)}

    def _customer(self, row: Row) -> dict[str, Any]:
        first, _blank, last = row["name"].partition(" ")
        return {"id": row["customer"], "email": row["email"], "first_name": first, "last_name": last, "phone": row["phone"]}

    def board(self) -> Sequence[Column]:
        """Checkouts, those that were left and those that were ordered."""
        rows = self.shelf.rows("checkouts")[::-1]
        columns = []
        for number, (state, title) in enumerate({OPEN: "Left", ORDERED: "Ordered"}.items(), start=1):
            found = [row for row in rows if row["state"] == state]
            cards = tuple(_card(row, state) for row in found[:CARDS])
            columns.append(Column(id=number, title=title, total=len(found), cards=cards))
        return columns

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Checkouts": len(self.shelf.rows("checkouts")), "Discount codes": len(self.shelf.rows("discounts"))}


def _fault(given: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What Shopify has against a discount: field, code, words."""
    for name in ("title", "code", "startsAt"):
        if not str(given.get(name) or "").strip():
            return name, "BLANK", f"{name} can't be blank"
    if "customerSelection" in given and "context" in given:
        return "context", "INVALID", "Only one of context and customerSelection can be provided."
    if given.get("endsAt") and str(given["endsAt"]) <= str(given["startsAt"]):
        return "endsAt", "INVALID", "Ends at needs to be after starts_at"
    share = _percentage(given)
    if share is None or not 0 < share <= 1:
        return "customerGets", "VALUE_OUTSIDE_RANGE", "Value must be between 0.0 and 1.0"
    return None


def _percentage(given: Mapping[str, Any]) -> float | None:
    value = ((given.get("customerGets") or {}).get("value") or {}).get("percentage")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _cost(available: float) -> dict[str, Any]:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": 100.0}
    return {"requestedQueryCost": 10, "actualQueryCost": 10 if available else None, "throttleStatus": status}


def _line(given: Mapping[str, Any]) -> dict[str, Any]:
    """One line. Raises ValueError."""
    quantity = given.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise ValueError("quantity must be a whole number from 1")
    title, price = str(given.get("title") or "Taza azul"), f"{float(given.get('price', 649.5)):.2f}"
    number = int(hashlib.sha256(title.encode()).hexdigest()[:8], 16)
    return {"product_id": number, "variant_id": number + 1, "title": title, "quantity": quantity, "price": price}


def _total(row: Row) -> str:
    return f"{sum(round(float(line['price']) * 100) * line['quantity'] for line in row['lines']) / 100:.2f}"


def _card(row: Row, state: str) -> Card:
    lines = (
        *(f"{line['quantity']} x {line['title']}" for line in row["lines"]),
        f"{row['currency']} {_total(row)}",
        row["email"],
    )
    return Card(
        id=row["id"], title=row["name"], lines=lines, actions=("change", "empty", "order", "redact") if state == OPEN else ()
    )
