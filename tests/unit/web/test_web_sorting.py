"""Lists in an order of the caller's choice: complete, without doubles, whatever is inserted between two pages."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from shared import clock
from shared.store import search
from shared.store.models import Contact
from shared.store.session import transact
from shared.web import paging
from shared.web.cursor import Cursor
from tests.support.examples import examples
from tests.unit.web.calls import Api

LIST = "/api/v1/contacts"
SORTS = ["name", "-name", "updated_at", "-updated_at", "id", "-id"]
PEOPLE = st.lists(st.tuples(st.sampled_from(["", "Ana", "ÁNA", "Zoë", "ñ", "🌟", "a'b"]), st.integers(0, 2)), max_size=10)


def store(people: list[tuple[str, int]]) -> None:
    """Contacts of these names, changed so many seconds after the start."""

    def work(session: Any) -> None:
        for number, (name, seconds) in enumerate(people):
            at = clock.now() + timedelta(seconds=seconds)
            session.add(Contact(manychat_id=f"{len(name)}{at}{number}{clock.jitter(1)}"[:50], first_name=name, updated_at=at))

    transact(work)


def cursor(by: str, *place: Any) -> str:
    """What may be taken for the end of a page."""
    return Cursor(order=by).text(*place)


@given(first=PEOPLE, later=PEOPLE, limit=st.integers(1, 4), sort=st.sampled_from(SORTS))
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_put_together_are_the_sorted_whole(
    api: Api, test_clock: clock.TestClock, first: list[Any], later: list[Any], limit: int, sort: str
) -> None:
    """Equal values, empty ones, any letters, more rows after the first page: each row once, in the order of the whole."""
    transact(lambda session: session.execute(delete(Contact)))
    store(first)
    before = [item["id"] for item in api.get(LIST, sort=sort, limit=200).json["items"]]
    seen, query = [], {"sort": sort, "limit": limit}
    while True:
        page = api.get(LIST, **query).json
        seen += [item["id"] for item in page["items"]]
        if "after" not in query:
            store(later)
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert [number for number in seen if number in before] == before
    assert len(seen) == len(set(seen))
    whole = [item["id"] for item in api.get(LIST, sort=sort, limit=200).json["items"]]
    assert seen == [number for number in whole if number in seen]


@pytest.mark.parametrize(
    "after",
    [
        "abc",
        "!",
        "é",
        cursor("name", "ana"),
        cursor("name", "ana", "1"),
        cursor("name", 5, 1),
        cursor("-name", "ana", 1),
        cursor("name", "ana", -1),
        cursor("name", "ana", 10**18),
        cursor("name", "ana", True),
        cursor("name", *range(900)),
        cursor("name", "a\0", 1),
        f"name~{base64.urlsafe_b64encode(b'\xed\xa0\x80').decode()}~1",  # half of a pair
        "name~YQ~" + "9" * 25,
        "name~YQ~\u0661",
        "name~Y~1",
        "x" * 5000,
    ],
)
def test_what_is_no_cursor_of_the_list_is_refused(api: Api, after: str) -> None:
    """422 that names it, never a failure."""
    answer = api.get(LIST, sort="name", after=after)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "after")


@pytest.mark.parametrize("value", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", None, [], {}])
def test_cursor_with_a_time_that_is_none_is_refused(api: Api, value: Any) -> None:
    """Also at the edges of the calendar."""
    assert api.get(LIST, sort="updated_at", after=cursor("updated_at", value, 1)).status == 422


def test_counting_ends_where_nobody_reads_on(api: Api, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> None:
    """The total of a long list is that bound, at the same cost for any number of rows."""
    environment.setattr(paging, "COUNTED_TO", 3)
    for size, total in ((3, 3), (2, 3)):
        store([("a", 0)] * size)
        assert api.get(LIST, limit=1).json["total"] == total


@given(st.text(), st.text(), st.text())
def test_search_text_fits_its_column_and_is_stable(first: str, last: str, phone: str) -> None:
    """Whatever people are called: at most what an index takes, counted as Azure SQL counts."""
    made = search.search_text(first, last, phone)
    assert len(made.encode("utf-16-le", "surrogatepass")) <= 2 * search.LONGEST
    assert search.plain(search.plain(first)) == search.plain(first)


def test_sorted_list_of_many_costs_a_seek(api: Api, database: Any, add: Callable[..., Any]) -> None:
    """The database finds the page in an index, behind any cursor, without sorting."""
    from sqlalchemy import event

    add(*(Contact(manychat_id=f"m{number}", first_name=f"A{number % 7}") for number in range(50)))
    statements: list[tuple[str, Any]] = []
    event.listen(database, "before_cursor_execute", lambda *said: statements.append((said[2], said[3])))
    for sort in SORTS:
        after = api.get(LIST, sort=sort, limit=20).json["next"]
        statements.clear()
        api.get(LIST, sort=sort, limit=20, after=after)
        (page,) = [(text, values) for text, values in statements if "ORDER BY" in text]
        assert len(page[1]) < 10  # a cursor is a place in the order, not a list of what has been seen
        if database.dialect.name == "sqlite":  # each database has plans of its own
            with database.connect() as connection:
                plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {page[0]}", page[1]).all())
            assert "SEARCH contacts" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
