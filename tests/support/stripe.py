"""Stripe's webhooks as it sends them: events of real shape, signed."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared import clock
from tests.support.payloads import payload

SECRET = "whsec_of_the_tests"  # of the tests alone
PAID = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANA = "ana@example.com"
ZONE = ZoneInfo("America/Mexico_City")


def at(moment: datetime, **later: float) -> int:
    """A moment as Stripe writes it."""
    return int((moment + timedelta(**later)).timestamp())


def event(kind: str, found: dict[str, Any], moment: datetime = PAID, *, number: str = "", live: bool = True) -> dict[str, Any]:
    """An event about an object."""
    name = f"evt_{number or hashlib.sha256(json.dumps([kind, found, at(moment)]).encode()).hexdigest()[:16]}"
    known = {"id": name, "type": kind, "created": at(moment), "livemode": live, "data": {"object": found}}
    return payload("stripe.event", "payment_intent.succeeded") | known


def _object(kind: str, **more: Any) -> dict[str, Any]:
    """What an event of that kind is about, with other values where they are given."""
    found: dict[str, Any] = payload("stripe.event", kind)["data"]["object"]
    return found | more


def intent(name: str = "pi_1", amount: int = 129_900, currency: str = "mxn", **more: Any) -> dict[str, Any]:
    """A payment intent, which has succeeded unless something else is said."""
    given = {"id": name, "amount": amount, "amount_received": amount, "currency": currency}
    return _object("payment_intent.succeeded", **given | more)


def charge(name: str = "ch_1", amount: int = 129_900, currency: str = "mxn", **more: Any) -> dict[str, Any]:
    """A charge of an intent, captured."""
    return _object("charge.succeeded", **{"id": name, "amount": amount, "amount_captured": amount, "currency": currency} | more)


def session(name: str = "cs_1", amount: int = 129_900, currency: str = "mxn", **more: Any) -> dict[str, Any]:
    """A checkout session that is paid."""
    return _object("checkout.session.completed", **{"id": name, "amount_total": amount, "currency": currency} | more)


def invoice(name: str = "in_1", amount: int = 129_900, currency: str = "mxn", **more: Any) -> dict[str, Any]:
    """An invoice of the newer shape: its intent stands under `payments`."""
    found = _object("invoice.paid", id=name, amount_paid=amount, currency=currency)
    found["payments"]["data"][0]["amount_paid"] = amount
    return found | more


def refund(name: str = "re_1", amount: int = 500, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """A refund of the charge."""
    return _object("refund.created", **{"id": name, "amount": amount, "status": status} | more)


def dispute(name: str = "dp_1", amount: int = 129_900, status: str = "needs_response", **more: Any) -> dict[str, Any]:
    """A dispute of the charge."""
    return _object("charge.dispute.created", **{"id": name, "amount": amount, "status": status} | more)


def body(given: dict[str, Any]) -> bytes:
    """The body of a webhook."""
    return json.dumps(given, ensure_ascii=False, indent=2).encode()


def signature(raw: bytes, secret: str = SECRET, moment: datetime | None = None) -> str:
    """The value of the header `Stripe-Signature`."""
    sent = int((moment or clock.now()).timestamp())
    return f"t={sent},v1={hmac.new(secret.encode(), f'{sent}.'.encode() + raw, hashlib.sha256).hexdigest()}"
