"""(i) Steps of journeys dispatched per second with 1,000,000 future deliveries in the table, against 10,000.

The future ones are copies, row for row, of what one enrolled lead really has: deliveries with their payloads, steps and
enrolments, each with a key and a due date of its own. What is due comes the real way (see `bench.due_worker`), in rounds that
alternate between the two databases. The aim is set for processor time, which other work on the machine changes less. No
statement on the way may read one of the large tables from end to end.
"""

import json
import os
import statistics
import subprocess
import sys
from contextlib import closing
from typing import Any

from sqlalchemy import Engine

from bench.harness import BenchError, Figure, Options
from bench.stack import KEY, PROJECT, Stack
from sandbox.testing import ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD

AIM = 1.25
STEPS_OF_A_PERSON = 5  # what `lead_followup` has left after the welcome and the call; `_copied` counts on it
CARRIERS = {
    "SENDINBLUE_API_KEY": "bench",
    "SENDINBLUE_SENDER_EMAIL": "bench@example.com",
    "TWILIO_ACCOUNT_SID": "AC0",
    "TWILIO_AUTH_TOKEN": "bench",
    "TWILIO_CALLER_ID": "+525500000001",
    "TWILIO_WHATSAPP_SENDER": "+525500000002",
    "TWILIO_SMS_SENDER": "+525500000003",
    "LINK_SIGNING_SECRETS": "bench",
    "PUBLIC_BASE_URL": "https://bench.example",
    "BOOKING_URL": "https://bench.example/booking",
}

_NUMBERS = "WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < :people) "
_COPIES = (
    (
        "enrolments",
        {"id": "1000000 + n", "person": "'lead:f' || n", "enrol_key": "printf('%064x', n)"},
        "id = 1",
    ),
    (
        "deliveries",
        {
            "id": "1000000 + n * 100 + row.id % 100",
            "subject": "'lead:f' || n",
            "dedupe_key": "printf('%062x', n) || printf('%02x', row.id % 100)",
            "due_at": "strftime('%Y-%m-%d %H:%M:%f', row.due_at, '+' || (n * 31536000.0 / :people) || ' seconds') || '000'",
        },
        "state = 'pending' AND row.subject = (SELECT person FROM enrolments WHERE id = 1)",
    ),
    (
        "enrolment_steps",
        {
            "id": "1000000 + n * 100 + row.id % 100",
            "enrolment_id": "1000000 + n",
            "delivery_id": "1000000 + n * 100 + row.delivery_id % 100",
            "due_at": "strftime('%Y-%m-%d %H:%M:%f', row.due_at, '+' || (n * 31536000.0 / :people) || ' seconds') || '000'",
        },
        "state = 'owed' AND row.enrolment_id = 1",
    ),
)


def run(options: Options) -> list[Figure]:
    """Measure."""
    many, few = options.pick(1_000_000, 100_000), options.pick(10_000, 1_000)
    rounds, people = options.pick(5, 1), options.pick(100, 60)
    with Stack() as stack:
        databases = [_filled(stack, rows) for rows in (many, few)]
        found = [[_dispatched(stack, database, people) for database in databases] for _ in range(rounds)]
    against = f"{few:,} in the future"
    rate, few_rate = (statistics.median(pair[side]["per_second"] for pair in found) for side in (0, 1))
    cost, few_cost = (statistics.median(pair[side]["processor_ms"] for pair in found) for side in (0, 1))
    details = {"steps": found[0][0]["steps"], "statements": found[0][0]["statements"], "rounds": found}
    return [
        Figure(
            what=f"due steps dispatched, {many:,} in the future",
            value=rate,
            baseline=few_rate,
            unit="/s",
            against=against,
            details=details,
        ),
        Figure(
            what="processor time for a step",
            value=cost,
            baseline=few_cost,
            unit="ms",
            against=against,
            aim=f"ratio at most {AIM:g}",
            met=cost <= AIM * few_cost,
        ),
    ]


def _filled(stack: Stack, rows: int) -> Engine:
    """A database with one lead who was enrolled and served the real way, and as many copies as make `rows` deliveries."""
    database = stack.database(f"due-{rows}")
    _dispatched(stack, database, 1)
    with database.begin() as connection:
        for table, changed, which in _COPIES:
            names = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
            values = ", ".join(changed.get(name, f"row.{name}") for name in names)
            copied = f"{_NUMBERS} INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} row, copies"  # noqa: S608  # names are ours
            connection.exec_driver_sql(f"{copied} WHERE row.{which}", {"people": rows // STEPS_OF_A_PERSON})
        waiting = connection.exec_driver_sql("SELECT count(*) FROM deliveries WHERE state = 'pending'").scalar_one()
    with closing(database.raw_connection()) as raw:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that no step that is measured pays for the filling
    if waiting < rows:
        raise BenchError(f"{waiting:,} deliveries wait in place of {rows:,}")
    return database


def _dispatched(stack: Stack, database: Engine, people: int) -> dict[str, Any]:
    """What a worker of its own process says of enrolling `people` and sending what is due to them."""
    settings = CARRIERS | {
        "AzureWebJobsStorage": stack.azurite.connection_string,
        "DATABASE_URL": str(database.url),
        "API_KEYS": json.dumps([{"name": "bench", "key": KEY, "scopes": ["admin"]}]),
        "ODOO_URL": stack.sandbox.odoo_url,
        "ODOO_DB": ODOO_DATABASE,
        "ODOO_USERNAME": ODOO_LOGIN,
        "ODOO_PASSWORD": ODOO_PASSWORD,
    }
    command = [sys.executable, "-m", "bench.due_worker", str(people)]
    done = subprocess.run(command, cwd=PROJECT, env=os.environ | settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the worker failed: {done.stderr[-500:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
