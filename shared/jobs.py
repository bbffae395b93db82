"""The jobs that flows want done by the clock, run by a few timers of the engine: no flow has a timer of its own."""

import logging
from collections.abc import Mapping

from shared import flows
from shared.errors import PuenteError
from shared.flow import Rhythm

log = logging.getLogger("puente.jobs")


def run(rhythm: Rhythm) -> Mapping[str, int]:
    """Run every job of that rhythm, in the order of the flows; for each that did something, how much.

    A job that fails stops no other: its error is logged, and it runs again with the next round. A second run is harmless,
    because every job bears one (see `shared.flow.Job`).
    """
    done = {f"{flow}.{job.name}": _run(f"{flow}.{job.name}", job.run) for flow, job in flows.jobs(rhythm)}
    counted = {name: count for name, count in done.items() if count}
    if counted:
        log.info("jobs: %s", ", ".join(f"{name} {count}" for name, count in counted.items()))
    return counted


def _run(name: str, reference: str) -> int:
    try:
        return int(flows.resolve(reference)() or 0)
    except PuenteError as error:
        log.error("%s: %s", name, error)  # noqa: TRY400  # the text says what is away; where it was asked is known
    except Exception:
        log.exception("%s failed", name)
    return 0
