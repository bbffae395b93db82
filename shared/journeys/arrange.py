"""Bring the deliveries of an enrolment in line with its definition: each step is enqueued, moved, or skipped with a reason.

Level-triggered: it compares the state and the due time of each step with the definition, so a second run changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared import clock, messages
from shared.errors import PermanentError
from shared.journeys import schedule, step_deliveries, timing
from shared.journeys.definition import Step
from shared.journeys.enrolment_records import OPEN_STEPS, EnrolmentRecord, StepState, texts, zone_of
from shared.journeys.schedule import Due
from shared.messages.message import Fallback as MessageFallback
from shared.messages.message import Message
from shared.phrases import phrase
from shared.settings import get_settings
from shared.store.journey_models import EnrolmentStep

ADDRESS = {"email": "email", "whatsapp": "phone", "sms": "phone", "voice": "phone", "manychat": "manychat_id"}
# Of the data: channels by which its addresses must not be reached, each with the reason.
REFUSED = "refused_channels"

TRIED = (StepState.SENT, StepState.FAILED, StepState.UNCERTAIN)


def arrange(record: EnrolmentRecord, why: str) -> None:
    """Enqueue every step that is not enqueued yet, and move those whose time has changed; `why` is the reason noted.

    Nothing of a talking flow is planned ahead, so there is nothing to arrange.
    """
    if record.journey.talks:
        return
    with record.session.no_autoflush:  # nothing it looks up depends on what it has changed, so all of that is written together
        _arrange(record, why)


def _arrange(record: EnrolmentRecord, why: str) -> None:
    frame, now = record.frame(), clock.now()
    due = schedule.dues(record.journey, frame)
    for step in record.journey.steps:
        _take_up_again(record, step, due[step.id], now)
    planning = [name for name, row in record.rows.items() if _is_planned_anew(row, due[name])]
    skips = schedule.skips(due, planning, now)
    for step in record.journey.steps:
        row = record.rows[step.id]
        if row.state == StepState.WAITING:
            _plan(record, due[step.id], skips.get(step.id))
        elif row.state == StepState.ENQUEUED:
            _follow(record, due[step.id], skips.get(step.id), why)
    record.finish_if_done()


def is_out_of_line(record: EnrolmentRecord, step: Step) -> bool:
    """Whether the date of a step was changed while its message was being sent, so that it was sent for another time."""
    row = record.rows[step.id]
    if record.journey.talks or step.after is not None or row.due_at is None:
        return False
    due = schedule.dues(record.journey, record.frame())[step.id]
    return due.at is not None and not _is_planned_for(row, due)


def hasten(record: EnrolmentRecord, step: Step, *, since: datetime | None = None) -> None:
    """The step before has its result: move this step's delivery to the end of its delay, counted from `since` (now)."""
    row = record.rows[step.id]
    if row.state != StepState.ENQUEUED:
        return
    began = clock.now() if since is None else since
    at = timing.after(began, schedule.delay(step, testing=record.enrolment.testing), record.frame().zone)
    if step_deliveries.move(record.session, row.delivery_id, at, schedule.expiry(step, at, testing=record.enrolment.testing)):
        row.due_at = at
        record.decide("moved", phrase("%(step)s has its result", step=step.after), step=step.id, due_at=at)


def await_result(record: EnrolmentRecord, step: Step, *, since: datetime | None = None) -> None:
    """The step before was sent at `since` (now): move this step's delivery to the time at which the wait for that ends."""
    row, testing = record.rows[step.id], record.enrolment.testing
    if row.state != StepState.ENQUEUED:
        return
    zone = record.frame().zone
    waited = timing.after(clock.now() if since is None else since, schedule.wait(step, testing=testing), zone)
    at = timing.after(waited, schedule.delay(step, testing=testing), zone)
    if step_deliveries.move(record.session, row.delivery_id, at, schedule.expiry(step, at, testing=testing)):
        row.due_at = at
        record.decide("waiting", phrase("for the result of %(step)s", step=step.after), step=step.id, due_at=at)


def _is_planned_anew(row: EnrolmentStep, due: Due) -> bool:
    return row.state == StepState.WAITING or (row.state == StepState.ENQUEUED and not _is_planned_for(row, due))


def _is_planned_for(row: EnrolmentStep, due: Due) -> bool:
    return (row.due_at, row.nominal_at or row.due_at) == (due.at, due.nominal)


def _take_up_again(record: EnrolmentRecord, step: Step, due: Due, now: datetime) -> None:
    """Reopen a step with `again_when_moved` whose anchor was moved; a step that was tried only if its new time is to come.

    A failed or uncertain attempt belonged to the old time. A step skipped for the old time (too late, or not wanted then) is
    decided anew for the new time. Times are compared as they are before opening hours move them.
    """
    row = record.rows[step.id]
    if not step.again_when_moved or due.nominal is None or (row.nominal_at or row.due_at) in (None, due.nominal):
        return
    if row.state == StepState.SKIPPED or (row.state in TRIED and due.nominal > now):
        record.decide(
            "moved", phrase("its date was changed after it was %(state)s", state=row.state), step=step.id, due_at=due.at
        )
        row.state, row.generation, row.delivery_id = StepState.WAITING, row.generation + 1, None


def _plan(record: EnrolmentRecord, due: Due, skip: str | None) -> None:
    step, row = due.step, record.rows[due.step.id]
    if step.sent_by:
        row.due_at, row.nominal_at = due.at, due.nominal
        record.close(step.id, StepState.SENT, phrase("sent_by_%(source)s", source=step.sent_by), kind="sent")
    elif due.at is None:
        _wait(record, step)
    elif skip:
        row.due_at, row.nominal_at = due.at, due.nominal
        record.close(step.id, StepState.SKIPPED, skip, kind="late")
    else:
        _enqueue(record, due, due.at)


def _wait(record: EnrolmentRecord, step: Step) -> None:
    row, reason = record.rows[step.id], phrase("there is no %(name)s to count from yet", name=record.journey.anchor_of(step))
    if row.reason != reason:
        row.reason = reason
        record.decide("waiting", reason, step=step.id)


def _follow(record: EnrolmentRecord, due: Due, skip: str | None, why: str) -> None:
    """Move an enqueued step whose time has changed or that was held; an `after` step moves with the step it waits for.

    The message is written anew from today's data: a reminder that was moved names the new date.
    """
    row = record.rows[due.step.id]
    if routes := routes_of(due.step, record.enrolment.data):
        step_deliveries.reword(record.session, row.delivery_id, message_of(record, due, clock.now(), routes))
    settled = due.step.after is not None and record.rows[due.step.after].state not in OPEN_STEPS
    at = row.due_at if settled else due.at
    if at is None or ((settled or _is_planned_for(row, due)) and not row.held):
        return
    if skip and step_deliveries.cancel(record.session, row.delivery_id, "too-late"):
        row.due_at, row.nominal_at = at, due.nominal
        record.close(due.step.id, StepState.SKIPPED, skip, kind="late")
        return
    goes_at, counted = (at, at) if settled else (schedule.goes_at(due, clock.now()) or at, due.nominal or at)
    not_after = schedule.expiry(due.step, counted, testing=record.enrolment.testing)
    if step_deliveries.move(record.session, row.delivery_id, goes_at, not_after):
        row.due_at, row.nominal_at, row.held = at, counted, False
        record.decide("moved", why, step=due.step.id, due_at=at)


def _enqueue(record: EnrolmentRecord, due: Due, at: datetime) -> None:
    step, row = due.step, record.rows[due.step.id]
    routes = routes_of(step, record.enrolment.data)
    if not routes:
        record.close(step.id, StepState.SKIPPED, no_route(step, record.enrolment.data), kind="suppressed")
        return
    now = clock.now()
    late = (due.nominal or at) < now - schedule.GRACE
    message = message_of(record, due, max(schedule.goes_at(due, now) or at, now), routes)
    messages.enqueue(record.session, message, event_key=record.enrolment.event_key, is_new=record.is_new)
    row.state, row.due_at, row.nominal_at, row.reason = StepState.ENQUEUED, at, due.nominal, None
    row.delivery_id = messages.find(record.session, message.channel, message.dedupe_key)
    record.decide("late" if late else "planned", phrase("sent at once") if late else None, step=step.id, due_at=message.due_at)


def routes_of(step: Step, data: Mapping[str, Any]) -> list[MessageFallback]:
    """The channel and its fallbacks, those of them by which the person can and may be reached."""
    reached = [(way, address_of(way.channel, data)) for way in step.ways()]
    return [
        MessageFallback(channel=way.channel, to=str(to), template=way.template) for way, to in reached if to and str(to).strip()
    ]


def address_of(channel: str, data: Mapping[str, Any]) -> Any:
    """The address for a channel in an enrolment's data; None where there is none, or `REFUSED` names the channel."""
    return None if channel in (data.get(REFUSED) or {}) else data.get(ADDRESS[channel])


def no_route(step: Step, data: Mapping[str, Any]) -> str:
    """Why none of the channels of a step leads to the person."""
    refused = (data.get(REFUSED) or {}).get(step.channel)
    return f"not by {step.channel}: {refused}" if refused else f"no {ADDRESS[step.channel]} is known"


def message_of(record: EnrolmentRecord, due: Due, at: datetime, routes: list[MessageFallback]) -> Message:
    """The message of a step, to go out at `at` by the first of `routes`.

    Raises:
        PermanentError: `bad-message`, it could never be sent.
    """
    step, enrolment, data = due.step, record.enrolment, record.enrolment.data
    known = texts(data)
    first, *others = routes
    context = record.context(step.id)
    try:
        return Message(
            person=enrolment.person,
            channel=first.channel,
            to=first.to,
            template=first.template,
            dedupe_key=f"journey:{enrolment.id}:{step.id}:{context['generation']}",
            variables=data | step.variables,
            due_at=at,
            not_after=due.not_after,
            locale=known["locale"],
            # A mail's address tells no zone, but caps and quiet hours are the person's and not the channel's.
            time_zone=zone_of(data) if any(known[name] for name in ("time_zone", "country", "phone")) else None,
            country=known["country"],
            fallback=tuple(others),
            context=context,
            provider=record.journey.provider if first.channel == "email" else None,
            window=step.window == "respect" and not enrolment.testing,
            transactional=step.transactional,
            source=_source(record),
        )
    except ValueError as error:
        raise PermanentError("bad-message", f"step {step.id}: {error}") from error


def _source(record: EnrolmentRecord) -> str:
    """Where the templates are. Without a database for them in Notion, those of the repository are used."""
    database = get_settings().notion_templates_db_id
    return f"notion:{database}" if record.journey.source == "notion" and database else "repo"


def shift(record: EnrolmentRecord, length: timedelta, until: datetime, why: str) -> None:
    """Move all remaining steps by the time for which the person was held."""
    record.enrolment.shift_seconds += max(0, round(length.total_seconds()))
    record.enrolment.counted_until = max(until, record.enrolment.counted_until)
    if (talk := record.talk()) is not None and talk.until is not None:
        talk.until += max(timedelta(), length)
    arrange(record, why)
