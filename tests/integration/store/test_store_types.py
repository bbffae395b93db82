"""Column types mean the same on both databases: what was put in comes out."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError

from shared.store.models import ActionLog, Channel, InboxEvent
from shared.store.session import reading, transact
from shared.store.types import fitting, key_of
from tests.support.examples import examples

AT = datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
each = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
storable = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")


def kept(row):
    """The row as it is read back."""
    kind = type(row)

    def work(session):
        session.add(row)
        session.flush()
        return row.id

    row_id = transact(work)
    with reading() as session:
        return session.get(kind, row_id)


def event(**more):
    """An inbox row."""
    values = {"key": key_of(str(more)), "event_id": "e", "source": "s", "type": "t", "occurred_at": AT, "received_at": AT}
    return InboxEvent(**(values | {"data": {}} | more))


@pytest.mark.parametrize("offset", [0, -6, 14, 5.75])
def test_instants_are_stored_in_utc(database, offset):
    """Any offset goes in, UTC comes out, to the microsecond."""
    zone = timezone(timedelta(hours=offset))
    found = kept(event(occurred_at=AT.astimezone(zone)))
    assert (found.occurred_at, found.occurred_at.tzinfo) == (AT, UTC)


def test_a_time_without_an_offset_is_refused(database):
    """Whoever wrote it has forgotten where it came from."""
    with pytest.raises(StatementError, match="naive"):
        kept(event(occurred_at=AT.replace(tzinfo=None)))


@pytest.mark.parametrize("year", [1900, 2199])
def test_far_instants(database, year):
    """As far as intake takes them."""
    assert kept(event(occurred_at=AT.replace(year=year))).occurred_at == AT.replace(year=year)


json_values = st.recursive(
    st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text(storable),
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(st.text(storable), inner | st.none(), max_size=3),
    max_leaves=8,
)


@each
@given(json_values)
def test_json_comes_back_as_it_was(database, value):
    """Accents, emoji, right-to-left text, large numbers, nesting."""
    assert kept(event(key=uuid.uuid4().hex, data=value)).data == value


def test_json_is_readable_in_any_tool(database):
    """Plain text in the column, not escapes."""
    kept(event(data={"nombre": "José 🌷"}))
    with reading() as session:
        assert session.execute(text("SELECT data FROM inbox")).scalar_one() == '{"nombre":"José 🌷"}'


@each
@given(st.text(storable, min_size=1, max_size=50))
def test_texts_come_back_as_they_were(database, name):
    """No folding, no trimming, no composing."""
    assert kept(Channel(key=uuid.uuid4().hex, name=name)).name == name


@pytest.mark.parametrize("pair", [("🌷", "🌻"), ("a", "A"), ("e\u0301", "é"), ("ab", "a b")])
def test_keys_are_told_apart_exactly(database, pair):
    """A key is a hash, so that no collation can take two texts for one."""
    assert len({key_of(part) for part in pair}) == 2


def test_parts_of_a_key_do_not_run_together():
    """Where one part ends and the next begins counts."""
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("a", "") != key_of("a")


@given(st.text(max_size=30), st.integers(1, 12))
def test_fitting(words, room):
    """The beginning of a text, never more than fits as Azure SQL counts, never half an emoji, always storable."""
    found = fitting(words, room)
    assert len(found.encode("utf-16-le")) // 2 <= room
    if "\x00" not in words:
        assert words.startswith(found)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("x" * 2000, "x" * 1000),
        ("🌷" * 2000, "🌷" * 500),
        ("x" + "🌷" * 500, "x" + "🌷" * 499),
        ("a\x00\ud800", "a\\x00\\ud800"),
    ],
)
def test_words_for_people_always_fit(database, words, expected):
    """An error's words are cut to their column; they never make the row that tells of it fail."""
    assert kept(ActionLog(actor="system", action="a", result="r", detail=words)).detail == expected


def test_reading_takes_no_lock(database):
    """A long look at the database does not hold up a writer."""
    with reading() as session:
        session.execute(select(Channel)).all()
        transact(lambda writer: writer.add(Channel(key="k", name="n")))
