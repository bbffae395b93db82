"""Events that journeys remember: what ends, resumes or prevents one may arrive before the event that begins it.

Each such event of a person is kept for 30 days (`shared.retention`). Whoever enters afterwards, by an event that happened
earlier, is treated as if the events had arrived in the order in which they happened.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.journeys import expressions, load
from shared.journeys.definition import Exit, Journey, Trigger
from shared.store.dialect import insert_if_absent, locked
from shared.store.journey_models import EVENT_LENGTH, PERSON_LENGTH, JourneyEvent
from shared.store.types import key_of

UNSUBSCRIBED = "person.unsubscribed"  # from some channels, or, where `channels` are not given, from everything
CHANNELS = "channels"  # of an unsubscription: by which channels the person wants no more


@dataclass(frozen=True, kw_only=True)
class Signal:
    """An event of a person: its name, its data, when it happened, the sender's key for it, and the person's keys."""

    event: str
    data: Mapping[str, Any]
    at: datetime
    event_key: str
    person_keys: Sequence[str]


def remember(session: Session, signal: Signal) -> None:
    """Keep an event that ends, resumes or prevents a journey; any other is not kept. Twice is as once."""
    names = _fields(signal.event)
    if names is None:
        return
    facts = {name: signal.data[name] for name in sorted(names) if signal.data.get(name) is not None}
    text = json.dumps(facts, sort_keys=True, default=str)
    for person in dict.fromkeys(signal.person_keys):
        values = {
            "key": key_of(signal.event, person, signal.event_key, text),
            "person": person[:PERSON_LENGTH],
            "event": signal.event[:EVENT_LENGTH],
            "event_key": signal.event_key[:64],
            "at": signal.at,
            "facts": json.loads(text),
        }
        insert_if_absent(session, JourneyEvent, "key", values)


def since(session: Session, person_keys: Iterable[str], events: Iterable[str], moment: datetime) -> list[Signal]:
    """The remembered events of these names that happened to a person at `moment` or later, in the order of their times.

    Their data are those fields that definitions ask about. An event that was signalled under several of the person's keys is in
    the list once.
    """
    keys, names = sorted(set(person_keys)), sorted(set(events))
    if not names:
        return []
    query = select(JourneyEvent).where(JourneyEvent.person.in_(keys), JourneyEvent.event.in_(names), JourneyEvent.at >= moment)
    found: dict[tuple[str, str, str], Signal] = {}
    for row in session.scalars(locked(query.order_by(JourneyEvent.at, JourneyEvent.id), JourneyEvent)):
        past = Signal(event=row.event, data=row.facts, at=row.at, event_key=row.event_key, person_keys=keys)
        found.setdefault((row.event, row.event_key, json.dumps(row.facts, sort_keys=True)), past)
    return list(found.values())


def endings(journey: Journey) -> set[str]:
    """The names of the events that end a journey or take it up again."""
    return {name for one in journey.exit_on for name in (one.event, one.resume_on) if name}


def _fields(event: str) -> set[str] | None:
    """The fields of an event's data that a definition asks about; None where no journey remembers this event."""
    found: set[str] | None = None
    for journey in load.definitions().values():
        concerned = list(_concerned(journey, event))
        if concerned:
            found = (found or {CHANNELS}) | {name for one in concerned for name in _asked(one)}
            found |= {journey.instance} if journey.instance else set()
    return found


def _concerned(journey: Journey, event: str) -> Iterable[Trigger]:
    yield from (one for one in journey.exit_on if event in (one.event, one.resume_on))
    yield from (one for begin in journey.enrol_on for one in begin.unless if one.event == event)


def _asked(trigger: Trigger) -> set[str]:
    """The fields of the data that a trigger asks about: `data.x` and `person.x` are the same before somebody has entered."""
    names = expressions.check(trigger.when) if trigger.when else set()
    fields = {name.split(".")[1] for name in names if name.count(".") and not name.startswith("result.")}
    return fields | ({trigger.match} if isinstance(trigger, Exit) and trigger.match else set())
