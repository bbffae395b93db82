"""What is kept of a cart's and an order's reports. Any order and repetition of them keeps the same."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.carts.payloads import CartReport, OrderReport

CHANGED, COMPLETED, PLACED, PAID, STATE = "changed", "completed", "placed", "paid", "state"
_CART = {"alias", "email", "phone", "first_name", "last_name", "customer", "items", "url"}
_PERSON = {"email", "phone", "customer", "cart_names", "codes", "items"}


def of_cart(known: Mapping[str, Any], report: CartReport, at: datetime) -> dict[str, Any]:
    """A cart's facts after this report, which says how things were at `at`: of each fact the newest that says something."""
    given = report.model_dump(mode="json", include=_CART, exclude_none=True)
    if "items" in given:  # the total belongs to the items beside which it stood
        given["items"] = {"lines": given["items"], "total": report.total, "exact": report.exact}
    facts = _newest(known, given, at)
    facts[CHANGED] = max(at.isoformat(), known.get(CHANGED, ""))
    if report.completed_at is not None:
        facts[COMPLETED] = min(report.completed_at.isoformat(), known.get(COMPLETED, "9"))
    return facts


def of_order(known: Mapping[str, Any], report: OrderReport, at: datetime) -> dict[str, Any]:
    """An order's facts after this report. When it was placed and paid is told by the first report that says so."""
    given = {name: value for name, value in report.model_dump(mode="json", include=_PERSON).items() if value}
    state = report.model_dump(mode="json", include={"status", "paid", "counts", "total", "refunded", "exact"})
    facts = _newest(known, given | {STATE: state}, at)
    if report.ends:
        facts[PLACED] = min((report.placed_at or at).isoformat(), known.get(PLACED, "9"))
    if report.paid:
        facts[PAID] = min((report.paid_at or at).isoformat(), known.get(PAID, "9"))
    return facts


def value(facts: Mapping[str, Any], name: str) -> Any:
    """The newest value of a fact; None where no report gives it."""
    found = facts.get(name)
    return found[1] if isinstance(found, list | tuple) else None


def moment(facts: Mapping[str, Any], name: str) -> datetime | None:
    """When something happened first (or, for `CHANGED`, last)."""
    found = facts.get(name)
    return datetime.fromisoformat(found) if isinstance(found, str) else None


def _newest(known: Mapping[str, Any], given: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    news = {name: [at.isoformat(), found] for name, found in given.items()}
    return dict(known) | {
        name: max(list(known[name]), pair, key=_place) if name in known else pair for name, pair in news.items()
    }


def _place(pair: list[Any]) -> tuple[str, str]:
    return pair[0], json.dumps(pair[1], sort_keys=True)
