"""The outbox as a state machine under everything that can happen to it: workers that die or oversleep, vendors that fail."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from shared import clock
from shared.crm.odoo_sync import OPPORTUNITY
from shared.errors import PermanentError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.outbox import claims, dispatch, execute, plan
from shared.outbox.actions import Action, AfterUnknown, Claimed, Done, Kind, Later, Outcome
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings
from shared.store.models import Base, Delivery, Opportunity, StageMapping
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.examples import examples
from tests.support.vendors import registered
from tests.support.world import World, opportunity

pytestmark = pytest.mark.slow

PEOPLE = ["m1", "m2"]
LETTERS = ["k1", "k2"]
OPEN = ("pending", "sending")
TROUBLES = [
    RetryableError("try again"),
    RetryableError("try again", after_seconds=600),
    ThrottledError("slow down", after_seconds=90),
    UnavailableError("down"),
    UncertainError("no answer"),
    PermanentError("bad", "never"),
    ValueError("a mistake of ours"),
]
TROUBLE = st.none() | st.sampled_from(TROUBLES)  # half of all calls just work


@dataclass
class Vendor:
    """An outside system that does what it is asked (or not), and then answers (or not)."""

    answer: Exception | None = None
    deaf: bool = False  # fails before it has done anything
    stages: dict[str, int | None] = field(default_factory=dict)
    letters: Counter[str] = field(default_factory=Counter)
    seen_keys: set[str] = field(default_factory=set)

    def sync(self, batch: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """Bring leads up to date with what SQL says now."""
        with reading() as session:
            rows = session.execute(select(Opportunity.manychat_id, Opportunity.stage_id)).all()
        stages = {row.manychat_id: row.stage_id for row in rows}
        return self._answered(batch, lambda delivery: self.stages.__setitem__(delivery.subject, stages[delivery.subject]))

    def post(self, batch: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """Send letters."""
        return self._answered(batch, lambda delivery: self.letters.update([delivery.subject]))

    def post_with_key(self, batch: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """Send letters, each idempotency key once."""

        def send(delivery: Claimed) -> None:
            if delivery.key not in self.seen_keys:
                self.letters.update([delivery.subject])
            self.seen_keys.add(delivery.key)

        return self._answered(batch, send)

    def look_up(self, delivery: Claimed) -> Done | None:
        """Whether a letter arrived."""
        return Done({"found": True}) if self.letters[delivery.subject] else None

    def _answered(self, batch: Sequence[Claimed], deed: Any) -> Mapping[int, Outcome]:
        # What surely had no effect had none; only of the uncertain one and of our own mistakes it is not known.
        without_effect = isinstance(self.answer, RetryableError | PermanentError)
        for delivery in batch:
            if not (self.answer and (without_effect or self.deaf)):
                deed(delivery)
        if self.answer is not None:
            raise self.answer
        return {delivery.id: Done({"odoo_id": 7, "linked": True}) for delivery in batch}


@dataclass
class Worker:
    """A worker in the middle of a batch: claimed, or called as well."""

    system: str
    batch: claims.Batch
    claimed_at: Any
    outcomes: dict[int, Outcome] | None = None


class Outbox(RuleBasedStateMachine):
    """Planned work, workers, vendors and time. Two syncs' targets would be the same twice, so there is one."""

    world: World
    test_clock: clock.TestClock

    def __init__(self) -> None:
        super().__init__()
        self.vendor = Vendor()
        self.workers: list[Worker] = []
        self.event = 0
        self.quiet_hours = False
        self.stack = ExitStack()
        kinds = {
            "ask": (AfterUnknown.ASK_A_PERSON, self.vendor.post),
            "again": (AfterUnknown.SEND_AGAIN, self.vendor.post_with_key),
            "look": (AfterUnknown.LOOK_FIRST, self.vendor.post),
        }
        self.actions = {
            name: Action(
                target=name,
                name="letter",
                kind=Kind.MESSAGE,
                execute=call,
                unwanted=self.unwanted,
                after_unknown=unknown,
                look_up=self.vendor.look_up,
            )
            for name, (unknown, call) in kinds.items()
        }
        for action in self.actions.values():
            self.stack.enter_context(registered(action, TargetPolicy(slots=2, batches_per_second=1000)))
        self.stack.enter_context(registered(replace(OPPORTUNITY, execute=self.vendor.sync)))

    def teardown(self) -> None:
        """After the vendors have recovered and enough time has passed, everything is done or parked, and says so."""
        try:
            self.recover_and_wait()
            self.check_all_settled()
        finally:
            self.stack.close()

    @initialize()
    def begin(self) -> None:
        """Nothing planned yet."""

        def work(session: Any) -> None:
            for table in reversed(Base.metadata.sorted_tables):
                if table is not StageMapping.__table__:
                    session.execute(table.delete())

        transact(work)
        self.world.storage.queues.clear()
        self.test_clock.moment = START

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        """One of all that can happen now. It is one rule, because Hypothesis leaves out some rules in most of its runs."""
        moves = [self.change] * 3 + [self.owe_letter] * 2 + [self.time_passes, self.night_falls_or_ends]
        if self.pending():
            moves += [self.claim] * 4 + [self.take_back]
        if self.workers:
            moves += [self.die]
        if any(worker.outcomes is None for worker in self.workers):
            moves += [self.call] * 4
        if any(worker.outcomes is not None for worker in self.workers):
            moves += [self.record] * 3
        data.draw(st.sampled_from(moves))(data)

    def pending(self) -> list[str]:
        """The systems for which something waits."""
        with reading() as session:
            return sorted(session.scalars(select(Delivery.target).where(Delivery.state == "pending").distinct()))

    def change(self, data: st.DataObject) -> None:
        """An event changes a person's stage."""
        self.event += 1
        at = f"2026-03-01T10:{self.event // 60:02}:{self.event % 60:02}Z"
        self.world.post("opportunity", opportunity(data.draw(st.sampled_from(PEOPLE)), 16 + self.event % 11, at))
        self.world.step("manychat-crm-opportunities-queue")

    def owe_letter(self, data: st.DataObject) -> None:
        """A letter is owed, perhaps for the second time, perhaps for later."""
        kind, letter = data.draw(st.sampled_from(sorted(self.actions))), data.draw(st.sampled_from(LETTERS))
        due = clock.now() + timedelta(minutes=data.draw(st.sampled_from([0, 0, 5])))
        subject = f"{kind}-{letter}"
        transact(lambda session: plan.message(session, self.actions[kind], subject, letter, {"text": "Hola"}, due_at=due))

    def claim(self, data: st.DataObject) -> None:
        """A worker claims what is due."""
        system, token = data.draw(st.sampled_from(self.pending())), str(uuid.uuid4())
        found = transact(lambda session: claims.claim(session, system, token))
        if isinstance(found, claims.Wait):  # as the executor does
            clock.sleep(found.seconds)
            found = transact(lambda session: claims.claim(session, system, token))
        if isinstance(found, claims.Batch) and found.deliveries:
            self.workers.append(Worker(system, found, clock.now()))

    def call(self, data: st.DataObject) -> None:
        """A worker calls its vendor, well within its lease: that is longer than any call may take."""
        waiting = [worker for worker in self.workers if worker.outcomes is None and not self.is_late(worker)]
        if waiting:
            worker = data.draw(st.sampled_from(waiting))
            self.vendor.answer, self.vendor.deaf = data.draw(TROUBLE), data.draw(st.booleans())
            worker.outcomes = execute._outcomes(worker.batch.action, worker.batch.deliveries)

    def record(self, data: st.DataObject) -> None:
        """A worker writes down how it went, perhaps long after its lease has ended."""
        worker = data.draw(st.sampled_from([worker for worker in self.workers if worker.outcomes is not None]))
        self.workers.remove(worker)
        execute._record(worker.system, worker.batch, worker.outcomes or {})
        transact(lambda session: claims.release(session, worker.system, worker.batch.token))

    def die(self, data: st.DataObject) -> None:
        """A worker is gone, wherever it was."""
        self.workers.remove(data.draw(st.sampled_from(self.workers)))

    def time_passes(self, data: st.DataObject) -> None:
        """Time passes, and the timers run."""
        self.test_clock.advance(seconds=data.draw(st.sampled_from([1, 4, 16, 120, 1200, 7200])))
        dispatch.free_expired()
        dispatch.dispatch_due()
        dispatch.requeue_lost()

    def night_falls_or_ends(self, _data: st.DataObject) -> None:
        """Quiet hours begin, or are over."""
        self.quiet_hours = not self.quiet_hours

    def unwanted(self, _session: Any, _delivery: Claimed) -> Later | None:
        """No letter at night."""
        return Later(clock.now() + timedelta(minutes=10), "quiet-hours") if self.quiet_hours else None

    def take_back(self, data: st.DataObject) -> None:
        """A person takes back a letter that has not been begun."""
        with reading() as session:
            waiting = select(Delivery.id).where(
                Delivery.kind == "message", Delivery.state == "pending", Delivery.reason.is_(None)
            )
            found = session.scalars(waiting).all()
        if found:
            chosen = data.draw(st.sampled_from(sorted(found)))
            transact(lambda session: plan.cancel(session, chosen, "by hand"))

    @invariant()
    def one_open_sync_for_each_subject(self) -> None:
        """Changes coalesce into one delivery."""
        with reading() as session:
            query = select(Delivery.subject).where(Delivery.kind == "sync", Delivery.state.in_(OPEN))
            counted = Counter(session.scalars(query))
        assert not [subject for subject, count in counted.items() if count > 1]

    @invariant()
    def letters_go_out_at_most_once(self) -> None:
        """Whatever workers and vendors do."""
        assert not [letter for letter, count in self.vendor.letters.items() if count > 1]

    @invariant()
    def slots_are_kept(self) -> None:
        """No more workers at one target than it allows, as long as their leases run."""
        busy = Counter(worker.system for worker in self.workers if not self.is_late(worker))
        assert busy["odoo"] <= 1
        assert max(busy.values(), default=0) <= 2

    def is_late(self, worker: Worker) -> bool:
        """Whether the worker's lease has run out."""
        return (clock.now() - worker.claimed_at).total_seconds() >= get_settings().delivery_lease_seconds

    def recover_and_wait(self) -> None:
        """All workers are dead, all vendors well, and two days go by."""
        self.workers.clear()
        self.quiet_hours = False
        self.vendor.answer, self.vendor.deaf = None, False
        for minutes in (6, 6, 6, 60, 360, 720, 1440, 1440):
            self.test_clock.advance(minutes=minutes)
            dispatch.free_expired()
            dispatch.requeue_lost()
            for system in self.pending():
                execute.drain(system)
            with reading() as session:
                if session.scalars(select(Delivery.id).where(Delivery.state.in_(OPEN))).first() is None:
                    break

    def check_all_settled(self) -> None:
        """Nothing is open; what is done is so at the vendor; the status of every person tells the truth."""
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state.in_(OPEN))) == 0
            rows = session.scalars(select(Opportunity)).unique().all()
            newest = {row.subject: row for row in session.scalars(select(Delivery).order_by(Delivery.id))}
        for row in rows:
            state = newest[row.manychat_id].state
            assert (row.odoo_sync_status, state) in {("success", "done"), ("error", "dead")}, (row.odoo_sync_status, state)
            if state == "done":
                assert self.vendor.stages[row.manychat_id] == row.stage_id
        for subject, delivery in newest.items():
            if delivery.kind == "message":
                self.check_letter(subject, delivery)

    def check_letter(self, subject: str, delivery: Delivery) -> None:
        """Done means sent; dead and cancelled mean not sent; uncertain may be either."""
        sent = self.vendor.letters[subject]
        assert delivery.state in {"done", "dead", "uncertain", "cancelled"}
        assert delivery.state != "done" or sent == 1
        assert delivery.state not in {"dead", "cancelled"} or sent == 0, (delivery.state, delivery.reason)


@pytest.fixture
def machine(world: World, test_clock: clock.TestClock) -> type[Outbox]:
    """The state machine on a database of its own."""
    return type("Machine", (Outbox,), {"world": world, "test_clock": test_clock})


def test_outbox_keeps_its_promises(machine):
    """Whatever happens in whatever order, the invariants hold, and in the end nothing is lost."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(100),
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
