"""A rolling deployment: this release reads what the last one wrote, and the last one's statements run on this schema.

What the last release wrote is kept in `tests/earlier` (see `tests/earlier/__main__.py`).
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from azure.functions.queue import QueueMessage

from shared import clock, flows, references
from shared.errors import RetryableError
from shared.intake.inbox import handle
from shared.journeys import enrolment_records
from shared.journeys.definition import Journey
from shared.messages.message import Message
from shared.store.journey_models import JourneyVersion
from shared.store.models import Base, InboxEvent
from shared.store.session import get_engine, reading, transact
from tests.support.world import FakeStorage

EARLIER = Path(__file__).parents[1] / "earlier"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
VALUES: dict[str, Any] = {"UtcDateTime": AT, "Boolean": False, "JsonText": {}, "TwoDecimals": Decimal(1), "Date": AT.date()}


def kept(name: str) -> Any:
    """What an earlier release has written."""
    return json.loads((EARLIER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("event", kept("events"), ids=lambda event: event["envelope"]["id"])
def test_events_on_their_queues(event: dict[str, Any], database: sa.Engine, storage: FakeStorage) -> None:
    """Each is handled to its end, as it was; none becomes a dead letter."""
    handler = references.load(event["handler"])
    handler = handler[event["envelope"]["type"]] if isinstance(handler, dict) else handler
    handle(handler, QueueMessage(body=json.dumps(event["envelope"]).encode()))
    with reading() as session:
        outcomes = session.scalars(sa.select(InboxEvent.outcome)).all()
    assert (outcomes, set(storage.queues) & {"dead-letter-queue", handler.queue}) == ([event["outcome"]], set())


def test_every_type_of_event_is_among_them() -> None:
    """An event of a new type is added here when its release is made; the types that others may send are all here."""
    found = {event["envelope"]["type"] for event in kept("events")}
    assert flows.handlers().keys() - {"christmas.signup"} <= found


@pytest.mark.parametrize("payload", kept("deliveries"), ids=range(len(kept("deliveries"))))
def test_messages_in_the_outbox(payload: dict[str, Any]) -> None:
    """Also those with a field that this release does not know, and without one that it has."""
    message = Message.from_payload(payload)
    assert (message.person, message.template, message.dedupe_key) == ("lead:17", payload["template"], "lead:17:day_3")
    assert len(message.fallback) == len(payload["fallback"])
    assert Message.from_payload(message.payload()) == message


def test_a_message_of_a_newer_release_waits_for_an_instance_of_it() -> None:
    """It is not sent wrongly, and not parked: it is tried again."""
    with pytest.raises(RetryableError, match="newer release"):
        Message.from_payload(kept("deliveries")[0] | {"version": 99})


@pytest.mark.parametrize("version", sorted(kept("journeys")), ids=lambda version: version[:8])
def test_journeys_that_people_are_in(version: str, database: sa.Engine) -> None:
    """Each pinned version is read, with all its steps."""
    definition = kept("journeys")[version]
    row = JourneyVersion(journey=definition["name"], hash=version, definition=definition)
    number = transact(lambda session: (session.add(row), session.flush(), row.id)[2])
    with reading() as session:
        journey = enrolment_records.pinned(session, number)
    assert [step.id for step in journey.steps] == [step["id"] for step in definition["steps"]]


def test_a_field_that_is_removed_breaks_no_pinned_version() -> None:
    """At every level of a definition; what it says besides stays."""
    whole = next(iter(kept("journeys").values()))
    older = json.loads(json.dumps(whole)) | {"colour": "red"}
    older["steps"][0] |= {"urgency": 3}
    older["enrol_on"] = [{"event": "lead.created", "priority": 1}]
    journey = Journey.read_pinned(older)
    assert [step.id for step in journey.steps] == [step["id"] for step in whole["steps"]]
    assert journey.enrol_on[0].event == "lead.created"


def test_what_breaks_a_rule_is_still_refused() -> None:
    """Only unknown fields are left out; a step without a channel is no step."""
    broken = json.loads(json.dumps(next(iter(kept("journeys").values()))))
    del broken["steps"][0]["channel"]
    with pytest.raises(ValueError, match="channel"):
        Journey.read_pinned(broken)


@pytest.mark.parametrize("table", sorted(kept("schema")))
def test_statements_of_the_last_release_run_on_this_schema(table: str, database: sa.Engine) -> None:
    """It reads all columns that it knows, and writes rows without those that it does not know.

    A column or table goes one release after the code that no longer asks for it.
    """
    columns = kept("schema")[table]
    old = sa.table(table, *(sa.column(name, Base.metadata.tables[table].c[name].type) for name in columns))
    with get_engine().connect() as connection:
        connection.execute(sa.select(old)).all()
    added = [column for column in Base.metadata.tables[table].columns if column.name not in columns]
    assert [column.name for column in added if not column.nullable and column.server_default is None] == []


def test_a_row_of_the_last_release_can_be_written(database: sa.Engine, test_clock: clock.TestClock) -> None:
    """In each table, with the columns that the last release fills and no others."""
    with get_engine().begin() as connection:
        for table, columns in kept("schema").items():
            new = Base.metadata.tables[table]
            values = {name: VALUES.get(kind, _plain(new.c[name])) for name, kind in columns.items()}
            old = sa.table(table, *(sa.column(name, new.c[name].type) for name in columns))
            connection.execute(sa.delete(new))
            connection.execute(sa.insert(old).values(values))
        connection.rollback()


def _plain(column: sa.Column[Any]) -> Any:
    return 1 if column.type.python_type is int else "x"
