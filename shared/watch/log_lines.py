"""Our own log lines of an event or a delivery, kept for some days, so that the console can show them beside it.

A handler of the logging module puts each line that says whose it is into memory, and a thread writes what has gathered every
two seconds, in one statement: what is logged waits for no database. Lines are as they were logged, masked. A process that is
killed loses the last seconds of them, and while the database is away the newest MOST_WAITING are held back; the log itself
has every line. EXECUTION_LOG_DAYS=0 switches it off.
"""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from shared import clock, logs
from shared.errors import PuenteError

EVERY_SECONDS = 2.0
MOST_WAITING = 5000
AT_ONCE = 500
LONGEST = 2000
LONGEST_ERROR = 1200


def of_event(kind: str, event_id: str) -> str:
    """What names an event among the lines: a digest of its type and id."""
    from shared.store.types import key_of

    return key_of("log", kind, event_id)


class Keeper(logging.Handler):
    """Gathers lines and writes them down. One for each process (`install`)."""

    def __init__(self, every_seconds: float = EVERY_SECONDS) -> None:
        super().__init__()
        self.every_seconds = every_seconds
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MOST_WAITING)
        self._timer: threading.Timer | None = None
        self._writing = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line that says which event or delivery it belongs to; others stay in the log alone."""
        facts = getattr(record, "facts", {})
        kind, event_id, delivery = facts.get("flow"), facts.get("event_id"), facts.get("delivery_id")
        if event_id is None and delivery is None:
            return
        from shared.store.types import fitting

        text = str(getattr(record, "plain", record.getMessage()))
        if record.exc_text:
            text = f"{text[: LONGEST - LONGEST_ERROR]}\n{record.exc_text[-LONGEST_ERROR:]}"
        line = {
            "at": clock.now(),
            "level": record.levelname[:10],
            "logger": record.name[:100],
            "text": fitting(text, LONGEST),
            "event": of_event(str(kind), str(event_id)) if event_id is not None else None,
            "delivery_id": delivery,
        }
        self._waiting.append(line)
        if self.every_seconds and self._timer is None:
            self._timer = threading.Timer(self.every_seconds, self._at_its_time)
            self._timer.daemon = True
            self._timer.start()

    def _at_its_time(self) -> None:
        self._timer = None
        self.write()

    def write(self) -> int:
        """Write down what has gathered; how many lines. What cannot be written now is written with the next ones."""
        written = 0
        with self._writing, suppress(PuenteError):
            while lines := [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]:
                try:
                    _written(lines)
                except PuenteError:
                    self._waiting.extendleft(reversed(lines))
                    raise
                written += len(lines)
        return written


def _written(lines: Sequence[dict[str, Any]]) -> None:
    from sqlalchemy import insert

    from shared.store.flow_models import LogLine
    from shared.store.session import transact

    transact(lambda session: session.execute(insert(LogLine), list(lines)) and None)


_keeper: Keeper | None = None


def install(days: int) -> None:
    """Keep our lines from now on, unless for 0 days. Once for each process; again changes nothing."""
    global _keeper  # noqa: PLW0603  # one for the process
    if not days or _keeper is not None:
        return
    _keeper = Keeper()
    for name in logs.OURS:
        logging.getLogger(name).addHandler(_keeper)
    atexit.register(_keeper.write)
