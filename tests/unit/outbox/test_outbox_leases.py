"""Leases: a living worker renews them, a stopped one gives back what it has not begun, every drain frees what the dead left."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock, stopping
from shared.errors import NotBegunError
from shared.outbox import claims, dispatch, execute, leases, plan
from shared.outbox.actions import Action, AfterUnknown, Done, Kind
from shared.outbox.leases import Keeper
from shared.outbox.policy import TargetPolicy
from shared.queues import DELIVERY_QUEUE
from shared.settings import get_settings
from shared.store.models import ActionLog, Delivery, TargetSlot
from shared.store.session import reading, transact
from tests.support.vendors import registered

LEASE = timedelta(seconds=15)


@pytest.fixture
def calls():
    """What reached the vendor."""
    return []


@pytest.fixture
def post(database, storage, test_clock, calls):
    """A vendor of letters that takes no key and cannot be asked; batches of two."""

    def execute_batch(batch):
        calls.extend(one.subject for one in batch)
        return {one.id: Done() for one in batch}

    action = Action(
        target="post",
        name="letter",
        kind=Kind.MESSAGE,
        execute=execute_batch,
        batch_size=lambda: 2,
        after_unknown=AfterUnknown.ASK_A_PERSON,
    )
    with registered(action, TargetPolicy(slots=1, batches_per_second=1e9)) as action:
        yield action


@pytest.fixture
def stop(monkeypatch):
    """Ask this process to end, for the time of the test."""
    asked = threading.Event()
    monkeypatch.setattr(stopping, "_asked", asked)
    return asked.set


def enqueue(action, *keys):
    """Plan messages that are due."""
    for key in keys:
        transact(lambda session, key=key: plan.message(session, action, f"to-{key}", key, {}))


def claim(worker="w1"):
    """One claim."""
    return transact(lambda session: claims.claim(session, "post", worker))


def deliveries():
    """All there are, oldest first."""
    with reading() as session:
        return session.scalars(select(Delivery).order_by(Delivery.id)).all()


def keeper_of(batch):
    """The keeper of a batch, not started."""
    return Keeper("post", batch.token, [one.id for one in batch.deliveries], batch.held_until)


class TestRenewal:
    """A worker that lives keeps what it holds."""

    def test_renewed_work_is_not_freed(self, post, test_clock):
        """A call may take minutes; its slot and its deliveries stay with it."""
        enqueue(post, "a")
        keeper = keeper_of(claim())
        for _ in range(20):
            test_clock.advance(seconds=5)
            keeper.renew()
        assert dispatch.free_expired() == 0
        assert claim("w2") is None
        with reading() as session:
            assert session.scalars(select(TargetSlot.held_until)).one() == clock.now() + LEASE

    def test_lost_work_is_not_taken_back(self, post, test_clock):
        """Renewing after another has freed it changes nothing."""
        enqueue(post, "a")
        keeper = keeper_of(claim())
        test_clock.advance(seconds=15)
        dispatch.free_expired()
        keeper.renew()
        assert [(row.state, row.lease_until) for row in deliveries()] == [("uncertain", None)]
        assert isinstance(keeper.refusal(), NotBegunError)

    def test_worker_that_stood_still_and_lost_nothing_goes_on(self, post, test_clock):
        """The lease ran out, but nobody looked: it is renewed, and the call may begin."""
        enqueue(post, "a")
        keeper = keeper_of(claim())
        test_clock.advance(seconds=100)
        assert keeper.refusal() is None
        assert deliveries()[0].lease_until == clock.now() + LEASE

    def test_thread_renews_while_a_call_is_under_way(self, post, monkeypatch):
        """The call waits for three renewals, and gets them."""
        renewals = threading.Semaphore(0)
        monkeypatch.setattr(leases, "RENEWALS", 15_000)  # every millisecond
        monkeypatch.setattr(Keeper, "renew", lambda _self: renewals.release())
        waited = []

        def patient(batch):
            waited.extend(renewals.acquire(timeout=20) for _ in range(3))
            return {one.id: Done() for one in batch}

        with registered(Action(target="post", name="letter", kind=Kind.MESSAGE, execute=patient)) as action:
            enqueue(action, "a")
            assert execute.drain("post") == 1
        assert waited == [True, True, True]

    def test_stuck_worker_is_taken_for_dead(self, post, test_clock):
        """Nobody renews for longer than a batch may take."""
        enqueue(post, "a")
        keeper = keeper_of(claim())
        test_clock.advance(seconds=get_settings().delivery_longest_seconds)
        renewed = []
        keeper.renew = lambda: renewed.append(1)
        keeper._left.wait = lambda _pause: False
        keeper._run()
        assert renewed == []


class TestStalls:
    """A worker stands still for longer than its lease between claim and call."""

    def test_nothing_is_sent_that_another_may_have_sent(self, post, test_clock, calls):
        """It comes back when a person has to decide already, and sends nothing."""
        enqueue(post, "a", "b")
        batch = claim()
        test_clock.advance(seconds=16)
        dispatch.free_expired()
        execute.carry_out("post", batch)
        assert calls == []
        assert [row.state for row in deliveries()] == ["uncertain", "uncertain"]

    def test_it_does_not_record_over_its_successor(self, post, test_clock, calls):
        """The second worker holds the message by then, and keeps it."""
        with registered(Action(target="post", name="letter", kind=Kind.MESSAGE, execute=post.execute,
                               after_unknown=AfterUnknown.SEND_AGAIN)) as action:  # fmt: skip
            enqueue(action, "a")
            batch = claim("w1")
            test_clock.advance(seconds=16)
            dispatch.free_expired()
            assert claim("w2")
            execute.carry_out("post", batch)
        assert calls == []
        assert [(row.state, row.lease_token, row.attempts) for row in deliveries()] == [("sending", "w2", 1)]


class TestEveryDrainLooks:
    """The timer is not the only one that frees what the dead held."""

    def test_drain_of_one_target_frees_those_of_others(self, post, storage, test_clock):
        """And wakes them."""
        card = Action(target="crm", name="card", kind=Kind.SYNC, execute=post.execute)
        with registered(card, TargetPolicy(batches_per_second=1e9)):
            transact(lambda session: plan.sync(session, card, "s"))
            transact(lambda session: claims.claim(session, "crm", "dead"))
            test_clock.advance(seconds=15)
            storage.queues.clear()
            execute.drain("post")
            assert [row.state for row in deliveries()] == ["pending"]
            assert storage.bodies(DELIVERY_QUEUE) == [{"target": "crm"}]

    def test_half_minute_frees_and_wakes(self, post, test_clock, calls):
        """An idle target moves again without any drain of its own."""
        from shared import jobs
        from shared.flow import Rhythm

        enqueue(post, "a")
        claim("dead")
        test_clock.advance(seconds=15)
        jobs.run(Rhythm.HALF_MINUTE)
        assert [row.state for row in deliveries()] == ["uncertain"]


class TestStopping:
    """SIGTERM: nothing new, what is under way is finished, the rest is given back."""

    def test_nothing_is_claimed(self, post, stop, calls):
        """The work waits for another instance, which is woken."""
        enqueue(post, "a")
        stop()
        assert execute.drain("post") == 0
        assert (calls, [row.state for row in deliveries()]) == ([], ["pending"])

    def test_what_was_claimed_and_not_begun_is_given_back(self, post, stop, calls):
        """It is due as before: no attempt, no doubt, no line in the log."""
        enqueue(post, "a", "b")
        batch = claim()
        stop()
        execute.carry_out("post", batch)
        assert calls == []
        assert [(row.state, row.attempts, row.reason, row.lease_token) for row in deliveries()] == [
            ("pending", 0, None, None)
        ] * 2
        with reading() as session:
            assert session.scalars(select(ActionLog)).all() == []

    def test_call_under_way_is_finished_and_recorded(self, post, stop, storage, calls):
        """And the rest of the target's work goes on elsewhere: its slot is free, and somebody is woken."""

        def stopped_meanwhile(batch):
            stop()
            return post.execute(batch)

        with registered(
            Action(target="post", name="letter", kind=Kind.MESSAGE, execute=stopped_meanwhile, batch_size=lambda: 2)
        ) as action:
            enqueue(action, "a", "b", "c")
            storage.queues.clear()
            execute.drain("post")
        assert calls == ["to-a", "to-b"]
        assert [row.state for row in deliveries()] == ["done", "done", "pending"]
        assert storage.bodies(DELIVERY_QUEUE) == [{"target": "post"}]
        with reading() as session:
            assert session.scalars(select(TargetSlot.token)).all() == [None]
