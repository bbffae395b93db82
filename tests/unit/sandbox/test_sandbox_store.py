"""Tables keep their indexes right and forget what is rolled back, in any order of changes."""

from collections import defaultdict
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.odoo.store import Store, Table
from tests.support.examples import examples

COLORS = st.sampled_from(["red", "blue", None])
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), COLORS),
        st.tuples(st.just("update"), st.integers(0, 9), COLORS),
        st.tuples(st.just("delete"), st.integers(0, 9)),
    ),
    max_size=12,
)


class GiveUpError(Exception):
    """Raised to have a transaction rolled back."""


def apply(table: Table, changes: list[tuple[Any, ...]]) -> None:
    """Make the changes; those of rows that are not there fall on another."""
    for kind, *rest in changes:
        ids = list(table.rows)
        if kind == "insert":
            table.insert({"color": rest[0]})
        elif ids and kind == "update":
            table.update(ids[rest[0] % len(ids)], {"color": rest[1]})
        elif ids:
            table.delete(ids[rest[0] % len(ids)])


def content(table: Table) -> tuple[list[dict[str, Any]], dict[Any, set[int]]]:
    """The rows in order and the index, as it should be read off them."""
    index: dict[Any, set[int]] = defaultdict(set)
    for row in table.rows.values():
        index[row["color"]].add(row["id"])
    assert {color: set(ids) for color, ids in table.indexes["color"].items()} == dict(index)
    return [dict(row) for row in table.rows.values()], dict(index)


@settings(max_examples=examples(200), deadline=None)
@given(CHANGES, CHANGES, CHANGES)
def test_what_is_rolled_back_never_was(
    kept: list[tuple[Any, ...]], undone: list[tuple[Any, ...]], inner: list[tuple[Any, ...]]
) -> None:
    """Rows, their order and the indexes are those before the transaction; a savepoint undoes only its own part."""
    store = Store()
    table = store.create_table("things", ["color"])
    with store.transaction():
        apply(table, kept)
    before = content(table)
    with suppress(GiveUpError), store.transaction():
        apply(table, undone)
        midway = content(table)
        with suppress(GiveUpError), store.savepoint():
            apply(table, inner)
            raise GiveUpError
        assert content(table) == midway
        raise GiveUpError
    assert content(table) == before


def test_numbers_are_not_given_twice() -> None:
    """Also not after a rollback, as with a database's sequence."""
    store = Store()
    table = store.create_table("things")
    with suppress(GiveUpError), store.transaction():
        table.insert({})
        raise GiveUpError
    with store.transaction():
        assert table.insert({}) == 2


def test_the_revision_grows_with_changes_only() -> None:
    """A transaction that changes nothing, or is rolled back, leaves it."""
    store = Store()
    table = store.create_table("things")
    with store.transaction():
        pass
    with suppress(GiveUpError), store.transaction():
        table.insert({})
        raise GiveUpError
    assert store.revision == 0
    with store.transaction(), store.transaction():
        table.insert({})
    assert store.revision == 1


@settings(deadline=None)
@given(CHANGES, CHANGES)
def test_a_restored_table_goes_on_like_the_one_that_was_dumped(
    first: list[tuple[Any, ...]], then: list[tuple[Any, ...]]
) -> None:
    """Rows, indexes and the next number."""
    stores = [Store(), Store()]
    tables = [store.create_table("things", ["color"]) for store in stores]
    with stores[0].transaction():
        apply(tables[0], first)
    stores[1].restore(stores[0].dump())
    for store, table in zip(stores, tables, strict=True):
        with store.transaction():
            apply(table, then)
    assert content(tables[0]) == content(tables[1])
    assert tables[0].next_id == tables[1].next_id


def test_the_latest_change_comes_first() -> None:
    """What the board shows on top."""
    store = Store()
    table = store.create_table("things", ["color"])
    with store.transaction():
        first, second = table.insert({"color": "red"}), table.insert({"color": "red"})
        table.update(first, {"size": 1})
    assert list(table.latest_with("color", "red")) == [first, second]
