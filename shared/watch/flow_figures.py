"""How many events each flow has handled, how many it could not, and how long they took: counters that only grow.

Rows of the inbox go after their time, so they cannot be counted anew: each minute what has come since is added up, by the
event's type, and each event counts once however often the minute's job runs. It looks no nearer to the present than `SETTLED`,
by when every transaction that was under way has ended (a handler's statements are given up long before). The same
figures are kept by the hour as well. Test events count in none of them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.intake import by_hand
from shared.intake.endpoint import routes_by_flow
from shared.store.dialect import insert_if_absent, locked
from shared.store.elapsed import step_of
from shared.store.figure_models import EventHour
from shared.store.flow_models import Trial
from shared.store.models import DeadLetter, EventFigure, InboxEvent
from shared.store.session import reading, transact
from shared.store.trial_keys import of_no_test

ALL = "*"
"""The row that holds the figures of all types together, and up to when events have been counted."""
SETTLED = timedelta(minutes=1)
TICK = timedelta(microseconds=1)  # the shortest time that the databases know: the first moment of an hour is that hour's
HOUR = timedelta(hours=1)  # after a long stop each minute makes good an hour
UNKNOWN_FLOW = "unknown"


@dataclass(frozen=True)
class Figures:
    """So many events handled, in so many milliseconds from the door to the record altogether (to 1 %); so many dead letters."""

    handled: int = 0
    milliseconds: int = 0
    failed: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def executions(self) -> int:
        """How often the flow ran to its end, well or not. A dead letter that is replayed is an execution more."""
        return self.handled + self.failed


def count() -> int:
    """Add what was handled since the last time, as the job of each minute; how many events that were.

    Two that run at once count one after the other, and the second finds nothing left.
    """
    return transact(_count)


def by_flow() -> Mapping[str, Figures]:
    """The figures of each flow since they were first counted, in the order of the names.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    with reading() as session:
        rows = session.scalars(select(EventFigure).where(EventFigure.type != ALL)).all()
    found: defaultdict[str, Figures] = defaultdict(Figures)
    known = flows_by_type()
    for row in rows:
        found[known.get(row.type, UNKNOWN_FLOW)] += Figures(row.handled, row.milliseconds, row.failed)
    return dict(sorted(found.items()))


def taken(session: Session, kind: str, since: datetime) -> None:
    """Count something that a flow has taken at once, without an event, as handled since then.

    `kind` is the id by which it is started by hand. It is counted in the transaction that keeps it, at its end: the rows of its
    kind are nobody else's, and are locked until then.
    """
    now = clock.now()
    figures = Figures(handled=1, milliseconds=round((now - since).total_seconds() * 1000))
    _add(session, kind, figures, now)
    _add_to_hour(session, kind, figures, hour_of(now))


def flow_of(kind: str) -> str:
    """The flow whose events have that type; `unknown` where there is none any more."""
    return flows_by_type().get(kind, UNKNOWN_FLOW)


def _count(session: Session) -> int:
    until = clock.now() - SETTLED
    total = session.scalars(locked(select(EventFigure).where(EventFigure.type == ALL), EventFigure)).one_or_none()
    if total is None:  # counting begins
        insert_if_absent(session, EventFigure, "type", {"type": ALL, "counted_to": until})
        return 0
    since, until = total.counted_to, min(until, total.counted_to + HOUR)
    whole = sum((_count_within_hour(session, *piece) for piece in _pieces(since, until)), Figures())
    if until > since:
        _add(session, ALL, whole, until)
    return whole.executions


def _pieces(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The time after `since`, until `until`, cut where an hour begins."""
    while since < until:
        end = min(until, hour_of(since + TICK) + HOUR - TICK)
        yield since, end
        since = end


def _count_within_hour(session: Session, since: datetime, until: datetime) -> Figures:
    found = _found(session, since, until)
    for kind, figures in sorted(found.items()):
        _add(session, kind, figures, until)
        _add_to_hour(session, kind, figures, hour_of(until))
    return sum(found.values(), Figures())


def hour_of(moment: datetime) -> datetime:
    """The beginning of its hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def _found(session: Session, since: datetime, until: datetime) -> Mapping[str, Figures]:
    """What was handled and what was not after `since`, until `until`, by the event's type."""
    found: defaultdict[str, Figures] = defaultdict(Figures)
    taken = step_of(InboxEvent.received_at, InboxEvent.handled_at).label("taken")
    lately = (InboxEvent.handled_at > since, InboxEvent.handled_at <= until, of_no_test(InboxEvent.key))
    each = select(InboxEvent.type, taken).where(*lately).subquery()
    for kind, handled, milliseconds in session.execute(
        select(each.c.type, func.count(), func.sum(each.c.taken)).group_by(each.c.type)
    ):
        found[kind] += Figures(handled=handled, milliseconds=int(milliseconds))
    dead = (DeadLetter.created_at > since, DeadLetter.created_at <= until, DeadLetter.type.is_not(None), ~_is_of_test())
    for kind, failed in session.execute(select(DeadLetter.type, func.count()).where(*dead).group_by(DeadLetter.type)):
        found[str(kind)] += Figures(failed=failed)
    return found


def _is_of_test() -> ColumnElement[bool]:
    """Whether a dead letter is of an event by which somebody has tried a flow."""
    return exists().where(Trial.event_id == DeadLetter.event_id)


def _add(session: Session, kind: str, figures: Figures, until: datetime) -> None:
    insert_if_absent(session, EventFigure, "type", {"type": kind, "counted_to": until})
    more = {one.name: getattr(EventFigure, one.name) + getattr(figures, one.name) for one in fields(figures)}
    session.execute(update(EventFigure).where(EventFigure.type == kind).values(counted_to=until, **more))


def _add_to_hour(session: Session, kind: str, figures: Figures, hour: datetime) -> None:
    """Only whoever holds the row of all types, or has just changed that of this type, comes here: nobody else adds the row."""
    more = {one.name: getattr(figures, one.name) for one in fields(figures)}
    of_hour = (EventHour.type == kind, EventHour.hour == hour)
    if session.scalar(select(EventHour.id).where(*of_hour)) is None:
        session.add(EventHour(type=kind, hour=hour, **more))
        return
    added = {name: getattr(EventHour, name) + value for name, value in more.items()}
    session.execute(update(EventHour).where(*of_hour).values(**added))


def flows_by_type() -> Mapping[str, str]:
    """Each type of event with its flow: what its webhooks are named, what it handles on the shared queue or answers at once."""
    taken_in = {
        webhook.name: flow
        for flow, routes in routes_by_flow().items()
        for route in routes
        for webhook in (*route.webhooks.values(), *route.also)
    }
    at_once = {
        kind: flow.name
        for flow in flows.installed()
        for kind, one in by_hand.webhooks_of(flow).items()
        if isinstance(one, by_hand.Synchronous)
    }
    return at_once | taken_in | {kind: flow.name for flow in flows.installed() for kind in flow.handlers}


__all__ = ["Figures", "by_flow", "count", "flow_of", "flows_by_type", "hour_of", "taken"]
