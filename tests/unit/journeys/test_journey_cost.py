"""What a step costs: few statements, and each of them finds its rows by an index, however much is stored."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from shared import clock
from shared.journeys import engine
from shared.outbox.dispatch import dispatch_due
from shared.outbox.execute import drain
from shared.store.session import transact
from tests.support.journeys import Post

STEPS = """
name: steps
title: Steps
enrol_on: [lead.created]
steps:
  - {id: first, channel: email, template: a, delay: 1h, transactional: false}
  - {id: second, channel: email, template: a, delay: 1d}
  - {id: third, channel: email, template: a, delay: 2d}
  - {id: fourth, channel: email, template: a, delay: 3d}
"""
LARGE = {"deliveries", "enrolments", "enrolment_steps", "journey_decisions", "message_days", "message_statuses", "action_log"}
TRANSACTION = ("BEGIN", "SAVEPOINT", "RELEASE")


@pytest.fixture
def statements(database: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Every statement from here on, with its values, but those that only begin and end transactions."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:  # noqa: FBT001  # SQLAlchemy calls it so
        if not statement.startswith(TRANSACTION):
            found.append((statement, values[0] if is_many else values))

    event.listen(database, "before_cursor_execute", note)
    yield found
    event.remove(database, "before_cursor_execute", note)


def enrol(number: int) -> None:
    """One more person in the journey."""
    person, data = f"lead:{number}", {"email": f"p{number}@example.com"}
    transact(lambda session: engine.signal(session, "lead.created", [person], data, event_key=person))


def test_step_from_due_to_recorded(define, vendors: Post, test_clock: clock.TestClock, statements: list[Any]) -> None:
    """Claim, verdict, record, and the look that finds nothing more: each is a round trip to Azure SQL."""
    define(STEPS)
    for number in range(3):
        enrol(number)
    test_clock.advance(hours=2)
    drain("brevo")  # all three
    costs = {}
    for people in (1, 2, 3):
        for number in range(people):
            enrol(100 * people + number)
        test_clock.advance(hours=2)
        statements.clear()
        assert drain("brevo") == people
        costs[people] = len(statements)
    assert costs[3] - costs[2] <= 17  # a message, with who else the person is, and two waits (one less where rows are numbered)
    assert costs[2] - costs[1] <= 18  # who is first of several people is asked once for all of them
    assert costs[1] <= 38  # with what is the same for any number: the turns, the lanes, outages and pauses it waited for


def test_enrolling(define, vendors: Post, statements: list[Any]) -> None:
    """Four steps are planned by two statements each; the steps are written together."""
    define(STEPS)
    enrol(1)
    statements.clear()
    enrol(2)
    assert len(statements) <= 21  # one less for each further decision where the database numbers several rows at once


def test_nothing_is_searched_from_end_to_end(define, vendors: Post, test_clock: clock.TestClock, database, statements) -> None:
    """What is due comes from `ix_deliveries_due`, for the dispatcher and the claim alike; the rest has keys."""
    if database.dialect.name != "sqlite":
        pytest.skip("reads SQLite's plans")
    define(STEPS)
    enrol(1)
    test_clock.advance(hours=2)
    statements.clear()
    assert dispatch_due() == {"brevo"}
    drain("brevo")
    plans = {}
    with database.connect() as connection:
        for statement, values in list(statements):
            if statement.startswith(("SELECT", "UPDATE")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                plans[statement] = [row[3] for row in rows]
    due = [plan for statement, plan in plans.items() if "state = 'pending'" in statement]
    assert len(due) >= 2
    looks = [[line for line in plan if line.startswith(("SEARCH deliveries", "SCAN deliveries"))] for plan in due]
    assert all(looks)
    assert [line for lines in looks for line in lines if "ix_deliveries_due" not in line] == []
    whole = [line for plan in plans.values() for line in plan if line.startswith("SCAN")]
    assert [line for line in whole if line.split()[1] in LARGE] == []
