"""Fixtures of broadcasts: an execution, and its recipients."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from functions.broadcasts.tables import Automation, Execution, Recipient
from shared import clock
from shared.store.session import transact
from tests.functions.broadcasts.posting import Post, opened
from tests.support.world import FakeStorage

FLOW_ID = "3f0e6c5e-0000-4000-8000-000000000001"

type Run = Callable[..., tuple[int, list[int]]]


def added(*numbers: str, **fields: Any) -> tuple[int, list[int]]:
    """The ids of an execution and of its recipients, who have these numbers."""

    def work(session: Any) -> tuple[int, list[int]]:
        automation = Automation(name="Navidad", flow_id=FLOW_ID)
        session.add(automation)
        session.flush()
        execution = Execution(automation_id=automation.id, **fields)
        session.add(execution)
        session.flush()
        rows = [Recipient(execution_id=execution.id, key=number, phone_number=number) for number in numbers]
        session.add_all(rows)
        session.flush()
        return execution.id, [row.id for row in rows]

    return transact(work)


@pytest.fixture
def run(database: Engine) -> Run:
    """Adds an execution with its recipients."""
    return added


@pytest.fixture
def post(
    database: Engine, storage: FakeStorage, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> Iterator[Post]:
    """A broadcast of one message that a test holds in its hand."""
    with opened(environment, test_clock) as found:
        yield found
