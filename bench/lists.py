"""(g) A page of 50 contacts through the host: out of 1,000,000, against the same page out of 10,000.

First page, a page in the middle by name, and a search for a name that many have. Each database has its own host; the requests
to the two alternate, so that whatever else the machine does falls on both. The search for a rare name has to look at every row,
so its time grows with the table; it is shown without an aim.
"""

import http.client
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Engine, insert

from bench.harness import BenchError, Figure, Options, percentile
from bench.stack import KEY, Stack
from shared import clock
from shared.store.models import Contact
from shared.store.search import search_text

AIM = 2.0
PAGE = 50
FIRST_NAMES = ("Ana", "María José", "José Ángel", "Lucía", "Iñaki", "Sofía", "Héctor", "Zoë")
LAST_NAMES = ("Núñez", "García", "de la Peña", "Íñiguez", "Ramírez", "Quispe", "O'Hara", "Yáñez")
RARE = "Wojciechowska"


@dataclass(frozen=True)
class Query:
    """One list that is asked for. `deep`: behind a cursor from the middle of the table."""

    what: str
    parameters: dict[str, str]
    deep: bool = False
    aim: bool = True


QUERIES = (
    Query("first page of contacts", {}),
    Query("page in the middle, by name", {"sort": "name"}, deep=True),
    Query("search for a frequent name", {"q": "garcía"}),
    Query("search for a rare name", {"q": RARE.lower()}, aim=False),
)


def run(options: Options) -> list[Figure]:
    """Measure."""
    many, few, rounds = options.pick(1_000_000, 100_000), 10_000, options.pick(60, 15)
    with Stack() as stack:
        databases = [_filled(stack, rows) for rows in (many, few)]
        with stack.host(databases[0]) as large, stack.host(databases[1]) as small:
            asks = [_asker(large.port), _asker(small.port)]
            return [_figure(query, asks, (many, few), rounds) for query in QUERIES]


def _figure(query: Query, asks: list[Callable[[dict[str, str]], Any]], sizes: tuple[int, int], rounds: int) -> Figure:
    parameters = [_parameters(query, ask) for ask in asks]
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for ask, said, found in zip(asks, parameters, times, strict=True):
            started = time.perf_counter()
            ask(said)
            found.append(1000 * (time.perf_counter() - started))
    values = [statistics.median(found) for found in times]
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


def _parameters(query: Query, ask: Callable[[dict[str, str]], Any]) -> dict[str, str]:
    """The query with its cursor, after it was asked for once, so that nothing is measured that is done once per process."""
    said = {"limit": str(PAGE)} | query.parameters
    page = ask(said)
    return said | {"after": _cursor()} if query.deep and page["next"] else said


def _cursor() -> str:
    """A place in the middle of the names, made as the list makes its own."""
    from shared.web.cursor import Cursor

    return Cursor(order="name").text(search_text("Lucía", None, None), 1)


def _asker(port: int) -> Callable[[dict[str, str]], Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(parameters: dict[str, str]) -> Any:
        connection.request("GET", f"/api/v1/contacts?{urlencode(parameters)}", headers={"X-API-KEY": KEY})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise BenchError(f"the list answered {answer.status}: {body[:200]!r}")
        page = json.loads(body)
        if not page["items"]:
            raise BenchError("the list is empty")
        return page

    return ask


def _filled(stack: Stack, rows: int) -> Engine:
    database = stack.database(f"lists-{rows}")
    with database.begin() as connection:
        for batch in batched(_people(rows), 10_000, strict=False):
            connection.execute(insert(Contact), list(batch))
    with database.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    return database


def _people(rows: int) -> Iterator[dict[str, Any]]:
    chance, now = random.Random(7), clock.now()  # noqa: S311  # names, not secrets
    for number in range(rows):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES) if number % 5000 else RARE
        phone = f"+52155{number:08d}"
        yield {
            "manychat_id": f"bench-{number}",
            "first_name": first,
            "last_name": f"{last} {number % 997}",
            "phone": phone,
            "search_text": search_text(first, f"{last} {number % 997}", phone),
            "fact_times": {},
            "created_at": now,
            "updated_at": now,
        }
