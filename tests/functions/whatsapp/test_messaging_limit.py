"""The portfolio's messaging limit: in no 24 hours more people than it allows, and who is one too many waits for a place."""

import random
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from sandbox.meta.server import NUMBERS
from shared import clock
from shared.messages import meta_account, number_states, numbers, portfolio
from shared.messages.content import ApprovedTemplate, Content
from shared.messages.message import Message
from shared.outbox.actions import Later, State
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading, transact
from shared.store.whatsapp_models import WhatsAppNumberState, WhatsAppOpening, WhatsAppOpeningMinute, WhatsAppPortfolio
from tests.conftest import ENVIRONMENT
from tests.functions.whatsapp.conftest import SETTINGS, Town
from tests.support.messages import carry_out, deliveries, enqueue, message

DAY = timedelta(hours=24)
FIRST, SECOND = (numbers.id_of(phone) for phone in NUMBERS.values())
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def letter(number: int, **more: Any) -> Message:
    """An approved template to one of many people."""
    content = Content(template=ApprovedTemplate(name=more.pop("named", "fijo"), language="es"))
    facts = {"to": f"+52551234{number:04}", "person": f"lead:{number}", "dedupe_key": f"k{number}", "transactional": True}
    return message(template="", text="Hola.", variables={}, content=content, **(facts | more))


def ask(number: int, delivery_id: int) -> datetime | None:
    """One instance claims a message to somebody: None where a place was taken, else when to ask again."""

    def work(session: Any) -> datetime | None:
        waits: Later | None = portfolio.later(session, letter(number), get_settings())
        if waits is None:
            portfolio.take(session, letter(number), get_settings(), delivery_id)
        return waits.due_at if waits else None

    return transact(work)


def most_people_in_a_day(calls: list[tuple[datetime, int]]) -> int:
    """The largest number of different people in any closed window of 24 hours."""
    ordered = sorted(calls)
    moments = [at for at, _whom in ordered]
    ends = [bisect_right(moments, at + DAY) for at in moments]
    return max((len({whom for _at, whom in ordered[place:end]}) for place, end in enumerate(ends)), default=0)


def tier(limit: str) -> None:
    """Meta has told the limit of both numbers."""
    for number in (FIRST, SECOND):
        number_states.keep(number, {"whatsapp_business_manager_messaging_limit": limit})


@settings(max_examples=8, deadline=None)
@given(limit=st.integers(1, 6), seed=st.integers(0, 100_000), count=st.integers(20, 60))
def test_never_one_too_many_in_a_day(database_of_module: None, limit: int, seed: int, count: int) -> None:
    """People at random, some of them again, in bursts and after hours; calls that come late, and some that reach nobody.

    Who is counted is asked for again at any time; the sum over minutes is that over people; a time to ask again lies ahead.
    """
    dice, calls, pool = random.Random(seed), list[tuple[datetime, int]](), range(3 * limit)  # noqa: S311  # a test's dice
    tables = (WhatsAppOpening, WhatsAppOpeningMinute, WhatsAppPortfolio)
    transact(lambda session: [session.execute(delete(table)) for table in tables])
    tier(f"TIER_{limit}")
    with clock.frozen(START) as time:
        for number in range(1, count):
            time.advance(minutes=dice.choice([0, 0, 0.2, 3, 120, 700]) * dice.random())
            whom = dice.choice(pool)
            waits = ask(whom, number)
            assert waits is None or waits > time.moment
            if waits is None and dice.random() < 0.2:
                transact(lambda session, number=number: portfolio.give_back(session, number))  # type: ignore[misc]
            elif waits is None:
                calls.append((time.moment + portfolio.GOOD_FOR * dice.random(), whom))
            with reading() as session:
                since = time.moment - portfolio.COUNTED
                people = [
                    row for row in session.scalars(select(WhatsAppOpening)) if row.at.replace(second=0, microsecond=0) > since
                ]
                assert portfolio.used(session) == len(people) <= limit
    assert most_people_in_a_day(calls) <= limit


@pytest.fixture(scope="module")
def database_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One database for all examples of the property: each example empties what it uses."""
    from shared.store import session as store
    from shared.store.migrate import upgrade

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"sqlite:///{tmp_path_factory.mktemp('limit') / 'limit.db'}")
        for name, value in (ENVIRONMENT | SETTINGS).items():
            patch.setenv(name, value)
        get_settings.cache_clear()
        store.get_engine.cache_clear()
        upgrade(store.get_engine())
        yield
        store.get_engine().dispose()
        store.get_engine.cache_clear()
    get_settings.cache_clear()


@pytest.fixture
def three(town: Town) -> Town:
    """A portfolio that may write to three people."""
    town.act("template", name="fijo", language="es", body="Hola.")
    for number in NUMBERS:
        town.act("quality", number=number, rating="GREEN", limit="TIER_3")
    assert meta_account.read_numbers() == 2
    return town


def sent_to(town: Town) -> list[str]:
    """To whom something went; those of a block go side by side."""
    return sorted(one["wa_id"][-2:] for one in town.got())


def test_the_fourth_waits_for_a_place_and_then_goes(three: Town, test_clock: clock.TestClock) -> None:
    """The limit is shared by both numbers; who waits spends no attempt, and goes once, when the first one's day is over."""
    enqueue(*(letter(number, whatsapp_number_id=SECOND if number % 2 else FIRST) for number in range(4)))
    assert sent_to(three) == ["00", "01", "02"]
    (waiting,) = [row for row in deliveries() if row.state == State.PENDING]
    assert (waiting.waits_for, waiting.attempts) == (portfolio.LIMIT, 0)
    assert DAY < waiting.due_at - test_clock.moment <= portfolio.COUNTED
    test_clock.moment = waiting.due_at - timedelta(seconds=1)
    carry_out()
    assert len(sent_to(three)) == 3
    test_clock.advance(seconds=1)
    carry_out()
    assert sent_to(three) == ["00", "01", "02", "03"]


def test_who_is_counted_already_and_who_has_written_need_no_place(three: Town) -> None:
    """A second template to one of the three goes; so does an answer to somebody whose window is open."""
    enqueue(*(letter(number) for number in range(3)))
    three.says("Hola", **{"from": "+525512340009"})
    enqueue(letter(0, dedupe_key="again"), letter(9), letter(4))
    assert sent_to(three) == ["00", "00", "01", "02", "09"]
    with reading() as session:
        assert portfolio.used(session) == 3


def test_who_was_not_reached_gives_the_place_to_the_next(three: Town) -> None:
    """What Meta refuses for good (here there is no such template) counts nobody."""
    three.act("strict", on=True)
    enqueue(letter(0, named="nada"))
    enqueue(*(letter(number) for number in range(1, 4)))
    assert sent_to(three) == ["01", "02", "03"]


def test_a_place_given_back_early_goes_to_who_waits(three: Town, test_clock: clock.TestClock) -> None:
    """To the first of them, at once and not when the time comes that they were told; the others wait as before."""
    three.act("strict", on=True)
    enqueue(letter(0), letter(1))
    three.lose_answers(1)
    enqueue(letter(2, named="nada"))
    test_clock.advance(minutes=1)
    enqueue(letter(3), letter(4))
    waiting = sorted((row for row in deliveries() if row.waits_for == portfolio.LIMIT), key=lambda row: row.due_at)
    assert [row.subject for row in waiting] == ["lead:3", "lead:4"]
    refused = next(row.id for row in deliveries() if row.subject == "lead:2")
    transact(lambda session: portfolio.give_back(session, refused))
    carry_out()
    assert sent_to(three) == ["00", "01", "03"]
    left = [row for row in deliveries() if row.waits_for == portfolio.LIMIT]
    assert [(row.subject, row.due_at) for row in left] == [("lead:4", waiting[1].due_at)]
    with reading() as session:
        assert portfolio.used(session) == 3


def test_places_of_a_limit_that_was_raised_go_to_who_waits(three: Town, test_clock: clock.TestClock) -> None:
    """Within the minute; as many as there are places, the first first; where none is free nobody is asked again."""
    enqueue(*(letter(number) for number in range(3)))
    test_clock.advance(minutes=1)
    enqueue(*(letter(number) for number in range(3, 7)))
    assert portfolio.offer_free() == 0
    tier("TIER_5")
    assert portfolio.offer_free() == 2
    carry_out()
    assert sent_to(three) == ["00", "01", "02", "03", "04"]
    assert portfolio.offer_free() == 0
    carry_out()
    assert len(sent_to(three)) == 5


def test_each_who_waits_is_given_a_place_of_its_own(three: Town, test_clock: clock.TestClock) -> None:
    """The places come free a quarter of an hour apart, and so are those who wait told to come back."""
    for number in range(3):
        enqueue(letter(number))
        test_clock.advance(minutes=15)
    enqueue(*(letter(number) for number in range(3, 6)))
    due = sorted(row.due_at for row in deliveries() if row.state == State.PENDING)
    assert [later - earlier for earlier, later in pairwise(due)] == [timedelta(minutes=15)] * 2


def test_a_worker_that_stood_still_takes_another_place(three: Town, test_clock: clock.TestClock, monkeypatch: Any) -> None:
    """A call that would begin too late after its claim does not begin: the message is claimed anew, and goes once."""
    from shared.messages import sending

    real, late = sending._letter, iter([True])

    def slow(delivery: Any) -> Any:
        found = real(delivery)
        if next(late, False):
            test_clock.advance(minutes=6)
        return found

    monkeypatch.setattr(sending, "_letter", slow)
    enqueue(letter(0))
    assert sent_to(three) == ["00"]
    with reading() as session:
        assert session.scalars(select(WhatsAppOpening.at)).one() == test_clock.moment
        assert session.scalars(select(Delivery.attempts)).one() == 0


def test_the_list_of_numbers_says_how_much_is_used(three: Town, api: Any) -> None:
    """Of the portfolio, so the same for each number of Meta's, and nothing for Twilio's."""
    enqueue(letter(0), letter(1))
    listed = api.get("/api/v1/whatsapp-numbers").json
    shown = {(one["provider"], one["messaging_limit_people"], one["messaging_limit_used"]) for one in listed}
    assert shown == {("meta", 3, 2), ("twilio", None, None)}


@pytest.mark.parametrize(
    ("written", "people"),
    [("TIER_250", 250), ("TIER_2K", 2000), ("TIER_100K", 100_000), ("TIER_UNLIMITED", None), (None, None)],
)
def test_limits_as_meta_writes_them(written: str | None, people: int | None) -> None:
    """Without a number, or unknown, nothing is held back."""
    assert portfolio.people(written) == people


def test_of_two_words_the_lower_counts(three: Town) -> None:
    """It is one limit: what one number was told last may be older than the other's."""
    number_states.keep(FIRST, {"whatsapp_business_manager_messaging_limit": "TIER_250"})
    with reading() as session:
        assert portfolio.limit(session, get_settings()) == 3
        assert set(session.scalars(select(WhatsAppNumberState.messaging_limit))) == {"TIER_250", "TIER_3"}
