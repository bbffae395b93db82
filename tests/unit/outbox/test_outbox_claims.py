"""Claiming: slots, leases and batches, with several workers at once."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from shared import clock
from shared.errors import RetryableError, UncertainError
from shared.outbox import claims, dispatch, execute, plan
from shared.outbox.actions import Action, AfterUnknown, Done, Kind
from shared.outbox.claims import Batch, Wait
from shared.outbox.policy import TargetPolicy
from shared.store.models import Delivery, Target, TargetSlot
from shared.store.session import reading, transact
from tests.support.vendors import registered

LEASE = timedelta(seconds=15)


@pytest.fixture
def post(database, storage, test_clock):
    """A target with two slots, batches of two, no pace to speak of."""
    action = Action(
        target="post",
        name="letter",
        kind=Kind.MESSAGE,
        execute=lambda batch: {one.id: Done() for one in batch},
        batch_size=lambda: 2,
        after_unknown=AfterUnknown.SEND_AGAIN,
    )
    with registered(action, TargetPolicy(slots=2, batches_per_second=1e9)) as action:
        yield action


def enqueue(action, *keys, **more):
    """Plan messages."""
    for key in keys:
        transact(lambda session, key=key: plan.message(session, action, f"to-{key}", key, {}, **more))


@contextmanager
def asked(engine):
    """The statements that are asked meanwhile."""
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def claim(worker="w1"):
    """One claim."""
    return transact(lambda session: claims.claim(session, "post", worker))


def subjects(batch):
    """Who a batch is about."""
    return [one.subject for one in batch.deliveries]


def deliveries():
    """All there are, oldest first."""
    with reading() as session:
        return session.scalars(select(Delivery).order_by(Delivery.id)).all()


def holders():
    """Who holds the slots."""
    with reading() as session:
        return sorted(session.scalars(select(TargetSlot.token).where(TargetSlot.token.is_not(None))))


class TestBatches:
    """What a worker gets."""

    def test_oldest_first_up_to_the_size(self, post):
        """Each worker has its own; none has another's."""
        enqueue(post, "a", "b", "c")
        assert [subjects(claim("w1")), subjects(claim("w2"))] == [["to-a", "to-b"], ["to-c"]]

    def test_nothing_due_holds_no_slot(self, post):
        """A worker without work leaves room for the next."""
        assert claim() is None
        assert holders() == []

    def test_later_due_waits(self, post):
        """Not before its time."""
        enqueue(post, "a", due_at=clock.now() + timedelta(seconds=1))
        assert claim() is None

    def test_one_batch_is_of_one_action(self, post):
        """The action that has waited longest; the other comes next."""
        other = Action(target="post", name="parcel", kind=Kind.MESSAGE, execute=post.execute, batch_size=lambda: 2)
        with registered(other):
            enqueue(post, "a")
            enqueue(other, "b")
            enqueue(post, "c")
            assert [subjects(claim("w1")), subjects(claim("w2"))] == [["to-a", "to-c"], ["to-b"]]

    def test_key_is_the_same_on_every_attempt(self, post, test_clock):
        """What the vendor gets as idempotency key."""
        enqueue(post, "a")
        first = claim("w1").deliveries[0]
        test_clock.advance(minutes=6)
        dispatch.free_expired()
        second = claim("w2").deliveries[0]
        assert (first.key, first.attempt, first.unknown_before) == (second.key, 1, False)
        assert (second.attempt, second.unknown_before) == (2, True)


class TestSlots:
    """How many may call at once, over all instances."""

    def test_no_more_workers_than_slots(self, post):
        """The third finds none, until one gives its slot back."""
        enqueue(post, "a", "b", "c", "d", "e")
        assert claim("w1")
        assert claim("w2")
        assert claim("w3") is None
        transact(lambda session: claims.release(session, "post", "w1"))
        assert subjects(claim("w3")) == ["to-e"]

    def test_a_worker_keeps_its_slot(self, post):
        """The next batch is claimed with the same one."""
        enqueue(post, "a", "b", "c")
        claim("w1")
        claim("w1")
        assert holders() == ["w1"]

    def test_slot_of_a_dead_worker_is_free_when_its_lease_ends(self, post, test_clock):
        """Not a moment sooner."""
        enqueue(post, *"abcdef")
        claim("w1")
        claim("w2")
        test_clock.advance(seconds=14)
        assert claim("w3") is None
        test_clock.advance(seconds=1)
        assert subjects(claim("w3")) == ["to-e", "to-f"]

    def test_each_claim_extends_the_lease(self, post, test_clock):
        """A worker that goes on claiming keeps its slot."""
        enqueue(post, *"abcdef")
        claim("w1")
        test_clock.advance(seconds=10)
        claim("w1")
        with reading() as session:
            assert session.scalars(select(TargetSlot.held_until)).one() == clock.now() + LEASE

    def test_release_of_a_slot_that_is_not_ours_is_harmless(self, post):
        """A worker that lost its slot takes nobody else's."""
        enqueue(post, "a")
        claim("w1")
        transact(lambda session: claims.release(session, "post", "w2"))
        assert holders() == ["w1"]

    def test_pace_makes_a_worker_wait_with_its_slot(self, post):
        """Work is due, but not yet its turn."""
        with registered(post, TargetPolicy(batches_per_second=0.5)):
            enqueue(post, *"abc")
            assert isinstance(claim("w1"), Batch)
            waiting = claim("w1")
            assert waiting == Wait(2)
            assert holders() == ["w1"]

    def test_long_pause_is_not_waited_for(self, post):
        """A worker does not sleep through minutes; the timer comes back."""
        with registered(post, TargetPolicy(batches_per_second=0.1)):
            enqueue(post, *"abc")
            claim("w1")
            assert claim("w1") is None
            assert holders() == []


class TestLeases:
    """Who may say how it went."""

    def test_lease_is_as_long_as_the_setting_says(self, post):
        """Fifteen seconds unless set otherwise."""
        enqueue(post, "a")
        claim("w1")
        assert (deliveries()[0].state, deliveries()[0].lease_until) == ("sending", clock.now() + LEASE)

    def test_nothing_is_freed_while_its_lease_runs(self, post, test_clock):
        """Its worker may well be at work."""
        enqueue(post, "a")
        claim("w1")
        test_clock.advance(seconds=14)
        assert dispatch.free_expired() == 0

    def test_freed_work_counts_the_lost_attempt(self, post, test_clock):
        """Work that kills its worker is not begun for ever."""
        enqueue(post, "a")
        for _ in range(post.retry.max_attempts):
            assert claim("w1")
            test_clock.advance(minutes=6)
            assert dispatch.free_expired() == 1
        assert (deliveries()[0].state, deliveries()[0].reason) == ("uncertain", "worker-died")

    def test_stale_worker_does_not_overwrite_its_successor(self, post, test_clock):
        """Its failure says nothing about what the second worker is doing."""
        enqueue(post, "a")
        stale = claim("w1")
        test_clock.advance(minutes=6)
        dispatch.free_expired()
        claim("w2")
        execute._record("post", stale, {stale.deliveries[0].id: RetryableError("late")})
        assert (deliveries()[0].state, deliveries()[0].lease_token) == ("sending", "w2")

    def test_late_success_of_a_message_is_believed(self, post, test_clock):
        """It was sent, whatever else we thought."""
        enqueue(post, "a")
        stale = claim("w1")
        test_clock.advance(minutes=6)
        dispatch.free_expired()
        execute._record("post", stale, {stale.deliveries[0].id: Done({"sid": "SM1"})})
        assert (deliveries()[0].state, deliveries()[0].result) == ("done", {"sid": "SM1"})

    def test_late_uncertainty_changes_nothing(self, post, test_clock):
        """What is known of an older state does not touch the newer."""
        enqueue(post, "a")
        stale = claim("w1")
        test_clock.advance(minutes=6)
        dispatch.free_expired()
        execute._record("post", stale, {stale.deliveries[0].id: UncertainError("cut")})
        assert (deliveries()[0].state, deliveries()[0].attempts) == ("pending", 1)


class TestDispatch:
    """Which targets are woken."""

    def test_only_those_with_something_due(self, post, storage):
        """One nudge for each, and none for the others."""
        enqueue(post, "a", due_at=clock.now() + timedelta(hours=1))
        assert dispatch.dispatch_due() == set()
        enqueue(post, "b")
        assert dispatch.dispatch_due() == {"post"}

    def test_costs_a_question_where_nothing_waits(self, post, database):
        """However many targets there are: an idle app asks the index once."""
        with asked(database) as statements:
            assert dispatch.dispatch_due() == set()
        assert len([one for one in statements if one.startswith("SELECT")]) == 1

    def test_every_target_with_something_due(self, post):
        """Those of the code, and those that were called before; whose newer code has planned for is left to that."""
        enqueue(post, "a", "b", "c", "d")

        def hand_out(session):
            for row, target in zip(session.scalars(select(Delivery)), ("alerts", "newer", "older", "post"), strict=True):
                row.target = target
            session.add(Target(name="older"))

        transact(hand_out)
        assert dispatch.dispatch_due() == {"alerts", "older", "post"}

    def test_not_while_the_circuit_is_open(self, post, test_clock):
        """A system that is down is not even asked for by the timer, until its time is up."""
        from shared.outbox import circuit

        enqueue(post, "a")

        def open_it(session):
            row = claims.lock_target(session, "post")
            for _ in range(3):
                circuit.failed(row, TargetPolicy(), "down")

        transact(open_it)
        assert dispatch.dispatch_due() == set()
        test_clock.advance(seconds=20)
        assert dispatch.dispatch_due() == {"post"}
