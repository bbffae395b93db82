"""(h) The nightly comparison of 100,000 opportunities with Odoo (the sandbox), against only reading the same leads from it.

Both run in processes of their own, whose greatest memory is taken as well: it must not grow with the rows. One lead in a
hundred was changed by hand, one in a thousand deleted, and the comparison must find exactly those.
"""

import json
import os
import subprocess
import sys
from datetime import timedelta
from itertools import batched
from typing import Any

from sqlalchemy import Engine, insert

from bench.harness import BenchError, Figure, Options
from bench.stack import PROJECT, Stack
from sandbox.testing import ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD
from shared import clock
from shared.store.models import Contact, Opportunity
from shared.vendors.http import HttpClient
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.transports import JsonRpcTransport

AIM_MINUTES, AIM_MEMORY = 5, 1.3
CHANGED, DELETED = 100, 1000  # one in so many
BATCH = 1000

_PROGRAM = """
import json, resource, sys, time
from shared.crm import reconcile
from shared.settings import get_settings
from shared.vendors.odoo.client import OdooClient
client = OdooClient.from_settings(get_settings())
started = time.perf_counter()
if sys.argv[1] == "compare":
    report = reconcile.run(dry_run=True, client=client)
    found = [report.compared, dict(report.counts)]
else:
    found, last = 0, 0
    while page := client.search_read("crm.lead", [["id", ">", last]], ["x_manychat_id", "stage_id"], limit=500, order="id"):
        found, last = found + len(page), page[-1]["id"]
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "found": found}))
"""


def run(options: Options) -> list[Figure]:
    """Measure."""
    rows, fewer = options.pick(100_000, 10_000), options.pick(10_000, 2_000)
    with Stack() as stack:
        small = _compared(stack, fewer)
        stack.sandbox.reset()
        large = _compared(stack, rows)
        bare = _measured(stack, stack.database("bare"), "read")
    minutes, against = large["seconds"] / 60, f"{fewer:,} rows in place of {rows:,}"
    return [
        Figure(
            what=f"comparison of {rows:,} opportunities",
            value=large["seconds"],
            baseline=bare["seconds"],
            unit="s",
            against="only reading the leads",
            aim=f"at most {AIM_MINUTES} min",
            met=minutes <= AIM_MINUTES,
            details={"per_second": rows / large["seconds"], "found": large["found"]},
        ),
        Figure(
            what=f"peak memory of comparing {rows:,}",
            value=large["mib"],
            baseline=small["mib"],
            unit="MiB",
            against=against,
            aim=f"ratio at most {AIM_MEMORY:g}",
            met=large["mib"] <= AIM_MEMORY * small["mib"],
        ),
    ]


def _compared(stack: Stack, rows: int) -> dict[str, Any]:
    database = stack.database(f"reconcile-{rows}")
    ids = _leads(stack, rows)
    _opportunities(database, rows, ids)
    measured = _measured(stack, database, "compare")
    expected = [rows, {"missing": rows // DELETED, "by_hand:stage": rows // CHANGED}]
    if measured["found"] != expected:
        raise BenchError(f"the comparison found {measured['found']}, not {expected}")
    return measured


def _leads(stack: Stack, rows: int) -> list[int]:
    """Leads in Odoo, in step with what our record will say, apart from those that are changed and deleted afterwards."""
    http = HttpClient("Odoo", stack.sandbox.odoo_url, read_seconds=60)
    client = OdooClient(JsonRpcTransport(http, ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD))
    ids: list[int] = []
    for numbers in batched(range(rows), BATCH, strict=False):
        ids += client.create("crm.lead", [_lead(number) for number in numbers])
    gone = [lead for number, lead in enumerate(ids) if number % DELETED == 1]
    client.unlink("crm.lead", gone)
    client.write("crm.lead", [lead for number, lead in enumerate(ids) if number % CHANGED == 0], {"stage_id": 20})
    return ids


def _lead(number: int) -> dict[str, Any]:
    return {"name": f"Ana {number}", "stage_id": 18, "type": "opportunity", "x_manychat_id": f"bench-{number}"}


def _opportunities(database: Engine, rows: int, ids: list[int]) -> None:
    now = clock.now()
    stamps = {"fact_times": {}, "created_at": now, "updated_at": now}
    synced = {"odoo_sync_status": "success", "odoo_synced_at": now - timedelta(hours=1), "stage_id": 18}
    with database.begin() as connection:
        for numbers in batched(range(rows), BATCH, strict=False):
            people = [
                {"id": n + 1, "manychat_id": f"bench-{n}", "first_name": "Ana", "last_name": str(n)} | stamps for n in numbers
            ]
            connection.execute(insert(Contact), people)
            leads = [{"manychat_id": f"bench-{n}", "contact_id": n + 1, "odoo_id": ids[n]} | synced | stamps for n in numbers]
            connection.execute(insert(Opportunity), leads)


def _measured(stack: Stack, database: Engine, what: str) -> dict[str, Any]:
    settings = {
        "AzureWebJobsStorage": stack.azurite.connection_string,
        "DATABASE_URL": str(database.url),
        "API_KEYS": json.dumps([{"name": "bench", "key": "bench-key", "scopes": ["admin"]}]),
        "ODOO_URL": stack.sandbox.odoo_url,
        "ODOO_DB": ODOO_DATABASE,
        "ODOO_USERNAME": ODOO_LOGIN,
        "ODOO_PASSWORD": ODOO_PASSWORD,
        "ODOO_SYNC_MODE": "opportunities",
    }
    command = [sys.executable, "-c", _PROGRAM, what]
    done = subprocess.run(command, cwd=PROJECT, env=os.environ | settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the {what} failed: {done.stderr[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured
