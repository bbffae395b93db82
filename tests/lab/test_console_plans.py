"""The console's lists over many rows on PostgreSQL: no statement of a page reads more rows than a list counts.

Figures of a day come from its hours, which the job of each minute has added up. Reports are no lists: contacts by channel and
opportunities by stage read all of them. What is read is taken from the database's own account of each statement (EXPLAIN
ANALYZE), not from a clock.
"""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine, event, text

from shared.settings import get_settings
from shared.watch import hour_figures
from shared.web.paging import COUNTED_TO
from tests.functions.console.browser import Browser, keys

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="PostgreSQL is asked: make test-lab"
    ),
]
ROWS = int(os.environ.get("PUENTE_LAB_ROWS") or 100_000)
OPEN = 500
RUNS = 26
"""Of the job that counts hours: it begins a day back, and each run makes good an hour."""
MOST = 3 * COUNTED_TO + 1
"""Rows of one step of a statement: a list counts to COUNTED_TO, and a filter here is met by a third of the rows at least."""
FEW = {"outages": 2_000, "reconciliations": 2_000, "text_versions": 2_000}
"""What retention, or people who make it one by one, keep few."""
AGO = f"now() - ({ROWS} - n) * interval '30 days' / {ROWS}"
EVENT = "lpad(to_hex(n), 64, '0')"
STATE = f"CASE WHEN n > {ROWS - OPEN} THEN 'pending' ELSE 'done' END"
WAITS = f"CASE WHEN n > {ROWS - OPEN // 5} THEN 'backoff' END"
TABLES: dict[str, dict[str, str]] = {
    "inbox": {
        "key": EVENT,
        "event_id": "'event-' || n",
        "source": "'manychat'",
        "type": "CASE mod(n, 3) WHEN 0 THEN 'lead.form' ELSE 'manychat.contact' END",
        "subject": "'bench-' || (n / 20)",
        "occurred_at": AGO,
        "received_at": AGO,
        "handled_at": AGO,
        "outcome": "'applied'",
        "data": "'{}'",
    },
    "deliveries": {
        "kind": "'sync'",
        "target": "CASE mod(n, 4) WHEN 0 THEN 'kommo' ELSE 'odoo' END",
        "action": "'contact'",
        "subject": "'bench-' || (n / 20)",
        "state": STATE,
        "due_at": "now() + interval '1 day'",
        "attempts": "0",
        "wanted": "1",
        "claimed": "1",
        "event_key": EVENT,
        "lane": "'transactional'",
        "waits_for": WAITS,
        "created_at": AGO,
        "updated_at": AGO,
        "finished_at": AGO,
        "owed_since": AGO,
    },
    "contacts": {
        "manychat_id": "'bench-' || n",
        "first_name": "CASE mod(n, 4) WHEN 0 THEN 'Ana' ELSE 'Zoe' END",
        "last_name": "'Garcia ' || mod(n, 997)",
        "search_text": "CASE mod(n, 4) WHEN 0 THEN 'ana' ELSE 'zoe' END || ' garcia ' || mod(n, 997)",
        "fact_times": "'{}'",
        "created_at": AGO,
        "updated_at": AGO,
        "odoo_linked": "false",
        "odoo_sync_attempts": "0",
    },
    "action_log": {
        "at": AGO,
        "actor": "'system'",
        "action": "'odoo.contact'",
        "subject": "'bench-' || (n / 20)",
        "delivery_id": "n",
        "attempt": "1",
        "result": "'done'",
    },
    "text_versions": {
        "name": "'broadcast_news'",
        "locale": "'es'",
        "number": "n",
        "is_file": "false",
        "subject": "''",
        "text": "'Hola {{ first_name }}: {{ text }} BAJA'",
        "html": "''",
        "actor": "'key:olga'",
        "created_at": AGO,
    },
    "plans": {
        "kind": "'replay'",
        "asked": """'{"letter": 1, "through": 1}'""",
        "asked_by": "'key:olga'",
        "asker": "'olga'",
        "state": "'dropped'",
        "rounds": "0",
        "hash": "''",
        "figures": "'{}'",
        "goings": "'{}'",
        "created_at": AGO,
        "updated_at": AGO,
    },
    "bookings": {
        "calendar": "'calcom'",
        "uid": "'b' || n",
        "current_uid": "'b' || n",
        "status": "CASE mod(n, 2) WHEN 0 THEN 'booked' ELSE 'ended' END",
        "said_at": AGO,
        "start_at": AGO,
        "created_at": AGO,
        "updated_at": AGO,
    },
    "outages": {"target": "'odoo'", "started_at": AGO, "ended_at": AGO, "held_up": "1", "done": "1", "not_done": "0"},
    "reconciliations": {
        "system": "'odoo'",
        "asked_by": "'timer'",
        "asked_at": AGO,
        "dry_run": "true",
        "state": "'done'",
        "pages": "0",
        "finished_at": AGO,
    },
}
MIDDLE = ROWS // 2
PATHS = (
    "/console",
    "/console/executions?since=",
    "/console/executions?since=&flow=leads",
    "/console/executions?since=&state=retrying",
    "/console/executions?since=&subject=bench-17",
    f"/console/executions/{MIDDLE}",
    "/console/people",
    "/console/people?q=event-17",
    f"/console/people?{urlencode({'q': 'ana garcia'})}",
    "/console/deliveries",
    "/console/deliveries?target=odoo",
    "/console/deliveries?state=retrying",
    "/console/deliveries?subject=bench-17",
    f"/console/deliveries/{MIDDLE}",
    "/console/systems",
    "/console/systems/odoo",
    "/console/plans",
    "/console/approvals",
    "/console/records/bookings",
    "/console/records/bookings?state=booked",
    "/console/texts",
    "/console/texts/broadcast_news",
    "/console/stopped",
    "/console/answers",
    "/console/journeys",
    "/console/broadcasts",
    "/console/flows/leads",
)
PAGED = ("/console/executions?since=", "/console/deliveries", "/console/plans", "/console/records/bookings")


@pytest.fixture
def filled(database: Engine, environment: pytest.MonkeyPatch, storage: Any) -> Engine:
    """So many rows of everything that grows, and the planner's knowledge of them."""
    environment.setenv("API_KEYS", keys(vera=["read"]))
    environment.setenv("LINK_SIGNING_SECRETS", "a-secret-of-tests")
    get_settings.cache_clear()
    with database.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for table, columns in TABLES.items():
            names, values = ", ".join(columns), ", ".join(columns.values())
            rows = FEW.get(table, ROWS)
            statement = f"INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, {rows}) n"  # noqa: S608  # our own
            connection.exec_driver_sql(statement)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    for _ in range(RUNS):
        hour_figures.count()
    return database


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_read(plan: dict[str, Any]) -> int:
    """The most rows that one step of a statement has looked at, thrown away or not."""
    looked = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")
    return max(int(sum(node.get(name, 0) for name in looked) * node["Actual Loops"]) for node in nodes(plan))


def test_no_page_reads_more_rows_than_it_counts(filled: Engine, record_property: Any) -> None:
    """However many there are: each list seeks in an index, or stops where a page stops counting."""
    browser = Browser().signed_in("vera-key")
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")) and " FOR " not in statement:
            asked.append((statement, parameters))

    most: dict[str, int] = {}
    too_many: list[tuple[str, int, str]] = []
    paths = list(PATHS)
    for path in paths:
        asked.clear()
        event.listen(filled, "before_cursor_execute", note)
        try:
            page = browser.get(path)
        finally:
            event.remove(filled, "before_cursor_execute", note)
        assert (path, page.status) == (path, 200)
        if path in PAGED:
            paths += [link for link in page.links() if "after=" in link][:1]
        with filled.connect() as connection:
            for statement, parameters in asked:
                explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
                found = json.loads(explained) if isinstance(explained, str) else explained
                rows = rows_read(found[0]["Plan"])
                most[path] = max(most.get(path, 0), rows)
                too_many += [(path, rows, statement)] if rows > MOST else []
    record_property("rows read by a page", most)
    assert len(paths) == len(PATHS) + len(PAGED)
    assert too_many == []
