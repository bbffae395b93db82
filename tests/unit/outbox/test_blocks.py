"""Blocks: messages called side by side, each at its turn; the pace holds, and what was not begun is as it was before."""

import itertools
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, insert, select

from shared import clock, stopping
from shared.errors import DeferredError, ThrottledError
from shared.outbox import blocks, execute, plan
from shared.outbox.actions import Action, AfterUnknown, Done, Kind
from shared.outbox.lanes import Serves
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings
from shared.store.models import Delivery, Target
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.simulated_time import simulated, together
from tests.support.vendors import registered

TAKES = 0.3  # seconds for one call
SECOND = timedelta(seconds=1)


class Carrier:
    """Notes when each call began, and how many were under way at once."""

    def __init__(self) -> None:
        self.begun = []
        self.ids = []
        self.answers = {}
        self.under_way = self.most = 0
        self._lock = threading.Lock()

    def execute(self, batch):
        (one,) = batch
        with self._lock:
            self.begun.append((clock.now(), one.subject))
            self.ids += [one.id] if one.subject == "ana" else []
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        clock.sleep(TAKES)
        with self._lock:
            self.under_way -= 1
        answer = self.answers.get(one.subject, Done())
        return {one.id: answer}

    def most_in_a_second(self):
        """The most calls that began in any second."""
        moments = sorted(at for at, _subject in self.begun)
        return max(sum(1 for other in moments[number:] if other < at + SECOND) for number, at in enumerate(moments))


def letters(carrier, size=50):
    """An action whose messages are called side by side."""
    return Action(
        target="post",
        name="letter",
        kind=Kind.MESSAGE,
        execute=carrier.execute,
        batch_size=lambda: size,
        at_once=24,
        after_unknown=AfterUnknown.SEND_AGAIN,
    )


def many(count, lane="transactional", named="", **more):
    """Messages that are due."""
    facts = {"kind": "message", "target": "post", "action": "letter", "lane": lane, "due_at": clock.now()}
    names = [f"{named or lane}-{number}" for number in range(count)]
    rows = [facts | {"subject": name, "dedupe_key": name} | more for name in names]
    transact(lambda session: session.execute(insert(Delivery), rows))


def states():
    """How many deliveries stand where."""
    with reading() as session:
        return dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())


@pytest.fixture
def simulation(database, storage, environment):
    """A clock that moves when all threads wait; leases are long, as it runs faster than the threads that renew them."""
    environment.setenv("DELIVERY_LEASE_SECONDS", "300")
    get_settings.cache_clear()
    with simulated(START) as time:
        yield time


@pytest.mark.slow
def test_eighty_a_second(simulation):
    """Sustained by four executors, at a pace of 85 a second and 0.3 seconds a call; the pace is never exceeded by one."""
    carrier = Carrier()
    with registered(letters(carrier), TargetPolicy(slots=4, batches_per_second=85)):
        many(800)
        together(simulation, *[partial(execute.drain, "post", timedelta(minutes=5))] * 4)
    assert states() == {"done": 800}
    assert Counter(subject for _at, subject in carrier.begun).most_common(1)[0][1] == 1
    took = max(at for at, _subject in carrier.begun) - min(at for at, _subject in carrier.begun)
    assert 800 / took.total_seconds() >= 80
    assert carrier.most_in_a_second() <= 85


def test_confirmation_overtakes_bulk(simulation):
    """It is claimed next, and its turn comes after those that are handed out already: two seconds at most."""
    carrier = Carrier()
    with registered(letters(carrier), TargetPolicy(slots=3, batches_per_second=85)):
        many(600, lane="bulk:news")

        def somebody_waits():
            clock.sleep(3)
            transact(lambda session: plan.message(session, letters(carrier), "confirmation", "c", {}))
            execute.drain("post", serves=Serves.TRANSACTIONAL)

        drains = [partial(execute.drain, "post", timedelta(minutes=5), Serves.BULK)] * 2
        together(simulation, *drains, somebody_waits)
    ((at, _subject),) = [one for one in carrier.begun if one[1] == "confirmation"]
    assert at - START <= timedelta(seconds=3 + 2)
    assert carrier.most_in_a_second() <= 85


def test_calls_are_side_by_side_up_to_the_limit(simulation):
    """At a pace that no call could keep up with alone, as many are under way as the action allows, and no more."""
    carrier = Carrier()
    with registered(letters(carrier), TargetPolicy(slots=1, batches_per_second=1000)):
        many(150)
        together(simulation, partial(execute.drain, "post", timedelta(minutes=5)))
    assert carrier.most == 24


def test_who_misses_its_turn_gets_another(simulation, monkeypatch):
    """A worker that stood still calls nothing at the turns that have passed, so it does not exceed the pace."""
    carrier, real = Carrier(), execute._take

    def slow(permit, token):
        found = real(permit, token)
        clock.sleep(0.6)  # it stands still just after its turns were handed out
        return found

    monkeypatch.setattr(execute, "_take", slow)
    with registered(letters(carrier, size=10), TargetPolicy(slots=2, batches_per_second=10)):
        many(100)
        together(simulation, *[partial(execute.drain, "post", timedelta(minutes=5))] * 2)
    assert states() == {"done": 100}
    assert carrier.most_in_a_second() <= 10


def test_messages_of_one_person_come_one_after_the_other(simulation):
    """A block has one for each person: the next is claimed when the first has its outcome, and so their order stays."""
    carrier = Carrier()
    with registered(letters(carrier), TargetPolicy(slots=1, batches_per_second=100)):
        for number in range(3):
            transact(lambda session, number=number: plan.message(session, letters(carrier), "ana", f"k{number}", {}))
        many(10)
        together(simulation, partial(execute.drain, "post"))
    times = [at for at, subject in carrier.begun if subject == "ana"]
    assert all(later - earlier >= timedelta(seconds=TAKES) for earlier, later in itertools.pairwise(times))
    assert (len(times), states()) == (3, {"done": 13})


@pytest.mark.parametrize("at_once", [24, 1])
def test_several_executors_keep_the_order_of_a_person(simulation, at_once):
    """What is due in one instant for Ana goes in the order of its planning, each after the one before; others go meanwhile."""
    carrier = Carrier()
    letter = replace(letters(carrier, size=10 if at_once > 1 else 1), at_once=at_once)
    with registered(letter, TargetPolicy(slots=3, batches_per_second=100)):
        many(4, named="ana", subject="ana")
        many(30, lane="transactional")
        together(simulation, *[partial(execute.drain, "post", timedelta(minutes=5))] * 3)
    anas = [at for at, subject in carrier.begun if subject == "ana"]
    assert (carrier.ids, len(anas), states()) == (sorted(carrier.ids), 4, {"done": 34})
    assert all(later - earlier >= timedelta(seconds=TAKES) for earlier, later in itertools.pairwise(anas))
    assert carrier.most > 1


def test_no_call_is_begun_once_the_system_asks_to_wait(simulation):
    """What was claimed with it is due again, with no attempt spent, after the wait that was asked for."""
    carrier = Carrier()
    carrier.answers["transactional-0"] = ThrottledError("slowly", after_seconds=60)
    with registered(letters(carrier, size=20), TargetPolicy(slots=1, batches_per_second=20)):
        many(20)
        together(simulation, partial(execute.drain, "post"))
    # Those whose turn came while the first call was under way had begun.
    assert len(carrier.begun) == 1 + TAKES * 20 // 1.05
    left = 20 - len(carrier.begun) + 1
    assert states() == {"done": 20 - left, "pending": left}
    with reading() as session:
        assert {row.attempts for row in session.scalars(select(Delivery).where(Delivery.state == "pending"))} == {0}
        assert (session.get(Target, "post").next_call_at - clock.now()) >= timedelta(seconds=55)


def test_process_that_ends_gives_back_what_it_has_not_begun(simulation, monkeypatch):
    """A message whose turn has not come when the process is asked to end goes out by another, with its first attempt."""
    carrier = Carrier()
    with registered(letters(carrier, size=20), TargetPolicy(slots=1, batches_per_second=20)):
        many(20)
        monkeypatch.setattr(stopping, "is_asked", lambda: len(carrier.begun) >= 5)
        together(simulation, partial(execute.drain, "post"))
    assert len(carrier.begun) == 5
    assert states() == {"done": 5, "pending": 15}


def test_turns_are_handed_out_one_after_the_other(database, storage, test_clock):
    """Also by a ledger that others have used; from now on where nobody has."""
    carrier = Carrier()
    with registered(letters(carrier), TargetPolicy(batches_per_second=10)):
        first = transact(lambda session: blocks.turns(session, "post", 3))
        second = transact(lambda session: blocks.turns(session, "post", 2))
    space = timedelta(seconds=0.105)
    assert [*first, *second] == [clock.now() + space * number for number in range(5)]


def by_number(carrier):
    """Letters whose payload says by which number they go, each of which has the pace."""
    return replace(letters(carrier, size=10), part=lambda payload: (payload or {}).get("number", ""))


@pytest.fixture
def numbers(simulation):
    """A carrier that notes by which number each call went."""
    carrier, went = Carrier(), {"a": [], "b": []}
    real = carrier.execute

    def execute_one(batch):
        (one,) = batch
        went[one.payload["number"]].append(clock.now())
        return real(batch)

    carrier.execute = execute_one
    carrier.went = went
    with registered(by_number(carrier), TargetPolicy(slots=4, batches_per_second=10, by_part=True)):
        yield carrier


def most_in_a_second(moments):
    """The most of these in any second."""
    return max(sum(1 for other in moments if at <= other < at + SECOND) for at in moments)


@pytest.mark.parametrize("lane", ["transactional", "bulk:news"])
def test_each_part_has_the_pace_for_itself(simulation, numbers, lane):
    """A backlog of one number, and behind it messages by another: these go at once, neither is faster than its pace."""
    many(100, lane, named="a", payload={"number": "a"})
    many(60, lane, named="b", payload={"number": "b"})
    together(simulation, *[partial(execute.drain, "post", timedelta(minutes=5))] * 3)
    assert (states(), len(numbers.went["a"]), len(numbers.went["b"])) == ({"done": 160}, 100, 60)
    assert all(most_in_a_second(moments) <= 10 for moments in numbers.went.values())
    took = {number: (max(moments) - START).total_seconds() for number, moments in numbers.went.items()}
    began = (min(numbers.went["b"]) - START).total_seconds()
    # How three workers take turns is left to chance; one after the other b would begin after 10 seconds and end after 16.
    assert began < 5, began
    assert took["b"] < 14, took
    assert 9.8 < took["a"] < 14, took


def test_what_the_whole_system_asks_to_wait_counts_for_every_part(simulation, numbers):
    """No call by any number begins before the time that it named."""
    until = clock.now() + timedelta(seconds=4)

    def ask_to_wait(session):
        session.add(Target(name="post", next_call_at=until))

    transact(ask_to_wait)
    many(10, payload={"number": "a"})
    many(10, "bulk:news", payload={"number": "b"})
    together(simulation, *[partial(execute.drain, "post", timedelta(minutes=5))] * 2)
    assert (states(), min(map(min, numbers.went.values())) >= until) == ({"done": 20}, True)


def test_a_part_that_must_wait_is_called_no_more_in_its_block(simulation, numbers):
    """No further call of the block begins once it has been told so; nothing of it has cost an attempt."""
    refused = DeferredError("this number takes no more for now", after_seconds=30)
    refused.of_part = True
    numbers.answers["transactional-0"] = refused
    many(10, payload={"number": "a"})
    together(simulation, partial(execute.drain, "post", timedelta(seconds=1)))
    of_block = [at for at, _subject in numbers.begun if at < START + SECOND]
    assert max(of_block) <= START + timedelta(seconds=TAKES)
    with reading() as session:
        assert set(session.scalars(select(Delivery.attempts))) == {0}
