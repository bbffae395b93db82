"""What an invoice is, computed from what was reported of it, whatever the order. Pure: no SQL, no clock, no settings.

Of each fact the newest report counts; of two of one instant the greater text, and of two residuals the smaller.
What is open is the newest residual (or the total) without what was paid since, and never more than the total without all that
was paid. A residual that is only repeated says nothing new, so its time is that of its first report.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.errors import PermanentError
from shared.money import Money
from shared.readers import UnreadableError

INCOMPLETE, DRAFT, OPEN, PAID, CANCELLED = "incomplete", "draft", "open", "paid", "cancelled"
MOST_STATEMENTS = 200
SEEN = "seen"


@dataclass(frozen=True)
class Paid:
    """Money that came."""

    at: datetime
    minor: int


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What counts where nothing was reported."""

    currency: str
    terms: timedelta
    day_of: Any
    """The day of a moment in the company's zone."""


def merged(known: Mapping[str, Any], news: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The facts after a report of `at`: pairs of time and value. Any order and repetition ends in the same."""
    found = dict(known)
    for name, value in news.items():
        pair = [_text(at), value]
        found[name] = max(found[name], pair, key=_place) if name in found else pair
    seen = _text(at)
    found[SEEN] = min(str(found.get(SEEN, seen)), seen)
    return found


def with_statement(known: Sequence[Any], statement: tuple[str, str] | None, at: datetime) -> list[Any]:
    """The statements about what is open after this one, oldest first."""
    if statement is None:
        return list(known)
    every = [*known, [_text(at), *statement]]
    unique = {json.dumps(one): one for one in every}
    return [unique[name] for name in sorted(unique)][-MOST_STATEMENTS:]


def computed(
    facts: Mapping[str, Any], statements: Sequence[Sequence[str]], payments: Iterable[Paid], defaults: Defaults
) -> dict[str, Any]:
    """The columns of an invoice.

    Raises:
        PermanentError: `bad-amount`, an amount that its currency does not have.
    """
    currency = str(_value(facts, "currency") or defaults.currency)
    total = _minor(_value(facts, "total"), currency)
    paid = sorted(payments, key=lambda one: one.at)
    residual, settled_at = _residual(total, _steps(statements, total, currency), paid)
    issued = _day(_value(facts, "issued_date"))
    due = _day(_value(facts, "due_date")) or (issued or defaults.day_of(_moment(facts[SEEN]))) + defaults.terms
    status = _status(_value(facts, "status"), residual)
    return {
        "kind": _value(facts, "type") or "invoice",
        "status": status,
        "currency": currency,
        "total_minor": total or 0,
        "subtotal_minor": _minor(_value(facts, "subtotal"), currency),
        "taxes_minor": _minor(_value(facts, "taxes"), currency),
        "residual_minor": residual or 0,
        "paid_at": settled_at if status == PAID else None,
        "issued_on": issued,
        "due_on": due,
        "payment_url": _value(facts, "payment_url"),
    }


def _status(reported: Any, residual: int | None) -> str:
    if reported in (CANCELLED, DRAFT):
        return str(reported)
    if residual is None:
        return INCOMPLETE
    return OPEN if residual > 0 else PAID


def _steps(statements: Sequence[Sequence[str]], total: int | None, currency: str) -> list[tuple[datetime, int]]:
    """What was open from when on; of several at one instant the smallest is the last, a repetition is no step."""
    found: list[tuple[datetime, int]] = []
    for at, kind, amount in statements:
        minor = _minor(amount, currency) or 0
        if kind == "paid":
            if total is None:
                continue
            minor = max(total - minor, 0)
        found.append((_moment(at), minor))
    ordered = sorted(found, key=lambda one: (one[0], -one[1]))
    return [one for number, one in enumerate(ordered) if number == 0 or ordered[number - 1][1] != one[1]]


def _residual(
    total: int | None, steps: Sequence[tuple[datetime, int]], paid: Sequence[Paid]
) -> tuple[int | None, datetime | None]:
    """What is open, and since when it is what it is; None where neither a total nor a residual is known."""
    if not steps and total is None:
        return None, None
    since, stated = steps[-1] if steps else (None, total or 0)
    later = [one for one in paid if since is None or one.at > since]
    open_now = stated - sum(one.minor for one in later)
    if total is not None:
        open_now = min(open_now, total - sum(one.minor for one in paid))
    times = [one.at for one in later] or ([since] if since else [one.at for one in paid])
    return max(open_now, 0), max(times, default=None)


def _minor(text: Any, currency: str) -> int | None:
    if text is None:
        return None
    try:
        return Money.of(Decimal(str(text)), currency).minor
    except UnreadableError as error:
        raise PermanentError("bad-amount", f"an amount of the invoice is none of {currency} ({error.reason})") from error


def _value(facts: Mapping[str, Any], name: str) -> Any:
    return facts[name][1] if name in facts else None


def _day(text: Any) -> date | None:
    return date.fromisoformat(text) if text else None


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _place(pair: Sequence[Any]) -> tuple[str, str]:
    return str(pair[0]), json.dumps(pair[1], sort_keys=True)
