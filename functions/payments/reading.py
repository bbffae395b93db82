"""Reads Stripe's webhook as an event about a payment. Light: imports no SQL and no vendor's client.

The shape of an object follows the API version of the account's endpoint, so that every known place of a field is looked at.
Only what is used is kept of a body.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import azure.functions as func

from functions.payments.payloads import (
    CHARGE,
    DISPUTE,
    INTENT,
    INVOICE,
    INVOICE_PAYMENT,
    LONGEST_ID,
    REFUND,
    SESSION,
)
from shared.errors import RefusedError
from shared.intake.webhook import json_object
from shared.readers.email import key_or_none

MOST_METADATA, LONGEST_TEXT = 50, 500
_USED = {
    INTENT: "created processing requires_action amount_capturable_updated partially_funded payment_failed canceled succeeded",
    CHARGE: "pending succeeded captured failed expired refunded updated",
    SESSION: "completed async_payment_succeeded async_payment_failed expired",
    INVOICE: "paid payment_succeeded",
    INVOICE_PAYMENT: "paid",
    REFUND: "created updated failed",
    "charge.refund": "updated",
    "charge.dispute": "created updated closed funds_withdrawn funds_reinstated",
}
USED = frozenset(f"{prefix}.{name}" for prefix, names in _USED.items() for name in names.split())
"""The types of events that say something of a payment. All others are taken in and ignored."""

type Link = tuple[str, str, str, str]
"""An object and its kind, and the object through which it belongs to a payment, with its kind."""


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The event's data, as `StripeEvent` takes it. Raises RefusedError: 415, 400, or 422 where it is no event of Stripe's."""
    return data_of(json_object(request, raw))


def data_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an event's body. Raises RefusedError 422."""
    kind, found = body.get("type"), mapping(mapping(body.get("data")).get("object"))
    known = {"event": body.get("id"), "type": kind, "at": body.get("created"), "live": body.get("livemode")}
    if not isinstance(kind, str) or kind not in USED:
        return known
    own, name = id_of(found), _kind(kind)
    if own is None:
        raise RefusedError(422, "invalid-fields", "The event's object has no id.")
    links = [link for link in _LINKS[name](own, found) if link[0] != link[2]]
    kinds = {
        one: of for child, child_kind, parent, parent_kind in links for one, of in ((child, child_kind), (parent, parent_kind))
    }
    return known | {
        "object_id": own,
        "kinds": kinds | {own: name},
        "links": [(link[0], link[2]) for link in links],
        "facts": without_nothing(_FACTS[name](found)),
        "person": without_nothing(_PERSON.get(name, _nobody)(found)),
    }


def _kind(event: str) -> str:
    if event.startswith("charge.dispute."):
        return DISPUTE
    return REFUND if event.startswith("charge.refund.") else event.rpartition(".")[0]


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def id_of(value: Any) -> str | None:
    """The id, of an object that is written out as well."""
    found = mapping(value).get("id") if isinstance(value, dict) else value
    return (
        found if isinstance(found, str) and 0 < len(found) <= LONGEST_ID and found.isascii() and found.isprintable() else None
    )


def text(value: Any, at_most: int = LONGEST_TEXT) -> str | None:
    """A text that is there, cut; None for anything else."""
    return value.strip()[:at_most] or None if isinstance(value, str) else None


def without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are there."""
    return {name: value for name, value in values.items() if value is not None and value != {}}


def _to_intent(own: str, kind: str, found: Mapping[str, Any]) -> Iterator[Link]:
    """The object belongs to its intent; where that is not named, to its charge."""
    intent, charge = id_of(found.get("payment_intent")), id_of(found.get("charge"))
    if intent is not None:
        yield own, kind, intent, INTENT
        if charge is not None:
            yield charge, CHARGE, intent, INTENT
    elif charge is not None:
        yield own, kind, charge, CHARGE


def _links_of_intent(own: str, found: Mapping[str, Any]) -> Iterator[Link]:
    for name, kind in (("latest_charge", CHARGE), ("invoice", INVOICE)):
        if (child := id_of(found.get(name))) is not None:
            yield child, kind, own, INTENT


def _links_of_charge(own: str, found: Mapping[str, Any]) -> Iterator[Link]:
    intent, invoice = id_of(found.get("payment_intent")), id_of(found.get("invoice"))
    if intent is not None:
        yield own, CHARGE, intent, INTENT
    if invoice is not None:
        yield (invoice, INVOICE, intent, INTENT) if intent is not None else (invoice, INVOICE, own, CHARGE)


def _links_of_session(own: str, found: Mapping[str, Any]) -> Iterator[Link]:
    yield from _to_intent(own, SESSION, found)
    invoice, intent = id_of(found.get("invoice")), id_of(found.get("payment_intent"))
    if invoice is not None:
        yield (invoice, INVOICE, intent, INTENT) if intent is not None else (own, SESSION, invoice, INVOICE)


def _links_of_invoice(own: str, found: Mapping[str, Any]) -> Iterator[Link]:
    """Newer versions name the intents under `payments`, older ones one of them at the top."""
    yield from _to_intent(own, INVOICE, found)
    several = mapping(found.get("payments")).get("data")
    for each in several if isinstance(several, list) else ():
        if mapping(each).get("status") in (None, "paid"):
            yield from _to_intent(own, INVOICE, mapping(mapping(each).get("payment")))


def _links_of_invoice_payment(own: str, found: Mapping[str, Any]) -> Iterator[Link]:
    to_payment = list(_to_intent(own, INVOICE_PAYMENT, mapping(found.get("payment"))))
    yield from to_payment
    if (invoice := id_of(found.get("invoice"))) is not None and to_payment:
        yield invoice, INVOICE, to_payment[0][2], to_payment[0][3]


_LINKS: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Link]]] = {
    INTENT: _links_of_intent,
    CHARGE: _links_of_charge,
    SESSION: _links_of_session,
    INVOICE: _links_of_invoice,
    INVOICE_PAYMENT: _links_of_invoice_payment,
    REFUND: lambda own, found: _to_intent(own, REFUND, found),
    DISPUTE: lambda own, found: _to_intent(own, DISPUTE, found),
}


def _money(found: Mapping[str, Any], **amounts: str) -> dict[str, Any]:
    """Amounts as Stripe counts them, with their currency; one that is no whole number is kept, and refused by the handler."""
    return {"currency": text(found.get("currency"), 8)} | {name: found.get(place) for name, place in amounts.items()}


def _order(found: Mapping[str, Any]) -> str | None:
    data = mapping(found.get("metadata"))
    return text(data.get("order_id"), 200) or text(data.get("order"), 200) or text(found.get("client_reference_id"), 200)


def _facts_of_intent(found: Mapping[str, Any]) -> dict[str, Any]:
    kinds = found.get("payment_method_types")
    methods = [one for one in kinds if isinstance(one, str)] if isinstance(kinds, list) else []
    failure = mapping(found.get("last_payment_error"))
    return _money(found, amount="amount", received="amount_received") | {
        "status": text(found.get("status"), 40),
        "created": found.get("created"),
        "methods": text(", ".join(methods), 64),
        "failure": text(failure.get("decline_code"), 60) or text(failure.get("code"), 60),
        "order": _order(found),
    }


def _facts_of_charge(found: Mapping[str, Any]) -> dict[str, Any]:
    return _money(found, amount="amount", received="amount_captured", refunded="amount_refunded") | {
        "status": text(found.get("status"), 40),
        "captured": found.get("captured"),
        "created": found.get("created"),
        "method": text(mapping(found.get("payment_method_details")).get("type"), 64),
        "failure": text(found.get("failure_code"), 60),
        "order": _order(found),
    }


def _facts_of_session(found: Mapping[str, Any]) -> dict[str, Any]:
    return _money(found, amount="amount_total") | {
        "payment_status": text(found.get("payment_status"), 40),
        "created": found.get("created"),
        "order": _order(found),
    }


def _facts_of_invoice(found: Mapping[str, Any]) -> dict[str, Any]:
    return _money(found, amount="amount_paid") | {
        "elsewhere": found.get("paid_out_of_band") is True or None,
        "created": found.get("created"),
        "billing_reason": text(found.get("billing_reason"), 40),
    }


def _facts_of_invoice_payment(found: Mapping[str, Any]) -> dict[str, Any]:
    return _money(found, amount="amount_paid") | {"created": found.get("created")}


def _facts_of_part(found: Mapping[str, Any]) -> dict[str, Any]:
    return _money(found, amount="amount") | {"status": text(found.get("status"), 40), "created": found.get("created")}


_FACTS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    INTENT: _facts_of_intent,
    CHARGE: _facts_of_charge,
    SESSION: _facts_of_session,
    INVOICE: _facts_of_invoice,
    INVOICE_PAYMENT: _facts_of_invoice_payment,
    REFUND: _facts_of_part,
    DISPUTE: _facts_of_part,
}


def _nobody(_found: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _metadata(found: Mapping[str, Any]) -> dict[str, str]:
    given = list(mapping(found.get("metadata")).items())[:MOST_METADATA]
    return {str(name)[:40]: value[:LONGEST_TEXT] for name, value in given if isinstance(value, str)}


def _person(found: Mapping[str, Any], details: Mapping[str, Any], *emails: Any) -> dict[str, Any]:
    return {
        "customer": id_of(found.get("customer")),
        "email": next((one for each in emails if (one := key_or_none(each))), None),
        "name": text(details.get("name"), 200),
        "phone": text(details.get("phone"), 40),
        "metadata": _metadata(found),
    }


def _person_of_charge(found: Mapping[str, Any]) -> dict[str, Any]:
    details = mapping(found.get("billing_details"))
    return _person(found, details, details.get("email"), found.get("receipt_email"))


def _person_of_session(found: Mapping[str, Any]) -> dict[str, Any]:
    details = mapping(found.get("customer_details"))
    return _person(found, details, details.get("email"), found.get("customer_email"))


def _person_of_invoice(found: Mapping[str, Any]) -> dict[str, Any]:
    details = {"name": found.get("customer_name"), "phone": found.get("customer_phone")}
    return _person(found, details, found.get("customer_email"))


_PERSON: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    INTENT: lambda found: _person(found, {}, found.get("receipt_email")),
    CHARGE: _person_of_charge,
    SESSION: _person_of_session,
    INVOICE: _person_of_invoice,
}

__all__ = ["USED", "data_of", "read"]
