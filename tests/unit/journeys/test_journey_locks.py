"""What a slip would undo: a pause is counted once, reaches everybody, and what is decided upon is read under its lock."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.dialects import mssql
from sqlalchemy.orm import ORMExecuteState, Session

from shared import clock
from shared.journeys import engine, outcomes, pauses
from shared.journeys.enrolment_records import lock_record
from shared.messages import days
from shared.people import aliases
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.session import transact
from tests.conftest import START
from tests.lab.races import NOON, take_place
from tests.support.journeys import Post, run
from tests.unit.journeys.test_journey_engine import ANA, SIMPLE, due, rows, signal

LOCK = "WITH (UPDLOCK, HOLDLOCK, ROWLOCK)"


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is read, as Azure SQL would be asked."""
    found: list[str] = []

    def note(state: ORMExecuteState) -> None:
        if state.is_select:
            statement = state.statement.params(state.parameters) if state.parameters else state.statement
            found.append(str(statement.compile(dialect=mssql.dialect(), compile_kwargs={"render_postcompile": True})))

    event.listen(Session, "do_orm_execute", note)
    yield found
    event.remove(Session, "do_orm_execute", note)


def test_pause_is_counted_once_however_often_it_is_settled(define, vendors: Post, test_clock: clock.TestClock) -> None:
    """By the resumption, by a second run of it after a crash, and by the gate: what is left moves by the pause, once."""
    define(SIMPLE)
    signal("lead.created")
    run(test_clock, days=1)
    pauses.pause("simple", "test")
    run(test_clock, days=10)
    pauses.resume("simple", "test")
    expected = {"day_3": START + timedelta(days=13), "day_6": START + timedelta(days=16)}
    assert due() == expected
    assert pauses.release("simple", clock.now()) == 0
    for _ in range(2):
        transact(lambda session: pauses.settle(lock_record(session, 1)))
        transact(lambda session: outcomes.may_send(session, {"enrolment": 1, "step": "day_3", "generation": 0}))
    assert due() == expected
    assert rows(Enrolment)[0].shift_seconds == timedelta(days=10).total_seconds()


def test_two_pauses_are_counted_once_each(define, vendors: Post, test_clock: clock.TestClock) -> None:
    """The second resumption does not count the first pause again."""
    define(SIMPLE)
    signal("lead.created")
    run(test_clock, days=1)
    for length in (4, 6):
        pauses.pause("simple", "test")
        run(test_clock, days=length)
        pauses.resume("simple", "test")
        run(test_clock, hours=1)
    assert due() == {"day_3": START + timedelta(days=13), "day_6": START + timedelta(days=16)}


def test_end_of_a_pause_moves_everybody(
    define, vendors: Post, test_clock: clock.TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than are moved in one transaction: the last one as the first."""
    monkeypatch.setattr(pauses, "ENROLMENTS_AT_ONCE", 10)
    define(
        "name: simple\ntitle: S\nenrol_on: [lead.created]\nsteps:\n  - {id: day_3, delay: 3d, channel: email, template: a}\n"
    )
    people = 2 * pauses.ENROLMENTS_AT_ONCE + 1

    def enter(session: Session) -> None:
        for number in range(people):
            engine.signal(session, "lead.created", [f"lead:{number}"], ANA, event_key=str(number))

    transact(enter)
    pauses.pause("simple", "test")
    test_clock.advance(days=1)
    assert pauses.resume("simple", "test") == people
    assert {row.due_at for row in rows(EnrolmentStep)} == {START + timedelta(days=4)}
    assert {row.shift_seconds for row in rows(Enrolment)} == {timedelta(days=1).total_seconds()}


def _exit(session: Session) -> Any:
    return engine.exit(session, 1, "test")


def _gate(session: Session) -> Any:
    return outcomes.may_send(session, {"enrolment": 1, "step": "day_3", "generation": 0})


def _signal(session: Session) -> Any:
    return engine.signal(session, "payment.received", ["lead:1"], {}, event_key="p")


def _enrol(session: Session) -> Any:
    return engine.enrol(session, "simple", "lead:1", None, ANA, "again")


@pytest.mark.parametrize("deed", [_exit, _gate, _signal, _enrol])
def test_enrolment_is_read_under_its_lock(define, vendors: Post, statements: list[str], deed: Callable[[Session], Any]) -> None:
    """Two transactions that decide about one person, of which the second would not see what the first has decided."""
    define(SIMPLE)
    signal("lead.created")
    statements.clear()
    transact(deed)
    first = next(text for text in statements if "FROM enrolments" in text)
    assert f"FROM enrolments {LOCK}" in first


def test_count_of_the_day_is_read_under_its_lock(vendors: Post, statements: list[str]) -> None:
    """Two messages that both find the last place of the day free would both take it."""
    for number in (1, 2, 3):
        statements.clear()
        assert transact(partial(take_place, name="lead:1", number=number)) is (number < 3)
    transact(lambda session: days.give_back(session, aliases.of(session, ["lead:1"]), NOON, 1))
    read = [text for text in statements if "FROM message_days" in text]
    assert len(read) == 2
    assert all(f"FROM message_days {LOCK}" in text for text in read)
