"""`python -m deploy.cost <events an hour>`: what a month uses, and with your prices what it costs (docs/cost.md).

Quantities follow from how the system works; prices are yours to fill in (`infra/prices.yaml`), since they differ by region,
currency and contract. Every number that is an assumption stands in `Assumptions`.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

PRICES = Path(__file__).resolve().parents[1] / "infra" / "prices.yaml"
HOURS = 730
MONTH = HOURS * 3600
MILLION, GIB = 1_000_000, 1_000_000_000
TIMER_RUNS = {"dispatch_due": 30, "collect_poison": 60, "retry_errored_syncs": 300, "watch": 60}  # seconds between


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What is not counted but supposed. Measure yours and put them in."""

    intakes_per_instance: float = 60  # webhooks a second that one instance takes in
    events_per_instance: float = 20  # events a second that one instance handles
    calls_per_second: float = 1  # ODOO_CALLS_PER_SECOND: batches begun, all instances together
    instance_gb: float = 2
    always_ready: int = 3  # two for http, one for deliveries
    queues: int = 14
    poll_seconds: float = 2  # host.json: maxPollingInterval
    lines_per_event: float = 1.0  # measured: `make bench`, "log lines of ours for an event"
    bytes_per_text: float = 92  # measured there: the text of such a line
    bytes_beside_text: float = 700  # supposed: all other columns of a row of AppTraces
    bytes_per_request: float = 1500  # supposed: a row of AppRequests
    request_share: float = 0.1  # host.json: maxSamplingPercentage; the host's other lines are left out by its logLevel
    spans_per_event: float = 3  # webhook, handler, its part of a delivery
    bytes_per_span: float = 1200  # supposed: a row of AppDependencies
    trace_share: float = 0.05  # TRACE_SHARE
    bytes_per_state: float = 2500  # the line of each minute (docs/operate.md)
    sql_min_vcores: float = 0.5
    events_per_vcore: float = 40  # events a second that one vCore of the database bears
    bytes_per_event: float = 3250  # measured 1,300 on SQLite (`make bench constants`), times 2.5 as in deploy/capacity.py
    private_network: bool = False
    alerts: int = 17


def instance_seconds(per_second: float, capacity: float) -> float:
    """Seconds in a month that instances of one function are busy, when something comes `per_second` times a second.

    An instance is billed for at least a second, so what comes rarely keeps one busy for `1 - e^-rate` of the time; what comes
    often needs `rate / capacity` instances all the time.
    """
    return MONTH * max(1 - math.exp(-per_second), per_second / capacity)


def quantities(events_per_hour: float, given: Assumptions | None = None) -> dict[str, float]:
    """What a month of so many events an hour uses, in the units that are paid for."""
    a = given or Assumptions()
    rate = events_per_hour / 3600
    events = events_per_hour * HOURS
    batches = min(rate, a.calls_per_second)
    timers = sum(MONTH / seconds for seconds in TIMER_RUNS.values())
    busy = (
        instance_seconds(rate, a.intakes_per_instance)
        + instance_seconds(rate, a.events_per_instance)
        + instance_seconds(batches, 1)
        + sum(instance_seconds(1 / seconds, 1) for seconds in TIMER_RUNS.values())
    )
    executions = 2 * events + batches * MONTH + timers
    vcores = max(a.sql_min_vcores, rate / a.events_per_vcore)
    return {
        "executions, million": executions / MILLION,
        "GB-seconds on demand": busy * a.instance_gb,
        "GB-seconds always ready": a.always_ready * a.instance_gb * MONTH,
        "queue operations, million": (6 * events + 3 * a.queues * MONTH / 60 + a.queues * MONTH / a.poll_seconds) / MILLION,
        "vCore-seconds": vcores * MONTH,
        "database GB, after a year": 12 * events * a.bytes_per_event / GIB,
        "log GB": (events * log_bytes_per_event(a) + timers * _log_bytes_of_timer(a) + MONTH / 60 * a.bytes_per_state) / GIB,
        "alert rules": a.alerts,
        "NAT gateway hours": HOURS if a.private_network else 0,
        "private endpoint hours": 4 * HOURS if a.private_network else 0,
    }


def log_bytes_per_event(a: Assumptions) -> float:
    """What an event writes into Azure Monitor at the default level: our lines, and its requests and spans by their shares."""
    lines = a.lines_per_event * (a.bytes_per_text + a.bytes_beside_text)
    requests = 2 * a.bytes_per_request * a.request_share
    return lines + requests + a.spans_per_event * a.bytes_per_span * a.trace_share


def _log_bytes_of_timer(a: Assumptions) -> float:
    """The line with which each run of a timer ends, and its request."""
    return a.bytes_beside_text + a.bytes_per_request * a.request_share


def costs(used: dict[str, float], prices: dict[str, float | None]) -> dict[str, float | None]:
    """Each quantity times its price; None where the price is not filled in."""
    return {name: None if prices.get(name) is None else amount * float(prices[name] or 0) for name, amount in used.items()}


def table(events_per_hour: float, given: Assumptions | None = None) -> str:
    """A Markdown table: quantity, price and cost of each thing that is paid for, and the sum of what has a price."""
    prices: dict[str, float | None] = yaml.safe_load(PRICES.read_text("utf-8"))
    used = quantities(events_per_hour, given)
    paid = costs(used, prices)
    rows = ["| What | In a month | Price | Cost |", "|---|--:|--:|--:|"]
    for name, amount in used.items():
        price, cost = prices.get(name), paid[name]
        rows.append(
            f"| {name} | {amount:,.1f} | {'?' if price is None else price} | {'?' if cost is None else f'{cost:,.2f}'} |"
        )
    known = [cost for cost in paid.values() if cost is not None]
    rows.append(
        f"| **Sum of what has a price** | | | {sum(known):,.2f} |" if known else "| **Fill in infra/prices.yaml** | | | ? |"
    )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].replace(".", "", 1).isdigit():  # noqa: PLR2004  # the program and one number
        sys.exit("usage: python -m deploy.cost <events an hour>")
    sys.stdout.write(table(float(sys.argv[1])))
