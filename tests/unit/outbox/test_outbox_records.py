"""What the outcome of a call does to its delivery, to the target, and to what a person has done meanwhile."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock
from shared.errors import UnavailableError
from shared.outbox import circuit, claims, dispatch, execute, operator_actions, plan
from shared.outbox.actions import Action, Done, Kind
from shared.outbox.policy import TargetPolicy
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
        """Also after successes of the probe and the next batch, which start the count of failures anew."""
        system = Target(name="crm", circuit=circuit.OPEN, failures=3, openings=1, closed_until=clock.now())
        assert circuit.allows(system)
        circuit.succeeded(system, 100)
        assert (system.circuit, system.failures) == (circuit.RAMPING, 0)
        circuit.failed(system, TargetPolicy(), "down again")
        assert (system.circuit, system.openings) == (circuit.OPEN, 2)
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
