"""Somebody changes their number, and WhatsApp says so: the person, their stop, their window and what is planned go along."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import clock
from shared.messages import consent, moves
from shared.messages.outcomes import PersonMessage
from shared.people import aliases
from shared.privacy.erase import erase, person
from shared.store.models import Base, Contact
from shared.store.session import reading, transact
from tests.functions.whatsapp.conftest import Town, asking, received
from tests.support.examples import examples
from tests.support.listeners import listen
from tests.support.messages import ANA_PHONE, enqueue, message

NEW, NEWER = "+525522220002", "+525533330003"


def moved(town: Town, old: str = ANA_PHONE, new: str = NEW) -> None:
    """WhatsApp says that somebody has another number."""
    town.act("move", **{"from": old}, to=new)


def test_it_is_no_answer_and_nobody_new(town: Town) -> None:
    """Nobody has written; the two numbers are one person."""
    town.says("Hola")
    moved(town)
    assert [row.sender for row in received()] == [ANA_PHONE]
    with reading() as session:
        known = aliases.of(session, [f"phone:{ANA_PHONE}"])
    assert {one.value for one in known.own} >= {ANA_PHONE, NEW}


def test_a_message_to_the_old_number_goes_to_the_new_one_within_the_open_window(town: Town) -> None:
    """Planned before or after; free text is still taken."""
    town.says("Hola")
    moved(town)
    enqueue(asking())
    town.settle()
    assert [(one["wa_id"], one["status"]) for one in town.got()] == [("5215522220002", "delivered")]


def test_a_stop_stays_with_the_person(town: Town) -> None:
    """Said from the old number before; nothing goes to the new one, whoever is named."""
    town.says("BAJA")
    moved(town)
    with reading() as session:
        for to in (ANA_PHONE, NEW):
            assert consent.held_back(session, message(to=to, person="somebody")) == "stop"


def test_a_reply_from_the_new_number_is_known_by_the_old_one(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """So whatever waits for an answer gets it."""
    seen: list[PersonMessage] = []
    listen(monkeypatch, "person.message", "test", lambda _session, event: seen.append(event))
    town.says("Hola")
    moved(town)
    moved(town, NEW, NEWER)
    town.act("reply", **{"from": NEWER}, text="Sigo aquí")
    assert set(seen[0].recipient_digests) < set(seen[-1].recipient_digests)


def test_a_number_that_somebody_else_has_now_is_theirs(town: Town, test_clock: clock.TestClock) -> None:
    """Once they write from it; before that, what goes there goes to whoever had it."""
    town.says("Hola")
    moved(town)
    test_clock.advance(days=1)
    town.meta.shelf.drop("people", "5215512345678")
    town.says("Soy otra persona")
    with reading() as session:
        assert moves.address_now(session, ANA_PHONE) == ANA_PHONE


def test_an_old_message_that_comes_late_does_not_undo_the_move(town: Town, test_clock: clock.TestClock) -> None:
    """It was written before."""
    test_clock.advance(days=3)
    moved(town)
    town.meta.shelf.drop("people", "5215512345678")
    town.says("Hola", days_late=1)
    with reading() as session:
        assert moves.address_now(session, ANA_PHONE) == NEW


def test_an_erasure_takes_the_move_along(town: Town) -> None:
    """Nothing is left that leads from the old number to the new one."""
    transact(lambda session: session.add(Contact(manychat_id="m1", phone=NEW)))
    moved(town)
    erase(person(manychat_id="m1"), way="skip", actor="dpo")
    with reading() as session:
        assert moves.address_now(session, ANA_PHONE) == ANA_PHONE


def test_an_erasure_finds_what_was_written_under_the_user_id(town: Town) -> None:
    """Once a message has shown number and id together, what came under the id alone is theirs as well."""
    transact(lambda session: session.add(Contact(manychat_id="m1", phone=ANA_PHONE)))
    town.act("reply", user_id="MX.77", text="Sin número")
    town.says("Con número", user_id="MX.77")
    town.act("reply", user_id="MX.88", text="De otra persona")
    erase(person(manychat_id="m1"), way="skip", actor="dpo")
    assert [row.text for row in received()] == ["De otra persona"]


def test_numbers_that_move_in_a_circle_end_somewhere(town: Town) -> None:
    """Back and forth is no endless search."""
    moved(town)
    transact(lambda session: moves.move(session, NEW, ANA_PHONE, clock.now() + timedelta(seconds=1)))
    with reading() as session:
        assert moves.address_now(session, ANA_PHONE) in (ANA_PHONE, NEW)
        assert len(moves.with_earlier(session, ["x"])) == 1


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations([(ANA_PHONE, NEW, 1), (ANA_PHONE, NEWER, 3), (ANA_PHONE, NEW, 2)]), st.booleans())
def test_moves_in_any_order_end_at_the_newest(database: Any, environment: Any, order: list[Any], again: bool) -> None:  # noqa: FBT001
    """Repeated or not."""

    def empty(session: Any) -> None:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())

    transact(empty)
    start = clock.now()
    for old, new, days in [*order, *(order if again else [])]:
        transact(
            lambda session, given=(old, new, days): moves.move(session, given[0], given[1], start + timedelta(days=given[2]))
        )
    with reading() as session:
        assert moves.address_now(session, ANA_PHONE) == NEWER
