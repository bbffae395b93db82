"""One record that a system never answers for: its batch is halved until it is alone, and nobody else waits for long."""

from datetime import timedelta
from math import ceil, log2
from statistics import median

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from shared import clock
from shared.errors import NoAnswerError, RetryableError, UnavailableError
from shared.outbox import claims, execute, expired, plan
from shared.outbox.actions import Action, Done, Kind
from shared.outbox.policy import TargetPolicy
from shared.store.models import Delivery, Target
from shared.store.session import reading, transact
from tests.support.vendors import registered
from tests.unit.outbox.test_outbox_silence import reset

pytestmark = pytest.mark.slow

TIME_OUT = timedelta(minutes=1)
BATCH = 8
HALVINGS = ceil(log2(BATCH))


class System:
    """An outside system that answers at once, and not at all where a poisonous record is in the batch.

    `in_order`: it takes the batch one record after the other, so what comes before the poison is answered. New records come
    `every` so often, also while a call waits for its time-out; `None`: none come.
    """

    def __init__(self, test_clock, every=None) -> None:
        self.test_clock, self.every, self.next_at = test_clock, every, clock.now()
        self.poison, self.in_order, self.calls, self.count = set(), False, [], 0
        self.asked, self.answered = {}, {}
        self.action = Action(target="crm", name="record", kind=Kind.SYNC, execute=self.execute, batch_size=lambda: BATCH)

    def execute(self, batch):
        """One call."""
        subjects = [one.subject for one in batch]
        self.calls.append(subjects)
        silent = next((number for number, name in enumerate(subjects) if name in self.poison), len(batch))
        answered = batch[:silent] if self.in_order else batch if silent == len(batch) else []
        if silent < len(batch):
            self.pass_time(TIME_OUT)
            if not answered:
                raise NoAnswerError("no answer within 60 s")
        self.answered |= {one.subject: clock.now() for one in answered}
        error = NoAnswerError("no answer within 60 s")
        return {one.id: Done() if one in answered else error for one in batch}

    def enqueue(self, *subjects):
        """Changes of records, each of which asks for a sync."""
        self.asked |= {name: clock.now() for name in subjects}
        transact(lambda session: [plan.sync(session, self.action, name) for name in subjects])

    def pass_time(self, length):
        """Time passes, and records come in it."""
        end = clock.now() + length
        while self.every is not None and self.next_at <= end:
            self.test_clock.moment = max(self.next_at, clock.now())
            self.enqueue(f"new-{self.count}")
            self.count, self.next_at = self.count + 1, self.next_at + self.every
        self.test_clock.moment = end

    def run(self, length, step=timedelta(seconds=30)):
        """Whatever is due is carried out, as often as the timer looks."""
        end = clock.now() + length
        while clock.now() < end:
            while execute.drain("crm", budget=step):  # one whose budget is used up leaves a message for the next
                pass
            self.pass_time(step if self.every is None else max(min(step, self.next_at - clock.now()), timedelta()))
        execute.drain("crm", budget=step)

    def waits(self):
        """How many seconds each innocent record waited for its answer."""
        return [(self.answered[name] - asked).total_seconds() for name, asked in self.asked.items() if name not in self.poison]

    def in_company(self):
        """The silent calls in which a poisonous record was not alone."""
        return [call for call in self.calls if self.poison & set(call) and len(call) > 1]


@pytest.fixture
def installed(database, storage, test_clock):
    """Makes a system's action known."""
    made = []

    def install(**more):
        system = System(test_clock, **more)
        context = registered(system.action, TargetPolicy(batches_per_second=1e9))
        context.__enter__()
        made.append(context)
        return system

    yield install
    for context in reversed(made):
        context.__exit__(None, None, None)


def delivery(subject):
    with reading() as session:
        return session.scalars(select(Delivery).where(Delivery.subject == subject).order_by(Delivery.id.desc()).limit(1)).one()


def test_half_a_day_beside_one_poisonous_record(installed):
    """Two new records a minute, and one among the first eight that is never answered for.

    Its batch is halved three times: 8, 4, 2, alone. Those first seven wait for one time-out for each of these calls at most,
    and one more that may be under way. Afterwards only its own attempts, ever rarer, are in the way: whoever comes within
    such a call waits for the rest of that minute, and nobody else waits at all.
    """
    system = installed(every=timedelta(seconds=30))
    system.poison = {"p"}
    system.enqueue("a", "b", "c", "p", "d", "e", "f", "g")
    system.run(timedelta(hours=12))
    silent = [call for call in system.calls if "p" in call]
    assert [len(call) for call in silent[: HALVINGS + 1]] == [8, 4, 2, 1]
    assert all(call == ["p"] for call in silent[HALVINGS:])
    waits = system.waits()
    assert len(waits) > 1400
    assert median(waits) == 0
    in_the_way = len(silent) * TIME_OUT / system.every
    assert sum(wait > 0 for wait in waits) <= in_the_way + BATCH
    assert max(waits) <= (HALVINGS + 2) * TIME_OUT.total_seconds()
    assert sorted(waits)[-BATCH] <= TIME_OUT.total_seconds()
    with reading() as session:
        target = session.scalars(select(Target)).one()
        assert (target.circuit, target.openings) == ("closed", 0)
        assert not session.scalars(select(Delivery.id).where(Delivery.subject != "p", Delivery.attempts > 0)).all()
    assert len(silent) <= HALVINGS + 1 + delivery("p").attempts + 1
    assert delivery("p").attempts >= 7


@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(
    count=st.integers(1, 20),
    poison=st.sets(st.integers(0, 19), min_size=1, max_size=3),
    in_order=st.booleans(),
)
def test_every_poisonous_record_ends_alone(installed, test_clock, count, poison, in_order):
    """However many there are, each fails its neighbours once for each halving at most, and costs none of them an attempt.

    Two new records come a minute. Where hardly any come, silence after silence opens the circuit: then the system may be down.
    """
    reset(test_clock)
    system = installed(every=timedelta(seconds=30))
    system.in_order, system.poison = in_order, {f"r{number}" for number in poison if number < count}
    system.enqueue(*(f"r{number}" for number in range(count)))
    system.run(timedelta(hours=1), step=timedelta(seconds=30))
    assert len(system.in_company()) <= HALVINGS * len(system.poison)
    assert max(system.waits(), default=0) <= ((HALVINGS + 2) * len(system.poison) + 1) * TIME_OUT.total_seconds()
    with reading() as session:
        rows = {row.subject: row for row in session.scalars(select(Delivery))}
    assert {row.state for name, row in rows.items() if name not in system.poison} == {"done"}
    assert not [name for name, row in rows.items() if row.attempts and name not in system.poison]
    assert all(rows[name].attempts > 0 for name in system.poison)
    with_poison = [call for call in system.calls if system.poison & set(call)]
    assert all(len(call) == 1 for call in with_poison[-len(system.poison) :])


@pytest.mark.parametrize("poison", [{"p"}, {"p", "q"}, {"p", "q", "r"}], ids=len)
@pytest.mark.parametrize("minutes", [3, 20])
def test_poisonous_records_and_hardly_any_others(installed, poison, minutes):
    """Where nothing else comes, their silence opens the circuit. Whoever comes then is the probe, before all of them.

    So nobody waits longer than the circuit stays open, and for the call that is under way.
    """
    system = installed(every=timedelta(minutes=minutes))
    system.poison = poison
    system.enqueue("a", "p", "b", "q", "c", "r", "d", "e")
    system.run(timedelta(hours=12))
    cap = 1.25 * TargetPolicy().open_cap_seconds
    later = [(system.answered[name] - asked).total_seconds() for name, asked in system.asked.items() if name.startswith("new-")]
    assert max(later) <= cap + 2 * TIME_OUT.total_seconds()
    assert max(system.waits()) <= cap + (HALVINGS + 2) * len(poison) * TIME_OUT.total_seconds()


class TestBatches:
    """What may go together."""

    def test_one_that_has_timed_out_by_itself_goes_alone(self, installed):
        """It is due first, but takes nobody with it; the others follow together."""
        system = installed()
        system.enqueue("p")
        transact(lambda session: session.execute(update(Delivery).values(reason="no-answer", attempts=3)))
        system.enqueue("a", "b", "c")
        execute.drain("crm")
        assert system.calls == [["p"], ["a", "b", "c"]]

    def test_others_do_not_take_it_along(self, installed, test_clock):
        """It is not due first either."""
        system = installed()
        system.enqueue("a")
        test_clock.advance(seconds=1)
        system.enqueue("p")
        transact(lambda session: session.execute(update(Delivery).where(Delivery.subject == "p").values(reason="no-answer")))
        system.enqueue("b")
        execute.drain("crm")
        assert system.calls == [["a", "b"], ["p"]]

    def test_new_ones_do_not_join_a_batch_that_was_silent(self, installed):
        """Two of four go on together; a record that comes meanwhile goes without them."""
        system = installed()
        system.poison = {"d"}
        system.enqueue("a", "b", "c", "d")
        execute.drain("crm", budget=timedelta(0))
        system.enqueue("e")
        system.poison = set()
        execute.drain("crm")
        assert system.calls == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["e"]]

    @pytest.mark.parametrize("error", [RetryableError("busy"), None], ids=["refused", "answered"])
    def test_an_answer_lifts_the_limit(self, installed, error):
        """Whoever was answered may go with others again."""
        system = installed()
        system.enqueue("a", "b")
        transact(lambda session: session.execute(update(Delivery).values(batch_limit=1)))
        answers = {"a": error or Done(), "b": Done()}
        action = system.action

        def answering(batch):
            if batch[0].subject == "a" and error is None:  # a newer change waits, so it is pending again
                transact(lambda session: plan.sync(session, action, "a"))
            return {one.id: answers[one.subject] for one in batch}

        object.__setattr__(action, "execute", answering)
        execute.drain("crm", budget=timedelta(0))
        assert (delivery("a").state, delivery("a").batch_limit, delivery("b").batch_limit) == ("pending", None, 1)

    def test_outage_is_over_for_all_of_a_batch(self, installed, test_clock):
        """What an outage has limited is done soon after it, and costs nothing."""
        system = installed()
        system.enqueue(*(f"r{number}" for number in range(40)))
        object.__setattr__(system.action, "execute", lambda _batch: (_ for _ in ()).throw(UnavailableError("down")))
        system.run(timedelta(hours=1))
        object.__setattr__(system.action, "execute", system.execute)
        system.run(timedelta(minutes=15))
        with reading() as session:
            rows = session.scalars(select(Delivery)).all()
        assert {(row.state, row.attempts) for row in rows} == {("done", 0)}

    def test_what_a_dead_worker_held_goes_on_in_halves(self, installed, test_clock):
        """One record may be what kills the worker; alone it kills nobody's attempt but its own."""
        system = installed()
        system.enqueue("a", "b", "c", "d")
        transact(lambda session: claims.claim(session, "crm", "dead"))
        test_clock.advance(minutes=6)
        assert transact(expired.free_expired) == 4
        execute.drain("crm")
        assert system.calls == [["a", "b"], ["c", "d"]]
