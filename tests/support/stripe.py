"""Stripe's webhooks as it sends them: events of real shape, signed."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared import clock

SECRET = "whsec_of_the_tests"  # of the tests alone
PAID = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANA = "ana@example.com"
ZONE = ZoneInfo("America/Mexico_City")


def at(moment: datetime, **later: float) -> int:
    """A moment as Stripe writes it."""
    return int((moment + timedelta(**later)).timestamp())


def event(kind: str, found: dict[str, Any], moment: datetime = PAID, *, number: str = "", live: bool = True) -> dict[str, Any]:
    """An event about an object."""
    return {
        "id": f"evt_{number or hashlib.sha256(json.dumps([kind, found, at(moment)]).encode()).hexdigest()[:16]}",
        "object": "event",
        "api_version": "2026-06-30",
        "type": kind,
        "created": at(moment),
        "livemode": live,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": found},
    }


def intent(name: str = "pi_1", amount: int = 129_900, currency: str = "mxn", **more: Any) -> dict[str, Any]:
    """A payment intent, which has succeeded unless something else is said."""
    known = {"id": name, "object": "payment_intent", "amount": amount, "amount_received": amount, "currency": currency}
    known |= {"status": "succeeded", "created": at(PAID, minutes=-2), "customer": "cus_1", "receipt_email": None}
    return known | {"payment_method_types": ["card"], "latest_charge": None, "last_payment_error": None, "metadata": {}} | more


def charge(name: str = "ch_1", amount: int = 129_900, currency: str = "mxn", **more: Any) -> dict[str, Any]:
    """A charge of an intent, captured."""
    known = {"id": name, "object": "charge", "amount": amount, "amount_captured": amount, "amount_refunded": 0}
    known |= {"currency": currency, "status": "succeeded", "captured": True, "paid": True, "refunded": False}
    known |= {"payment_intent": "pi_1", "customer": "cus_1", "created": at(PAID), "failure_code": None, "metadata": {}}
    details = {"email": ANA, "name": "Ana Díaz", "phone": None}
    return known | {"billing_details": details, "payment_method_details": {"type": "card"}} | more


def session(name: str = "cs_1", amount: int = 129_900, currency: str = "mxn", **more: Any) -> dict[str, Any]:
    """A checkout session that is paid."""
    known = {"id": name, "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": "paid"}
    known |= {"amount_total": amount, "currency": currency, "customer": "cus_1", "payment_intent": "pi_1", "invoice": None}
    details = {"email": ANA, "name": "Ana Díaz", "phone": "+525512345678"}
    known |= {"created": at(PAID, minutes=-3), "client_reference_id": None, "customer_details": details}
    return known | {"subscription": None, "metadata": {}} | more


def invoice(name: str = "in_1", amount: int = 129_900, currency: str = "mxn", **more: Any) -> dict[str, Any]:
    """An invoice of the newer shape: its intent stands under `payments`."""
    known = {"id": name, "object": "invoice", "amount_paid": amount, "currency": currency, "customer": "cus_1"}
    known |= {"customer_email": ANA, "customer_name": "Ana Díaz", "billing_reason": "subscription_create", "created": at(PAID)}
    payment = {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}, "status": "paid", "amount_paid": amount}
    return known | {"status": "paid", "payments": {"object": "list", "data": [payment]}} | more


def refund(name: str = "re_1", amount: int = 500, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """A refund of the charge."""
    known = {"id": name, "object": "refund", "amount": amount, "currency": "mxn", "status": status, "charge": "ch_1"}
    return known | {"payment_intent": "pi_1", "created": at(PAID, hours=1), "metadata": {}} | more


def dispute(name: str = "dp_1", amount: int = 129_900, status: str = "needs_response", **more: Any) -> dict[str, Any]:
    """A dispute of the charge."""
    known = {"id": name, "object": "dispute", "amount": amount, "currency": "mxn", "status": status, "charge": "ch_1"}
    return known | {"payment_intent": "pi_1", "created": at(PAID, days=3), "reason": "fraudulent", "metadata": {}} | more


def body(given: dict[str, Any]) -> bytes:
    """The body of a webhook."""
    return json.dumps(given, ensure_ascii=False, indent=2).encode()


def signature(raw: bytes, secret: str = SECRET, moment: datetime | None = None) -> str:
    """The value of the header `Stripe-Signature`."""
    sent = int((moment or clock.now()).timestamp())
    return f"t={sent},v1={hmac.new(secret.encode(), f'{sent}.'.encode() + raw, hashlib.sha256).hexdigest()}"
