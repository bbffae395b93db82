"""What a delivery has waited for is kept, with its reason; outages and pauses are records of their own."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from shared import clock
from shared.errors import RefusedError, RetryableError, ThrottledError, UnavailableError
from shared.outbox import dispatch, execute, pauses, plan
from shared.outbox.actions import Action, AfterUnknown, Done, Kind, Later
from shared.outbox.policy import TargetPolicy
from shared.store.models import ActionLog, Delivery, Target
from shared.store.session import reading, transact
from shared.store.wait_models import DeliveryWait, Outage, TargetPause
from tests.support.vendors import registered


class Post:
    """A target that answers what the test says; `verdicts` are asked first, once each."""

    def __init__(self) -> None:
        self.answers = []
        self.verdicts = []
        self.calls = []

    def execute(self, batch):
        self.calls.append([one.subject for one in batch])
        answer = self.answers.pop(0) if self.answers else Done()
        clock.sleep(2)  # a call takes two seconds
        return {one.id: answer for one in batch}

    def unwanted(self, _session, _delivery):
        return self.verdicts.pop(0) if self.verdicts else None


@pytest.fixture
def post(database, storage, test_clock):
    """Messages, one at a time, as fast as we like; a failure opens the circuit, for 60 seconds."""
    vendor = Post()
    action = Action(
        target="post",
        name="letter",
        kind=Kind.MESSAGE,
        execute=vendor.execute,
        unwanted=vendor.unwanted,
        after_unknown=AfterUnknown.SEND_AGAIN,
    )
    policy = TargetPolicy(slots=1, batches_per_second=1e9, failures_to_open=1, open_seconds=60)
    with registered(action, policy) as vendor.action:
        yield vendor


def enqueue(post, *keys, **more):
    """Plan messages."""
    for key in keys:
        transact(lambda session, key=key: plan.message(session, post.action, f"to-{key}", key, {}, **more))


def waits(delivery=1):
    """The reasons and lengths of a delivery's waits, in order."""
    with reading() as session:
        rows = session.scalars(
            select(DeliveryWait).where(DeliveryWait.delivery_id == delivery).order_by(DeliveryWait.started_at)
        )
        return [(row.reason, round((row.ended_at - row.started_at).total_seconds())) for row in rows]


def all_of(model):
    """Every row."""
    with reading() as session:
        return session.scalars(select(model).order_by(model.id)).all()


def test_attempt_has_a_start_and_an_end(post, test_clock):
    """Each line of an attempt says from when to when it took; one that waited for nothing leaves no wait."""
    enqueue(post, "a")
    execute.drain("post")
    (line,) = all_of(ActionLog)
    assert (line.result, (line.at - line.started_at).total_seconds()) == ("done", 2)
    assert waits() == []


def test_date_and_backoff_are_waits(post, test_clock):
    """It waits for its date, fails, waits for its next attempt, and then for whoever is free."""
    post.answers = [RetryableError("no paper")]
    enqueue(post, "a", due_at=clock.now() + timedelta(hours=1))
    test_clock.advance(hours=1)
    execute.drain("post")
    (row,) = all_of(Delivery)
    assert row.waits_for == "backoff"
    pause = round((row.due_at - row.waiting_since).total_seconds())
    test_clock.moment = row.due_at + timedelta(seconds=7)
    execute.drain("post")
    assert waits() == [("planned", 3600), ("backoff", pause), ("pace", 7)]
    assert all_of(Delivery)[0].waits_for is None


def test_reason_of_the_owner_is_kept(post, test_clock):
    """Quiet hours and the daily cap are the message's own reasons; the two waits follow each other."""
    post.verdicts = [
        Later(clock.now() + timedelta(hours=9), "quiet-hours"),
        Later(clock.now() + timedelta(hours=33), "daily-cap"),
    ]
    enqueue(post, "a")
    execute.drain("post")
    for _ in range(2):
        test_clock.moment = all_of(Delivery)[0].due_at
        execute.drain("post")
    assert waits() == [("quiet-hours", 9 * 3600), ("daily-cap", 24 * 3600)]
    assert all_of(Delivery)[0].state == "done"


def test_wait_that_the_target_asked_for_is_its_pace(post, test_clock):
    """A 429 with Retry-After holds the target, not the delivery."""
    post.answers = [ThrottledError("slowly", after_seconds=40)]
    enqueue(post, "a")
    execute.drain("post")
    test_clock.advance(seconds=40)
    execute.drain("post")
    assert waits() == [("pace", 40)]
    assert all_of(Outage) == []


def test_outage_is_a_record_of_what_it_held_up(post, test_clock):
    """It lasts from the open circuit to the first answer; who waited for it is counted once, and so is what became of them."""
    post.answers = [UnavailableError("down"), UnavailableError("still down"), UnavailableError("still down")]
    enqueue(post, "a")
    began = clock.now() + timedelta(seconds=2)
    execute.drain("post")
    test_clock.advance(minutes=5)
    execute.drain("post")  # the probe fails: the same outage
    enqueue(post, "b", "c")
    test_clock.advance(minutes=10)
    execute.drain("post")  # the first of them fails once more
    test_clock.advance(minutes=10)
    post.verdicts = [None, "paid", None]
    answered = clock.now() + timedelta(seconds=2)
    execute.drain("post")
    (outage,) = all_of(Outage)
    assert (outage.started_at, outage.ended_at, outage.error) == (began, answered, "down")
    assert (outage.held_up, outage.done, outage.not_done) == (3, 2, 1)
    assert [reason for reason, _seconds in waits(1)] == ["outage", "outage"]  # the third probe was one that was never silent
    assert {row.outage_id for row in all_of(DeliveryWait)} == {outage.id}
    with reading() as session:
        assert session.get(Target, "post").outage_id in (outage.id, None)  # it comes out of it step by step
    enqueue(post, *"defgh")
    execute.drain("post")
    with reading() as session:
        assert session.get(Target, "post").outage_id is None


def test_second_outage_is_another_record(post, test_clock):
    """Where the circuit has closed in between."""
    for _ in range(2):
        post.answers = [UnavailableError("down")]
        enqueue(post, str(clock.now()))
        execute.drain("post")
        test_clock.advance(minutes=30)
        execute.drain("post")
        enqueue(post, *(f"{clock.now()} {number}" for number in range(6)))
        execute.drain("post")
    assert [(one.held_up, one.done, one.ended_at is not None) for one in all_of(Outage)] == [(1, 1, True), (1, 1, True)]


class TestPause:
    """A person has a target left alone."""

    def test_nothing_goes_out_until_its_time(self, post, test_clock):
        """Neither the claim nor the timer touches it; then it goes, and the wait says why."""
        pauses.pause("post", "key:ana", clock.now() + timedelta(hours=1), "they move house")
        enqueue(post, "a")
        assert (execute.drain("post"), dispatch.dispatch_due()) == (0, set())
        test_clock.advance(hours=1, seconds=30)
        assert dispatch.dispatch_due() == {"post"}
        assert execute.drain("post") == 1
        assert waits() == [("paused", 3600), ("pace", 30)]
        (pause,) = all_of(TargetPause)
        assert (pause.paused_by, pause.note, pause.ended_at) == ("key:ana", "they move house", None)

    def test_resuming_wakes_it_and_says_who_did(self, post, storage, test_clock):
        """A pause without an end holds until somebody ends it; both are in the action log."""
        pauses.pause("post", "key:ana", None, None)
        enqueue(post, "a")
        test_clock.advance(days=3)
        pauses.resume("post", "key:ben")
        assert storage.bodies("delivery-queue")[-1] == {"target": "post"}
        execute.drain("post")
        assert waits() == [("paused", 3 * 86400)]
        (pause,) = all_of(TargetPause)
        assert (pause.paused_by, pause.ended_by, pause.ended_at) == ("key:ana", "key:ben", datetime(2026, 3, 5, 9, tzinfo=UTC))
        assert [(line.actor, line.action, line.result) for line in all_of(ActionLog)[:2]] == [
            ("key:ana", "post.pause", "paused"),
            ("key:ben", "post.resume", "resumed"),
        ]

    def test_pausing_again_ends_the_first_pause(self, post, test_clock):
        """So that at each moment one pause holds at most, and its end is the one that counts."""
        pauses.pause("post", "key:ana", None, None)
        test_clock.advance(hours=1)
        pauses.pause("post", "key:ben", clock.now() + timedelta(hours=1), None)
        first, second = all_of(TargetPause)
        assert (first.ended_by, first.ended_at, second.ended_at) == ("key:ben", second.paused_at, None)

    def test_what_cannot_be_is_refused(self, post, test_clock):
        """An unknown target, a time that is over, an end of no pause; one whose time is up is no pause any more."""
        refused = [
            (lambda: pauses.pause("nowhere", "key:ana", None, None), "no-such-target"),
            (lambda: pauses.resume("nowhere", "key:ana"), "no-such-target"),
            (lambda: pauses.pause("post", "key:ana", clock.now(), None), "invalid-fields"),
            (lambda: pauses.resume("post", "key:ana"), "not-paused"),
        ]
        for call, reason in refused:
            with pytest.raises(RefusedError) as caught:
                call()
            assert caught.value.reason == reason
        pauses.pause("post", "key:ana", clock.now() + timedelta(minutes=1), None)
        test_clock.advance(minutes=2)
        with pytest.raises(RefusedError):
            pauses.resume("post", "key:ana")
        assert all_of(TargetPause)[0].ended_by is None
