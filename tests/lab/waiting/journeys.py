"""The places of shared/journeys that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from sqlalchemy.orm import Session

from shared import clock
from shared.journeys import beginnings, due_beginnings, engine, enrolment_records, load, memory, pauses, step_deliveries
from shared.journeys import operator_actions as journey_actions
from shared.store.journey_models import Enrolment, JourneyBeginning, JourneyEvent, JourneyPause, JourneyVersion
from shared.store.models import Delivery
from tests.lab.rows import Wait, delivery, filled, one


def preventing(session: Session) -> None:
    """An event that may prevent a beginning that waits."""
    signal = SimpleNamespace(event="e", person_keys=["p"], at=clock.now())
    journeys = {"j": SimpleNamespace(name="j")}
    with patch.object(load, "definitions", lambda: journeys), patch.object(beginnings, "_may_prevent", lambda *_: True):
        beginnings.prevent(session, signal)


JOURNEY: Any = SimpleNamespace(name="j", re_enrol="never", instance=None)


SIGNAL: Any = SimpleNamespace(event="e", data={}, person_keys=["p"], at=None, event_key="k")


BEGINNING = one(JourneyBeginning, journey="j", event="e", person="p", person_keys=["p"], state="waiting", instance=None)


def enrolment() -> Sequence[Any]:
    """Somebody in a journey."""
    return [filled(JourneyVersion, journey="j"), filled(Enrolment, journey="j", version_id=1, person="p", state="active")]


WAITS = {
    "shared.journeys.beginnings:_row": Wait(
        JourneyBeginning, BEGINNING, lambda session: beginnings._row(session, JOURNEY, SIGNAL)
    ),
    "shared.journeys.beginnings:prevent": Wait(JourneyBeginning, BEGINNING, preventing),
    "shared.journeys.due_beginnings:_begin": Wait(
        Enrolment, lambda: [*BEGINNING(), *enrolment()], lambda session: due_beginnings._begin(session, 1)
    ),
    "shared.journeys.due_beginnings:_locked": Wait(
        JourneyBeginning, BEGINNING, lambda session: due_beginnings._locked(session, 1)
    ),
    "shared.journeys.engine:_may_enter": Wait(
        Enrolment, enrolment, lambda session: engine._may_enter(session, JOURNEY, ["p"], None, "k")
    ),
    "shared.journeys.engine:_open_enrolments": Wait(
        Enrolment, enrolment, lambda session: engine._open_enrolments(session, ["p"])
    ),
    "shared.journeys.enrolment_records:_ENROLMENT": Wait(
        Enrolment, enrolment, lambda session: enrolment_records.lock_record(session, 1)
    ),
    "shared.journeys.memory:since": Wait(
        JourneyEvent,
        one(JourneyEvent, person="p", event="e"),
        lambda session: memory.since(session, ["p"], ["e"], clock.now() - timedelta(days=1)),
    ),
    "shared.journeys.operator_actions:end": Wait(
        Enrolment, enrolment, lambda session: journey_actions.end(session, "j", 1, "a")
    ),
    "shared.journeys.pauses:_open": Wait(
        JourneyPause, one(JourneyPause, journey="j", resumed_at=None), lambda session: pauses._open(session, "j")
    ),
    "shared.journeys.step_deliveries:_locked": Wait(Delivery, delivery(), lambda session: step_deliveries._locked(session, 1)),
}
