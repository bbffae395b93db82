"""Figures of each day for the reports: flows count them (`figures` of their declarations), and reports read nothing else.

A source is asked for one day and gives all of its figures; they replace what it gave for that day before. So a day that is
folded twice is right, and what is learnt late (a meeting that was missed, an order that answers a mail) still counts, for
LATE days. Older days stay as they are. A day is one of DEFAULT_TIME_ZONE.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, rows_changed
from shared.store.figure_models import OWNER_LENGTH, PART_LENGTH, DayFigure, DayFold
from shared.store.session import reading, transact

LATE = 14
"""Days after which nothing more is learnt of one."""
TODAY_EVERY, EARLIER_EVERY = timedelta(minutes=15), timedelta(hours=20)
DAY = timedelta(days=1)
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for the time of counting in the row of a day that was never counted."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """So many of something on a day. `name` says what is counted, `owner` whose it is, `part` which of them."""

    name: str
    number: int
    owner: str = ""
    part: str = ""


type Source = Callable[[Session, datetime, datetime], Iterable[Figure]]
"""The figures of the time from one instant to another (excluded), which is a day."""


def count_stale() -> int:
    """`fold` as a job of each minute; how many days it has counted, 0 or 1."""
    return int(fold() is not None)


def fold() -> date | None:
    """Count the day whose figures are the most out of date; which, or None where all are fresh.

    Two that run at once: one of them counts the day, and the other finds it counted.
    """
    now = clock.now()
    today = now.astimezone(_zone()).date()
    days = [today - each * DAY for each in range(LATE + 1)]
    with reading() as session:
        rows = session.execute(select(DayFold.day, DayFold.folded_at).where(DayFold.day >= days[-1])).all()
    folded: dict[date, datetime] = {row.day: row.folded_at for row in rows}
    for day in days:
        before = folded.get(day)
        if before is None or now - before >= (TODAY_EVERY if day == today else EARLIER_EVERY):
            return day if transact(partial(_fold, day=day, before=before, now=now)) else None
    return None


def count_today() -> bool:
    """Count the day under way once more, however fresh its figures are; whether it was this call that did."""
    now = clock.now()
    today = now.astimezone(_zone()).date()
    with reading() as session:
        before = session.scalars(select(DayFold.folded_at).where(DayFold.day == today)).one_or_none()
    return transact(partial(_fold, day=today, before=before, now=now))


def _fold(session: Session, day: date, before: datetime | None, now: datetime) -> bool:
    """Count a day anew, unless somebody else has since `before`."""
    if before is None:
        insert_if_absent(session, DayFold, "day", {"day": day, "folded_at": NEVER})
    taken = update(DayFold).where(DayFold.day == day, DayFold.folded_at == (before or NEVER)).values(folded_at=now)
    if not rows_changed(session.execute(taken)):
        return False
    begin, end = bounds(day)
    sources: tuple[Source, ...] = flows.parts("figures")
    session.execute(delete(DayFigure).where(DayFigure.day == day))
    session.add_all(_rows(day, (figure for source in sources for figure in source(session, begin, end))))
    return True


def _rows(day: date, figures: Iterable[Figure]) -> list[DayFigure]:
    """A row for each figure; what two sources, or one twice, say of the same is added up."""
    summed: dict[tuple[str, str, str], int] = {}
    for each in figures:
        key = (each.name, each.owner[:OWNER_LENGTH], each.part[:PART_LENGTH])
        summed[key] = summed.get(key, 0) + each.number
    return [
        DayFigure(day=day, name=name, owner=owner, part=part, number=number) for (name, owner, part), number in summed.items()
    ]


def bounds(day: date) -> tuple[datetime, datetime]:
    """When a day begins and ends (excluded), as instants."""
    zone = _zone()
    begin, end = (datetime(each.year, each.month, each.day, tzinfo=zone) for each in (day, day + DAY))
    return clock.as_utc(begin), clock.as_utc(end)


def _zone() -> ZoneInfo:
    return ZoneInfo(get_settings().default_time_zone)


def sums(session: Session, names: Sequence[str], since: date, until: date) -> Mapping[str, Mapping[tuple[str, str], int]]:
    """For each name its numbers by (owner, part), over the days from `since` to `until`, both included."""
    query = select(DayFigure.name, DayFigure.owner, DayFigure.part, func.sum(DayFigure.number))
    query = query.where(DayFigure.name.in_(names), DayFigure.day.between(since, until))
    found: dict[str, dict[tuple[str, str], int]] = {name: {} for name in names}
    for name, owner, part, number in session.execute(query.group_by(DayFigure.name, DayFigure.owner, DayFigure.part)):
        found[name][owner, part] = int(number)
    return found


def last_days(number: int, now: datetime) -> tuple[date, date]:
    """The first and the last of the last `number` days, this one included."""
    today = now.astimezone(_zone()).date()
    return today - (number - 1) * DAY, today
