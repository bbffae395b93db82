"""The host dies while processes and robots are started and report. Each wish is one process, which gets its robot's result."""

import json
import random
from collections import Counter
from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.coordinations.tables import Coordination
from sandbox.settings import app_settings
from tests.crash import ledger
from tests.crash.rig import QUIET_SECONDS, Rig, Senders

pytestmark = pytest.mark.slow

WISHES = 15
SETTINGS = ("FLOWABLE_BASE_URL", "FLOWABLE_TOKEN", "COORDINATIONS_TASK", "OPENRPA_WEBHOOK_URL", "OPENRPA_TOKEN")
STARTING = (
    "inbox.before_commit=kill:0.1",
    "outbox.after_call=kill:0.4",
    "inbox.after_nudge=kill:0.1",
    "outbox.after_record=kill:0.4",
)
REPORTING = ("inbox.after_commit=kill:0.2", "outbox.after_call=kill:0.5", "outbox.after_record=kill:0.5")


@dataclass(frozen=True)
class Sent:
    """A request for a process with its robot, or a robot's report."""

    path: str
    body: bytes


def wish(number: int) -> Sent:
    """A wish with a key of its own."""
    body = {"business_key": f"order-{number}", "payload": {"order": str(number)}}
    return Sent("/api/v1/coordinations/requests", json.dumps(body).encode())


def result(number: int) -> Sent:
    """The robot of a coordination reports."""
    body = {"coordination": number, "status": "completed", "result": {"number": number}}
    return Sent("/api/v1/coordinations/result", json.dumps(body).encode())


def survive(rig: Rig, posts: list[Sent], deaths: tuple[str, ...], seed: int) -> dict[str, Sent]:
    """Send everything twice and out of order while the host dies; what was accepted."""
    several = posts * 2
    random.Random(seed).shuffle(several)  # noqa: S311  # an order, no secret
    with Senders(rig.host, several) as sending:
        rig.survive(sending, deaths)
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.2)
    rig.host.stop()
    return {key: post for key, post in sending.accepted.items() if isinstance(post, Sent)}


@pytest.mark.host
def test_coordinations_survive_the_deaths_of_the_host(rig: Rig, seed: int) -> None:
    """One process for each key however often its start was cut off; its robot's result is given to it, once."""
    found = app_settings(rig.sandbox.url)
    rig.environment |= {name: found[name] for name in SETTINGS}
    # A start of a robot that is cut off waits for a person, unless the robot's side knows our number again.
    rig.environment |= {"LINK_SIGNING_SECRETS": "uno", "OPENRPA_IGNORES_REPEATS": "true"}
    rig.sandbox.act("robots", "mood", mood="offline")
    accepted = survive(rig, [wish(number) for number in range(WISHES)], STARTING, seed)
    with Session(rig.engine) as session:
        rows = session.scalars(select(Coordination)).all()
        assert Counter(row.state for row in rows) == {"waiting": WISHES}
        numbers = [row.id for row in rows]
    processes = rig.sandbox.records("processes", vendor="flowable")
    assert Counter(one["business_key"] for one in processes if not one["ended"]) == {f"order-{one}": 1 for one in range(WISHES)}
    started = {run["context"]["businessKey"] for run in rig.sandbox.records("runs", vendor="robots")}
    assert started == {f"order-{number}" for number in range(WISHES)}
    accepted |= survive(rig, [result(number) for number in numbers], REPORTING, seed)
    assert rig.deaths
    with Session(rig.engine) as session:
        ledger.check_events(session, accepted)
        assert Counter(session.scalars(select(Coordination.state))) == {"done": WISHES}
        given = {row.process_id: str(row.id) for row in session.scalars(select(Coordination))}
    ended = {one["id"]: one["variables"].get("puenteReport") for one in rig.sandbox.records("processes", vendor="flowable")}
    assert {number: mark for number, mark in ended.items() if number in given} == given
