"""(c) From the accepted webhook to the lead in Odoo, at a steady modest rate, against writing one lead to Odoo directly.

The times are our own: `received_at` of the event and `odoo_synced_at` of its opportunity, which is set after Odoo's answer.
Every event is about a new person. With the default pace (one batch a second) waiting for one's turn is most of the time; the
second pair of figures is without a pace.
"""

import time

from sqlalchemy import Engine, select

from bench.harness import Figure, Options, percentile
from bench.load import WebhookClient, bodies
from bench.stack import Stack, wait_until_synced
from sandbox.testing import ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD
from shared.store.models import InboxEvent, Opportunity
from shared.store.session import reading
from shared.vendors.http import HttpClient
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.transports import JsonRpcTransport
from shared.vendors.odoo.upsert import UpsertRow, upsert

EVENTS_PER_SECOND = 5
NO_PACE = {"ODOO_CALLS_PER_SECOND": "100"}


def run(options: Options) -> list[Figure]:
    """Measure."""
    events = options.pick(100, 25)
    with Stack() as stack:
        direct = _direct(stack, events)
        paced = _through_the_host(stack, events, {})
        unpaced = _through_the_host(stack, events, NO_PACE)
    return [*_figures("default pace", paced, direct), *_figures("no pace", unpaced, direct)]


def _through_the_host(stack: Stack, events: int, settings: dict[str, str]) -> list[float]:
    """Seconds from accepted to written, for each event."""
    stack.sandbox.reset()
    database = stack.database(f"sync-{len(settings)}")
    with stack.host(database, settings) as host:
        send, first, *rest = WebhookClient(host.port), *bodies(events + 1)
        send(first)  # what is loaded and looked up once per process is not what a steady rate costs
        wait_until_synced(database, 1)
        _steadily(send, rest)
        wait_until_synced(database, events + 1)
    return _seconds(database)


def _steadily(send: WebhookClient, events: list[bytes]) -> None:
    start = time.monotonic()
    for number, body in enumerate(events):
        time.sleep(max(start + number / EVENTS_PER_SECOND - time.monotonic(), 0))
        send(body)


def _seconds(database: Engine) -> list[float]:
    query = (
        select(InboxEvent.received_at, Opportunity.odoo_synced_at)
        .join(Opportunity, Opportunity.manychat_id == InboxEvent.subject)
        .order_by(InboxEvent.received_at)
        .offset(1)  # the first was to warm up
    )
    with reading(database) as session:
        return [(synced - received).total_seconds() for received, synced in session.execute(query) if synced]


def _direct(stack: Stack, leads: int) -> list[float]:
    """Seconds for each of as many leads, created one by one on a warm connection."""
    http = HttpClient("Odoo", stack.sandbox.odoo_url, read_seconds=10)
    client = OdooClient(JsonRpcTransport(http, ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD))
    seconds = []
    for number in range(leads + 1):
        row = UpsertRow(f"direct-{number}", {"name": f"Lead {number}", "type": "opportunity"})
        started = time.perf_counter()
        upsert(client, "crm.lead", [row], quiet=True)
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


def _figures(label: str, ours: list[float], direct: list[float]) -> list[Figure]:
    return [
        Figure(
            what=f"accepted to in Odoo, {name}, {label}",
            value=1000 * percentile(ours, share),
            baseline=1000 * percentile(direct, share),
            unit="ms",
            against="writing one lead directly",
            details={"events": len(ours), "events_per_second": EVENTS_PER_SECOND},
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]
