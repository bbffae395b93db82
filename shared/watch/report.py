"""One line that holds the state of everything, also when half of it is down: what cannot be asked is said to be down."""

import json
import logging
from collections.abc import Callable
from typing import Any

from shared.errors import PuenteError
from shared.intake import dead_letter_blobs
from shared.watch.backlog import depths
from shared.watch.record import figures

MARK = "puente.watch "
UP, DOWN = "up", "down"

log = logging.getLogger("puente.watch")
log.setLevel(logging.INFO)  # alerts read these lines, so LOG_LEVEL does not silence them


def write() -> dict[str, Any]:
    """Log the state of the system as `puente.watch {...}`, and return it.

    `storage` and `database` are "up" or "down"; `queues` and `unstored_letters` are missing while the storage is down, the
    record's figures while the database is. It never raises for a system that is down: that is the news.
    """
    state: dict[str, Any] = {}
    state["storage"], backlog = _asked(depths)
    state["database"], record = _asked(figures)
    if backlog is not None:
        state["queues"] = backlog
        _up, kept = _asked(lambda: {"unstored_letters": dead_letter_blobs.count()})
        state |= kept or {}
    state |= record or {}
    # Compact, and whole numbers only: nothing in it looks like a phone number to the filter that masks those.
    log.info("%s%s", MARK, json.dumps(state, separators=(",", ":")))
    return state


def write_line() -> None:
    """Log the state of the system; the job of every minute."""
    write()


def _asked(question: Callable[[], dict[str, Any]]) -> tuple[str, dict[str, Any] | None]:
    try:
        return UP, question()
    except PuenteError as error:
        log.error("%s", error)  # noqa: TRY400  # where it was asked is known
        return DOWN, None
