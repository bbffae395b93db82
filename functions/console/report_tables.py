"""The tables of the reports, each with its columns in words and its rows: from figures of days, never from whole tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from functions.console import costs
from shared.console.words import mark
from shared.watch import day_figures

type Row = Mapping[str, Any]

ENDED, MISSED = "ended", "no-show"
SHARE = mark("Share")
MEETINGS = {
    "reminded": mark("with a reminder"),
    "not reminded": mark("without a reminder"),
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a report. `columns` map the names of the file's columns to what the page calls them.

    `about` says what its shares are shares of. `shares` are the columns with a share of 1, `amounts` those with money.
    """

    name: str
    title: str
    about: str
    columns: Mapping[str, str]
    rows: Callable[[Session, date, date], Iterator[Row]]
    shares: Sequence[str] = ()
    amounts: Sequence[str] = ()
    words: Mapping[str, str] = field(default_factory=dict)


def share(part: int, whole: int) -> float | None:
    """Of 1; None where there is nothing that it could be a share of."""
    return part / whole if whole else None


def _meetings(session: Session, since: date, until: date) -> Iterator[Row]:
    found = day_figures.sums(session, ["booking"], since, until)["booking"]
    for group in MEETINGS:
        numbers = {part: number for (owner, part), number in found.items() if owner == group}
        held, missed = numbers.pop(ENDED, 0), numbers.pop(MISSED, 0)
        cancelled, unknown = numbers.pop("cancelled", 0), sum(numbers.values())
        facts = {"reminder": group, "held": held, "missed": missed, "share_held": share(held, held + missed)}
        yield facts | {"cancelled": cancelled, "unknown": unknown}


def _journeys(session: Session, since: date, until: date) -> Iterator[Row]:
    found = day_figures.sums(session, ["journey-began", "journey-left"], since, until)
    for (journey, _part), began in sorted(found["journey-began"].items()):
        ways = {part: number for (owner, part), number in found["journey-left"].items() if owner == journey}
        still = sum(number for part, number in ways.items() if part.startswith(("active:", "suspended:")))
        yield {"journey": journey, "outcome": "", "people": began, "share": None}
        yield {"journey": journey, "outcome": "still in it", "people": still, "share": share(still, began)}
        for part, number in sorted(ways.items(), key=lambda each: -each[1]):
            state, _, reason = part.partition(":")
            if state not in ("active", "suspended"):
                outcome = reason or "came to its end"
                yield {"journey": journey, "outcome": outcome, "people": number, "share": share(number, began)}


def _carts(session: Session, since: date, until: date) -> Iterator[Row]:
    found = day_figures.sums(session, ["cart-reminded", "cart-recovered"], since, until)
    reminded, recovered = (sum(found[name].values()) for name in ("cart-reminded", "cart-recovered"))
    if reminded:
        yield {"reminded": reminded, "recovered": recovered, "share": share(recovered, reminded)}


def _costs(session: Session, since: date, until: date) -> Iterator[Row]:
    yield from (each.as_row() for each in costs.of_days(session, since, until))


TABLES: Sequence[Table] = (
    Table(
        name="meetings",
        title=mark("Meetings, with and without a reminder"),
        about=mark("By the day on which the meeting was to begin. The share is of those that were held or missed."),
        columns={
            "reminder": mark("Reminder"),
            "held": mark("Held"),
            "missed": mark("Missed"),
            "share_held": mark("Share held"),
            "cancelled": mark("Cancelled"),
            "unknown": mark("Not known"),
        },
        rows=_meetings,
        shares=("share_held",),
        words=MEETINGS,
    ),
    Table(
        name="journeys",
        title=mark("What became of those who entered a journey"),
        about=mark("Of those who entered in these days, whenever they left. Events that end it are replies and conversions."),
        columns={
            "journey": mark("Journey"),
            "outcome": mark("Outcome"),
            "people": mark("People"),
            "share": SHARE,
        },
        rows=_journeys,
        shares=("share",),
        words={"": mark("entered"), "still in it": mark("still in it"), "came to its end": mark("came to its end")},
    ),
    Table(
        name="carts",
        title=mark("Carts that were reminded of"),
        about=mark("Carts whose first reminder went out in these days, and those of them that were paid for after one."),
        columns={"reminded": mark("Reminded"), "recovered": mark("Recovered"), "share": SHARE},
        rows=_carts,
        shares=("share",),
    ),
    Table(
        name="costs",
        title=mark("Cost by flow and campaign"),
        about=mark("Messages and tokens are counted, queue operations and statements estimated. Prices are settings."),
        columns={
            "flow": mark("Flow"),
            "campaign": mark("Campaign"),
            "what": mark("What"),
            "number": mark("Number"),
            "is": mark("How it is known"),
            "cost": mark("Cost"),
            "currency": mark("Currency"),
        },
        rows=_costs,
        amounts=("cost",),
        words=costs.WORDS,
    ),
)
BY_NAME: Mapping[str, Table] = {table.name: table for table in TABLES}
