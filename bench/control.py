"""(o) Pause, resume, read and cancel an execution of 1,000,000 recipients, against one of 10,000; rows that each writes.

Everything goes by the product's own API and console (see `bench.control_worker`), in a process of its own for each size. What a
pause or a cancel must do at once is in its own call, for whatever is claimed afterwards is held or left out; taking back what
the next quarter of an hour had planned is the timer's, and as long for any number.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.broadcasts import PROJECT, SETTINGS
from bench.harness import BenchError, Figure, Options
from devhost.azurite import Azurite

MOST_ROWS = 10
MOST_MS = 1_000
AIMED = frozenset(("pause", "resume", "cancel"))


def run(options: Options) -> list[Figure]:
    """Measure."""
    many, few = options.pick(1_000_000, 50_000), options.pick(10_000, 5_000)
    # Every page of deliveries wakes an executor; without a storage account that would be measured as waiting for one.
    with tempfile.TemporaryDirectory() as place, Azurite.on_free_ports(location=Path(place)) as azurite:
        large, small = (_measured(people, azurite.connection_string) for people in (many, few))
    return [_figure(what, large[what], small[what], many, few) for what in large]


def _figure(what: str, large: dict[str, float], small: dict[str, float], many: int, few: int) -> Figure:
    has_aim = what in AIMED
    return Figure(
        what=f"{what}, {many:,} recipients ({large['statements']:g} statements, {large['rows']:g} rows written)",
        value=large["ms"],
        baseline=small["ms"],
        unit="ms",
        against=f"{few:,} recipients",
        aim=f"at most {MOST_ROWS} rows, {MOST_MS} ms" if has_aim else "",
        met=large["rows"] <= MOST_ROWS and large["ms"] <= MOST_MS if has_aim else None,
        details={"large": large, "small": small},
    )


def _measured(people: int, storage: str) -> dict[str, dict[str, float]]:
    """What a worker of its own process says of an execution of that size."""
    with tempfile.TemporaryDirectory() as place:
        found = {"DATABASE_URL": f"sqlite:///{place}/bench.db", "AzureWebJobsStorage": storage, "LINK_SIGNING_SECRETS": "bench"}
        command = [sys.executable, "-m", "bench.control_worker", str(people)]
        environment = os.environ | SETTINGS | found
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the worker failed: {done.stderr[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured
