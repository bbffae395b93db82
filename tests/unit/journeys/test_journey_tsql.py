"""Azure SQL takes every statement of journeys: each is compiled for it and read by two T-SQL parsers."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared import clock
from shared.journeys import engine, forecast, history, outcomes, pauses
from shared.messages.digests import digest_of_address
from shared.messages.outcomes import PersonMessage, notify_person_message
from shared.store.dialect import defaults_of, insert_if_absent_statement
from shared.store.journey_models import Enrolment, JourneyVersion
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support import tsql
from tests.support.journeys import Post, run

ANA = {"email": "ana@example.com", "phone": "+525512345678", "booking_uid": "b", "start_at": "2026-03-10T15:00:00Z"}


@pytest.fixture
def statements() -> Iterator[list[Any]]:
    """What is executed, except inserts, which `dialect.py` writes for each database."""
    with tsql.recorded() as found:
        yield found


@pytest.mark.slow
def test_statements_are_valid_tsql(vendors: Post, statements: list[Any], test_clock: clock.TestClock) -> None:
    """A life with everything in it: entering, sending, pausing, leaving, coming back, moving, looking."""
    for name in ("lead.created", "booking.created", "booking.rescheduled", "booking.cancelled"):
        transact(lambda session, name=name: engine.signal(session, name, ["lead:1", "email:a"], ANA, event_key=name))
    run(test_clock, days=1)
    pauses.pause("lead_followup", "test")
    run(test_clock, days=4)
    pauses.resume("lead_followup", "test")
    run(test_clock, days=10)
    transact(lambda session: engine.exit_person(session, ["lead:1"], "test"))
    transact(outcomes.sweep)
    transact(lambda session: engine.signal(session, "noshow.reported", ["lead:1"], ANA, event_key="no-show"))
    message = PersonMessage(
        word="unsubscribed", recipient_digests=(digest_of_address("ana@example.com"),), channels=("email",), at=START
    )
    transact(lambda session: notify_person_message(session, message))
    with reading() as session:
        history.story(session, session.get_one(Enrolment, 1))
        forecast.enrolled(session, "lead_followup")
    assert len(statements) > 100
    for text in {tsql.compiled(statement) for statement in statements}:
        tsql.check(text)


def test_enrolling_is_one_statement_that_holds_the_key(environment: pytest.MonkeyPatch) -> None:
    """INSERT ... WHERE NOT EXISTS under a lock, so that of two deliveries of one event one enrols."""
    columns = tuple(defaults_of(Enrolment) | {"enrol_key": "k", "journey": "j", "version_id": 1, "person": "p"})
    text = tsql.compiled(insert_if_absent_statement("mssql", Enrolment, ("enrol_key",), columns))
    assert "WITH (UPDLOCK, HOLDLOCK, ROWLOCK)" in text
    tsql.check(text)
    version = insert_if_absent_statement("mssql", JourneyVersion, ("journey", "hash"), ("journey", "hash", "definition"))
    assert "NOT (EXISTS" in tsql.compiled(version)
