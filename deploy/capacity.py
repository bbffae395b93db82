"""`python -m deploy.capacity [<events a day> ...]`: what they need, what breaks first, and what lifts it (docs/scale.md).

Constants are measured (`make bench`), documented by Microsoft, or supposed; each says which. Prices are those of
`infra/prices.yaml`. Measure yours, and give them: `--set cpu_ms=8`.
"""

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from deploy import cost
from deploy.limits import LARGEST_SHARE, REGION_CORES, WORKERS_PER_VCORE

DAY, MONTH_DAYS, GB, MIB = 86_400, 30.4, 1e9, 2**20
SHOWN = (1e4, 1e5, 1e6, 1e7, 1e8)


@dataclass(frozen=True, kw_only=True)
class Constants:
    """What the arithmetic starts from."""

    peak: float = 10  # the busiest minute, as a multiple of the average: yours
    top_share: float = 0.4  # supposed: the busiest queue's share of all events
    statements: float = 10.2  # measured: `make bench constants`
    other_trips: float = 5  # from the code: pre-ping and commit, and for a nudge pre-ping, count, rollback
    round_trip_ms: float = 1.5  # supposed: 1 to 2 ms within a region
    commit_ms: float = 6  # documented: write latency of General Purpose is 5 to 7 ms
    cpu_ms: float = 10  # measured: 5.3 in `make bench inbox` on a quiet machine; doubled for a core that the host shares
    at_once: float = 24  # host.json: batchSize + newBatchThreshold
    intakes_per_instance: float = 60  # supposed
    rows: float = 4  # measured: `make bench constants`
    row_bytes: float = 1900  # measured there, on SQLite
    row_growth: float = 2.5  # supposed: two bytes a character, pages two thirds full, and the log of what follows
    log_growth: float = 2  # supposed: transaction log for each byte of rows
    events_per_vcore: float = 40  # supposed: events a second
    queue_operations: float = 3.3  # from the code: put, get, delete; a nudge for one event in ten
    changes: float = 0.6  # supposed: events that change what Odoo mirrors
    odoo_rows_a_call: float = 19  # measured: `make bench burst`, changes in a call when they are spread
    odoo_calls_a_second: float = 1  # ODOO_CALLS_PER_SECOND
    messages: float = 0.2  # supposed: messages to people for each event
    queue_limit: float = 2_000  # documented: messages a second
    account_limit: float = 20_000  # documented: requests a second
    vcores: float = 4  # PUENTE_SQL_MAX_VCORES
    size_gb: float = 32  # PUENTE_SQL_MAX_SIZE_GB
    days_kept: float = 60  # RETENTION_INBOX_DAYS
    log_cap_gb: float = 5  # PUENTE_LOG_DAILY_CAP_GB
    retained_rows_a_second: float = 2_640  # measured: `make bench retention` on the lab's database, the slowest of several
    retention_seconds: float = 13_800  # of a day: a night, and a round every five minutes
    pool: float = 4  # DATABASE_POOL_SIZE


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a number of events a day comes to."""

    average: float
    peak: float
    busiest_queue: float
    account: float
    handler_ms: float
    handlers: float
    doors: float
    busy_requests: float
    connections: float
    vcores: float
    log_mib: float
    rows_gb_a_day: float
    rows_gb_kept: float
    log_gb_a_day: float
    odoo_rows_a_call: float
    retention_share: float


def load(events: float, c: Constants) -> Load:
    """The rates and amounts of `events` a day."""
    average = events / DAY
    peak = average * c.peak
    handler_s = ((c.statements + c.other_trips) * c.round_trip_ms + c.commit_ms) / 1000
    handlers = peak / min(c.at_once / handler_s, 1000 / c.cpu_ms)
    stored = c.row_bytes * c.row_growth
    calls = min(events * c.changes / c.odoo_rows_a_call, c.odoo_calls_a_second * DAY)
    return Load(
        average=average,
        peak=peak,
        busiest_queue=peak * c.top_share * 3,
        account=peak * c.queue_operations,
        handler_ms=1000 * handler_s,
        handlers=handlers,
        doors=peak / c.intakes_per_instance,
        busy_requests=peak * handler_s,
        connections=(math.ceil(handlers) + math.ceil(peak / c.intakes_per_instance)) * c.pool,
        vcores=max(0.5, peak / c.events_per_vcore),
        log_mib=peak * stored * c.log_growth / MIB,
        rows_gb_a_day=events * stored / GB,
        rows_gb_kept=events * stored * c.days_kept / GB,
        log_gb_a_day=events * cost.log_bytes_per_event(cost.Assumptions()) / GB,
        odoo_rows_a_call=events * c.changes / calls if calls else 0,
        retention_share=events * c.rows / (c.retained_rows_a_second * c.retention_seconds),
    )


@dataclass(frozen=True)
class Limit:
    """Something that a load may pass: how far (1 is the limit), and what lifts it."""

    what: str
    share: Callable[[Load, Constants], float]
    lift: str


LIMITS = (
    Limit("room of the database", lambda x, c: x.rows_gb_kept / c.size_gb, "`PUENTE_SQL_MAX_SIZE_GB`, shorter `RETENTION`"),
    Limit("the day's log cap", lambda x, c: x.log_gb_a_day / c.log_cap_gb, "`PUENTE_LOG_DAILY_CAP_GB`, `LOG_LEVEL=WARNING`"),
    Limit("vCores at the peak", lambda x, c: x.vcores / c.vcores, "`PUENTE_SQL_MAX_VCORES`, up to 80 (Hyperscale)"),
    Limit(
        "workers of the database",
        lambda x, c: x.connections / (LARGEST_SHARE * WORKERS_PER_VCORE * c.vcores),
        "`PUENTE_SQL_MAX_VCORES`: 75 for each vCore",
    ),
    Limit(
        "transaction log of the database",
        lambda x, c: x.log_mib / min(4.5 * c.vcores, 50),
        "more vCores (4.5 MiB/s each, 50 at most), then Hyperscale (100)",
    ),
    Limit("one queue", lambda x, c: x.busiest_queue / c.queue_limit, "two queues for the busiest flow, by the person"),
    Limit("one storage account", lambda x, c: x.account / c.account_limit, "a second account for the flows that send most"),
    Limit("cores of the region", lambda x, _c: (x.handlers + x.doors) / REGION_CORES, "a ticket to Azure support"),
    Limit("retention", lambda x, _c: x.retention_share, "partitions (decisions/0018-partitions.md)"),
    Limit(
        "Odoo's pace",
        lambda x, _c: x.odoo_rows_a_call / 100,
        "`ODOO_BATCH_SIZE`, then `ODOO_CALLS_PER_SECOND` if Odoo bears it",
    ),
)


def passed(found: Load, c: Constants) -> list[tuple[Limit, float]]:
    """The limits that the load passes, the one that is passed furthest first."""
    shares = [(one, one.share(found, c)) for one in LIMITS]
    return sorted(((one, share) for one, share in shares if share > 1), key=lambda row: -row[1])


ROWS: tuple[tuple[str, Callable[[Load], float], str], ...] = (
    ("events a second, average", lambda x: x.average, ",.2f"),
    ("events a second, peak minute", lambda x: x.peak, ",.1f"),
    ("busiest queue, messages/s", lambda x: x.busiest_queue, ",.0f"),
    ("storage account, requests/s", lambda x: x.account, ",.0f"),
    ("instances for handlers", lambda x: x.handlers, ",.1f"),
    ("instances for http", lambda x: x.doors, ",.1f"),
    ("database: requests busy at once", lambda x: x.busy_requests, ",.1f"),
    ("database: connections of those instances", lambda x: x.connections, ",.0f"),
    ("database: vCores", lambda x: x.vcores, ",.1f"),
    ("database: transaction log, MiB/s", lambda x: x.log_mib, ",.2f"),
    ("database: rows, GB a day", lambda x: x.rows_gb_a_day, ",.2f"),
    ("database: GB for the days that are kept", lambda x: x.rows_gb_kept, ",.0f"),
    ("retention: share of its time", lambda x: x.retention_share, ",.0%"),
    ("log, GB a day", lambda x: x.log_gb_a_day, ",.2f"),
    ("records in a call of Odoo", lambda x: x.odoo_rows_a_call, ",.0f"),
)


def table(numbers: tuple[float, ...], c: Constants) -> str:
    """A Markdown table of what so many events a day need, and what each number breaks first, with what lifts it."""
    loads = [load(events, c) for events in numbers]
    lines = ["| Events a day | " + " | ".join(f"{events:,.0f}" for events in numbers) + " |", "|---|" + "--:|" * len(numbers)]
    lines += [f"| {label} | " + " | ".join(format(of(x), form) for x in loads) + " |" for label, of, form in ROWS]
    lines += ["", "| Events a day | What breaks first, with the defaults (times its limit) | What lifts it |", "|--:|---|---|"]
    for events, found in zip(numbers, loads, strict=True):
        broken = passed(found, c)
        if not broken:
            lines.append(f"| {events:,.0f} | nothing | |")
        lines += [f"| {events:,.0f} | {one.what} ({share:,.1f}) | {one.lift} |" for one, share in broken]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """The command line: the table, and what a month of the first number uses, with the prices of infra/prices.yaml."""
    known = {field.name for field in fields(Constants)}
    parser = argparse.ArgumentParser(prog="python -m deploy.capacity", description="What so many events a day need.")
    parser.add_argument("events", type=float, nargs="*", help="events a day")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=", ".join(sorted(known)))
    asked = parser.parse_args(arguments)
    changes = dict(one.partition("=")[::2] for one in asked.set)
    if wrong := sorted(name for name, text in changes.items() if name not in known or not text.replace(".", "", 1).isdigit()):
        parser.error(f"no such constant, or no number: {', '.join(wrong)}")
    constants = replace(Constants(), **{name: float(text) for name, text in changes.items()})
    sys.stdout.write(table(tuple(asked.events) or SHOWN, constants))
    for events in asked.events:
        sys.stdout.write(f"\nA month of {events:,.0f} events a day (prices: infra/prices.yaml):\n\n{cost.table(events / 24)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
