"""A paused flow takes its events in; they wait in our record and are handled afterwards in their order, each once."""

from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import func, select

from functions import contacts
from shared import clock, faults, queues
from shared.errors import RefusedError, UnavailableError
from shared.intake import holding, inbox, pausing, releasing
from shared.intake.dead_letter_store import Filter
from shared.intake.envelope import parse
from shared.outbox.policy import HANDLER_POLICY
from shared.plans import replays, running
from shared.store.flow_models import FlowHold, FlowPause, HeldEvent
from shared.store.models import ActionLog, Contact, InboxEvent
from shared.store.plan_models import PlanPart
from shared.store.session import reading
from shared.watch import metrics
from tests.support.world import FakeStorage, World, contact, opportunity

MINUTES = tuple(f"2026-03-01T10:0{number}:00Z" for number in range(3))


def count(model: type) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def handled() -> list[str]:
    """The ids of the events that were applied, in that order."""
    with reading() as session:
        return list(session.scalars(select(InboxEvent.event_id).order_by(InboxEvent.id)))


def send(world: World, test_clock: clock.TestClock, *names: str) -> list[str]:
    """A contact event of each person, a second apart; the ids of the events."""
    ids = []
    for name in names:
        test_clock.advance(seconds=1)
        answer = world.post("contact", contact(name))
        assert answer.status_code == 202
        ids.append(parse(world.storage.queues[contacts.QUEUE][-1].body).id)
    return ids


def test_events_of_a_paused_flow_wait_and_are_then_handled_in_their_order(world: World, test_clock: clock.TestClock) -> None:
    """The webhook answers as ever; the queue is empty, nothing is poison; another flow goes on; then each is applied once."""
    pausing.pause("contacts", "key:olga", None, "obras")
    ids = send(world, test_clock, "a", "b", "c")
    world.post("opportunity", opportunity("z"))
    world.run()
    world.timers()
    assert (
        count(HeldEvent),
        [len(world.storage.queues.get(name, [])) for name in (contacts.QUEUE, f"{contacts.QUEUE}-poison")],
    ) == (*(3, [0, 0]),)
    assert len(handled()) == 1
    releasing.resume("contacts", "key:olga")
    assert handled()[1:] == ids
    assert (count(HeldEvent), count(FlowHold)) == (0, 0)
    world.run()
    world.timers()
    assert handled()[1:] == ids
    with reading() as session:
        lines = session.scalars(select(ActionLog).where(ActionLog.action.like("flow.%")).order_by(ActionLog.id)).all()
        pause = session.scalars(select(FlowPause)).one()
    assert [(line.actor, line.action, line.result, line.detail) for line in lines] == [
        ("key:olga", "flow.contacts.pause", "paused", "obras"),
        ("key:olga", "flow.contacts.resume", "resumed", "3 events had waited"),
    ]
    assert (pause.ended_by, pause.drained_at is not None) == ("key:olga", True)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_order_is_that_of_receipt_whatever_the_queue_does(
    world: World, test_clock: clock.TestClock, order: tuple[int, ...]
) -> None:
    """The queue hands messages out in any order, and some twice."""
    pausing.pause("contacts", "a", None, None)
    ids = send(world, test_clock, "a", "b", "c")
    bodies = [item.body for item in sorted(world.storage.queues.pop(contacts.QUEUE))]
    for place in (*order, order[0]):
        world.storage.send(contacts.QUEUE, bodies[place])
        world.run()
    releasing.resume("contacts", "a")
    assert handled() == ids


def test_what_comes_while_others_still_wait_waits_behind_them(
    world: World, test_clock: clock.TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause is over and one event of two is handled when a third comes: it is applied last."""
    pausing.pause("contacts", "a", None, None)
    ids = send(world, test_clock, "a", "b")
    world.run()
    monkeypatch.setattr(releasing, "AT_ONCE", timedelta(0))
    releasing.resume("contacts", "a")
    assert handled() == ids[:1]
    ids += send(world, test_clock, "c")
    world.run()
    assert handled() == ids[:1]
    releasing.release_due()
    assert (handled(), count(FlowHold)) == (ids, 0)


def test_a_pause_that_begins_while_others_are_released_holds_the_next(world: World, test_clock: clock.TestClock) -> None:
    """Whoever was about to handle the next event sees the new pause under its lock, and leaves the event waiting."""
    pausing.pause("contacts", "a", None, None)
    send(world, test_clock, "a")
    world.run()
    assert releasing.release("contacts", timedelta(0)) == 0
    assert (handled(), count(HeldEvent)) == ([], 1)


def test_pause_ends_by_itself(world: World, test_clock: clock.TestClock) -> None:
    """At its time the timer handles what has waited; nobody is named as having ended it."""
    pausing.pause("contacts", "a", clock.now() + timedelta(hours=1), None)
    ids = send(world, test_clock, "a")
    world.run()
    test_clock.advance(minutes=59)
    world.timers()
    assert handled() == []
    test_clock.advance(minutes=1)
    world.timers()
    assert handled() == ids
    with reading() as session:
        assert session.scalars(select(FlowPause.ended_by)).one() is None


@pytest.mark.parametrize(
    "point", ["inbox.before_commit", "inbox.after_commit", "intake.before_release", "intake.after_release"]
)
def test_crash_at_any_point_loses_nothing_and_does_nothing_twice(world: World, test_clock: clock.TestClock, point: str) -> None:
    """While the event is put aside, or while it is handled: it waits still, or is applied, and in the end once."""
    pausing.pause("contacts", "a", None, None)
    ids = send(world, test_clock, "a", "b")
    copies = [item.body for item in sorted(world.storage.queues[contacts.QUEUE])]
    faults.inject(f"{point}=raise:1x1")
    world.run_for(test_clock, minutes=2, swallow=(faults.InjectedFault,))
    releasing.resume("contacts", "a")
    for body in copies:  # the host had not deleted them yet
        world.storage.send(contacts.QUEUE, body)
    world.run_for(test_clock, minutes=5, swallow=(faults.InjectedFault,))
    assert sorted(handled()) == sorted(ids)
    assert (count(Contact), count(HeldEvent), count(FlowHold)) == (2, 0, 0)


def test_event_that_fails_after_the_pause_does_not_stop_the_others(
    world: World, test_clock: clock.TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes back by its queue with its attempt counted, later; after a pause of weeks it still has all its attempts."""
    pausing.pause("contacts", "a", None, None)
    ids = send(world, test_clock, "a", "b")
    world.run()
    test_clock.advance(seconds=HANDLER_POLICY.max_age.total_seconds() + 1)
    faults.inject("intake.before_release=raise:1x1")
    releasing.resume("contacts", "a")
    assert handled() == ids[1:]
    (back,) = world.storage.bodies(contacts.QUEUE)
    assert (back["id"], back["attempt"]) == (ids[0], 1)
    world.run_for(test_clock, minutes=5)
    assert handled() == [ids[1], ids[0]]


def test_event_that_can_never_be_applied_becomes_a_dead_letter(
    world: World, test_clock: clock.TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ever: with its reason, and out of the way."""
    pausing.pause("contacts", "a", None, None)
    send(world, test_clock, "a")
    world.run()
    with reading() as session:
        body = session.scalars(select(HeldEvent.event)).one()
    monkeypatch.setattr(releasing.endpoint, "handler_of", lambda queue, _kind: inbox_handler_that_refuses(queue))
    releasing.resume("contacts", "a")
    (letter,) = world.storage.bodies(queues.DEAD_LETTER_QUEUE)
    assert (letter["reason"], parse(letter["original_event"].encode()).id) == ("no-good", parse(body.encode()).id)
    assert count(HeldEvent) == 0


def inbox_handler_that_refuses(queue: str) -> inbox.Handler:
    def refuse(_session: object, _event: object) -> str:
        raise inbox.PermanentError("no-good", "never")

    return inbox.Handler(queue=queue, payload=contacts.WEBHOOK.payload, apply=refuse)


def test_outage_of_ours_leaves_everything_waiting(
    world: World, test_clock: clock.TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever resumes is not refused; the timer handles what waits once the database is back."""
    pausing.pause("contacts", "a", None, None)
    ids = send(world, test_clock, "a")
    world.run()
    with monkeypatch.context() as patch:
        patch.setattr(releasing.inbox, "apply_once", away)
        releasing.resume("contacts", "a")
    assert (count(HeldEvent), handled()) == (1, [])
    world.run_for(test_clock, minutes=1)
    assert handled() == ids


def away(*_given: object) -> str:
    raise UnavailableError("away")


def test_pausing_anew_holds_what_still_waits(
    world: World, test_clock: clock.TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what the first pause had not yet let go; the end of the second lets go of all."""
    pausing.pause("contacts", "a", None, None)
    ids = send(world, test_clock, "a", "b")
    world.run()
    monkeypatch.setattr(releasing, "AT_ONCE", timedelta(0))
    releasing.resume("contacts", "a")
    pausing.pause("contacts", "b", clock.now() + timedelta(hours=2), None)
    pausing.pause("contacts", "c", clock.now() + timedelta(hours=1), None)
    assert releasing.release_due() == 0
    assert handled() == ids[:1]
    test_clock.advance(hours=1)
    releasing.release_due()
    assert handled() == ids


@pytest.mark.parametrize(("flow", "status"), [("nobody", 404), ("console", 409)])
def test_only_flows_with_events_can_be_paused(world: World, flow: str, status: int) -> None:
    """There is no such flow, or nothing of it could wait."""
    with pytest.raises(RefusedError) as refused:
        pausing.pause(flow, "a", None, None)
    assert refused.value.status == status


def test_metrics_say_how_much_waits(world: World, test_clock: clock.TestClock) -> None:
    """By flow, and for how long."""
    pausing.pause("contacts", "a", None, None)
    send(world, test_clock, "a", "b")
    world.run()
    test_clock.advance(seconds=59)
    page = metrics.page()
    for line in (
        'puente_flow_paused{flow="contacts"} 1.0',
        'puente_flow_held_events{flow="contacts"} 2',
        'puente_flow_held_seconds{flow="contacts"} 60',
    ):
        assert line in page


def test_large_event_waits_with_its_data(world: World, test_clock: clock.TestClock, storage: FakeStorage) -> None:
    """Its claim check may be gone by the end of the pause: the data is kept with the event."""
    pausing.pause("contacts", "a", None, None)
    world.post("contact", contact("a", notas="x" * 60_000))
    world.run()
    storage.blobs.clear()
    releasing.resume("contacts", "a")
    assert len(handled()) == 1


def test_without_a_pause_few_events_ask(world: World, test_clock: clock.TestClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a second for a process; a pause is seen at once where it was made, and elsewhere after a second."""
    moment = 1000.0
    monkeypatch.setattr(clock, "steady", lambda: moment)
    holding.forget()
    with reading() as session:
        assert not holding.is_held(session, contacts.QUEUE, "manychat.contact")
    pausing.pause("contacts", "a", None, None)
    with reading() as session:
        assert holding.is_held(session, contacts.QUEUE, "manychat.contact")
        holding._Seen.none_until = moment + holding.FRESH_SECONDS  # as another process that looked just before
        assert not holding.is_held(session, contacts.QUEUE, "manychat.contact")
        moment += holding.FRESH_SECONDS
        assert holding.is_held(session, contacts.QUEUE, "manychat.contact")
        assert not holding.is_held(session, "lead-queue", "lead.created")


def test_stopped_event_of_a_paused_flow_is_not_replayed_past_the_pause(world: World, test_clock: clock.TestClock) -> None:
    """A plan says so and changes nothing."""
    world.post("opportunity", opportunity("m1", stage="no such stage"))
    world.run()
    pausing.pause("opportunities", "a", None, None)
    with reading() as session:
        wanted = replays.asked(session, Filter())
    running.begin_small(replays.NAME, wanted, "a", "Ana")
    with reading() as session:
        assert session.scalars(select(PlanPart.word)).all() == ["flow-paused"]
