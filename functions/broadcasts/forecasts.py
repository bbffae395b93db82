"""Forecasts that are kept: worked out at once where the audience is small, else in the background with progress.

An automation has one forecast, the newest that was asked for; while it is being worked out, asking again begins none. A job
goes through the audience in chunks, each with its part and the place behind it in one transaction, so a crash repeats nobody
and of two that work on one chunk the second finds the place of the first. Once everybody is there, the parts are put together.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from functions.broadcasts import automation_edits, forecast, forecast_shown, planning
from functions.broadcasts.audience import Audience
from functions.broadcasts.forecast import Asked, Windows
from functions.broadcasts.forecast_parts import Part
from functions.broadcasts.forecast_tables import ForecastPart, StoredForecast
from functions.broadcasts.running_config import config_of
from functions.broadcasts.tables import Execution, new_uuid
from shared import clock, faults
from shared.errors import RetryableError
from shared.phrases import phrase
from shared.store.dialect import held, insert_if_absent, locked
from shared.store.session import reading, transact

WORKING, READY, FAILED = "working", "ready", "failed"
AT_ONCE = 10_000  # people who are gone through while somebody waits for the answer, and not in the background
ANSWER_SECONDS = 20  # and no longer than this
BUDGET_SECONDS = 20  # of a job of every half minute
MOST_ATTEMPTS = 5  # of a chunk that fails
PAGE = 20  # parts that are read at a time
AFTER_CHUNK = faults.point("broadcasts.after_forecast_chunk")
log = logging.getLogger("puente.broadcasts")


@dataclass(frozen=True)
class Wish:
    """What somebody wants forecast: an automation, with what is to be otherwise than it says."""

    automation_uuid: str
    changes: Mapping[str, Any]
    starts_at: datetime
    by: str = ""


def subject_of(automation_id: int) -> str:
    """By what the forecast of an automation is found."""
    return f"automation:{automation_id}"


def of_automation(session: Session, automation_id: int) -> StoredForecast | None:
    """The newest forecast that was asked for; None: none was."""
    found = select(StoredForecast).where(StoredForecast.subject == subject_of(automation_id), StoredForecast.state != "none")
    return session.scalars(found).one_or_none()


def ask(wish: Wish, seconds: float = ANSWER_SECONDS) -> StoredForecast:
    """The forecast, `ready` where it could be worked out in so many seconds; else it is `working` in the background.

    While one is `working` it is the answer, whatever is asked for, and no other is begun.

    Raises:
        RefusedError: 404, there is no such automation.
    """
    with reading() as session:
        row = automation_edits.find(session, wish.automation_uuid)
        subject, asked = subject_of(row.id), Asked(config_of(row, wish.changes), wish.starts_at)
        kept = of_automation(session, row.id)
        if kept is not None and kept.state == WORKING:
            session.expunge_all()
            return kept
        audience = Audience(asked.config["audience_type"], asked.config["audience_config"] or {})
        total, waits = audience.size(session), planning.waits_for_list(session, audience)
    parts, place, is_whole = _first(asked, seconds) if total <= AT_ONCE and not waits else ([], 0, False)
    shown = forecast_shown.as_json(forecast.of_parts(asked, parts)) if is_whole else None
    begun = _Begun(subject, asked, total, tuple(parts), place, shown)
    return transact(partial(_begin, begun=begun, wish=wish))


def _first(asked: Asked, seconds: float) -> tuple[list[Part], int, bool]:
    """The parts that can be had in so many seconds, the place behind them, and whether they are all."""
    parts: list[Part] = []
    after, windows, until = 0, Windows(), clock.steady() + seconds
    while clock.steady() < until:
        part, place = forecast.chunk(asked, after, windows)
        if place == after:
            return parts, place, True
        parts.append(part)
        after = place
    return parts, after, False


@dataclass(frozen=True)
class _Begun:
    """A forecast as far as it is; `shown`: the whole of it."""

    subject: str
    asked: Asked
    total: int
    parts: Sequence[Part] = ()
    place: int = 0
    shown: Mapping[str, Any] | None = None


def _begin(session: Session, begun: _Begun, wish: Wish | None = None) -> StoredForecast:
    """Keep it in place of the one before, unless that is being worked out by now."""
    insert_if_absent(session, StoredForecast, "subject", {"subject": begun.subject})
    row = session.scalars(locked(select(StoredForecast).where(StoredForecast.subject == begun.subject), StoredForecast)).one()
    if row.state != WORKING:
        _clear(session, row)
        row.uuid, row.execution_id, row.asked_at = new_uuid(), begun.asked.execution_id, clock.now()
        row.config, row.starts_at, row.total = dict(begun.asked.config), begun.asked.starts_at, begun.total
        row.asked, row.asked_by = (dict(wish.changes), wish.by[:60]) if wish else ({}, "")
        row.position, row.attempts, row.error_message = begun.place, 0, None
        row.examined = sum(len(part.who) for part in begun.parts)
        row.state, row.result = (READY, dict(begun.shown)) if begun.shown is not None else (WORKING, None)
        row.parts = 0
        if row.state == WORKING:
            for part in begun.parts:
                _add(session, row, part)
    session.flush()
    session.expunge(row)
    return row


def _clear(session: Session, row: StoredForecast) -> None:
    session.execute(delete(ForecastPart).where(ForecastPart.forecast_id == row.id))


def _add(session: Session, row: StoredForecast, part: Part) -> None:
    session.add(ForecastPart(forecast_id=row.id, number=row.parts, people=part.stored()))
    row.parts += 1


def begin_of_execution(session: Session, execution: Execution) -> None:
    """Let the forecast of an execution's beginning be worked out, from its recipients. A second run begins none."""
    asked = Asked(execution.config, execution.started_at or clock.now(), execution.id)
    _begin(session, _Begun(f"execution:{execution.id}", asked, execution.total_recipients))


def go_on() -> int:
    """Go on with every forecast that is being worked out; how many chunks. Of a job, which may die anywhere."""
    until, done = clock.steady() + BUDGET_SECONDS, 0
    with reading() as session:
        query = select(StoredForecast.id).where(StoredForecast.state == WORKING)
        ids = session.scalars(query.order_by(StoredForecast.id).limit(20)).all()
    windows = Windows() if ids else None
    for number in ids:
        while windows is not None and clock.steady() < until and work(number, windows):
            done += 1
    return done


def work(forecast_id: int, windows: Windows) -> bool:
    """Go through the next chunk; False where nothing is left to do now. What fails costs the forecast an attempt."""
    with reading() as session:
        row = session.get(StoredForecast, forecast_id)
        if row is None or row.state != WORKING or _waits(session, row):
            return False
        session.expunge(row)
    try:
        return _work(row, windows)
    except RetryableError:
        raise  # the database is away or busy: the forecast is not to blame
    except Exception as error:
        log.exception("the forecast of %s cannot be worked out", row.subject)
        transact(partial(_note_failure, row=row, words=type(error).__name__))
        return False


def _waits(session: Session, row: StoredForecast) -> bool:
    """Whether the list of numbers is still being read: a forecast is made of all of it."""
    config = row.config
    of_list = Audience(config["audience_type"], config["audience_config"] or {})
    return row.execution_id is None and planning.waits_for_list(session, of_list)


def _work(row: StoredForecast, windows: Windows) -> bool:
    asked = Asked(row.config, row.starts_at or clock.now(), row.execution_id)
    part, place = forecast.chunk(asked, row.position, windows)
    if place == row.position:
        shown = forecast_shown.as_json(forecast.of_parts(asked, _parts(row, windows)))
        transact(partial(_finish, row=row, shown=shown))
        return False
    goes_on = transact(partial(_keep_part, row=row, part=part, place=place))
    faults.hit(AFTER_CHUNK)
    return goes_on


def _parts(row: StoredForecast, windows: Windows) -> Iterator[Part]:
    """The parts of a forecast in their order, some at a time."""
    for begin in range(0, row.parts, PAGE):
        with reading() as session:
            mine = (ForecastPart.forecast_id == row.id, ForecastPart.number >= begin, ForecastPart.number < begin + PAGE)
            kept = session.scalars(select(ForecastPart.people).where(*mine).order_by(ForecastPart.number)).all()
        yield from (Part.read(one, windows.one) for one in kept)


def _unchanged(session: Session, row: StoredForecast) -> StoredForecast | None:
    """The row, locked, if it is as it was when this work began: nobody was quicker, and it was not asked for anew."""
    now = session.scalars(held(select(StoredForecast).where(StoredForecast.id == row.id), StoredForecast)).one_or_none()
    is_same = now is not None and (now.uuid, now.position, now.state) == (row.uuid, row.position, WORKING)
    return now if is_same else None


def _keep_part(session: Session, row: StoredForecast, part: Part, place: int) -> bool:
    now = _unchanged(session, row)
    if now is not None:
        _add(session, now, part)
        now.position, now.examined, now.attempts = place, now.examined + len(part.who), 0
    return now is not None


def _finish(session: Session, row: StoredForecast, shown: Mapping[str, Any]) -> None:
    if (now := _unchanged(session, row)) is None:
        return
    _clear(session, now)
    if now.execution_id is None:
        now.state, now.result = READY, dict(shown)
    else:
        _hand_over(session, now, shown)


def _hand_over(session: Session, row: StoredForecast, shown: Mapping[str, Any]) -> None:
    """An execution holds its forecast itself; one that has none holds an empty one."""
    execution = session.scalars(held(select(Execution).where(Execution.id == row.execution_id), Execution)).one_or_none()
    if execution is not None:
        execution.forecast = execution.forecast or dict(shown)
    session.delete(row)


def _note_failure(session: Session, row: StoredForecast, words: str) -> None:
    if (now := _unchanged(session, row)) is None:
        return
    now.attempts += 1
    if now.attempts < MOST_ATTEMPTS:
        return
    _clear(session, now)
    if now.execution_id is not None:
        _hand_over(session, now, {})
    else:
        now.state, now.error_message = (
            FAILED,
            phrase("it cannot be worked out (%(error)s); the log has the reason", error=words),
        )


def percent(row: StoredForecast) -> int:
    """How much of the audience has been gone through; 100 only where all of it has."""
    return 100 if row.state == READY else min(99, 100 * row.examined // max(row.total, 1))


def is_outdated(row: StoredForecast, config: Mapping[str, Any]) -> bool:
    """Whether the automation says something else by now than it said when the forecast was asked for."""
    return bool(row.config != {**config, **row.asked})
