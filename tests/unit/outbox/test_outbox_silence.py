"""Silence: an outage of a whole system costs nothing; a record that alone is met with silence costs attempts, and ends."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from shared import clock
from shared.errors import NoAnswerError, PermanentError, RetryableError, UnavailableError, UncertainError
from shared.outbox import dispatch, execute, plan
from shared.outbox.actions import Action, Done, Kind
from shared.outbox.policy import RetryPolicy, TargetPolicy
from shared.store.models import Delivery, Target
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.examples import examples
from tests.support.vendors import registered

pytestmark = pytest.mark.slow

SILENCE = (NoAnswerError("no answer within 60 s"), UnavailableError("answered 504"), UncertainError("cut"))


class System:
    """An outside system that says nothing while it is down, or where a poisonous record is in the batch."""

    def __init__(self, test_clock) -> None:
        self.test_clock = test_clock
        self.poison, self.down, self.silence = set(), False, SILENCE[0]
        self.calls = []

    def execute(self, batch):
        """One call: done for all, or silence for all, after a minute."""
        subjects = {one.subject for one in batch}
        self.calls.append(sorted(subjects))
        if self.down or subjects & self.poison:
            self.test_clock.advance(minutes=1)
            raise self.silence
        return {one.id: Done() for one in batch}


@pytest.fixture
def system(test_clock):
    """One that is well."""
    return System(test_clock)


@pytest.fixture
def records(database, storage, system):
    """Syncs of records to it, eight in a call."""
    action = Action(target="crm", name="record", kind=Kind.SYNC, execute=system.execute, batch_size=lambda: 8)
    with registered(action, TargetPolicy(batches_per_second=1e9)) as action:
        yield action


def enqueue(action, *subjects):
    """Ask for syncs."""
    transact(lambda session: [plan.sync(session, action, subject) for subject in subjects])


def run(test_clock, minutes, step=5):
    """Time passes; the timers run."""
    for _ in range(round(minutes / step)):
        dispatch.dispatch_due()
        execute.drain("crm", budget=timedelta(minutes=step))
        test_clock.advance(minutes=step)


def found(subject):
    """The newest delivery of a record."""
    with reading() as session:
        query = select(Delivery).where(Delivery.subject == subject).order_by(Delivery.id.desc()).limit(1)
        return session.scalars(query).one()


@pytest.mark.parametrize("silence", SILENCE[:2], ids=lambda error: type(error).__name__)
class TestOneRecord:
    """One record is what the system is silent about."""

    def test_ends_with_its_attempts_used_up_while_others_go_on(self, records, system, test_clock, silence):
        """Long before a week has passed; nobody else loses an attempt, or waits for long."""
        system.poison, system.silence = {"p"}, silence
        for hour in range(4 * 24):
            enqueue(records, *(["p"] if hour == 0 else []), *(f"{hour}-{number}" for number in range(12)))
            run(test_clock, 60, step=15)
            assert found(f"{max(hour - 1, 0)}-11").state == "done"
        poison = found("p")
        assert (poison.state, poison.reason, poison.attempts) == ("dead", "attempts-used-up", 14)
        with reading() as session:
            innocent = session.scalars(select(Delivery).where(Delivery.subject != "p")).all()
        assert {(row.state, row.attempts) for row in innocent} == {("done", 0)}

    def test_goes_alone_once_it_has_cost_an_attempt(self, records, system, test_clock, silence):
        """It takes no other record with it any more."""
        system.poison, system.silence = {"p"}, silence
        for hour in range(24):
            enqueue(records, *(["p"] if hour == 0 else []), *(f"{hour}-{number}" for number in range(12)))
            run(test_clock, 60, step=10)
        assert found("p").attempts > 2
        with_poison = [call for call in system.calls if "p" in call]
        assert all(call == ["p"] for call in with_poison[-3:])

    def test_that_is_the_only_one_costs_nothing(self, records, system, test_clock, silence):
        """Nobody else is answered, so the system itself may be to blame; after a week it is too old."""
        system.poison, system.silence = {"p"}, silence
        enqueue(records, "p")
        run(test_clock, 6 * 24 * 60, step=60)
        assert (found("p").state, found("p").attempts) == ("pending", 0)
        run(test_clock, 25 * 60, step=60)
        assert (found("p").state, found("p").reason) == ("dead", "too-old")

    def test_that_is_mended_is_done(self, records, system, test_clock, silence):
        """Its attempts are forgotten with it."""
        system.poison, system.silence = {"p"}, silence
        enqueue(records, "p")
        for number in range(6):
            enqueue(records, f"i{number}")
            run(test_clock, 60)
        assert found("p").attempts > 0
        system.poison = set()
        run(test_clock, 12 * 60)
        assert (found("p").state, found("p").reason) == ("done", None)


def test_a_refused_batch_is_not_taken_apart_beyond_its_lease(records, system, test_clock):
    """One by one takes longer than together: what has had no turn in time is due again, and nobody else takes it meanwhile."""
    turns = []

    def slow(batch):
        test_clock.advance(seconds=50)
        turns.append(len(batch))
        raise PermanentError("refused", "one of them is bad")

    with registered(replace(records, execute=slow), TargetPolicy(batches_per_second=1e9)):
        enqueue(records, *(f"r{number}" for number in range(8)))
        begun = clock.now()
        execute.drain("crm", budget=timedelta(0))
    assert clock.now() - begun < timedelta(seconds=300)
    assert turns[0] == 8
    with reading() as session:
        found = sorted(session.scalars(select(Delivery.state)))
    assert found == ["dead"] * (len(turns) - 1) + ["pending"] * (9 - len(turns))
    assert 1 < len(turns) < 8


def test_an_answer_clears_the_mark(records, system, test_clock):
    """A record that is refused for now was answered: what is silent later is looked at anew."""
    system.poison = {"p"}
    enqueue(records, "p")
    run(test_clock, 5)
    assert found("p").reason == "no-answer"
    system.silence = RetryableError("busy")
    run(test_clock, 30)
    assert (found("p").reason, found("p").attempts > 0) == (None, True)


@settings(max_examples=examples(10), suppress_health_check=list(HealthCheck))
@given(
    before=st.integers(0, 30),
    hours=st.integers(1, 30),
    silence=st.sampled_from(SILENCE),
    arrivals=st.lists(st.integers(0, 29), max_size=6),
)
def test_an_outage_costs_nothing(records, system, test_clock, before, hours, silence, arrivals):
    """However long it is, whatever is owed before it and planned within it: no attempt is lost, and all is done afterwards."""
    reset(test_clock)
    system.down, system.silence = False, silence
    enqueue(records, *(f"early-{number}" for number in range(before)))
    if before % 2:
        run(test_clock, 10)
    system.down = True
    enqueue(records, *(f"then-{number}" for number in range(before)))
    for hour in range(hours):
        enqueue(records, *(f"within-{hour}-{number}" for number in arrivals if number == hour))
        run(test_clock, 60, step=30)
    with reading() as session:
        assert not session.scalars(select(Delivery.id).where(Delivery.attempts > 0)).first()
    system.down = False
    run(test_clock, 120)
    with reading() as session:
        assert set(session.scalars(select(Delivery.state))) <= {"done"}


@settings(max_examples=examples(6), suppress_health_check=list(HealthCheck))
@given(outages=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=4), silence=st.sampled_from(SILENCE))
def test_several_outages_cost_one_attempt_each_at_most(records, system, test_clock, outages, silence):
    """Hours away, hours back, and records that come all the time: none is given up, and all are done in the end."""
    reset(test_clock)
    system.silence = silence
    for number, (away, back) in enumerate(outages):
        for is_down, hours in ((True, away), (False, back)):
            system.down = is_down
            for hour in range(hours):
                enqueue(records, *(f"{number}-{is_down}-{hour}-{one}" for one in range(3)))
                run(test_clock, 60, step=20)
    system.down = False
    run(test_clock, 240)
    with reading() as session:
        rows = session.scalars(select(Delivery)).all()
    assert {row.state for row in rows} <= {"done"}
    assert sum(row.attempts for row in rows) <= len(outages)


def reset(test_clock):
    """Nothing owed yet, at the beginning of time."""

    def work(session):
        for table in (Delivery, Target):
            if table is Target:
                from shared.store.models import ActionLog, TargetSlot

                session.execute(TargetSlot.__table__.delete())
                session.execute(ActionLog.__table__.delete())
            session.execute(table.__table__.delete())

    transact(work)
    test_clock.moment = clock.as_utc(START)


class TestOneMessage:
    """A message that its vendor answers with 503, while it takes all others."""

    @pytest.fixture
    def mails(self, database, storage, test_clock):
        """A vendor of messages to whom `p` is poison, each message in a call of its own."""
        calls = []

        def execute_one(batch):
            calls.append([one.subject for one in batch])
            return {one.id: UnavailableError("answered 503") if one.subject == "p" else Done() for one in batch}

        retry = RetryPolicy(first_seconds=15, factor=4, cap_seconds=3600, max_attempts=6, max_age=timedelta(days=3650))
        action = Action(target="crm", name="mail", kind=Kind.MESSAGE, execute=execute_one, retry=retry)
        with registered(action, TargetPolicy(batches_per_second=1e9)) as action:
            yield action, calls

    def test_has_a_bound_and_delays_nobody(self, mails, test_clock):
        """It costs attempts as a poisonous record does, and ends after them; it was called twice a minute for a week."""
        action, calls = mails
        for number in range(36):
            names = (["p"] if number == 0 else []) + [f"m{number}"]
            transact(lambda session, names=names: [plan.message(session, action, name, name, {}) for name in names])
            run(test_clock, 5, step=1)
        assert (found("p").state, found("p").attempts, found("p").reason) == ("dead", 6, "attempts-used-up")
        assert sum("p" in call for call in calls) <= 20
        with reading() as session:
            others = session.scalars(select(Delivery).where(Delivery.subject != "p")).all()
        waits = [(row.finished_at - row.created_at).total_seconds() for row in others]
        assert sorted(waits)[int(0.9 * len(waits))] <= 60

    def test_an_outage_costs_it_nothing(self, mails, test_clock):
        """The vendor is down for all: nobody's attempts are used up, and what may have been sent is not forgotten."""
        action, _calls = mails
        transact(lambda session: [plan.message(session, action, "p", f"p{number}", {}) for number in range(3)])
        run(test_clock, 12 * 60, step=20)
        with reading() as session:
            rows = session.scalars(select(Delivery)).all()
        assert {row.state for row in rows} == {"pending"}
        assert max(row.attempts for row in rows) <= 1
