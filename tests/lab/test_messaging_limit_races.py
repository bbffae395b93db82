"""Claims at once over the portfolio's last places: never one too many, whatever instances do."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from sandbox.meta.server import NUMBERS
from shared import clock
from shared.messages import number_states, numbers, portfolio
from shared.messages.message import Message
from shared.settings import get_settings
from shared.store.session import reading, transact
from shared.store.whatsapp_models import WhatsAppOpening, WhatsAppOpeningMinute
from tests.functions.whatsapp.conftest import SETTINGS
from tests.lab.together import together

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="races need PostgreSQL: make test-lab"
    ),
]


@pytest.fixture
def ten(lab: Engine, environment: pytest.MonkeyPatch) -> Engine:
    """A portfolio that may write to ten people."""
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    for phone in NUMBERS.values():
        number_states.keep(numbers.id_of(phone), {"whatsapp_business_manager_messaging_limit": "TIER_10"})
    return lab


def letter(number: int) -> Message:
    """A template to somebody."""
    return Message(
        person=f"lead:{number}",
        channel="whatsapp",
        to=f"+52551234{number:04}",
        template="lead_day_3",
        variables={},
        dedupe_key=f"k{number}",
    )


def claim(session: Session, number: int) -> bool:
    """A worker claims the message to somebody; whether it got a place."""
    if portfolio.later(session, letter(number), get_settings()) is not None:
        return False
    portfolio.take(session, letter(number), get_settings(), number)
    return True


def test_of_two_claims_for_the_last_place_one_waits(ten: Engine) -> None:
    """The second sees the place taken; that it waits is promised a time of its own."""
    transact(lambda session: [claim(session, number) for number in range(1, 10)], ten)
    got: list[bool] = []
    together(ten, lambda session: got.append(claim(session, 10)), lambda session: got.append(claim(session, 11)))
    assert got == [True, False]
    ends_well(10)


def test_the_same_person_twice_at_once_is_one(ten: Engine) -> None:
    """Two messages to one person take one place."""
    together(ten, lambda session: claim(session, 1), lambda session: claim(session, 1))
    ends_well(1)


def test_workers_at_once_never_take_one_too_many(ten: Engine, test_clock: clock.TestClock) -> None:
    """Eight workers, forty people, some given back meanwhile, over the end of the day of the first places."""
    barrier = threading.Barrier(8)

    def work(worker: int) -> None:
        barrier.wait(60)
        for step in range(5):
            number = 100 + worker * 5 + step
            got = transact(lambda session, number=number: claim(session, number), ten)  # type: ignore[misc]
            if got and step == 1:
                transact(lambda session, number=number: portfolio.give_back(session, number), ten)  # type: ignore[misc]

    def round_of_all() -> None:
        with ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(work, worker) for worker in range(8)]:
                future.result(120)
        ends_well(10)

    round_of_all()
    test_clock.advance(seconds=portfolio.COUNTED.total_seconds() - 30)
    round_of_all()
    test_clock.advance(seconds=90)
    round_of_all()


def ends_well(people: int) -> None:
    """So many people are counted, by the minutes and one by one."""
    with reading() as session:
        since = clock.now() - portfolio.COUNTED
        counted = [at for at in session.scalars(select(WhatsAppOpening.at)) if at.replace(second=0, microsecond=0) > since]
        assert (portfolio.used(session), len(counted)) == (people, people)
        least: Any = session.scalar(select(func.min(WhatsAppOpeningMinute.taken)))
        assert least >= 0
