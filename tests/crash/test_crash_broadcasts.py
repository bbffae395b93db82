"""The host dies in the middle of a broadcast, again and again: everybody gets it once, and the execution ends."""

import json
import os
from collections import Counter

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.broadcasts.running_config import config_of
from functions.broadcasts.tables import Automation, Execution, Recipient
from sandbox.settings import app_settings
from shared.journeys import chatbots
from shared.store.models import Delivery
from tests.crash.rig import Rig

pytestmark = pytest.mark.slow

PEOPLE = int(os.environ.get("BROADCAST_PEOPLE", "300"))
"""So many in every run of this test; BROADCAST_PEOPLE=20000 makes it the whole proof."""
SECONDS = 120 + PEOPLE // 10
DEATHS = (
    "broadcasts.after_start=kill",
    "broadcasts.after_planned_page=kill",
    "outbox.after_claim=kill",
    "outbox.after_call=kill",
    "outbox.after_record=kill",
)
VARIABLES = {"first_name": "Ana", "text": "Ya puedes reservar."}
SETTINGS = {
    "TWILIO_CONTENT_SIDS": json.dumps({"broadcast_news": "HX" + "0c" * 16}),
    "BROADCAST_MAX_RATE_PER_HOUR": "1000000",
    "MESSAGES_PER_SECOND": '{"twilio": 500}',
    "QUIET_HOURS": "00:00-00:00",
    "WORKING_DAYS": "mon,tue,wed,thu,fri,sat,sun",
    "HOLIDAYS_COUNTRY": "XX",
}


def begin(session: Session) -> int:
    """A broadcast that is planned for everybody."""
    automation = Automation(name="Navidad", flow_id=chatbots.flow_id("novedades"), status="active", is_active=True)
    automation.rate_limit_per_hour, automation.max_concurrent_executions = 1_000_000, 500
    session.add(automation)
    session.flush()
    execution = Execution(automation_id=automation.id, plan_state="planned", total_recipients=PEOPLE)
    execution.config = config_of(automation)
    session.add(execution)
    session.flush()
    phones = [f"+5255{10_000_000 + number}" for number in range(PEOPLE)]
    rows = [{"execution_id": execution.id, "key": phone, "phone_number": phone, "variables": VARIABLES} for phone in phones]
    session.execute(insert(Recipient), [row | {"status": "pending"} for row in rows])
    return execution.id


def are_all_sent(rig: Rig) -> bool:
    """Whether nobody waits any more."""
    with Session(rig.engine) as session:
        waiting = (Recipient.status.in_(("pending", "queued")),)
        return session.scalars(select(Recipient.id).where(*waiting).limit(1)).first() is None


def execution_status(rig: Rig) -> str:
    """Where the one execution stands."""
    with Session(rig.engine) as session:
        return session.scalars(select(Execution.status)).one()


@pytest.mark.host
def test_broadcast_survives_the_deaths_of_the_host(rig: Rig) -> None:
    """At a high rate and with deaths at every commit: the sandbox has one message for each person, and every row says so."""
    found = app_settings(rig.sandbox.url)
    rig.environment |= {name: value for name, value in found.items() if name.startswith("TWILIO_")} | SETTINGS
    with Session(rig.engine) as session, session.begin():
        begin(session)
    for text in DEATHS:
        rig.start(text)
        wait_until(rig.is_dead, SECONDS, pause=0.3)
        rig.note_death(text)
    rig.start()
    wait_until(lambda: are_all_sent(rig), SECONDS, pause=0.3)
    wait_until(lambda: execution_status(rig) == "completed", SECONDS, pause=0.3)
    rig.host.stop()
    assert rig.deaths == list(DEATHS)
    with Session(rig.engine) as session:
        found = Counter(session.scalars(select(Recipient.status)))
        deliveries = Counter(session.scalars(select(Delivery.subject)))
        uncertain = session.scalars(select(Delivery.id).where(Delivery.state == "uncertain")).all()
    assert not uncertain
    assert found == {"completed": PEOPLE}
    assert set(deliveries.values()) == {1}
    assert len(deliveries) == PEOPLE
    received = Counter(row["to"] for row in rig.sandbox.records("messages", vendor="twilio", limit=PEOPLE + 1000))
    assert len(received) == PEOPLE
    assert set(received.values()) == {1}
