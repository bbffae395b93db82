"""What a payment is, computed from the facts of its objects, whatever their order. Pure: no SQL, no clock.

status      | because
------------|------------------------------------------------------------------------------------------------------------
succeeded   | anything says that the money came; nothing takes that back (refunds and disputes are amounts beside it)
canceled    | the intent was given up, the session or the authorisation has expired, and no money came
failed, authorized, pending | the newest report; in one second the one further on
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from functions.payments.facts import AT, FAILED_REFUNDS
from functions.payments.payloads import CHARGE, DISPUTE, INTENT, INVOICE, INVOICE_PAYMENT, REFUND, SESSION
from shared.errors import PermanentError
from shared.money import Money
from shared.readers import UnreadableError

PENDING, AUTHORIZED, FAILED, CANCELED, SUCCEEDED = "pending", "authorized", "failed", "canceled", "succeeded"
_STEPS = (PENDING, AUTHORIZED, FAILED)
_BY_TYPE = {
    "payment_intent.succeeded": SUCCEEDED,
    "payment_intent.canceled": CANCELED,
    "payment_intent.payment_failed": FAILED,
    "payment_intent.amount_capturable_updated": AUTHORIZED,
    "payment_intent.created": PENDING,
    "payment_intent.processing": PENDING,
    "payment_intent.requires_action": PENDING,
    "payment_intent.partially_funded": PENDING,
    "charge.pending": PENDING,
    "charge.failed": FAILED,
    "charge.expired": CANCELED,
    "charge.captured": SUCCEEDED,
    "checkout.session.async_payment_succeeded": SUCCEEDED,
    "checkout.session.async_payment_failed": FAILED,
    "checkout.session.expired": CANCELED,
}
WON = frozenset(("won", "warning_closed", "prevented"))
CLOSED = WON | {"lost"}
# By whom amounts, and facts of the person, are said best.
_AMOUNTS = (INTENT, CHARGE, SESSION, INVOICE_PAYMENT, INVOICE)
_PEOPLE = (SESSION, INTENT, CHARGE, INVOICE)


@dataclass(frozen=True, kw_only=True)
class Known:
    """One of Stripe's objects with what is known of it."""

    object_id: str
    kind: str
    facts: Mapping[str, Mapping[str, Any]]
    person: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Report:
    kind: str
    object_id: str
    type: str
    facts: Mapping[str, Any]

    @property
    def at(self) -> int:
        return int(self.facts[AT])


def computed(objects: Sequence[Known], zone: ZoneInfo) -> dict[str, Any] | None:
    """The columns of a payment; None as long as nothing says what is paid.

    Raises:
        PermanentError: `bad-amount`, an amount that the currency does not have.
    """
    reports = [report for one in sorted(objects, key=lambda one: one.object_id) for report in _reports(one)]
    asked = _asked(reports)
    if asked is None:
        return None
    received = _received(reports)
    paid_at = _paid_at(reports)
    currency = asked.currency
    came = 0 if received is None else received.minor
    return {
        "status": _status(reports),
        "currency": currency,
        "amount_minor": asked.minor,
        "received_minor": came,
        "refunded_minor": min(_refunded(reports, currency), came),
        "paid_at": paid_at,
        "paid_on": None if paid_at is None else day_of(paid_at, zone),
        "began_at": datetime.fromtimestamp(min(_began(report) for report in reports), UTC),
        **_disputes(reports, currency),
        **_described(reports),
        **_payer(objects),
    }


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The day of a moment in that zone."""
    return moment.astimezone(zone).date()


def _reports(one: Known) -> Iterator[_Report]:
    for word, facts in sorted(one.facts.items()):
        yield _Report(one.kind, one.object_id, word, facts)


def _meaning(report: _Report) -> str | None:
    """The status that a report gives the payment; None where it gives none."""
    if report.kind == SESSION and report.type == "checkout.session.completed":
        return SUCCEEDED if report.facts.get("payment_status") == "paid" else PENDING
    if report.kind in (INVOICE, INVOICE_PAYMENT):
        return SUCCEEDED if report.facts.get("amount") and not report.facts.get("elsewhere") else None
    if report.kind == CHARGE and report.type not in _BY_TYPE:
        if report.facts.get("status") != "succeeded":
            return None
        return AUTHORIZED if report.facts.get("captured") is False else SUCCEEDED
    return _BY_TYPE.get(report.type)


def _status(reports: Iterable[_Report]) -> str:
    found = [(report.at, meaning) for report in reports if (meaning := _meaning(report)) is not None]
    meanings = {meaning for _at, meaning in found}
    for final in (SUCCEEDED, CANCELED):
        if final in meanings:
            return final
    return _STEPS[max(((at, _STEPS.index(meaning)) for at, meaning in found), default=(0, 0))[1]]


def _successes(reports: Iterable[_Report]) -> list[_Report]:
    return [report for report in reports if _meaning(report) == SUCCEEDED]


def _paid_at(reports: Sequence[_Report]) -> datetime | None:
    """When the money came: the first event that says so. A charge that is only seen later says when it was made."""
    found = _successes(reports)
    direct = [report.at for report in found if report.type not in ("charge.refunded", "charge.updated")]
    moments = direct or [_began(report) for report in found]
    return datetime.fromtimestamp(min(moments), UTC) if moments else None


def _began(report: _Report) -> int:
    created = report.facts.get("created")
    return created if isinstance(created, int) and not isinstance(created, bool) and 0 <= created < report.at else report.at


def _asked(reports: Sequence[_Report]) -> Money | None:
    return _best_amount([report for report in reports if report.kind in _AMOUNTS], ("amount",))


def _received(reports: Sequence[_Report]) -> Money | None:
    return _best_amount(_successes(reports), ("received", "amount"))


def _best_amount(reports: Iterable[_Report], names: Sequence[str]) -> Money | None:
    """The amount by whoever knows it best; of one object's reports the newest."""
    ordered = sorted(reports, key=lambda report: (_AMOUNTS.index(report.kind), -report.at, report.object_id, report.type))
    for report in ordered:
        for name in names:
            if report.facts.get(name) and report.facts.get("currency"):
                return _money(report.facts[name], report.facts["currency"])
    for report in ordered:
        if report.facts.get("currency") and "amount" in report.facts:
            return _money(report.facts["amount"], report.facts["currency"])
    return None


def _money(count: Any, currency: str) -> Money:
    try:
        return Money.from_stripe(count, currency)
    except UnreadableError as error:
        raise PermanentError("bad-amount", f"an amount of {currency[:8].upper()}: {error.reason}") from error


def _refunded(reports: Sequence[_Report], currency: str) -> int:
    """What went back.

    Stripe gives the sum so far of each charge (`amount_refunded`); a refund that failed after that report is taken off again.
    Refunds that are known one by one and stand in no sum yet count as well.
    """
    charges: dict[str, _Report] = {}
    for report in (report for report in reports if report.kind == CHARGE):
        best = charges.get(report.object_id)
        charges[report.object_id] = report if best is None else max(best, report, key=_sum_place)
    newest = max((report.at for report in charges.values() if report.facts.get("refunded")), default=-1)
    total = sum(_minor(report, "refunded", currency) for report in charges.values())
    failed, good = _refunds(reports)
    late = sum(_minor(report, "amount", currency) for report in failed if report.at >= newest)
    return max(total - late, sum(_minor(report, "amount", currency) for report in good), 0)


def _refunds(reports: Sequence[_Report]) -> tuple[list[_Report], list[_Report]]:
    """The refunds that failed, and the others; each once."""
    of: dict[str, list[_Report]] = {}
    for report in (report for report in reports if report.kind == REFUND):
        of.setdefault(report.object_id, []).append(report)
    failed, good = [], []
    for several in of.values():
        bad = [report for report in several if report.facts.get("status") in FAILED_REFUNDS]
        if bad:
            failed.append(min(bad, key=lambda report: report.at))
        else:
            good.append(max(several, key=lambda report: report.at))
    return failed, good


def _sum_place(report: _Report) -> tuple[int, int]:
    refunded = report.facts.get("refunded")
    return report.at, refunded if isinstance(refunded, int) else 0


def _minor(report: _Report, name: str, currency: str) -> int:
    given = report.facts.get(name)
    return 0 if given is None else _money(given, report.facts.get("currency") or currency).minor


def _disputes(reports: Sequence[_Report], currency: str) -> dict[str, Any]:
    """The state of the newest dispute, and what all lost ones have cost. What is closed stays closed."""
    of: dict[str, _Report] = {}
    for report in (report for report in reports if report.kind == DISPUTE):
        best = of.get(report.object_id)
        of[report.object_id] = report if best is None else max(best, report, key=_dispute_place)
    newest = max(of.values(), key=lambda report: (_began(report), report.object_id), default=None)
    lost = [report for report in of.values() if report.facts.get("status") == "lost"]
    return {
        "dispute": None if newest is None else newest.facts.get("status"),
        "lost_minor": sum(_minor(report, "amount", currency) for report in lost),
    }


def _dispute_place(report: _Report) -> tuple[bool, int, str]:
    return report.facts.get("status") in CLOSED, report.at, report.type


def _described(reports: Sequence[_Report]) -> dict[str, Any]:
    """Method, order, reason of the bill, and the last failure where the payment has not succeeded."""
    failure = _newest(reports, "failure")
    return {
        "method": _newest(reports, "method") or _newest(reports, "methods"),
        "order_ref": _newest(reports, "order"),
        "billing_reason": _newest(reports, "billing_reason"),
        "failure": failure if _status(reports) in (FAILED, CANCELED) else None,
    }


def _newest(reports: Iterable[_Report], name: str) -> Any:
    given = [report for report in reports if report.facts.get(name)]
    return max(given, key=lambda report: (report.at, report.object_id, report.type)).facts[name] if given else None


def _payer(objects: Sequence[Known]) -> dict[str, Any]:
    """Each fact of the person from the object that knows it best, the newest of several."""
    found = {"customer_id": "customer", "email": "email", "phone": "phone", "name": "name", "details": "metadata"}
    return {column: _fact_of_person(objects, name) for column, name in found.items()}


def _fact_of_person(objects: Sequence[Known], name: str) -> Any:
    for kind in _PEOPLE:
        given = [one for one in objects if one.kind == kind and name in one.person]
        if given:
            return max(given, key=lambda one: (one.person[name][0], one.object_id)).person[name][1]
    return None
