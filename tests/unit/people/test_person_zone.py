"""Where somebody lives: the newest word of an event, whatever the order, through joins; and quiet hours by it."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.messages import verdict
from shared.messages.message import Message
from shared.people import aliases, observing
from shared.people.kinds import Identity
from shared.people.observing import Seen
from shared.settings import get_settings
from shared.store.session import reading, transact

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
LEAD, BOOKING, OTHER = Identity("lead", "17"), Identity("booking", "b1"), Identity("booking", "b2")
MADRID, LIMA = "Europe/Madrid", "America/Lima"


def booked(who: Identity, zone: str | None, hours: int, *more: Identity, typed: tuple[Identity, ...] = ()) -> None:
    """A booking, with what else proves who it is."""
    seen = Seen(source="calcom.booking", at=NOW + timedelta(hours=hours), proven=(who, *more), typed=typed, time_zone=zone)
    transact(lambda session: observing.observe(session, seen))


def zone_of(name: str) -> str | None:
    """Where they live."""
    with reading() as session:
        return aliases.of(session, [name]).time_zone


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_newest_word_counts_in_every_order_and_reaches_who_is_joined(order: tuple[int, ...]) -> None:
    """Two bookings of one lead, in two zones, and one that says nothing of it."""
    events: list[Any] = [(BOOKING, LIMA, 1, LEAD), (OTHER, MADRID, 2, LEAD), (OTHER, None, 3, LEAD)]
    for number in order:
        booked(*events[number])
    assert zone_of("lead:17") == zone_of("booking:b1") == MADRID


@pytest.mark.usefixtures("database")
def test_zone_of_somebody_who_is_only_probably_the_same_does_not_count() -> None:
    """A typed address proposes: its zone is not that of whoever else has typed it."""
    mail = Identity("email", "ana@example.com")
    booked(BOOKING, MADRID, 1, typed=(mail,))
    booked(LEAD, None, 2, typed=(mail,))
    assert (zone_of("lead:17"), zone_of("booking:b1")) == (None, MADRID)


def test_quiet_hours_are_the_persons_where_the_message_says_nothing_of_them(environment: pytest.MonkeyPatch) -> None:
    """What the message names comes first: a zone, a country, a number."""
    get_settings.cache_clear()
    facts: Any = {"person": "lead:17", "channel": "email", "to": "ana@example.com", "template": "t", "dedupe_key": "k"}
    mail = Message(**facts)

    def zone(message: Message) -> str:
        return verdict.window_of(message, get_settings(), MADRID).zone.key

    assert (zone(mail), verdict.window_of(mail, get_settings()).zone.key) == (MADRID, get_settings().default_time_zone)
    assert zone(Message(**facts, time_zone=LIMA)) == LIMA
    assert zone(Message(**facts, country="PE")) == LIMA
    assert zone(Message(**facts | {"channel": "sms", "to": "+51987654321"})) == LIMA
