"""What a person may do with a delivery (`shared.outbox.operator_actions`), in every state it can be in."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from shared import clock
from shared.crm import odoo_sync
from shared.errors import PermanentError, RefusedError, UncertainError
from shared.outbox import operator_actions, plan
from shared.outbox.actions import Action, AfterUnknown, State
from shared.outbox.execute import drain
from shared.outbox.transitions import close
from shared.store.models import ActionLog, Contact, Delivery, Opportunity
from shared.store.session import reading, transact
from tests.support.examples import examples
from tests.support.vendors import LeadSync, lead_sync, postman
from tests.support.world import FakeStorage

FINISHED = [State.DEAD, State.UNCERTAIN, State.CANCELLED, State.SKIPPED]
OPS = "key:ops"


@pytest.fixture(autouse=True)
def _app(database: Any, storage: FakeStorage, test_clock: clock.TestClock) -> None:
    """Every test has a database, queues and a clock of its own."""


@pytest.fixture
def odoo() -> Iterator[LeadSync]:
    """Odoo, in the test's hand, and one opportunity."""
    transact(lambda session: session.add(_person()))
    with lead_sync() as odoo:
        yield odoo


def _person() -> Opportunity:
    return Opportunity(manychat_id="m1", stage_id=18, contact=Contact(manychat_id="m1"))


def delivery(delivery_id: int) -> Delivery:
    """The row as it is now."""
    with reading() as session:
        return session.get_one(Delivery, delivery_id)


def count() -> int:
    """How many deliveries there are."""
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Delivery)) or 0


def log_of(delivery_id: int) -> list[tuple[str, str, str, str | None]]:
    """What the action log says of a delivery."""
    with reading() as session:
        lines = session.scalars(select(ActionLog).where(ActionLog.delivery_id == delivery_id).order_by(ActionLog.id))
        return [(line.actor, line.action, line.result, line.detail) for line in lines]


def planned_sync() -> int:
    """A sync of the opportunity; its id."""
    return transact(lambda session: plan.sync(session, odoo_sync.OPPORTUNITY, "m1", event_key="event-1"))


def planned_letter(action: Action, **more: Any) -> int:
    """A message; its id."""
    transact(lambda session: plan.message(session, action, "m1", "welcome", {"text": "Hola"}, **more))
    with reading() as session:
        return session.scalars(select(Delivery.id).order_by(Delivery.id.desc()).limit(1)).one()


def put_into(delivery_id: int, state: State) -> None:
    """Bring a delivery into a state the way the outbox does."""

    def work(session: Any) -> None:
        row = session.get_one(Delivery, delivery_id)
        if state in (State.PENDING, State.SENDING):
            row.state = state
        else:
            close(row, state, reason="for-the-test", error="it said no")

    transact(work)


def refusal(deed: Callable[[int, str], Any], delivery_id: int) -> RefusedError:
    """How it is refused."""
    with pytest.raises(RefusedError) as caught:
        deed(delivery_id, OPS)
    return caught.value


class TestRetryOfSync:
    """A sync sends what SQL says now, so its retry is a sync like any other, linked to the old one."""

    @pytest.mark.parametrize("state", [State.DEAD, State.CANCELLED, State.SKIPPED])
    def test_finished_one_is_planned_anew_and_carried_out(self, odoo: LeadSync, state: State) -> None:
        """The new delivery points to the old one and reaches Odoo; the old one stays exactly as it was."""
        old = planned_sync()
        put_into(old, state)
        before = vars(delivery(old)).copy()
        new = operator_actions.retry(old, OPS)
        drain("odoo")
        assert (new.id != old, new.retry_of, new.event_key) == (True, old, "event-1")
        assert delivery(new.id).state == State.DONE
        assert odoo.leads == {"m1": 18}
        after = vars(delivery(old))
        assert {name: after[name] for name in before if name != "_sa_instance_state"} == {
            name: value for name, value in before.items() if name != "_sa_instance_state"
        }

    def test_odoo_status_of_the_record_says_pending_until_it_is_done(self, odoo: LeadSync) -> None:
        """From the retry on the record is pending again; afterwards it is what the new attempt made it."""
        old = planned_sync()
        odoo.bad["m1"] = PermanentError("odoo-refused", "Odoo says no")
        drain("odoo")
        assert _sync_status() == ("error", "Odoo says no")
        odoo.bad.clear()
        operator_actions.retry(old, OPS)
        assert _sync_status() == ("pending", None)
        drain("odoo")
        assert _sync_status() == ("success", None)

    def test_refused_while_another_of_the_same_subject_is_open(self, odoo: LeadSync) -> None:
        """The open one does the same; the refusal names it, and nothing is planned."""
        old = planned_sync()
        put_into(old, State.DEAD)
        newer = planned_sync()
        error = refusal(operator_actions.retry, old)
        assert (error.status, error.reason) == (409, "already-open")
        assert str(newer) in error.detail
        assert count() == 2

    def test_may_be_retried_again_once_the_first_retry_has_ended(self, odoo: LeadSync) -> None:
        """Syncs have no key to give away, so the same old row may be retried any number of times, one after the other."""
        old = planned_sync()
        put_into(old, State.DEAD)
        first = operator_actions.retry(old, OPS)
        drain("odoo")
        second = operator_actions.retry(old, OPS)
        assert {first.retry_of, second.retry_of} == {old}
        assert second.id > first.id

    def test_waiting_one_is_due_now_with_its_attempts(self, odoo: LeadSync, test_clock: clock.TestClock) -> None:
        """Waiting for its third attempt in an hour: the third attempt comes now, and it is still the third."""
        row = planned_sync()

        def wait(session: Any) -> None:
            held = session.get_one(Delivery, row)
            held.due_at, held.attempts, held.last_error = clock.now() + timedelta(hours=1), 2, "busy"

        transact(wait)
        again = operator_actions.retry(row, OPS)
        assert (again.id, again.attempts, again.due_at) == (row, 2, clock.now())
        assert drain("odoo") == 1

    def test_of_code_that_is_no_longer_deployed_is_refused(self) -> None:
        """Nothing could carry it out."""
        transact(lambda session: session.add(_row(target="gone", action="away", state="dead", kind="sync")))
        error = refusal(operator_actions.retry, 1)
        assert (error.status, error.reason) == (409, "unknown-action")

    def test_two_at_the_same_time_make_one(self, odoo: LeadSync) -> None:
        """Two people press the button in the same moment: one new delivery, one refusal that names it."""
        old = planned_sync()
        put_into(old, State.DEAD)
        outcomes = _at_once(lambda: operator_actions.retry(old, OPS), 4)
        made = [outcome for outcome in outcomes if isinstance(outcome, Delivery)]
        assert len(made) == 1
        assert {outcome.reason for outcome in outcomes if isinstance(outcome, RefusedError)} == {"already-open"}
        assert count() == 2


class TestRetryOfMessage:
    """A message goes out once for its key; a person may decide otherwise, and only then."""

    @pytest.mark.parametrize("state", FINISHED)
    def test_finished_one_goes_out_again_under_the_same_key(self, state: State) -> None:
        """The key moves to the new delivery: the vendor and our own rule against doubles still know it as the same message."""
        with postman() as (person, action):
            old = planned_letter(action, not_after=clock.now() + timedelta(days=1))
            key = delivery(old).dedupe_key
            put_into(old, state)
            new = operator_actions.retry(old, OPS)
            drain("post")
            assert person.sent == [("m1", {"text": "Hola"})]
            assert person.arrived == {key}
            row = delivery(new.id)
            assert (row.retry_of, row.dedupe_key, row.state) == (old, key, State.DONE)
            assert row.not_after == delivery(old).not_after
            assert (delivery(old).dedupe_key, delivery(old).state) == (None, state)

    def test_event_that_comes_again_still_plans_nothing(self) -> None:
        """After a retry the key is still taken: no event can cause the message a second time."""
        with postman() as (_person, action):
            old = planned_letter(action)
            put_into(old, State.DEAD)
            operator_actions.retry(old, OPS)
            assert not transact(lambda session: plan.message(session, action, "m1", "welcome", {"text": "Hola"}))

    def test_vendor_that_can_be_asked_is_asked_before_it_is_sent_again(self) -> None:
        """The first attempt had arrived after all: the retry finds that out and sends nothing."""
        with postman(after_unknown=AfterUnknown.LOOK_FIRST) as (person, action):
            old = planned_letter(action)
            key = delivery(old).dedupe_key
            put_into(old, State.UNCERTAIN)
            assert key is not None
            person.arrived.add(key)
            new = operator_actions.retry(old, OPS)
            drain("post")
            assert person.sent == []
            assert delivery(new.id).result == {"found": True}

    def test_uncertain_one_is_sent_again_when_a_person_says_so(self) -> None:
        """The outcome of the first attempt stays unknown for ever; the person has decided."""
        with postman() as (person, action):
            old = planned_letter(action)
            person.answers = [UncertainError("no answer")]
            drain("post")
            assert delivery(old).state == State.UNCERTAIN
            operator_actions.retry(old, OPS)
            drain("post")
            assert len(person.sent) == 2

    def test_reason_to_send_it_is_asked_for_again(self) -> None:
        """The person has unsubscribed meanwhile: the retry is skipped like any other message."""
        with postman() as (person, action):
            old = planned_letter(action)
            put_into(old, State.DEAD)
            new = operator_actions.retry(old, OPS)
            person.unwanted = "unsubscribed"
            drain("post")
            assert (person.sent, delivery(new.id).state) == ([], State.SKIPPED)

    def test_second_retry_is_refused_and_names_the_first(self) -> None:
        """Otherwise two messages with one key might go out."""
        with postman() as (_person, action):
            old = planned_letter(action)
            put_into(old, State.DEAD)
            new = operator_actions.retry(old, OPS)
            error = refusal(operator_actions.retry, old)
            assert (error.status, error.reason) == (409, "already-retried")
            assert str(new.id) in error.detail

    def test_retry_of_a_retry_continues_the_chain(self) -> None:
        """When the retry fails as well, it is the one to retry."""
        with postman() as (_person, action):
            first = planned_letter(action)
            put_into(first, State.DEAD)
            second = operator_actions.retry(first, OPS).id
            put_into(second, State.DEAD)
            third = operator_actions.retry(second, OPS)
            assert (third.retry_of, delivery(second).retry_of) == (second, first)

    def test_after_its_time_is_refused(self, test_clock: clock.TestClock) -> None:
        """It would be skipped at once; the refusal says since when."""
        with postman() as (_person, action):
            old = planned_letter(action, not_after=clock.now() + timedelta(hours=1))
            put_into(old, State.DEAD)
            test_clock.advance(hours=2)
            error = refusal(operator_actions.retry, old)
            assert (error.reason, count()) == ("too-late", 1)
            assert "10:00:00 UTC" in error.detail

    def test_waiting_for_a_later_time_goes_out_now(self) -> None:
        """A person may bring a planned message forward."""
        with postman() as (person, action):
            row = planned_letter(action, due_at=clock.now() + timedelta(days=3))
            assert drain("post") == 0
            operator_actions.retry(row, OPS)
            assert drain("post") == 1
            assert len(person.sent) == 1

    def test_four_at_the_same_time_make_one(self) -> None:
        """However many press the button, the message goes out once more."""
        with postman() as (_person, action):
            old = planned_letter(action)
            put_into(old, State.UNCERTAIN)
            outcomes = _at_once(lambda: operator_actions.retry(old, OPS), 4)
            assert sum(isinstance(outcome, Delivery) for outcome in outcomes) == 1
            assert count() == 2


class TestBothKinds:
    """What holds for whatever delivery."""

    @pytest.mark.parametrize("state", [State.SENDING, State.DONE])
    def test_retry_of_one_under_way_or_done_is_refused(self, odoo: LeadSync, state: State) -> None:
        """With a reason of its own, and nothing is changed or logged."""
        row = planned_sync()
        put_into(row, state)
        error = refusal(operator_actions.retry, row)
        assert (error.status, error.reason) == (409, f"delivery-{state}")
        assert (delivery(row).state, count(), log_of(row)) == (state, 1, [])

    @pytest.mark.parametrize("state", [State.PENDING, State.DEAD])
    def test_cancelled_sync_is_not_carried_out_and_lets_go_of_its_key(self, odoo: LeadSync, state: State) -> None:
        """The next change of its subject opens a new one."""
        row = planned_sync()
        put_into(row, state)
        cancelled = operator_actions.cancel(row, OPS)
        assert (cancelled.state, cancelled.reason, cancelled.finished_at) == (State.CANCELLED, "by key:ops", clock.now())
        assert drain("odoo") == 0
        assert planned_sync() != row

    @pytest.mark.parametrize("state", [State.PENDING, State.UNCERTAIN, State.DEAD])
    def test_cancelled_message_keeps_its_key(self, state: State) -> None:
        """Its event may come again: the message was taken back, and stays so."""
        with postman() as (person, action):
            row = planned_letter(action)
            put_into(row, state)
            operator_actions.cancel(row, OPS)
            assert not transact(lambda session: plan.message(session, action, "m1", "welcome", {"text": "Hola"}))
            assert (drain("post"), person.sent) == (0, [])

    @pytest.mark.parametrize("state", [State.SENDING, State.DONE, State.SKIPPED, State.CANCELLED])
    def test_cancel_of_any_other_is_refused(self, odoo: LeadSync, state: State) -> None:
        """Too late, or nothing left to take back; nothing is changed or logged."""
        row = planned_sync()
        put_into(row, state)
        error = refusal(operator_actions.cancel, row)
        assert (error.status, error.reason) == (409, f"delivery-{state}")
        assert (delivery(row).state, log_of(row)) == (state, [])

    def test_unknown_delivery_is_not_found(self) -> None:
        """404, for both."""
        assert refusal(operator_actions.retry, 99).status == refusal(operator_actions.cancel, 99).status == 404

    def test_everything_is_logged_with_who_did_it(self, odoo: LeadSync) -> None:
        """One line for each deed, by the name of the key, at the delivery that was meant."""
        row = planned_sync()
        operator_actions.retry(row, OPS)
        operator_actions.cancel(row, "key:" + "x" * 100)
        new = operator_actions.retry(row, OPS)
        assert log_of(row) == [
            (OPS, "delivery.retry", "hastened", None),
            (("key:" + "x" * 100)[:60], "delivery.cancel", "cancelled", "it was pending"),
            (OPS, "delivery.retry", "planned", f"as delivery {new.id}"),
        ]

    def test_target_is_woken_after_the_commit(self, odoo: LeadSync, storage: FakeStorage) -> None:
        """The executor does not wait for the timer."""
        row = planned_sync()
        put_into(row, State.DEAD)
        operator_actions.retry(row, OPS)
        assert storage.bodies("delivery-queue") == [{"target": "odoo"}]

    def test_queue_that_is_down_does_not_undo_it(self, odoo: LeadSync, storage: FakeStorage) -> None:
        """A nudge is a courtesy: the timer finds what is due."""
        row = planned_sync()
        put_into(row, State.DEAD)
        storage.broken = True
        assert operator_actions.retry(row, OPS).state == State.PENDING
        assert count() == 2


STEPS = st.lists(
    st.sampled_from(["retry first", "retry last", "cancel last", "sends", "fails", "unknown", "skips"]), min_size=1, max_size=12
)


@given(steps=STEPS)
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_people_do_one_message_is_open_at_most_and_only_a_retry_sends_again(steps: list[str]) -> None:
    """In any order of deeds and outcomes: one row holds the key, and nothing is sent more often than it was asked for."""
    with postman() as (person, action):
        transact(lambda session: session.query(Delivery).delete())
        ids = [planned_letter(action)]
        allowed = 1
        for step in steps:
            if step in ("sends", "fails", "unknown", "skips"):
                person.unwanted = "changed her mind" if step == "skips" else None
                person.answers = [PermanentError("no", "no")] if step == "fails" else []
                person.answers += [UncertainError("?")] if step == "unknown" else []
                drain("post")
                continue
            deed, _, which = step.partition(" ")
            try:
                row = getattr(operator_actions, deed)(ids[0] if which == "first" else ids[-1], OPS)
            except RefusedError:
                continue
            allowed += row.id not in ids
            ids += [row.id] if row.id not in ids else []
        with reading() as session:
            rows = session.scalars(select(Delivery)).all()
        assert [row.id for row in rows if row.dedupe_key is not None] == [ids[-1]]
        assert sum(row.state in (State.PENDING, State.SENDING) for row in rows) <= 1
        assert len(person.sent) <= allowed


def _row(**more: Any) -> Delivery:
    values: dict[str, Any] = {"subject": "m1", "due_at": clock.now()}
    return Delivery(**(values | more))


def _sync_status() -> tuple[str | None, str | None]:
    with reading() as session:
        row = session.scalars(select(Opportunity)).one()
        return row.odoo_sync_status, row.odoo_sync_error


def _at_once(deed: Callable[[], Any], how_many: int) -> list[Any]:
    """What each of several threads gets that all do the same at the same time."""
    gate, outcomes = threading.Barrier(how_many), []

    def run() -> None:
        gate.wait()
        try:
            outcomes.append(deed())
        except RefusedError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(how_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
