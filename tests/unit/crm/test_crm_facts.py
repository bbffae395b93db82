"""Facts with dates: what several events say ends the same in whatever order it arrives."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crm import facts
from shared.crm.facts import CLEARED

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


@dataclass
class Row:
    """A row as `merge` sees one."""

    name: str | None = None
    email: str | None = None
    stage: int | None = None
    since: datetime | None = None
    fact_times: Any = field(default_factory=dict)


words = st.fixed_dictionaries(
    {},
    optional={
        "name": st.none() | st.sampled_from(["Ana", "Eva"]) | st.just(CLEARED),
        "email": st.none() | st.just("a@example.com") | st.just(CLEARED),
        "stage": st.none() | st.integers(16, 18),
    },
)
# An event's key names it, so no two events share one; instants they often share.
events = st.lists(st.tuples(words, st.integers(0, 3)), max_size=6).map(
    lambda found: [(fact, AT + timedelta(hours=hours), f"key-{index}") for index, (fact, hours) in enumerate(found)]
)


def merged(found, group=None):
    """The row after all events."""
    row = Row()
    for fact, at, key in found:
        facts.merge(row, fact, at, key, group=group)
    return row


@given(events, st.randoms(use_true_random=False))
def test_order_does_not_matter(found, chance):
    """Any order of arrival ends in the same facts, with the same times."""
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert merged(shuffled) == merged(found)


@given(events, st.randoms(use_true_random=False))
def test_order_does_not_matter_for_a_group_either(found, chance):
    """Facts that stand or fall together."""
    whole = [({"stage": fact.get("stage") or 16, "since": at}, at, key) for fact, at, key in found]
    shuffled = list(whole)
    chance.shuffle(shuffled)
    assert merged(shuffled, group="g") == merged(whole, group="g")


@given(events)
def test_repetition_does_not_matter(found):
    """Every event received twice is every event received once; the second time changes nothing."""
    row = merged(found)
    for fact, at, key in found:
        assert facts.merge(row, fact, at, key) == set()
    assert row == merged(found)


@given(events)
def test_newest_word_on_each_fact_counts(found):
    """Each fact is what the newest event that spoke of it said."""
    row = merged(found)
    for name in ("name", "email", "stage"):
        spoken = sorted((at, key, fact[name]) for fact, at, key in found if fact.get(name) is not None)
        last = spoken[-1][2] if spoken else None
        assert getattr(row, name) == (None if last is CLEARED else last)


def test_says_what_changed():
    """Only what has another value now, not what was merely said again."""
    row = Row()
    assert facts.merge(row, {"name": "Ana", "email": None}, AT, "a") == {"name"}
    assert facts.merge(row, {"name": "Ana", "email": "a@example.com"}, AT + timedelta(hours=1), "b") == {"email"}


def test_cleared_is_not_the_same_as_not_said():
    """An advisor 0 takes the advisor away; a null leaves it."""
    row = Row()
    facts.merge(row, {"stage": 7}, AT, "a")
    facts.merge(row, {"stage": None}, AT + timedelta(hours=1), "b")
    assert row.stage == 7
    facts.merge(row, {"stage": CLEARED}, AT + timedelta(hours=2), "c")
    assert row.stage is None


def test_group_stands_or_falls_together():
    """An older event does not set the half of a group that the newer one left out."""
    row = Row()
    facts.merge(row, {"stage": 17, "since": AT}, AT, "b", group="stage")
    facts.merge(row, {"stage": 16, "since": AT - timedelta(hours=1)}, AT - timedelta(hours=1), "a", group="stage")
    assert (row.stage, row.since) == (17, AT)


def test_an_incomplete_group_is_refused():
    """An incomplete group would let the order of arrival decide."""
    with pytest.raises(ValueError, match="incomplete"):
        facts.merge(Row(), {"stage": None, "since": AT}, AT, "a", group="stage")


def test_assignment_of_times_is_seen_by_the_database_layer():
    """The dictionary is a new one each time; a change inside it would not be stored."""
    row = Row()
    before = row.fact_times
    facts.merge(row, {"name": "Ana"}, AT, "a")
    assert row.fact_times is not before


def test_offsets_do_not_confuse_the_order():
    """The same instant written in two zones is one instant."""
    row = Row()
    facts.merge(row, {"name": "Ana"}, AT.astimezone(timezone(timedelta(hours=-6))), "b")
    facts.merge(row, {"name": "Eva"}, AT - timedelta(seconds=1), "c")
    assert row.name == "Ana"


def test_newest_by_key():
    """An event knows whether a fact is from it."""
    row = Row()
    assert not facts.is_newest(row, "name", "a")
    facts.merge(row, {"name": "Ana"}, AT, "a")
    assert facts.is_newest(row, "name", "a")
    assert not facts.is_newest(row, "name", "b")


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (timedelta(days=-400), timedelta(days=-400)),
        (timedelta(0), timedelta(0)),
        (timedelta(minutes=4), timedelta(minutes=4)),
        (timedelta(days=300), facts.CLOCK_SKEW),
    ],
)
def test_a_sender_cannot_speak_from_the_future(ahead, expected):
    """A clock that runs ahead counts as a moment after we received it, so that it cannot lock out later events."""
    assert facts.effective(AT + ahead, AT) == AT + expected
