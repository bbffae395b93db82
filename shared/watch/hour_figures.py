"""Attempts and events by the hour, for pages and reports that else read every one of them in their time.

The job of each minute adds up what has come since its last run; each counts once, however often it runs. It looks no nearer
to the present than `SETTLED`, by when every transaction that was under way has ended. Whoever asks gets the hours that are
counted together with what is not counted yet, which is read: right at any moment, also where the job is late or has never run.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from shared import clock
from shared.store.dialect import insert_if_absent, locked
from shared.store.figure_models import HOURS_KEPT_DAYS, HourFigure, HourFold
from shared.store.models import ActionLog, InboxEvent
from shared.store.session import transact
from shared.store.trial_keys import of_no_test
from shared.watch.flow_figures import HOUR, SETTLED, hour_of
from shared.watch.record import line_before

ATTEMPTS, EVENTS = "attempts", "events"
ALL = "*"
BEGINS = timedelta(days=1)
"""So long before its first run the job begins to count; what is older is read."""
KEPT = timedelta(days=HOURS_KEPT_DAYS - 1)
"""A day less than retention keeps: no hour of it is half gone."""


class Of(NamedTuple):
    """What is counted: a system's action and how an attempt of it went, or an event's source, type and outcome."""

    owner: str
    part: str
    result: str


type Numbers = Counter[Of]
type Lines = Callable[[Session, datetime, datetime], Numbers]
"""Counts what was from one instant to another (excluded)."""


def count() -> int:
    """Add what was since the last run, an hour of it at most, as the job of each minute; how many attempts and events.

    Two that run at once count one after the other, and the second finds nothing left.
    """
    return transact(fold)


def lately(session: Session, name: str, time: timedelta) -> Mapping[Of, int]:
    """How many there were in the last `time`, to the hour: the hour under way is the last one of it."""
    now = clock.now()
    return between(session, name, hour_of(now - time) + HOUR, now + SETTLED)


def between(session: Session, name: str, since: datetime, until: datetime) -> Mapping[Of, int]:
    """How many there were from `since` to `until` (excluded), exactly."""
    first = _whole(max(since, clock.now() - KEPT))
    counted = and_(HourFigure.name == name, HourFigure.hour >= first)
    within = or_(HourFold.counted_to <= until, HourFigure.hour < hour_of(until))
    columns = (HourFold.begun_at, HourFold.counted_to, HourFigure.owner, HourFigure.part, HourFigure.result)
    query = select(*columns, func.sum(HourFigure.number)).select_from(HourFold)
    # One statement: how far is counted, and what, are of the same moment, whatever the job does meanwhile.
    rows = session.execute(query.outerjoin(HourFigure, and_(counted, within)).group_by(*columns)).all()
    if not rows:
        return LINES[name](session, since, until)
    found = Counter({Of(*row[2:5]): int(row[5]) for row in rows if row[5] is not None})
    begin = max(first, rows[0].begun_at)
    end = max(begin, rows[0].counted_to if rows[0].counted_to <= until else hour_of(until))
    for piece in ((since, min(begin, until)), (end, until)):
        found += LINES[name](session, *piece) if piece[0] < piece[1] else Counter()
    return found


def fold(session: Session) -> int:
    """Add what was since the last time, in the caller's transaction; how many that were."""
    until = clock.now() - SETTLED
    row = session.scalars(locked(select(HourFold).where(HourFold.name == ALL), HourFold)).one_or_none()
    if row is None:  # counting begins
        begin = hour_of(until - BEGINS)
        insert_if_absent(session, HourFold, "name", {"name": ALL, "begun_at": begin, "counted_to": begin})
        return 0
    since, until = row.counted_to, min(until, row.counted_to + HOUR)
    whole = sum(_add(session, *piece) for piece in _pieces(since, until))
    row.counted_to = max(since, until)
    return whole


def _pieces(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The time from `since` to `until`, cut where an hour begins."""
    while since < until:
        end = min(until, hour_of(since) + HOUR)
        yield since, end
        since = end


def _add(session: Session, since: datetime, until: datetime) -> int:
    """Add what was in a part of one hour to that hour: whoever holds the fold's row is the only one that adds."""
    hour = hour_of(since)
    rows = session.scalars(select(HourFigure).where(HourFigure.hour == hour))
    known = {(row.name, Of(row.owner, row.part, row.result)): row for row in rows}
    whole = 0
    for name, lines in LINES.items():
        for of, number in lines(session, since, until).items():
            whole += number
            if (row := known.get((name, of))) is not None:
                row.number = HourFigure.number + number
            else:
                session.add(HourFigure(name=name, hour=hour, number=number, **of._asdict()))
    return whole


def _whole(moment: datetime) -> datetime:
    """The beginning of the first hour that is whole from that moment on."""
    return moment if moment == hour_of(moment) else hour_of(moment) + HOUR


def _attempts(session: Session, since: datetime, until: datetime) -> Numbers:
    """The log names the system before the dot. Its lines are numbered as they come: a minute covers what came out of order."""
    before = line_before(session, since - SETTLED)
    wanted = (ActionLog.id > before, ActionLog.at >= since, ActionLog.at < until, ActionLog.attempt.is_not(None))
    by = (ActionLog.action, ActionLog.result)
    found: Numbers = Counter()
    for action, result, number in session.execute(select(*by, func.count()).where(*wanted).group_by(*by)):
        target, _dot, name = action.partition(".")
        found[Of(target, name, result)] += number
    return found


def _events(session: Session, since: datetime, until: datetime) -> Numbers:
    """Test events count in no figures."""
    wanted = (InboxEvent.handled_at >= since, InboxEvent.handled_at < until, of_no_test(InboxEvent.key))
    by = (InboxEvent.source, InboxEvent.type, InboxEvent.outcome)
    rows = session.execute(select(*by, func.count()).where(*wanted).group_by(*by))
    return Counter({Of(source, kind, outcome): number for source, kind, outcome, number in rows})


LINES: Mapping[str, Lines] = MappingProxyType({ATTEMPTS: _attempts, EVENTS: _events})

__all__ = ["ATTEMPTS", "EVENTS", "Of", "between", "count", "fold", "lately"]
