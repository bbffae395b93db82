"""Fixtures of broadcasts: an execution, and its recipients."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from functions.broadcasts.tables import Automation, Execution, Recipient
from shared import clock
from shared.journeys import chatbots
from shared.settings import get_settings
from shared.store.session import transact
from tests.functions.broadcasts.posting import Post, opened
from tests.support.world import FakeStorage
from tests.unit.web.calls import KEYS, Api

DAILY: dict[str, Any] = {
    "recurrence_type": "daily",
    "start_date": "2026-03-01",
    "start_time": "10:00",
    "recurrence_config": {"interval": 1},
    "execution_timezone": "America/Mexico_City",
    "skip_weekends": False,
    "skip_holidays": False,
}
FLOW_ID = "3f0e6c5e-0000-4000-8000-000000000001"
LIST = "/api/v1/flow-automations"
FLOW = chatbots.flow_id("encuesta_de_interes")

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


@pytest.fixture
def api(environment: pytest.MonkeyPatch, database: Engine, storage: FakeStorage, test_clock: Any) -> Api:
    """The API over an empty database."""
    environment.setenv("API_KEYS", json.dumps(KEYS))
    environment.setenv("TWILIO_WHATSAPP_SENDER", "+14155238886")
    get_settings.cache_clear()
    return Api()


def contacts(api: Api, number: int = 3, **more: Any) -> list[int]:
    """The ids of so many contacts who want messages."""
    bodies = [{"phone": f"55123456{place:02}", "name": f"Ana {place}", "opt_in": True} | more for place in range(number)]
    return [api.post("/api/v1/contacts", body=body).json["id"] for body in bodies]


def automation(api: Api, **fields: Any) -> dict[str, Any]:
    """An automation that was added."""
    answer = api.post(LIST, body={"name": "Navidad", "flow_id": FLOW, "audience_type": "all"} | fields)
    assert answer.status == 201, answer.json
    made: dict[str, Any] = answer.json
    return made


def started(api: Api, made: dict[str, Any], **body: Any) -> dict[str, Any]:
    """An execution that was started."""
    answer = api.post(f"{LIST}/{made['id']}/start", body=body)
    assert answer.status in {200, 202}, answer.json
    execution: dict[str, Any] = answer.json
    return execution
