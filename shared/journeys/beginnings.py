"""Beginnings: the events by which people enter a journey, and the pause (`settle`) before the enrolment.

A newer event of the same kind restarts the pause. An event of `unless`, or one that ends the journey for good, prevents the
enrolment. Events are compared by when they happened, so their order of arrival does not matter.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.journeys import enrolment_records, expressions, load, memory, timing
from shared.journeys.definition import Beginning, Journey, Trigger
from shared.journeys.memory import Signal
from shared.journeys.timing import Delay
from shared.people import aliases
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.journey_models import PERSON_LENGTH, REASON_LENGTH, JourneyBeginning
from shared.store.types import key_of

INSTANCE_LENGTH = 200


class BeginningState(StrEnum):
    """Where a beginning after a pause stands."""

    WAITING = "waiting"  # for the end of the pause
    BEGUN = "begun"
    PREVENTED = "prevented"  # by an event of `unless`, by one that ends the journey, by a newer event that does not fit
    FAILED = "failed"  # it could not be begun, time and again; the operators were alerted


def fits(trigger: Trigger, event: str, data: Mapping[str, Any]) -> bool:
    """Whether an event is the one that a definition names, and its condition holds."""
    return trigger.event == event and (trigger.when is None or expressions.evaluate(trigger.when, expressions.facts_of(data)))


def instance_of(journey: Journey, data: Mapping[str, Any]) -> str | None:
    """What tells several enrolments of one person apart, by the field that the definition names."""
    value = data.get(journey.instance) if journey.instance else None
    return None if value is None else str(value)[:INSTANCE_LENGTH]


def settle_of(trigger: Beginning, *, testing: bool) -> Delay:
    """How long the pause is; in TESTING_MODE days become minutes."""
    settle = trigger.settle or Delay()
    return timing.hurried(settle) if testing else settle


def begins_at_once(session: Session, journey: Journey, signal: Signal) -> bool:
    """Whether a person enters by this event now. Where it begins a pause, or restarts one, that is kept. Twice is once."""
    same_kind = [one for one in journey.enrol_on if one.event == signal.event]
    fitting = next((one for one in same_kind if fits(one, signal.event, signal.data)), None)
    if any(one.settle for one in same_kind):
        _keep(session, journey, signal, fitting if fitting is not None and fitting.settle else None)
    return fitting is not None and fitting.settle is None


def prevent(session: Session, signal: Signal) -> None:
    """Let an event prevent every beginning that waits, of which it is a reason not to take place. Twice is once."""
    journeys = [one.name for one in load.definitions().values() if _may_prevent(one, signal.event)]
    if not journeys:
        return
    waiting = (JourneyBeginning.state == BeginningState.WAITING, JourneyBeginning.journey.in_(journeys))
    query = select(JourneyBeginning).where(JourneyBeginning.person.in_(sorted(set(signal.person_keys))), *waiting)
    for row in session.scalars(locked(query.order_by(JourneyBeginning.id), JourneyBeginning)).all():
        if signal.at >= row.at and _prevents(load.journey(row.journey), row, signal):
            _close(row, signal.event)


def is_prevented(session: Session, journey: Journey, row: JourneyBeginning) -> bool:
    """Close a beginning if an event prevents it that happened later and arrived earlier; whether it was closed."""
    names = {trigger.event for trigger in _reasons_against(journey, row.event)}
    known = aliases.of(session, [row.person, *row.person_keys])
    past = memory.since(session, known.all_names, names, row.at)
    if (found := next((one for one in past if one.at > row.at and _prevents(journey, row, one)), None)) is not None:
        _close(row, found.event)
    return found is not None


def _keep(session: Session, journey: Journey, signal: Signal, trigger: Beginning | None) -> None:
    """Apply the newest event of its kind: it restarts the pause, or closes the beginning where its condition does not hold."""
    row = _row(session, journey, signal)
    if row is None:
        return
    is_newer = (signal.at, signal.event_key[:64]) > (row.at, row.event_key)
    if not is_newer or (row.state == BeginningState.BEGUN and signal.at < row.due_at):
        return
    row.at, row.event_key, row.data = signal.at, signal.event_key[:64], dict(signal.data)
    row.person_keys = list(dict.fromkeys([*row.person_keys, *signal.person_keys]))
    row.state, row.reason, row.attempts, row.enrolment_id = BeginningState.WAITING, None, 0, None
    row.due_at = signal.at
    if trigger is None:
        _close(row, f"the newest {signal.event} does not fit")
        return
    settle = settle_of(trigger, testing=get_settings().testing_mode)
    row.due_at = timing.after(signal.at, settle, enrolment_records.zone_of(signal.data))
    is_prevented(session, journey, row)


def _row(session: Session, journey: Journey, signal: Signal) -> JourneyBeginning | None:
    """The row of this person and kind of event, locked; made, as older than any event, where there is none."""
    instance, keys = instance_of(journey, signal.data), list(dict.fromkeys(signal.person_keys))
    same = (JourneyBeginning.journey == journey.name, JourneyBeginning.event == signal.event)
    query = select(JourneyBeginning).where(JourneyBeginning.person.in_(keys), *same, JourneyBeginning.instance == instance)
    query = locked(query.order_by(JourneyBeginning.id), JourneyBeginning)
    if (found := session.scalars(query).first()) is None:
        insert_if_absent(session, JourneyBeginning, "key", _new(journey, signal, instance, keys))
        found = session.scalars(query).first()
    return found


def _new(journey: Journey, signal: Signal, instance: str | None, keys: Sequence[str]) -> dict[str, Any]:
    return {
        "key": key_of(journey.name, signal.event, keys[0], *([] if instance is None else [instance])),
        "journey": journey.name,
        "event": signal.event,
        "person": keys[0][:PERSON_LENGTH],
        "person_keys": list(keys),
        "instance": instance,
        "state": BeginningState.PREVENTED,
        "event_key": "",
        "at": signal.at,
        "due_at": signal.at,
    }


def _may_prevent(journey: Journey, event: str) -> bool:
    return any(trigger.event == event for begin in journey.enrol_on for trigger in _reasons_against(journey, begin.event))


def _prevents(journey: Journey, row: JourneyBeginning, signal: Signal) -> bool:
    instance = instance_of(journey, signal.data)
    if instance is not None and row.instance is not None and instance != row.instance:
        return False
    return any(fits(trigger, signal.event, signal.data) for trigger in _reasons_against(journey, row.event))


def _reasons_against(journey: Journey, event: str) -> Iterator[Trigger]:
    """The events after which nobody enters by `event`: those of `unless`, and those that end the journey for good.

    Who unsubscribes may still get what does not need their consent, so that ends a journey only when it is known what is left.
    """
    pauses = [one for one in journey.enrol_on if one.event == event and one.settle]
    for pause in pauses:
        yield from pause.unless
    if pauses:
        yield from (one for one in journey.exit_on if one.resume_on is None and one.event != memory.UNSUBSCRIBED)


def _close(row: JourneyBeginning, reason: str) -> None:
    row.state, row.reason = BeginningState.PREVENTED, reason[:REASON_LENGTH]
