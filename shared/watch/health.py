"""Is everything there? Each part is asked at the same time, and nobody is waited for longer than a few seconds."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import text

from shared import clock, queues
from shared.errors import PuenteError
from shared.store.session import reading
from shared.watch import backlog, record, timers, vendors

ANSWER_WITHIN_SECONDS = 4.5
OLDEST_MESSAGE = timedelta(minutes=10)
OK, FAILED, NO_ANSWER = "ok", "failed", "no-answer"

# A thread for each part that there can be, so that those that hang keep none of the others waiting.
MOST_QUESTIONS = 16
_pool = ThreadPoolExecutor(max_workers=MOST_QUESTIONS, thread_name_prefix="health")
_asking: "dict[str, Future[Check]]" = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Check:
    """How one part answered: `ok`, `failed` or `no-answer`, after how many milliseconds, and what it said."""

    status: str
    milliseconds: int | None = None
    detail: Any = None


@dataclass(frozen=True)
class Health:
    """The state of every part, and the reasons for which the whole is not well (none: it is)."""

    checks: Mapping[str, Check]
    problems: tuple[str, ...] = field(default=())


def health() -> Health:
    """Ask every part; answers within five seconds, whatever hangs."""
    asked = {name: _ask(name, question) for name, question in questions().items()}
    wait(asked.values(), timeout=ANSWER_WITHIN_SECONDS)
    checks = {name: _answer(future) for name, future in asked.items()}
    return Health(checks, tuple(_problems(checks)))


def questions() -> dict[str, Callable[[], Any]]:
    """What is asked, by the name of the part: ours, and each outside system that is configured."""
    ours: dict[str, Callable[[], Any]] = {
        "database": _database,
        "storage": _storage,
        "queues": backlog.depths,
        "record": record.figures,
        "timers": timers.last_runs,
    }
    return ours | vendors.questions()


def _ask(name: str, question: Callable[[], Any]) -> "Future[Check]":
    """A part's answer to come. Who asks while it is still being asked gets that answer: repeated calls pile nothing up."""
    with _lock:
        asked = _asking.get(name)
        if asked is None or asked.done():
            asked = _asking[name] = _pool.submit(_timed, question)
        return asked


def _timed(question: Callable[[], Any]) -> Check:
    started = clock.steady()
    spent = partial(_milliseconds, started)
    try:
        detail = question()
    except PuenteError as error:
        return Check(FAILED, spent(), str(error))
    return Check(OK, spent(), detail)


def _milliseconds(started: float) -> int:
    return round(1000 * (clock.steady() - started))


def _answer(future: "Future[Check]") -> Check:
    if not future.done():
        return Check(NO_ANSWER, detail=f"no answer within {ANSWER_WITHIN_SECONDS:g} s")
    error = future.exception()
    return Check(FAILED, detail=type(error).__name__) if error else future.result()


def _database() -> None:
    with reading() as session:
        session.execute(text("SELECT 1"))


def _storage() -> None:
    queues.ping()


def _problems(checks: Mapping[str, Check]) -> list[str]:
    found = [f"{name}: {check.detail or check.status}" for name, check in checks.items() if check.status != OK]
    depths: Mapping[str, Any] = checks["queues"].detail if checks["queues"].status == OK else {}
    limit = OLDEST_MESSAGE.total_seconds()
    found += [
        f"{name}: a message waits for {depth['oldest_seconds']} s"
        for name, depth in depths.items()
        if depth["oldest_seconds"] > limit
    ]
    late = timers.late(checks["timers"].detail) if checks["timers"].status == OK else []
    return found + [f"timer {name} should have run at {due:%Y-%m-%d %H:%M} UTC" for name, due in late]


__all__ = ["Check", "Health", "health"]
