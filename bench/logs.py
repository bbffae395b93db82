"""(j) Bytes of log that an event writes at the default level: what our code says, and what becomes of it in Azure Monitor.

The bytes of our lines are measured: events pass through webhook and handler in this process, and each line that our loggers
give out is counted. What the host adds is worked out from `host.json` and marked so: it was not measured, as the host of
Azure does not run here. Its rows have the size that Microsoft's schema gives them with our names in it (deploy/cost.py).
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness import BenchError, Figure, Options
from bench.passing import pass_events
from deploy.cost import Assumptions, log_bytes_per_event

BUDGET = 2000
HOST = Path(__file__).resolve().parents[1] / "host.json"
PEOPLE = 50


class Lines(logging.Handler):
    """Every line of ours, with the bytes of its text."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.bytes: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Count one line."""
        self.bytes.append(len(record.getMessage().encode()))


@contextmanager
def counted() -> Iterator[Lines]:
    """The lines of our loggers meanwhile."""
    lines, ours = Lines(), logging.getLogger("puente")
    ours.addHandler(lines)
    try:
        yield lines
    finally:
        ours.removeHandler(lines)


def run(options: Options) -> list[Figure]:
    """Measure."""
    people = options.pick(PEOPLE, 10)
    with counted() as lines:
        events = pass_events(people).events
    if not lines.bytes:
        raise BenchError("no line was logged: the log level is not the default")
    ours, text = len(lines.bytes) / events, sum(lines.bytes) / events
    measured = Assumptions(lines_per_event=ours, bytes_per_text=text / ours)
    total = log_bytes_per_event(measured)
    levels = json.loads(HOST.read_text("utf-8"))["logging"]["logLevel"]
    details = {"events": events, "lines per event": ours, "text bytes per event": text, "host.json": levels.get("Function")}
    return [
        Figure(what="log lines of ours for an event", value=ours, baseline=1, unit="", against="one line", details=details),
        Figure(
            what="log bytes for an event, host's rows worked out",
            value=total,
            baseline=BUDGET,
            unit="B",
            against="budget",
            aim=f"< {BUDGET}",
            met=total < BUDGET,
            details=details,
        ),
    ]
