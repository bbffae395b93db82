"""Planning: changes coalesce, messages are planned once, what waits can be taken back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock, queues
from shared.outbox import claims, plan
from shared.outbox.actions import Action, Kind, State
from shared.outbox.policy import TargetPolicy
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.vendors import registered


@pytest.fixture
def crm(database, storage, test_clock):
    """A sync."""
    with registered(Action(target="crm", name="lead", kind=Kind.SYNC, execute=lambda _batch: {}), TargetPolicy()) as action:
        yield action


@pytest.fixture
def post(database, storage, test_clock):
    """A message."""
    with registered(
        Action(target="post", name="letter", kind=Kind.MESSAGE, execute=lambda _batch: {}), TargetPolicy()
    ) as action:
        yield action


def planned(work):
    """Run planning in a transaction; what it returned, and the targets to be woken."""

    def both(session):
        result = work(session)
        return result, plan.newly_due(session)

    return transact(both)


def deliveries():
    """All there are, oldest first."""
    with reading() as session:
        return session.scalars(select(Delivery).order_by(Delivery.id)).all()


def change(id_, **values):
    """Set columns of a delivery."""

    def work(session):
        for name, value in values.items():
            setattr(session.get(Delivery, id_), name, value)

    transact(work)


class TestSync:
    """One open delivery stands for any number of changes."""

    def test_changes_before_it_runs_are_one(self, crm):
        """The first wakes the target, the others ride along."""
        ids = [planned(lambda session: plan.sync(session, crm, "m1")) for _ in range(3)]
        assert [targets for _, targets in ids] == [{"crm"}, set(), set()]
        assert len({id_ for id_, _ in ids}) == 1
        assert deliveries()[0].wanted == 3

    def test_subjects_and_actions_are_apart(self, crm):
        """Only the same subject at the same action coalesces."""
        other = Action(target="crm", name="person", kind=Kind.SYNC, execute=lambda _batch: {})
        for action, subject in [(crm, "m1"), (crm, "m2"), (other, "m1")]:
            planned(lambda session, action=action, subject=subject: plan.sync(session, action, subject))
        assert len(deliveries()) == 3

    def test_change_while_it_runs_is_noted(self, crm):
        """The run has seen one change; two are wanted."""
        planned(lambda session: plan.sync(session, crm, "m1"))
        transact(lambda session: claims.claim(session, "crm", "w1"))
        planned(lambda session: plan.sync(session, crm, "m1"))
        row = deliveries()[0]
        assert (row.state, row.claimed, row.wanted) == (State.SENDING, 1, 2)

    def test_change_gives_one_that_waits_for_its_next_attempt_a_fresh_start(self, crm):
        """It may have cured what made the last one fail."""
        id_, _ = planned(lambda session: plan.sync(session, crm, "m1"))
        change(id_, due_at=clock.now() + timedelta(hours=6), attempts=9)
        _, targets = planned(lambda session: plan.sync(session, crm, "m1"))
        assert targets == {"crm"}
        assert (deliveries()[0].due_at, deliveries()[0].attempts) == (clock.now(), 0)

    def test_finished_one_makes_room_for_the_next(self, crm):
        """History is kept: a new change is a new delivery."""
        from shared.outbox.transitions import close

        id_, _ = planned(lambda session: plan.sync(session, crm, "m1"))
        transact(lambda session: close(session.get(Delivery, id_), State.DONE))
        planned(lambda session: plan.sync(session, crm, "m1"))
        assert [row.state for row in deliveries()] == [State.DONE, State.PENDING]

    def test_many_at_once_are_as_many_one_by_one(self, crm):
        """The new ones are made, as bulk, the waiting ones ride along or get a fresh start."""
        id_, _ = planned(lambda session: plan.sync(session, crm, "m1"))
        change(id_, due_at=clock.now() + timedelta(hours=6), attempts=9)
        _, targets = planned(lambda session: plan.sync_many(session, crm, ["m1", "m2", "m3"]))
        assert targets == {"crm", "crm:bulk"}
        found = [(row.subject, row.wanted, row.attempts, row.due_at) for row in deliveries()]
        assert found == [("m1", 2, 0, clock.now()), ("m2", 1, 0, clock.now()), ("m3", 1, 0, clock.now())]


class TestMessage:
    """Planned once for its key, for ever."""

    def test_second_time_changes_nothing(self, post):
        """Even with another payload, even after it is done."""
        assert planned(lambda session: plan.message(session, post, "ana", "k", {"n": 1})) == (True, {"post"})
        assert planned(lambda session: plan.message(session, post, "ana", "k", {"n": 2})) == (False, set())
        change(deliveries()[0].id, state=State.DONE)
        assert planned(lambda session: plan.message(session, post, "ana", "k", {"n": 3})) == (False, set())
        assert [row.payload for row in deliveries()] == [{"n": 1}]

    def test_keys_are_the_actions_own(self, post):
        """The same key at another action is another message."""
        other = Action(target="post", name="parcel", kind=Kind.MESSAGE, execute=lambda _batch: {})
        assert planned(lambda session: plan.message(session, post, "ana", "k", {}))[0]
        assert planned(lambda session: plan.message(session, other, "ana", "k", {}))[0]

    def test_later_one_wakes_nobody(self, post):
        """Its time will come."""
        due = clock.now() + timedelta(hours=1)
        assert planned(lambda session: plan.message(session, post, "ana", "k", {}, due_at=due)) == (True, set())
        assert deliveries()[0].due_at == due

    def test_keys_of_any_length(self, post):
        """An index over them stays small."""
        assert planned(lambda session: plan.message(session, post, "ana", "k" * 5000, {}))[0]
        assert len(deliveries()[0].dedupe_key) == 64

    def test_payload_is_kept_as_it_is(self, post):
        """Accents, emoji, nesting."""
        payload = {"text": "¡Hola, José! 🌷", "list": [1, 1.5, None, {"a": True}]}
        planned(lambda session: plan.message(session, post, "ana", "k", payload))
        assert deliveries()[0].payload == payload


class TestCancel:
    """What has not been begun can be taken back."""

    @pytest.mark.parametrize(
        ("state", "possible"),
        [("pending", True), ("uncertain", True), ("dead", True), ("sending", False), ("done", False), ("skipped", False)],
    )
    def test_by_state(self, post, state, possible):
        """Not while it is under way, not after it took effect."""
        planned(lambda session: plan.message(session, post, "ana", "k", {}))
        id_ = deliveries()[0].id
        change(id_, state=state)
        assert transact(lambda session: plan.cancel(session, id_, "by hand")) is possible
        assert deliveries()[0].state == ("cancelled" if possible else state)

    def test_message_keeps_its_key(self, post):
        """It is not planned again because somebody took it back."""
        planned(lambda session: plan.message(session, post, "ana", "k", {}))
        transact(lambda session: plan.cancel(session, deliveries()[0].id, "by hand"))
        assert not planned(lambda session: plan.message(session, post, "ana", "k", {}))[0]

    def test_sync_lets_go_of_its_key(self, crm):
        """The next change is sent."""
        planned(lambda session: plan.sync(session, crm, "m1"))
        transact(lambda session: plan.cancel(session, deliveries()[0].id, "by hand"))
        planned(lambda session: plan.sync(session, crm, "m1"))
        assert [row.state for row in deliveries()] == ["cancelled", "pending"]

    def test_no_such_delivery(self, database):
        """A number that does not exist."""
        assert transact(lambda session: plan.cancel(session, 99, "by hand")) is False


class TestNudge:
    """Waking the executors."""

    def test_one_message_for_each_target(self, database, storage, test_clock):
        """In the order of their names."""
        plan.nudge({"b", "a"})
        assert storage.bodies(queues.DELIVERY_QUEUE) == [{"target": "a"}, {"target": "b"}]

    def test_queue_that_cannot_be_written_is_no_error(self, database, storage, test_clock):
        """The change is committed; the dispatcher finds what is due."""
        storage.broken = True
        plan.nudge({"a"})
        storage.broken = False
        assert storage.bodies(queues.DELIVERY_QUEUE) == []

    def test_rolled_back_plan_is_not_there(self, crm):
        """Change and delivery are committed together or not at all."""

        def work(session):
            plan.sync(session, crm, "m1")
            raise RuntimeError

        with pytest.raises(RuntimeError):
            transact(work)
        assert deliveries() == []
