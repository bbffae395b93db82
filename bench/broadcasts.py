"""(n) Recipients of a broadcast worked out, given their deliveries and forecast, per second; peak memory by size.

The baseline is bare inserts, the audience a list of numbers. Everything is the product's own (see `bench.broadcast_worker`), in
a process of its own for each size; what is sent, and how fast, is other benches' business.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.harness import BenchError, Figure, Options
from devhost.azurite import Azurite

PROJECT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "API_KEYS": json.dumps([{"name": "bench", "key": "bench-key", "scopes": ["admin"]}]),
    "ODOO_URL": "http://127.0.0.1:9",
    "ODOO_DB": "bench",
    "ODOO_USERNAME": "bench",
    "ODOO_PASSWORD": "bench",
    "TWILIO_ACCOUNT_SID": "AC0",
    "TWILIO_AUTH_TOKEN": "bench",
    "TWILIO_WHATSAPP_SENDER": "+525500000002",
    "BROADCAST_MAX_RATE_PER_HOUR": "1000000",
    "BROADCAST_APPROVAL_ABOVE": "10000000",
}


def run(options: Options) -> list[Figure]:
    """Measure."""
    many, few = options.pick(100_000, 5_000), options.pick(10_000, 1_000)
    # Every page of deliveries wakes an executor; without a storage account that would be measured as waiting for one.
    with tempfile.TemporaryDirectory() as place, Azurite.on_free_ports(location=Path(place)) as azurite:
        large, small = (_measured(people, azurite.connection_string) for people in (many, few))
    against = "bare inserts of one row each, in the same chunks"
    return [
        Figure(
            what=f"recipients worked out of a list of {many:,}",
            value=large["worked_out_per_second"],
            baseline=large["inserts_per_second"],
            unit="/s",
            against=against,
            details=large,
        ),
        Figure(
            what=f"people forecast, of a list of {many:,}",
            value=large["forecast_per_second"],
            baseline=large["inserts_per_second"],
            unit="/s",
            against=against,
        ),
        Figure(
            what="recipients that get their deliveries",
            value=large["planned_per_second"],
            baseline=large["inserts_per_second"],
            unit="/s",
            against=against,
        ),
        Figure(
            what=f"memory at most, {many:,} recipients",
            value=large["peak_mb"],
            baseline=small["peak_mb"],
            unit="MB",
            against=f"{few:,} recipients",
            aim="ratio at most 1.3",
            met=large["peak_mb"] <= 1.3 * small["peak_mb"],
        ),
    ]


def _measured(people: int, storage: str) -> dict[str, Any]:
    """What a worker of its own process says of an audience of that size."""
    with tempfile.TemporaryDirectory() as place:
        found = {"DATABASE_URL": f"sqlite:///{place}/bench.db", "AzureWebJobsStorage": storage}
        environment = os.environ | SETTINGS | found
        command = [sys.executable, "-m", "bench.broadcast_worker", str(people)]
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the worker failed: {done.stderr[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured
