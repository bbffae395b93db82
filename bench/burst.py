"""(d) Calls of Odoo for 1,000 stage changes of 100 people that arrive in a burst, against one call for each change.

Default settings, pace included. Every call counts: login, fields, sources and leads. Afterwards each lead has its newest stage,
or the bench fails. (f), the peak memory, is taken from the same run (see `memory.py`).
"""

import random
from dataclasses import dataclass
from functools import cache, partial

from bench.harness import BenchError, Figure, Options
from bench.load import STAGES, WebhookClient, bodies, drive
from bench.stack import Stack, peak_mib, wait_until_handled, wait_until_synced

AIM = 30
PEOPLE = 100
CLIENTS = 8


@dataclass(frozen=True)
class Burst:
    """What the burst cost. Memory in MiB."""

    changes: int
    calls: int
    seconds: float
    idle_mib: float
    peak_mib: float


def run(options: Options) -> list[Figure]:
    """Measure."""
    burst = measured(options)
    figure = Figure(
        what=f"calls of Odoo for {burst.changes:,} changes",
        value=burst.calls,
        baseline=burst.changes,
        unit="calls",
        against="one call for each change",
        aim=f"at most {AIM} calls",
        met=burst.calls <= AIM,
        details={"people": PEOPLE, "seconds": burst.seconds},
    )
    return [figure]


@cache
def measured(options: Options) -> Burst:
    """The burst, run once for both benches that look at it."""
    steps = options.pick(10, 3)
    changes = bodies(PEOPLE, steps)
    random.Random(1).shuffle(changes)  # noqa: S311  # the order of arrival is nobody's secret
    with Stack() as stack:
        database = stack.database("burst")
        with stack.host(database) as host:
            idle = peak_mib(host)
            load = drive(changes, CLIENTS, partial(WebhookClient, host.port))
            wait_until_handled(database, len(changes))
            wait_until_synced(database, PEOPLE)
            burst = Burst(len(changes), stack.sandbox.call_count("odoo"), load.seconds, idle, peak_mib(host))
            _check(stack, steps)
    return burst


def _check(stack: Stack, steps: int) -> None:
    stages = [lead["stage_id"] for lead in stack.sandbox.leads()]
    newest = STAGES[steps - 1]
    wrong = [stage for stage in stages if (stage[0] if isinstance(stage, list) else stage) != newest]
    if len(stages) != PEOPLE or wrong:
        raise BenchError(f"Odoo has {len(stages)} leads for {PEOPLE} people, {len(wrong)} of them not in the newest stage")
