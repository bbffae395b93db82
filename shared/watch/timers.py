"""When each timer ran last: the Functions host keeps that in a blob beside its locks."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared import clock, logs, queues

RAN = "puente.ran "
CONTAINER = "azure-webjobs-hosts"
GRACE = timedelta(minutes=10)
watch = logging.getLogger(logs.WATCH)  # written whatever LOG_LEVEL says, as the line of each minute
watch.setLevel(logging.INFO)


def ran(timer: str) -> None:
    """Log that a timer has run, as its last act; the alert `silent-timer` reads these lines, as requests are sampled."""
    watch.info("%s%s", RAN, timer)


def last_runs() -> dict[str, dict[str, str | None]]:
    """For each timer the time of its last and its next run (ISO 8601, UTC), by the function's name.

    An app with several host ids in one account (a former deployment) counts with the newest of its records.

    Raises:
        UnavailableError: the storage account cannot be reached.
    """
    found: dict[str, tuple[str, dict[str, str | None]]] = {}
    for name, body in queues.read_blobs(CONTAINER, "timers/"):
        timer = name.split("/")[-2].rpartition(".")[2] if name.endswith("/status") else ""
        status = _parsed(body)
        if timer and status and status["updated"] > found.get(timer, ("", {}))[0]:
            found[timer] = (status.pop("updated"), status)
    return {timer: status for timer, (_updated, status) in sorted(found.items())}


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        status = json.loads(body)
        last = _utc(status["Last"])
        return {
            "last": None if last is None or last.year <= 1 else last.isoformat(),
            "next": (_utc(status["Next"]) or clock.now()).isoformat(),
            "updated": str(status.get("LastUpdated") or status["Last"]),
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _utc(text: str | None) -> datetime | None:
    return clock.as_utc(datetime.fromisoformat(text)) if text else None


def late(runs: Mapping[str, Mapping[str, str | None]]) -> list[tuple[str, datetime]]:
    """The timers whose next run is overdue by more than ten minutes."""
    due = [(name, datetime.fromisoformat(str(status["next"]))) for name, status in runs.items()]
    return [(name, moment) for name, moment in due if moment < clock.now() - GRACE]
