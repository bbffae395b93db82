"""Enrol people in journeys and end enrolments. Each function works in the caller's transaction; a second run is harmless."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from shared import clock
from shared.journeys import addresses, arrange, beginnings, holds, load, memory, pauses, reach, step_deliveries, taking_over
from shared.journeys.definition import Exit, Journey
from shared.journeys.enrolment_records import OPEN_STEPS, EnrolmentRecord, Standing, StepState, lock_record, pin, read_record
from shared.journeys.memory import Signal
from shared.journeys.taking_over import TakenOver
from shared.journeys.talks import run
from shared.people import aliases
from shared.people.aliases import Aliases
from shared.phrases import phrase
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.types import key_of

log = logging.getLogger("puente.journeys")

OPEN = (Standing.ACTIVE, Standing.SUSPENDED)
# For so long a vendor's later word may bring the last message of a finished journey back, by its next channel.
LATE_EVENTS = timedelta(days=7)


def signal(
    session: Session,
    event: str,
    person_keys: Sequence[str],
    data: Mapping[str, Any],
    *,
    event_key: str,
    at: datetime | None = None,
    begin_at: datetime | None = None,
    taken_over: TakenOver | None = None,
) -> list[int]:
    """Something has happened to a person: it ends, moves, resumes and begins journeys as their definitions say.

    `person_keys` are all names by which the person may be known here, the one to enrol under first. `data` are the facts of the
    event (addresses among them), `at` when it happened. What happened after the event by which a person entered ends the
    journey in whatever order the two arrive; what happened before and arrives later ends it as well. It ends journeys under
    every name that is or probably is theirs (`shared.people.aliases`); its facts, and with them addresses, reach enrolments
    under names that are theirs alone. Returns the enrolments concerned. A repeated event changes nothing. `begin_at` puts off
    the first step of the journeys that it begins at once; what happens to the person until then counts all the same.
    `taken_over`: the event is an old one of another system. It ends nothing that began after it, and begins that journey alone.

    Raises:
        ValueError: no key for the person.
    """
    if not person_keys:
        raise ValueError("a signal concerns a person; give at least one key")
    moment = clock.now() if at is None else clock.as_utc(at)
    known = aliases.of(session, person_keys)
    rows = _open_enrolments(session, known.all_names, or_finished_since=clock.now() - LATE_EVENTS)
    happened = Signal(event=event, data=data, at=moment, event_key=event_key, person_keys=person_keys)
    memory.remember(session, happened)
    everywhere, own = replace(happened, person_keys=known.all_names), set(known.certain_names)
    concerned = [row for row in rows if taken_over is None or row.anchor_at < moment]
    touched = [row.id for row in concerned if _apply(read_record(session, row), everywhere, is_certain=row.person in own)]
    beginnings.prevent(session, everywhere)
    for journey in load.definitions().values():
        if _begins(session, journey, happened, taken_over):
            anchor, name = begin_at or moment, journey.name
            new = enrol(session, name, person_keys, anchor, data, event_key, since=moment, known=known, taken_over=taken_over)
            touched += [new] if new is not None else []
    return touched


def enrol(
    session: Session,
    journey: str,
    person: str | Sequence[str],
    anchor: datetime | None,
    data: Mapping[str, Any],
    event_key: str,
    *,
    since: datetime | None = None,
    known: Aliases | None = None,
    taken_over: TakenOver | None = None,
    context: Mapping[str, Any] | None = None,
    definition: Journey | None = None,
) -> int | None:
    """Let a person enter; the enrolment's id, None where the rule of `re_enrol` has it that they are in it, or have been.

    Everything they will get is planned at once and can be seen. `person` may be several keys of one person; the first is kept.
    `anchor` is when the event happened by which they enter (now). What happened after it and arrived before it ends the journey
    here: they enter and leave with that reason. `since` is when that event happened, where `anchor` is after a pause.
    `known` is who they are, where the caller has asked already; `taken_over` what they have got from another system.
    `context` goes along with a talking flow; `definition` is what they enter in place of the file of that name.

    Raises:
        RefusedError: 404, there is no such journey.
    """
    keys, found = _keys(person), definition or load.journey(journey)
    instance, known = beginnings.instance_of(found, data), known or aliases.of(session, keys)
    if not _may_enter(session, found, known.certain_names, instance, event_key):
        return None
    entered_at = clock.as_utc(anchor) if anchor else clock.now()
    happened_at = entered_at if since is None else since
    whose = _enrolment_identity(found, keys[0], instance, event_key)
    values = {"anchor_at": entered_at, "data": dict(data), "data_at": happened_at}
    row = _new_row(session, found, whose | values)
    if row is None:
        return None
    _begin(session, row, found, taken_over, context or {})
    _catch_up(session, row, found, known.all_names, min(happened_at, clock.now()))
    return row.id


def _new_row(session: Session, journey: Journey, values: Mapping[str, Any]) -> Enrolment | None:
    """The row of a new enrolment in the newest version of a journey; None where that enrolment was made before."""
    ours = {"journey": journey.name, "version_id": pin(session, journey)}
    ours |= {"testing": get_settings().testing_mode, "counted_until": clock.now()}
    if not insert_if_absent(session, Enrolment, "enrol_key", {**values, **ours}):
        return None
    return session.scalars(select(Enrolment).where(Enrolment.enrol_key == values["enrol_key"])).one()


def exit(session: Session, enrolment_id: int, reason: str, outcome: str = run.LEFT) -> bool:  # noqa: A001  # the field's word
    """Let a person leave for good: what is left is cancelled with the reason. False where they have left already.

    `outcome` is that of a talking flow.
    """
    record = lock_record(session, enrolment_id)
    return record is not None and record.enrolment.state in OPEN and _leave(record, reason, Standing.EXITED, outcome)


def exit_person(session: Session, person_keys: Sequence[str], reason: str) -> int:
    """Let a person leave every journey; how many they were in."""
    rows = _open_enrolments(session, person_keys)
    return sum(_leave(read_record(session, row), reason, Standing.EXITED) for row in rows)


def catch_up(session: Session, names: Sequence[str]) -> list[int]:
    """More is known of who these are: what has happened to one of them since ends journeys of the others; the enrolments.

    So it does not matter whether people were known as one before or after it happened. A second run changes nothing.
    """
    known, touched = aliases.of(session, names), []
    for row in _open_enrolments(session, known.all_names):
        theirs, record = aliases.of(session, [row.person]).all_names, read_record(session, row)
        began, others = min(row.anchor_at, row.created_at), [name for name in theirs if name != row.person]
        for past in memory.since(session, others, memory.endings(record.journey), began) if others else ():
            everywhere = replace(past, person_keys=theirs)
            if past.at > began and _apply(record, everywhere, is_certain=False):
                touched.append(row.id)
    return touched


def move_anchor(session: Session, enrolment_id: int, field: str, moment: datetime, reason: str) -> bool:
    """Give a date of an enrolment's data another value; what is due by it moves. False where there is nothing left to move."""
    record = lock_record(session, enrolment_id)
    if record is None or record.enrolment.state not in OPEN:
        return False
    record.enrolment.data = dict(record.enrolment.data) | {field: clock.as_utc(moment).isoformat()}
    if record.enrolment.state == Standing.ACTIVE:
        arrange.arrange(record, reason)
    return True


def _keys(person: str | Sequence[str]) -> Sequence[str]:
    return [person] if isinstance(person, str) else person


def _may_enter(session: Session, journey: Journey, keys: Sequence[str], instance: str | None, event_key: str) -> bool:
    """Whether the rule allows it, under other names of the person as well. The gap is locked, so two cannot pass at once."""
    query = select(Enrolment).where(Enrolment.person.in_(keys), Enrolment.journey == journey.name)
    rows = session.scalars(locked(query.order_by(Enrolment.id), Enrolment)).all()
    if journey.re_enrol == "never" or any(row.event_key == event_key[:64] for row in rows):
        return not rows
    if journey.re_enrol == "after_exit":
        return not any(row.state in OPEN for row in rows)
    return instance is None or all(row.instance != instance for row in rows)


def _enrolment_identity(journey: Journey, person: str, instance: str | None, event_key: str) -> dict[str, Any]:
    """What makes an enrolment one of its own: the person, the person's instance, or the person's event (see `re_enrol`)."""
    match journey.re_enrol:
        case "never":
            own: tuple[str, ...] = (person,)
        case "each_event" if instance is not None:
            own = (person, "instance", instance)
        case _:
            own = (person, "event", event_key)
    return {"person": person, "instance": instance, "enrol_key": key_of(journey.name, *own), "event_key": event_key[:64]}


def _begins(session: Session, journey: Journey, happened: Signal, taken_over: TakenOver | None) -> bool:
    if taken_over is None:
        return beginnings.begins_at_once(session, journey, happened)
    return journey.name == taken_over.journey and any(
        beginnings.fits(one, happened.event, happened.data) for one in journey.enrol_on
    )


def _begin(
    session: Session, enrolment: Enrolment, journey: Journey, taken_over: TakenOver | None, context: Mapping[str, Any]
) -> None:
    addresses.note(session, enrolment)
    if journey.talks:
        record = EnrolmentRecord(session, enrolment, journey, {}, is_new=True)
        record.decide("enrolled", phrase("version %(version)s", version=journey.version()[:12]))
        run.begin(record, context)
        return
    rows = {step.id: EnrolmentStep(enrolment_id=enrolment.id, step=step.id, state=StepState.WAITING) for step in journey.steps}
    for row in rows.values():
        row.generation, row.held = 0, False
    record = EnrolmentRecord(session, enrolment, journey, rows, is_new=True)
    record.decide("enrolled", phrase("version %(version)s", version=journey.version()[:12]))
    if taken_over is not None:
        taking_over.prepare(record, taken_over)
    arrange.arrange(record, "enrolled")
    session.bulk_save_objects(rows.values())  # as they are now, in one statement


def _catch_up(session: Session, row: Enrolment, journey: Journey, keys: Sequence[str], began: datetime) -> None:
    """Apply what has happened since `began`, when the event happened by which somebody enters, and arrived before it.

    Of what happened at the same instant the order of arrival is all that is known: that ended earlier journeys, not this one.
    """
    for past in memory.since(session, keys, memory.endings(journey), began):
        if past.at > began:
            _apply(read_record(session, row), past)


def _open_enrolments(
    session: Session, keys: Sequence[str], *, or_finished_since: datetime | None = None
) -> Sequence[Enrolment]:
    ways: list[ColumnElement[bool]] = [Enrolment.state.in_([state.value for state in OPEN])]
    if or_finished_since is not None:
        ways.append(and_(Enrolment.state == Standing.FINISHED.value, Enrolment.left_at >= or_finished_since))
    query = select(Enrolment).where(Enrolment.person.in_(keys), or_(*ways))
    return session.scalars(locked(query.order_by(Enrolment.id), Enrolment)).all()


def _apply(record: EnrolmentRecord, signal: Signal, *, is_certain: bool = True) -> bool:
    """What an event means for somebody who is in a journey, by the version they are in; whether it means anything.

    Of whoever is only probably the same person it ends the journey, and takes back what it names; it never brings facts.
    """
    row, event, data = record.enrolment, signal.event, signal.data
    instance = beginnings.instance_of(record.journey, data)
    if instance is not None and row.instance is not None and instance != row.instance:
        return False
    for way_out in record.journey.exit_on:
        if beginnings.fits(way_out, event, data):
            return _ended(record, way_out, signal)
        if way_out.resume_on == event and row.state == Standing.SUSPENDED:
            if not is_certain and holds.match_of(way_out, data) is None:
                return False
            return _come_back(record, way_out, signal)
    if is_certain and row.state in OPEN and any(beginnings.fits(trigger, event, data) for trigger in record.journey.move_on):
        return _moved(record, event, data, signal.at)
    return False


def _ended(record: EnrolmentRecord, way_out: Exit, signal: Signal) -> bool:
    if record.enrolment.state == Standing.FINISHED:
        return _outlived(record, signal.event)
    return record.enrolment.state != Standing.EXITED and _leave_by(record, way_out, signal)


def _moved(record: EnrolmentRecord, event: str, data: Mapping[str, Any], at: datetime) -> bool:
    """Newer facts replace ours; older ones that come late do not."""
    row = record.enrolment
    if at < row.data_at:
        record.decide("stale", phrase("%(event)s is older than what is known", event=event))
        return True
    known = row.data
    row.data, row.data_at = dict(known) | {k: v for k, v in data.items() if v is not None}, at
    addresses.note(record.session, row, known)
    if row.state == Standing.ACTIVE:
        arrange.arrange(record, event)
    return True


def _outlived(record: EnrolmentRecord, event: str) -> bool:
    """Note the exit on an enrolment that has finished, so that a message that fails later is not sent by another channel."""
    if record.enrolment.reason is not None:
        return False
    record.enrolment.reason = event[:200]
    record.decide("exited", phrase("%(event)s; it was finished before", event=event))
    return True


def _leave_by(record: EnrolmentRecord, way_out: Exit, signal: Signal) -> bool:
    row, event, channels = record.enrolment, signal.event, signal.data.get(memory.CHANNELS)
    if event == memory.UNSUBSCRIBED and channels and reach.goes_on(record):
        record.decide("suppressed", phrase("no more by %(channels)s; the rest goes on", channels=", ".join(channels)))
        return True
    if way_out.resume_on is None:
        return _leave(record, event, Standing.EXITED)
    if holds.is_taken_back(record.session, way_out, signal):
        record.decide(
            "resumed",
            phrase("%(event)s was taken back by %(other)s, which arrived first", event=event, other=way_out.resume_on),
        )
        return True
    holds.add(row, holds.Hold(holds.match_of(way_out, signal.data), signal.at))
    return row.state == Standing.SUSPENDED or _leave(record, event, Standing.SUSPENDED)


def _leave(record: EnrolmentRecord, reason: str, state: Standing, outcome: str = run.LEFT) -> bool:
    """Cancel the open steps. A message whose outcome is unknown may have arrived, so it is never enqueued again."""
    enrolment = record.enrolment
    pauses.count_until_now(record)
    for name, row in record.rows.items():
        if row.state not in OPEN_STEPS:
            continue
        if row.delivery_id is None or step_deliveries.cancel(
            record.session, row.delivery_id, phrase("exited: %(reason)s", reason=reason)
        ):
            record.close(name, StepState.CANCELLED, reason, kind="exited")
    enrolment.state, enrolment.reason, enrolment.left_at = state, reason[:200], clock.now()
    record.decide("exited", reason)
    run.leave(record, run.STOPPED if reason == memory.UNSUBSCRIBED else outcome, reason)
    return True


def _come_back(record: EnrolmentRecord, way_out: Exit, signal: Signal) -> bool:
    """Resume an enrolment whose exit was taken back: plan its cancelled steps again, later by the time it was suspended."""
    enrolment, event = record.enrolment, signal.event
    holds.take_back(enrolment, holds.match_of(way_out, signal.data), signal.at)
    if enrolment.held_by:
        record.decide("waiting", phrase("%(event)s, but another one still holds", event=event))
        return True
    away = enrolment.left_at or clock.now()
    enrolment.state, enrolment.reason, enrolment.left_at = Standing.ACTIVE, None, None
    for row in record.rows.values():
        if row.state == StepState.CANCELLED:
            row.state, row.generation, row.delivery_id, row.reason = StepState.WAITING, row.generation + 1, None, None
    record.decide("resumed", event)
    counted = max(away, enrolment.counted_until)
    arrange.shift(record, clock.now() - counted, clock.now(), event)
    return True


__all__ = ["catch_up", "enrol", "exit", "exit_person", "move_anchor", "signal"]
