"""What the outcome of a call does to its delivery, to the target, and to what a person has done meanwhile."""

from datetime import timedelta

import pytest
from sqlalchemy import false, select, text, update

from shared import clock
from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.outbox import actions, circuit, claims, dispatch, execute, operator_actions, plan
from shared.outbox.actions import Action, Done, Kind, Skip
from shared.outbox.policy import TargetPolicy
from shared.store.dialect import held, locked, unclaimed
from shared.store.models import Delivery, Target
from shared.store.session import reading, transact
from tests.support.vendors import postman, registered

POLICY = TargetPolicy(batches_per_second=1e9)


class Crm:
    """An outside system, the value of our record that it was sent last, and what happens during its next call."""

    def __init__(self) -> None:
        self.value, self.sent, self.during, self.error = "old", [], None, None

    def execute(self, batch):
        """One call."""
        self.sent.append(self.value)
        if self.during:
            deed, self.during = self.during, None
            deed()
        error, self.error = self.error, None
        if isinstance(error, Exception):
            raise error
        return {one.id: error or Done() for one in batch}


@pytest.fixture
def crm():
    """One that answers."""
    return Crm()


@pytest.fixture
def record(database, storage, test_clock, crm):
    """The sync of one record to it."""
    with registered(Action(target="crm", name="record", kind=Kind.SYNC, execute=crm.execute), POLICY) as action:
        yield action


def sync(action):
    return transact(lambda session: plan.sync(session, action, "r1"))


def deliveries():
    with reading() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def target(name="crm"):
    with reading() as session:
        return session.get(Target, name)


class TestChangeDuringACall:
    """A newer change makes the sync run again, however the call ends."""

    @pytest.mark.parametrize(
        ("outcome", "attempts"),
        [
            (PermanentError("refused", "no such stage"), 3),
            (Skip("no-such-record"), 3),
            (RetryableError("busy"), 13),
            (None, 3),
        ],
        ids=["refused", "skipped", "attempts used up", "done"],
    )
    def test_is_sent_with_all_attempts(self, record, crm, outcome, attempts):
        """The correction is not lost with what it corrects, and has all attempts before it."""

        def correct():
            crm.value = "new"
            sync(record)

        sync(record)
        transact(lambda session: session.execute(update(Delivery).values(attempts=attempts)))
        crm.error, crm.during = outcome, correct
        execute.drain("crm", budget=timedelta(0))
        assert [(row.state, row.attempts, row.reason) for row in deliveries()] == [("pending", 0, None)]
        execute.drain("crm")
        assert (crm.sent, [row.state for row in deliveries()]) == (["old", "new"], ["done"])

    @pytest.mark.parametrize("attempts", [3, 13])
    def test_is_sent_when_the_worker_dies(self, record, crm, test_clock, attempts):
        """The dead worker's last attempt was one for the older state."""
        sync(record)
        transact(lambda session: session.execute(update(Delivery).values(attempts=attempts)))
        transact(lambda session: claims.claim(session, "crm", "dead"))
        sync(record)
        test_clock.advance(minutes=6)
        dispatch.free_expired()
        assert [(row.state, row.attempts) for row in deliveries()] == [("pending", 0)]
        execute.drain("crm")
        assert [row.state for row in deliveries()] == ["done"]

    def test_that_did_not_come_lets_the_refusal_stand(self, record, crm):
        """Nothing is sent for ever."""
        sync(record)
        crm.error = PermanentError("refused", "no such stage")
        execute.drain("crm")
        assert [(row.state, row.reason) for row in deliveries()] == [("dead", "refused")]


class TestTarget:
    """What a call says about the whole system."""

    def test_wait_named_by_a_system_that_is_down_is_kept(self, record, crm, test_clock):
        """A 503 with Retry-After: no call before, though its circuit is not open."""
        sync(record)
        crm.error = UnavailableError("answered 503", after_seconds=600)
        execute.drain("crm")
        assert target().circuit == circuit.CLOSED
        assert target().next_call_at == clock.now() + timedelta(seconds=600)
        test_clock.advance(seconds=590)
        execute.drain("crm")
        assert len(crm.sent) == 1
        test_clock.advance(seconds=11)
        execute.drain("crm")
        assert [row.state for row in deliveries()] == ["done"]

    def test_one_failure_while_ramping_opens_the_circuit(self, test_clock):
        """Also after successes of the probe and the next batch, which start the count of failures and openings anew."""
        system = Target(name="crm", circuit=circuit.OPEN, failures=3, openings=1, closed_until=clock.now())
        assert circuit.allows(system)
        circuit.succeeded(system, 100)
        assert (system.circuit, system.failures) == (circuit.RAMPING, 0)
        circuit.failed(system, TargetPolicy(), "down again")
        assert (system.circuit, system.openings) == (circuit.OPEN, 1)
        assert not circuit.allows(system)


def test_late_success_takes_back_a_retry_by_a_person(database, storage, test_clock):
    """The first message has arrived after all, so the second must not go out."""
    with postman() as (person, action):
        transact(lambda session: plan.message(session, action, "ana", "k1", {"text": "Hola"}))
        slow = transact(lambda session: claims.claim(session, "post", "slow"))
        test_clock.advance(minutes=6)
        dispatch.free_expired()
        assert deliveries()[0].state == "uncertain"
        operator_actions.retry(slow.deliveries[0].id, "ana")
        execute._record("post", slow, {slow.deliveries[0].id: Done({"sid": "SM1"})})
        execute.drain("post")
        assert [(row.state, row.reason) for row in deliveries()] == [("done", None), ("cancelled", "already-sent")]
        assert person.sent == []


class TestUnknownAction:
    """Old code meets deliveries that new code has planned (a rolling deployment)."""

    @pytest.mark.parametrize("kind", [Kind.SYNC, Kind.MESSAGE])
    def test_waits_until_it_is_deployed(self, database, storage, test_clock, crm, kind):
        """For an hour at a time; no attempt is lost."""
        action = Action(target="crm", name="new", kind=kind, execute=crm.execute)
        with registered(action, POLICY):
            if kind is Kind.SYNC:
                sync(action)
            else:
                transact(lambda session: plan.message(session, action, "r1", "k1", None))
        execute.drain("crm")
        row = deliveries()[0]
        assert (row.state, row.reason, row.attempts) == ("pending", "unknown-action", 0)
        assert row.due_at >= clock.now() + timedelta(hours=1)
        with registered(action, POLICY):
            test_clock.advance(minutes=61)
            execute.drain("crm")
        assert [(row.state, row.reason) for row in deliveries()] == [("done", None)]

    @pytest.mark.parametrize(("kind", "days"), [(Kind.SYNC, 7), (Kind.MESSAGE, 1)])
    def test_that_is_never_deployed_ends(self, database, storage, test_clock, crm, kind, days):
        """It is parked where a person sees it."""
        action = Action(target="crm", name="gone", kind=kind, execute=crm.execute)
        with registered(action, POLICY):
            if kind is Kind.SYNC:
                sync(action)
            else:
                transact(lambda session: plan.message(session, action, "r1", "k1", None))
        for _ in range(days * 8):
            execute.drain("crm")
            assert deliveries()[0].state == "pending"
            test_clock.advance(hours=3)
        execute.drain("crm")
        assert [(row.state, row.reason) for row in deliveries()] == [("dead", "unknown-action")]

    def test_keeps_the_doubt_about_a_message(self, database, storage, test_clock):
        """That it may have been sent must be known when its action is deployed again."""
        with postman(after_unknown=actions.AfterUnknown.LOOK_FIRST) as (_person, action):
            transact(lambda session: plan.message(session, action, "ana", "k1", {"text": "Hola"}))
            transact(lambda session: session.execute(update(Delivery).values(reason="outcome-unknown")))
        execute.drain("post")
        assert (deliveries()[0].state, deliveries()[0].reason) == ("pending", "outcome-unknown")

    def test_sync_that_its_worker_left_is_due_again(self, database, storage, test_clock, crm):
        """A sync may always be repeated, so nobody need decide."""
        action = Action(target="crm", name="new", kind=Kind.SYNC, execute=crm.execute)
        with registered(action, POLICY):
            sync(action)
            transact(lambda session: claims.claim(session, "crm", "dead"))
        test_clock.advance(minutes=6)
        dispatch.free_expired()
        assert deliveries()[0].state == "pending"


def test_claim_of_rows_that_others_hold_ends(record, crm, monkeypatch):
    """Where another transaction holds what is due, the worker gives its slot back and ends, and does not go round."""
    sync(record)
    claimed = []
    original, claim = claims._next, execute._claim

    def counted(*given):
        claimed.append(given)
        assert len(claimed) <= 2, "it goes round"
        return claim(*given)

    monkeypatch.setattr(claims, "_next", lambda size: original(size).where(false()))  # as READPAST finds it
    with monkeypatch.context() as counting:
        counting.setattr(execute, "_claim", counted)
        assert execute.drain("crm") == 0
    monkeypatch.setattr(claims, "_next", original)
    execute.drain("crm")
    assert [row.state for row in deliveries()] == ["done"]


@pytest.mark.parametrize("lock", [locked, held, unclaimed], ids=lambda lock: lock.__name__)
def test_locked_read_is_of_what_is_stored(record, lock):
    """An object that the session has read before it had the lock says afterwards what others have committed meanwhile."""
    sync(record)

    def work(session):
        row = session.scalars(select(Delivery)).one()
        session.connection().execute(text("UPDATE deliveries SET wanted = 7"))  # as another transaction would have
        assert row.wanted == 1
        return session.scalars(lock(select(Delivery), Delivery)).one().wanted

    assert transact(work) == 7
