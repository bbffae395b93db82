"""The job that removes what is finished and older than the rules of `shared.retention_rules` say, a little at a time."""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from shared import clock, faults, queues
from shared.errors import UnavailableError
from shared.retention_rules import DaysOf, Rule, rules
from shared.settings import Settings, get_settings
from shared.store import used_keys
from shared.store.dialect import insert_if_absent, rows_changed
from shared.store.models import DeadLetter, RetentionMark
from shared.store.session import long_statements, reading, transact

log = logging.getLogger("puente.retention")

AFTER_PAGE = faults.point("retention.after_page")
NIGHT = timedelta(minutes=20)  # for all kinds together, of the 30 minutes that host.json gives a function
BLOBS = timedelta(minutes=5)
ROUND = timedelta(seconds=45)  # of every five minutes, as long as the night has left something
REPORTED = timedelta(days=7)
"""So long a default that is new to an installation only says what it would remove; a setting counts at once."""
PAGE = 1000  # rows in a transaction: far below what makes Azure SQL lock a whole table
FROM_THE_FIRST = 1  # rows are numbered from 1
SPAN = 20_000  # numbers looked through by one statement
BLOBS_AT_ONCE = 20_000


@long_statements()
def forget() -> dict[str, int]:
    """Remove what the settings no longer keep; how much of each kind. Nothing where all of them are 0.

    May die anywhere, run twice, or on two instances at once: each page is one transaction that asks again, so a second run
    finds what the first has left.

    Raises:
        UnavailableError: the database or the storage account cannot be reached; what was removed stays so.
    """
    settings = get_settings()
    gone = _carried_out({name: rule for name, rule in rules().items() if rule.days(settings)}, clock.now() + NIGHT)
    if days := settings.retention_claim_check_days:
        gone["bodies"] = _remove_blobs(clock.now() - timedelta(days=days), clock.now() + BLOBS)
    return {name: count for name, count in gone.items() if count}


@long_statements()
def go_on() -> int:
    """Remove more of what the night had no time for, for ROUND at most; how many rows. The job of every five minutes."""
    with reading() as session:
        left = set(session.scalars(select(RetentionMark.rule).where(RetentionMark.goes_on_at > 0)))
    settings = get_settings()
    unfinished = {name: rule for name, rule in rules().items() if name in left and rule.days(settings)}
    return sum(_carried_out(unfinished, clock.now() + ROUND).values())


def _carried_out(wanted: Mapping[str, Rule], end: datetime) -> dict[str, int]:
    """Each kind gets its share of the time that is left, so that none goes without; what one does not need goes to the next.

    One that cannot be removed does not keep the others: in a full database what only deletes makes room for what inserts.
    """
    gone: dict[str, int] = {}
    refused: UnavailableError | None = None
    for number, (name, rule) in enumerate(wanted.items()):
        now = clock.now()
        try:
            gone[name] = _removed(name, rule, now + (end - now) / (len(wanted) - number))
        except UnavailableError as error:
            log.warning("retention: %s are left: %s", name, error)
            refused = error
    if refused is not None:
        raise refused
    return gone


def _removed(name: str, rule: Rule, end: datetime) -> int:
    """How many rows of a kind were removed; none where it only reports how many it would remove."""
    settings = get_settings()
    walk = Walk(rule, clock.now() - timedelta(days=rule.days(settings)), end)
    mark = transact(partial(_mark, name))
    if _only_reports(rule, settings, mark):
        begins = f"{mark.begun_at + REPORTED:%F}"
        log.warning("retention: %s would remove %d rows; it begins on %s", name, walk.count(), begins)
        return 0
    begun_at = mark.goes_on_at or FROM_THE_FIRST
    if begun_at != mark.goes_on_at:
        transact(partial(_set_mark, name, begun_at))  # a death in the middle leaves it, and the next round goes on
    count = walk.remove(begun_at)
    if walk.stopped_at != begun_at:
        transact(partial(_set_mark, name, walk.stopped_at))
    return count


def _mark(name: str, session: Session) -> RetentionMark:
    mark = session.get(RetentionMark, name)
    if mark is None:
        insert_if_absent(session, RetentionMark, "rule", {"rule": name, "begun_at": clock.now(), "goes_on_at": 0})
        mark = session.get_one(RetentionMark, name)
    return mark


def _set_mark(name: str, goes_on_at: int, session: Session) -> None:
    session.get_one(RetentionMark, name).goes_on_at = goes_on_at


def _only_reports(rule: Rule, settings: Settings, mark: RetentionMark) -> bool:
    """Whether its days are our default, and a new one here: nobody loses anything that they had no time to decide about."""
    is_default = isinstance(rule.days, DaysOf) and not rule.days.is_set(settings)
    return is_default and clock.now() - mark.begun_at < REPORTED


def remove_old() -> int:
    """Remove what the settings no longer keep; how many rows and blobs. The nightly job."""
    return sum(forget().values())


class Walk:
    """Over a table by its key, oldest first, until rows are too young (`stopped_at` is 0) or the time is up."""

    def __init__(self, rule: Rule, before: datetime, end: datetime) -> None:
        self.rule, self.before, self.end = rule, before, end
        self.stopped_at = 0

    def remove(self, goes_on_at: int) -> int:
        """Remove what may go, from a key on; how many rows."""
        count = 0
        for span in self._spans(goes_on_at):
            while page := transact(partial(_page, rule=self.rule, before=self.before, span=span)):
                count += page
                faults.hit(AFTER_PAGE)
                if clock.now() >= self.end:
                    self.stopped_at = span[0]
                    return count
        return count

    def count(self) -> int:
        """How many rows `remove` would remove; changes nothing."""
        key, found = self.rule.table.__table__.c.id, 0
        for start, end in self._spans(0):
            with reading() as session:
                rows = select(func.count()).where(key >= start, key < end, self.rule.goes(self.before))
                found += session.scalar(rows.select_from(self.rule.table)) or 0
        return found

    def _spans(self, goes_on_at: int) -> Iterator[tuple[int, int]]:
        """Spans of keys that hold rows; a gap between rows, however wide, costs nothing."""
        key: Any = self.rule.table.__table__.c.id
        self.stopped_at, last = 0, goes_on_at - 1
        while True:
            with reading() as session:
                query = select(key, self.rule.since).where(key > last).order_by(key).limit(1)
                first = session.execute(query).one_or_none()
            if first is None or _is_young(first[1], self.before):
                return
            if clock.now() >= self.end:
                self.stopped_at = first[0]
                return
            yield first[0], first[0] + SPAN
            last = first[0] + SPAN - 1


def _is_young(since: datetime | date | str, before: datetime) -> bool:
    """Whether a row is younger, by the moment or the day since which it is there."""
    if isinstance(since, datetime):
        return since >= before
    return since >= before.date() if isinstance(since, date) else since >= f"{before:%F}"


def _page(session: Session, rule: Rule, before: datetime, span: tuple[int, int]) -> int:
    key: Any = rule.table.__table__.c.id
    old = select(key).where(key >= span[0], key < span[1], rule.goes(before)).order_by(key).limit(PAGE)
    numbers = session.scalars(old).all()
    if not numbers:
        return 0
    if rule.keeps is not None:
        used_keys.keep(session, session.scalars(rule.keeps().where(key.in_(numbers))).all())
    # Asked again in the statement that removes: what has come to be needed meanwhile stays.
    gone = delete(rule.table).where(key.in_(numbers), rule.goes(before)).execution_options(synchronize_session=False)
    return rows_changed(session.execute(gone))


def _remove_blobs(before: datetime, end: datetime) -> int:
    """Bodies of large events by the day in their name, oldest first; those that a replay would need are left."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    kept, container, count = _needed_blobs(), queues.claim_checks(), 0
    try:
        for number, blob in enumerate(container.list_blobs()):
            if number >= BLOBS_AT_ONCE or clock.now() >= end or blob.name[:10] >= f"{before:%Y/%m/%d}":
                break
            if blob.name not in kept:
                container.delete_blob(blob.name)
                count += 1
    except ResourceNotFoundError:
        pass  # no large event has come yet, or another instance was quicker
    except AzureError as error:
        raise UnavailableError(f"old blobs cannot be removed: {type(error).__name__}") from error
    return count


def _needed_blobs() -> set[str]:
    with reading() as session:
        waiting = select(DeadLetter.original_event).where(
            DeadLetter.state != "resolved", DeadLetter.original_event.contains('"dataref"')
        )
        return {name for event in session.scalars(waiting) for name in _reference(event)}


def _reference(event: str) -> Iterator[str]:
    try:
        reference = str(json.loads(event)["dataref"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    yield reference.partition("/")[2]
