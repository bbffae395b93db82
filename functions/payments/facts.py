"""What is kept of one of Stripe's objects: the newest report of each type of event. Any order and repetition keeps the same."""

import json
from collections.abc import Mapping
from typing import Any

from functions.payments.payloads import CHARGE, INTENT, INVOICE, REFUND, StripeEvent

AT = "at"
FAILED_REFUNDS = frozenset(("failed", "canceled"))
_RANK = {INTENT: 0, INVOICE: 1, CHARGE: 2}


def merged(known: Mapping[str, Any], event: StripeEvent) -> dict[str, Any]:
    """The facts of an object after this event.

    Of two reports of one type the newer counts; in the same second, that with the larger sum of refunds, which only grows. Of
    the reports that a refund has failed the first counts: what Stripe reports of the charge afterwards leaves it out already.
    """
    word, report = _word(event), event.facts | {AT: event.at}
    before = known.get(word)
    if before is None:
        return dict(known) | {word: report}
    is_first_wanted = word.endswith(tuple(FAILED_REFUNDS)) and event.kinds.get(event.object_id or "") == REFUND
    chosen = min(before, report, key=_place) if is_first_wanted else max(before, report, key=_place)
    return dict(known) | {word: chosen}


def merged_person(known: Mapping[str, Any], event: StripeEvent) -> dict[str, Any]:
    """What an object says of whoever pays, after this event: of each fact the newest, as a pair of time and value."""
    news = {name: [event.at, value] for name, value in event.person.items()}
    return dict(known) | {
        name: max(known[name], pair, key=_canonical) if name in known else pair for name, pair in news.items()
    }


def nearer(known: str | None, known_kind: str | None, other: str, other_kind: str) -> bool:
    """Whether the other object leads to a payment better: an intent before an invoice before a charge, else the first id."""
    return known is None or (_RANK.get(other_kind, 9), other) < (_RANK.get(known_kind or "", 9), known)


def _word(event: StripeEvent) -> str:
    is_refund = event.kinds.get(event.object_id or "") == REFUND
    return f"refund:{event.facts.get('status')}" if is_refund else event.type


def _place(report: Mapping[str, Any]) -> tuple[int, int, str]:
    refunded = report.get("refunded")
    return int(report[AT]), refunded if isinstance(refunded, int) else 0, _canonical(report)


def _canonical(value: Any) -> Any:
    if isinstance(value, list):
        return value[0], json.dumps(value[1], sort_keys=True)
    return json.dumps(value, sort_keys=True)
