"""Pages of a list: complete, without doubles, whatever happens to the table between two of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from shared.store.models import Contact
from shared.store.session import transact
from tests.support.examples import examples
from tests.unit.web.calls import Api

LIST = "/api/v1/contacts"


def pages(api: Api, between: Callable[[int], None] = lambda _number: None, **query: Any) -> list[list[str]]:
    """Every page to the end; `between` is called after each."""
    found: list[list[str]] = []
    while True:
        answer = api.get(LIST, **query).json
        found.append([item["manychat_id"] for item in answer["items"]])
        if answer["next"] is None:
            return found
        query["after"] = answer["next"]
        between(len(found))


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize(("rows", "limit", "sizes"), [(0, 2, [0]), (2, 2, [2]), (3, 2, [2, 1]), (4, 2, [2, 2]), (4, 200, [4])])
def test_last_page_says_that_it_is_the_last(
    api: Api, add: Callable[..., Any], order: str, rows: int, limit: int, sizes: list[int]
) -> None:
    """`next` is null exactly when nothing follows: no empty page at the end."""
    for number in range(rows):
        add(Contact(manychat_id=f"m{number}"))
    assert [len(page) for page in pages(api, order=order, limit=limit)] == sizes


def test_total_counts_all_pages(api: Api, add: Callable[..., Any]) -> None:
    """On every page the same, whatever the limit and the cursor."""
    add(*(Contact(manychat_id=f"m{number}") for number in range(5)))
    first = api.get(LIST, limit=2).json
    second = api.get(LIST, limit=2, after=first["next"]).json
    assert (first["total"], second["total"]) == (5, 5)


@given(
    rows=st.integers(0, 12),
    limit=st.integers(1, 5),
    order=st.sampled_from(["newest", "oldest"]),
    events=st.lists(st.sampled_from(["insert", "delete", "nothing"]), max_size=6),
)
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_that_come_and_go_between_pages_disturb_no_others(
    api: Api, add: Callable[..., Any], rows: int, limit: int, order: str, events: list[str]
) -> None:
    """Whatever is there from the first page to the last is seen exactly once, in order."""
    transact(lambda session: session.execute(delete(Contact)))
    names = [f"m{number}" for number in range(rows)]
    for name in names:
        add(Contact(manychat_id=name))
    gone: set[str] = set()

    def between(number: int) -> None:
        happens = events[number - 1] if number <= len(events) else "nothing"
        if happens == "insert":
            add(Contact(manychat_id=f"new{number}"))
        elif happens == "delete" and names:
            gone.add(names[number % len(names)])
            transact(lambda session: session.execute(delete(Contact).where(Contact.manychat_id == names[number % len(names)])))

    seen = [name for page in pages(api, between, limit=limit, order=order) for name in page]
    stayed = [name for name in names if name not in gone]
    expected = stayed if order == "oldest" else stayed[::-1]
    assert [name for name in seen if name in expected] == expected
    assert len(seen) == len(set(seen))
