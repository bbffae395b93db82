"""Joining the rows of one person: the one under a digest without a key with the one under today's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from shared import clock
from shared.messages import digests, rekey
from shared.store.message_models import Conversation, MessageDay, Suppression
from shared.store.models import Base
from shared.store.session import reading, transact

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OLD = "0" * 32  # a digest as earlier releases stored it
HOUR = timedelta(hours=1)


@pytest.fixture
def keyed(database: Engine, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> str:
    """The digest under which OLD is found from now on; a secret is set, and the database is empty."""
    environment.setenv("DIGEST_SECRETS", "a-secret-of-the-digests")
    test_clock.moment = NOW
    return digests.stored(OLD)


def suppression(who: str, **values: Any) -> Suppression:
    """A wish, from now, that holds."""
    return Suppression(
        **{"channel": "sms", "who": who, "cause": "stop", "changed_at": NOW, "bounces": 0, "lifted": False} | values
    )


def joined[T: Base](*rows: T) -> list[T]:
    """What is left of these rows when the job has run, and run again."""
    transact(lambda session: session.add_all(rows))
    assert rekey.rekey() == sum(row.who == OLD for row in rows)  # type: ignore[attr-defined]
    assert rekey.rekey() == 0
    with reading() as session:
        found = session.scalars(select(type(rows[0])).order_by(type(rows[0]).id)).all()  # type: ignore[attr-defined]
    return list(found)


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        ((NOW, False), (NOW - HOUR, True), (NOW, False)),
        ((NOW, True), (NOW - HOUR, False), (NOW, True)),
        ((NOW - HOUR, False), (NOW, True), (NOW, True)),
        ((NOW - HOUR, True), (NOW, False), (NOW, False)),
        ((NOW, False), (NOW, True), (NOW, False)),
        ((NOW, True), (NOW, False), (NOW, False)),
    ],
)
def test_newest_word_counts_and_of_two_at_once_the_stop(
    keyed: str, old: tuple[datetime, bool], new: tuple[datetime, bool], left: tuple[datetime, bool]
) -> None:
    """Whichever of the two rows has it."""
    rows = [suppression(who, changed_at=at, lifted=lifted) for who, (at, lifted) in ((OLD, old), (keyed, new))]
    (row,) = joined(*rows)
    assert (row.who, row.changed_at, row.lifted) == (keyed, *left)


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        ((1, NOW), (3, None), (3, NOW)),
        ((3, None), (1, NOW), (3, NOW)),
        ((0, None), (0, None), (0, None)),
        ((2, NOW), (2, NOW + HOUR), (2, NOW + HOUR)),
    ],
)
def test_bounces_are_the_most_that_one_row_has_and_hold_the_longest(
    keyed: str, old: tuple[int, datetime | None], new: tuple[int, datetime | None], left: tuple[int, datetime | None]
) -> None:
    """They were counted by both, so they are not added up."""
    rows = [
        suppression(who, cause="soft-bounce", bounces=count, until=until) for who, (count, until) in ((OLD, old), (keyed, new))
    ]
    (row,) = joined(*rows)
    assert (row.bounces, row.until) == left


@pytest.mark.parametrize("other", [{"channel": "whatsapp"}, {"cause": "complaint"}])
def test_wishes_of_another_channel_or_cause_stay_two(keyed: str, other: dict[str, str]) -> None:
    """Only rows that are about the same thing are joined; both have the key then."""
    found = joined(suppression(OLD), suppression(keyed, **other))
    assert [row.who for row in found] == [keyed, keyed]


@pytest.mark.parametrize("times", [(NOW, NOW - HOUR), (NOW - HOUR, NOW)])
def test_window_is_open_since_their_newest_word(keyed: str, times: tuple[datetime, datetime]) -> None:
    """Whichever row has it."""
    rows = [Conversation(who=who, channel="whatsapp", last_inbound_at=at) for who, at in zip((OLD, keyed), times, strict=True)]
    (row,) = joined(*rows)
    assert (row.who, row.last_inbound_at) == (keyed, NOW)


def test_deliveries_of_a_day_are_counted_once_and_other_days_apart(keyed: str) -> None:
    """In their order, the earlier row's first; the zone that one of them knows is kept."""
    first, second = "2026-03-02", "2026-03-03"
    rows = [
        MessageDay(who=OLD, day=first, delivery_ids=[1, 2], zone="America/Lima"),
        MessageDay(who=keyed, day=first, delivery_ids=[2, 3]),
        MessageDay(who=OLD, day=second, delivery_ids=[4]),
    ]
    found = {row.day: row for row in joined(*rows)}
    assert {day: (row.who, row.delivery_ids) for day, row in found.items()} == {first: (keyed, [1, 2, 3]), second: (keyed, [4])}
    assert found[first].zone == "America/Lima"


def test_page_after_page(keyed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than a page holds are all keyed by one run, as long as its time lasts."""
    monkeypatch.setattr(rekey, "PAGE", 2)
    olds = [f"{number:032d}" for number in range(5)]
    transact(lambda session: session.add_all([suppression(old) for old in olds]))
    assert rekey.rekey() == 5
    with reading() as session:
        assert set(session.scalars(select(Suppression.who))) == {digests.stored(old) for old in olds}


def test_time_that_is_over_leaves_the_rest_to_the_next_run(keyed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun after it."""
    monkeypatch.setattr(rekey, "BUDGET", timedelta())
    transact(lambda session: session.add(suppression(OLD)))
    assert rekey.rekey() == 0
    monkeypatch.undo()


def test_without_a_secret_nothing_is_done(keyed: str, environment: pytest.MonkeyPatch) -> None:
    """There is nothing to key by."""
    from shared.settings import get_settings

    transact(lambda session: session.add(suppression(OLD)))
    environment.delenv("DIGEST_SECRETS")
    get_settings.cache_clear()
    assert rekey.rekey() == 0
