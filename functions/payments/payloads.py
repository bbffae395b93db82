"""An event of Stripe's, as it is kept, and the check of its sender. Light: imports no SQL and no vendor's client."""

from datetime import UTC, datetime
from typing import Any

import azure.functions as func
from pydantic import Field

from functions.payments.settings import PaymentSettings
from shared.intake import signatures
from shared.intake.webhook import SIGNED, Payload, Sender, by_key_in_address
from shared.settings import Settings, settings_of

SENDER = "stripe"
INTENT, CHARGE, SESSION, INVOICE = "payment_intent", "charge", "checkout.session", "invoice"
INVOICE_PAYMENT, REFUND, DISPUTE = "invoice_payment", "refund", "dispute"
LONGEST_ID = 128
SUBJECT_LENGTH = 100


class StripeEvent(Payload):
    """What is used of an event; `object_id` is None for those that say nothing of a payment, which are ignored.

    `kinds` names each object that it mentions with its kind, `links` says which of them belongs to which. `facts` are amounts
    (as Stripe counts them), states and times, `person` is what it says of whoever pays.
    """

    event: str = Field(min_length=1, max_length=200)
    type: str = Field(min_length=1, max_length=100)
    at: int = Field(ge=0, lt=2**36)
    live: bool
    object_id: str | None = Field(default=None, min_length=1, max_length=LONGEST_ID)
    kinds: dict[str, str] = Field(default_factory=dict)
    links: list[tuple[str, str]] = Field(default_factory=list)
    facts: dict[str, Any] = Field(default_factory=dict)
    person: dict[str, Any] = Field(default_factory=dict)

    def event_id(self) -> str:
        """Stripe's own id of the event."""
        return self.event

    def subject(self) -> str:
        """The object that it is about."""
        return subject_of(self.object_id or self.type)

    def occurred_at(self) -> datetime:
        """When it happened."""
        return datetime.fromtimestamp(self.at, UTC)


def subject_of(object_id: str) -> str:
    """The name of one of Stripe's objects as the subject of events."""
    return f"payment:{object_id}"[:SUBJECT_LENGTH]


def signed(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """Stripe has signed the request; where no signing secret is set, the caller has a key with the scope `webhook:stripe`.

    Raises:
        RefusedError: 401, or 403, the key may not.
    """
    secrets = settings_of(PaymentSettings, settings).stripe_signing_secret
    if not secrets:
        return by_key_in_address(request, raw, settings, sender=SENDER)
    signatures.stripe(request.headers, raw, secrets)
    return SIGNED
