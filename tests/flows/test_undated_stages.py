"""Stages that ManyChat reports without a date: the last report holds, also where it says what was said minutes before."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from functions import opportunities as page
from shared import clock
from shared.store.models import InboxEvent, Opportunity, StageChange, StageMapping
from shared.store.session import reading
from tests.support.world import World

A, B = "Retornó en AC", "Recién Suscrito (Sin Asignar)"


def undated(stage: str, **more: Any) -> dict[str, Any]:
    """A report as ManyChat's older flows send it."""
    return {"manychat_id": "m1", "stage_manychat": stage} | more


def stage() -> str:
    """The name of the stage in which the record says that they are."""
    with reading() as session:
        row = session.scalars(select(Opportunity)).one()
        query = select(StageMapping.manychat_name).where(StageMapping.odoo_stage_id == row.stage_id).order_by(StageMapping.id)
        return session.scalars(query).first()


def counts() -> tuple[int, int]:
    """How many events there are, and lines of the stages' history."""
    with reading() as session:
        return len(session.scalars(select(InboxEvent)).all()), len(session.scalars(select(StageChange)).all())


def test_back_to_the_first_stage(world: World, test_clock: clock.TestClock) -> None:
    """A, B and A within ten minutes end in A, with three lines of history."""
    for name in (A, B, A):
        world.post("opportunity", undated(name))
        world.run()
        test_clock.advance(minutes=2)
    assert (stage(), counts()) == (A, (3, 3))


def test_a_repetition_of_the_sender_is_one_event(world: World, test_clock: clock.TestClock) -> None:
    """The same again, with nothing in between, changes nothing and leaves no trace."""
    for _again in range(3):
        world.post("opportunity", undated(A))
        world.run()
        test_clock.advance(minutes=2)
    assert (stage(), counts()) == (A, (1, 1))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_in_any_order_of_their_handling(world: World, test_clock: clock.TestClock, order: tuple[int, ...]) -> None:
    """The queue hands the three over as it likes, and one of them twice."""
    for name in (A, B, A):
        world.post("opportunity", undated(name))
        test_clock.advance(minutes=2)
    bodies = [item.body for item in sorted(world.storage.queues.pop(page.QUEUE))]
    for number in (*order, order[0]):
        world.storage.send(page.QUEUE, bodies[number])
        world.run()
    assert stage() == A


def test_the_senders_own_key_makes_one_event(world: World, test_clock: clock.TestClock) -> None:
    """Who says that it is the same event means it, whatever came in between."""
    for name in (A, B, A):
        world.post("opportunity", undated(name), **{"idempotency-key": name})
        world.run()
        test_clock.advance(minutes=2)
    assert stage() == B


def test_the_stage_is_read_after_the_lock(world: World, environment: pytest.MonkeyPatch) -> None:
    """While the event waits for the contact, a person gives the stage another number: the event must not bring the old one."""
    from shared.crm import people

    locked = people.merged_contact

    def slow(session: Any, manychat_id: str, *more: Any, **values: Any) -> Any:
        found = locked(session, manychat_id, *more, **values)
        rows = session.scalars(select(StageMapping).where(StageMapping.manychat_name == A)).all()
        for row in rows:
            row.odoo_stage_id = 777
        session.flush()
        return found

    environment.setattr(people, "merged_contact", slow)
    world.post("opportunity", undated(A))
    world.run()
    with reading() as session:
        assert session.scalars(select(Opportunity.stage_id)).one() == 777


def test_the_event_of_a_repetition_is_kept_with_its_time(world: World, test_clock: clock.TestClock) -> None:
    """So that the timeline shows that they came back."""
    for name in (A, B, A):
        world.post("opportunity", undated(name))
        world.run()
        test_clock.advance(minutes=2)
    with reading() as session:
        events = session.scalars(select(InboxEvent).order_by(InboxEvent.received_at)).all()
    assert [event.data["stage_manychat"] for event in events] == [A, B, A]
    assert events[2].received_at - events[0].received_at >= timedelta(minutes=4)
