"""(g2) Pages of the console's lists with 1,000,000 executions, deliveries and contacts, against 10,000 of each.

With `--huge` 10,000,000. The pages that tell of a day are asked for as well: the hours of that day are counted, as the job of
each minute has done it. What is open or stopped does not grow with a table: both databases have the same 500 deliveries that
wait, of which 100 are tried again. Each database has its own host; the requests to the two alternate. Free text looks at every
event of its time, and the reports read every contact, so both are shown without an aim.
"""

import http.client
import re
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import Engine

from bench.harness import BenchError, Figure, Options, percentile
from bench.stack import KEY, Stack
from shared.store.session import transact
from shared.watch import hour_figures

AIM = 1.3
OPEN = 500
TIMERS = ("dispatch_due", "retry_errored_syncs", "collect_poison", "watch", "forget_old", "reconcile_odoo")
_MOMENT = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ((:rows - n) * 30.0 * 86400 / :rows) || ' seconds') || '000'"
_COLUMNS = {
    "inbox": {
        "key": "printf('%064x', n)",
        "event_id": "'event-' || n",
        "source": "'manychat'",
        "type": "CASE n % 3 WHEN 0 THEN 'lead.form' ELSE 'manychat.contact' END",
        "subject": "'bench-' || (n / 20)",
        "occurred_at": _MOMENT,
        "received_at": _MOMENT,
        "handled_at": _MOMENT,
        "outcome": "'applied'",
        "data": "'{\"nombre\": \"Ana ' || n || '\"}'",
    },
    "deliveries": {
        "kind": "'sync'",
        "target": "CASE n % 4 WHEN 0 THEN 'kommo' ELSE 'odoo' END",
        "action": "'contact'",
        "subject": "'bench-' || (n / 20)",
        "state": "CASE WHEN n > :rows - :open THEN 'pending' ELSE 'done' END",
        "due_at": "strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 day') || '000'",
        "attempts": "CASE WHEN n > :rows - :open / 5 THEN 2 ELSE 0 END",
        "wanted": "1",
        "claimed": "1",
        "event_key": "printf('%064x', n)",
        "lane": "'transactional'",
        "waits_for": "CASE WHEN n > :rows - :open / 5 THEN 'backoff' END",
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "finished_at": _MOMENT,
    },
    "contacts": {
        "manychat_id": "'bench-' || n",
        "first_name": "CASE n % 4 WHEN 0 THEN 'Ana' ELSE 'Zoe' END",
        "last_name": "'Garcia ' || (n % 997)",
        "search_text": "CASE n % 4 WHEN 0 THEN 'ana' ELSE 'zoe' END || ' garcia ' || (n % 997)",
        "fact_times": "'{}'",
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "odoo_linked": "0",
        "odoo_sync_attempts": "0",
    },
    "action_log": {
        "at": _MOMENT,
        "actor": "'system'",
        "action": "CASE n % 4 WHEN 0 THEN 'kommo.contact' ELSE 'odoo.contact' END",
        "subject": "'bench-' || (n / 20)",
        "delivery_id": "n",
        "attempt": "1",
        "result": "CASE n % 9 WHEN 0 THEN 'unavailable' ELSE 'done' END",
    },
}
_RUNS = 26
"""Of the job that counts hours: it begins a day back, and each run makes good an hour."""


@dataclass(frozen=True)
class Query:
    """One page that is asked for. `older`: its second page, behind the cursor that the first one shows."""

    what: str
    path: str
    older: bool = False
    aim: bool = True


def _queries(middle: int) -> tuple[Query, ...]:
    return (
        Query("executions, newest", "/console/executions?since="),
        Query("executions, second page", "/console/executions?since=", older=True),
        Query("executions of a flow", "/console/executions?since=&flow=leads"),
        Query("executions that are retried", "/console/executions?since=&state=retrying"),
        Query("executions of a person", "/console/executions?since=&subject=bench-17"),
        Query("executions by text of an hour", "/console/executions?since=1h&text=Ana", aim=False),
        Query("one execution", f"/console/executions/{middle}"),
        Query("people, newest", "/console/people"),
        Query("people by id", "/console/people?q=event-17"),
        Query("people by a frequent name", f"/console/people?{urlencode({'q': 'ana garcia'})}"),
        Query("deliveries, newest", "/console/deliveries"),
        Query("deliveries, second page", "/console/deliveries", older=True),
        Query("deliveries to a system", "/console/deliveries?target=odoo"),
        Query("deliveries that are retried", "/console/deliveries?state=retrying"),
        Query("deliveries of a person", "/console/deliveries?subject=bench-17"),
        Query("the first page", "/console"),
        Query("systems", "/console/systems"),
        Query("one system", "/console/systems/odoo"),
        Query("flows", "/console/flows"),
        Query("one flow", "/console/flows/leads"),
        Query("reports of 30 days", "/console/reports?days=30", aim=False),
    )


def run(options: Options) -> list[Figure]:
    """Measure."""
    many, few, rounds = options.pick(10_000_000 if options.huge else 1_000_000, 100_000), 10_000, options.pick(40, 10)
    with Stack() as stack:
        databases = [_filled(stack, rows) for rows in (many, few)]
        secret = {"LINK_SIGNING_SECRETS": "bench"}
        with (
            stack.host(databases[0], secret, disabled=TIMERS) as large,
            stack.host(databases[1], secret, disabled=TIMERS) as small,
        ):
            asks = [_signed_in(large.port), _signed_in(small.port)]
            pairs = zip(_queries(many // 2), _queries(few // 2), strict=True)
            return [_figure(pair, asks, (many, few), rounds) for pair in pairs]


def _figure(pair: tuple[Query, Query], asks: list[Callable[[str], str]], sizes: tuple[int, int], rounds: int) -> Figure:
    paths = [_path(query, ask) for query, ask in zip(pair, asks, strict=True)]
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for ask, path, found in zip(asks, paths, times, strict=True):
            started = time.perf_counter()
            ask(path)
            found.append(1000 * (time.perf_counter() - started))
    values, query = [statistics.median(found) for found in times], pair[0]
    return Figure(
        what=f"{query.what}, p50",
        value=values[0],
        baseline=values[1],
        unit="ms",
        against=f"{sizes[1]:,} rows in place of {sizes[0]:,}",
        aim=f"ratio at most {AIM:g}" if query.aim else "",
        met=values[0] <= AIM * values[1] if query.aim else None,
        details={"rounds": rounds, "p95": [percentile(found, 0.95) for found in times]},
    )


def _path(query: Query, ask: Callable[[str], str]) -> str:
    """The address, asked for once before, so that nothing is measured that is done once per process."""
    page = ask(query.path)
    if not query.older:
        return query.path
    found = re.search(r'<a class="btn" rel="next" href="([^"]+)"', page)
    if found is None:
        raise BenchError(f"{query.path} has no second page")
    return found[1].replace("&amp;", "&")


def _signed_in(port: int) -> Callable[[str], str]:
    """Asks for pages as somebody who has signed in."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    form = {"content-type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/console/sign-in", urlencode({"key": KEY}), form)
    answer = connection.getresponse()
    answer.read()
    cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
    if not cookie:
        raise BenchError(f"nobody could sign in: {answer.status}")

    def ask(path: str) -> str:
        connection.request("GET", path, headers={"cookie": cookie, "accept-language": "en"})
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status == http.client.SEE_OTHER:
            return ask(answer.getheader("location") or "/console")
        if answer.status != http.client.OK:
            raise BenchError(f"{path} answered {answer.status}: {body[:200]!r}")
        return body

    return ask


def _filled(stack: Stack, rows: int) -> Engine:
    database = stack.database(f"console-{rows}")
    with database.begin() as connection:
        for table, columns in _COLUMNS.items():
            connection.exec_driver_sql(_filling(table, columns), {"rows": rows, "open": OPEN})
    with database.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    for _ in range(_RUNS):
        transact(hour_figures.fold, database)
    return database


def _filling(table: str, columns: Mapping[str, str]) -> str:
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)"
    return f"INSERT INTO {table} ({', '.join(columns)}) {numbers} SELECT {', '.join(columns.values())} FROM numbers"  # noqa: S608  # ours
