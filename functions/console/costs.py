"""What flows and campaigns cost in some days: messages and tokens as counted, the rest estimated from the number of events.

A campaign is the journey or the bulk source that a message came from. Constants of an event are those that `make bench`
measures (`deploy/capacity.py` uses the same; a test compares them).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import flows
from shared.console.settings import ConsoleSettings
from shared.console.words import mark
from shared.journeys.by_day import SENT
from shared.settings import settings_of
from shared.store.figure_models import EventHour, ModelDay
from shared.watch import day_figures, flow_figures

QUEUE_OPERATIONS, STATEMENTS = Decimal("3.3"), Decimal("10.2")
"""Of one event, as measured."""
MILLION = Decimal(1_000_000)
CENTS = Decimal("0.0001")
COUNTED, ESTIMATED = "counted", "estimated"
NO_FLOW = ""
WORDS: Mapping[str, str] = MappingProxyType(
    {
        COUNTED: mark("counted"),
        ESTIMATED: mark("estimated"),
        "email": mark("mails"),
        "whatsapp": mark("messages by WhatsApp"),
        "sms": mark("messages by SMS"),
        "voice": mark("calls"),
        "manychat": mark("messages by ManyChat"),
        "queue-operations": mark("queue operations"),
        "statements": mark("SQL statements"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """So many of something by a flow, for a campaign where there is one. `price` is that of one; None: there is none set."""

    flow: str
    campaign: str
    what: str
    number: int
    known: str
    price: Decimal | None

    def as_row(self) -> dict[str, Any]:
        """For the page and the file."""
        cost = None if self.price is None else (self.number * self.price).quantize(CENTS)
        facts = {"flow": self.flow, "campaign": self.campaign, "what": self.what, "number": self.number, "is": self.known}
        return facts | {"cost": cost, "currency": settings_of(ConsoleSettings).report_currency if cost is not None else ""}


def of_days(session: Session, since: date, until: date) -> Iterator[Cost]:
    """Everything that costs, by flow: messages by campaign and channel, tokens by model, operations by the events."""
    found = [*_messages(session, since, until), *_tokens(session, since, until), *_operations(session, since, until)]
    yield from sorted(found, key=lambda one: (one.flow == NO_FLOW, one.flow, one.campaign, one.what))


def _messages(session: Session, since: date, until: date) -> Iterator[Cost]:
    prices: Mapping[Any, Decimal] = settings_of(ConsoleSettings).report_prices
    owners = flows_of_journeys()
    for (campaign, channel), number in day_figures.sums(session, [SENT], since, until)[SENT].items():
        flow = owners.get(campaign, NO_FLOW)
        yield Cost(flow=flow, campaign=campaign, what=channel, number=number, known=COUNTED, price=prices.get(channel))


def _tokens(session: Session, since: date, until: date) -> Iterator[Cost]:
    columns = (ModelDay.flow, ModelDay.model)
    summed = (func.sum(ModelDay.input_tokens), func.sum(ModelDay.output_tokens))
    rows = session.execute(select(*columns, *summed).where(ModelDay.day.between(since, until)).group_by(*columns))
    for flow, model, *tokens in rows:
        for way, number in zip(("input", "output"), tokens, strict=True):
            price = price_of(model).get(way)
            what = f"{model} {way}".strip()
            each = None if price is None else price / MILLION
            yield Cost(flow=flow, campaign="", what=what, number=int(number), known=COUNTED, price=each)


def price_of(model: str) -> Mapping[Any, Decimal]:
    """The prices of a model: by its name, else by the longest known name that its own begins with; none where there is none."""
    known = settings_of(ConsoleSettings).report_model_prices
    names = [name for name in known if model == name or model.startswith(f"{name}-")]
    return known[max(names, key=len)] if names else {}


def _operations(session: Session, since: date, until: date) -> Iterator[Cost]:
    prices: Mapping[Any, Decimal] = settings_of(ConsoleSettings).report_prices
    begin, end = day_figures.bounds(since)[0], day_figures.bounds(until)[1]
    summed = select(EventHour.type, func.sum(EventHour.handled) + func.sum(EventHour.failed))
    events: dict[str, int] = {}
    for kind, number in session.execute(summed.where(EventHour.hour >= begin, EventHour.hour < end).group_by(EventHour.type)):
        flow = flow_figures.flow_of(kind)
        events[flow] = events.get(flow, 0) + int(number)
    for flow, number in events.items():
        for what, each in (("queue-operations", QUEUE_OPERATIONS), ("statements", STATEMENTS)):
            price = prices.get(what)
            estimated = round(number * each)
            one = None if price is None else price / MILLION
            yield Cost(flow=flow, campaign="", what=what, number=estimated, known=ESTIMATED, price=one)


@cache
def flows_of_journeys() -> Mapping[str, str]:
    """Which flow brings each journey."""
    folders = flows.folders_by_flow("journeys")
    return {path.stem: flow for flow, folder in folders.items() for path in folder.glob("*.yaml")}
