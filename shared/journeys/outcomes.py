"""Journeys as a message listener: decide whether a step may be sent now, and apply the outcome of its message."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared import clock
from shared.journeys import arrange, expressions, pauses, schedule, step_deliveries
from shared.journeys.definition import Step
from shared.journeys.enrolment_records import OPEN_STEPS, EnrolmentRecord, Standing, StepState, lock_record
from shared.journeys.talks import run
from shared.messages import planning
from shared.messages.outcomes import MessageOutcome
from shared.outbox.actions import Later, State
from shared.phrases import phrase
from shared.store.journey_models import EnrolmentStep
from shared.store.models import Delivery

log = logging.getLogger("puente.journeys")

ASK_AGAIN = timedelta(hours=6)  # while the journey is paused; resuming does not wait for it
UNREPORTED_AFTER = timedelta(hours=1)
ENDED = {"failed": StepState.FAILED, "uncertain": StepState.UNCERTAIN, "skipped": StepState.SKIPPED}
# Of a delivery that somebody closed without telling us.
WORDS = {
    State.DONE: "sent",
    State.SHADOWED: "sent",
    State.SKIPPED: "skipped",
    State.CANCELLED: "skipped",
    State.DEAD: "failed",
    State.UNCERTAIN: "uncertain",
}


def may_send(session: Session, context: Mapping[str, Any]) -> str | Later | None:
    """Whether a step may be sent now: None, a reason to skip it, or a later time with its reason.

    Runs in the transaction that claims the message, so that the answer still holds when the message is sent.
    """
    record = lock_record(session, int(context["enrolment"]))
    if record is None or context["step"] not in record.rows:
        return "no-enrolment"
    step, row = record.journey.step(context["step"]), record.rows[context["step"]]
    if step is None or row.generation != context["generation"]:
        return "superseded"
    if record.enrolment.state in (Standing.EXITED, Standing.SUSPENDED) or record.has_outlived_its_reason:
        return phrase("exited: %(reason)s", reason=record.enrolment.reason)[:64]
    if record.journey.talks:  # the step was reached, and its condition asked then
        return _held(record, step)
    return _held(record, step) or _moved(record, step) or _unfit(record, step)


def _moved(record: EnrolmentRecord, step: Step) -> str | Later | None:
    """Where its date was changed while it was being tried: the new time, or why it does not go out then."""
    row = record.rows[step.id]
    if row.state != StepState.ENQUEUED or not arrange.is_out_of_line(record, step):
        return None
    arrange.arrange(record, phrase("its date was changed while it was being sent"))
    if row.state != StepState.ENQUEUED:
        return str(row.reason or row.state)[:64]
    due_at = _sent_at(record, step.id)
    return Later(due_at, "moved") if due_at > clock.now() else None


def _held(record: EnrolmentRecord, step: Step) -> Later | None:
    """Where the journey stands still, or the result that decides is not there yet: until when."""
    row = record.rows[step.id]
    now, uncounted = clock.now(), pauses.uncounted(record)
    if any(pause.resumed_at is None for pause in uncounted):
        _hold(record, step)
        return Later(now + ASK_AGAIN, "journey-paused")
    if pauses.settle(record, uncounted) and row.state == StepState.ENQUEUED and row.due_at is not None and row.due_at > now:
        return Later(row.due_at, "journey-was-paused")
    if step.after is not None and record.rows[step.after].state in OPEN_STEPS:
        wait = schedule.wait(step, testing=record.enrolment.testing).length()
        return Later(_sent_at(record, step.after) + max(wait, timedelta(minutes=1)), f"waits-for-{step.after}"[:64])
    return None


def _sent_at(record: EnrolmentRecord, name: str) -> datetime:
    """When a step that has not gone yet will go at the earliest: its window may have moved it, and asking before is in vain."""
    delivery = step_deliveries.waiting(record.session, record.rows[name].delivery_id)
    return max(clock.now(), delivery.due_at) if delivery is not None else clock.now()


def _hold(record: EnrolmentRecord, step: Step) -> None:
    """While it is held it does not expire; that is set anew when the journey goes on."""
    row = record.rows[step.id]
    if row.held:
        return
    row.held = True
    record.decide("paused", phrase("the journey is paused"), step=step.id)
    if (delivery := step_deliveries.waiting(record.session, row.delivery_id)) is not None:
        step_deliveries.set_expiry(delivery, None)


def _unfit(record: EnrolmentRecord, step: Step) -> str | None:
    if step.when is None or expressions.evaluate(step.when, record.facts()):
        return None
    return phrase("condition: %(condition)s", condition=step.when)[:64]


def take_outcome(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Take in what has become of a step's message, and let the steps that have waited for it go on. Twice is once."""
    if "enrolment" not in context or (record := lock_record(session, int(context["enrolment"]))) is None:
        return
    name = str(context.get("step"))
    row = record.rows.get(name)
    if row is None or row.generation != context.get("generation"):
        return
    _note(record, row, outcome.word, outcome.reason, falls_back=outcome.fallback)
    if not outcome.fallback:
        _go_on(record, name, outcome.word, outcome.reason)
        _follow_its_date(record, name)
    record.finish_if_done()


def _follow_its_date(record: EnrolmentRecord, name: str) -> None:
    """A step whose date was changed while it was being sent comes once more for the new date."""
    step = record.journey.step(name)
    if step is None or record.enrolment.state != Standing.ACTIVE or not step.again_when_moved:
        return
    if arrange.is_out_of_line(record, step):
        arrange.arrange(record, phrase("its date was changed while it was being sent"))


def _note(record: EnrolmentRecord, row: EnrolmentStep, word: str, reason: str | None, *, falls_back: bool) -> None:
    results = dict(record.enrolment.results or {})
    if not falls_back and not (word == "sent" and row.step in results):
        record.enrolment.results = results | {row.step: word}
    values = phrase("%(reason)s; the next channel is tried", reason=reason or word) if falls_back else reason
    record.decide(_kind(word, reason), values, step=row.step)
    if falls_back:
        return
    if word == "skipped" and record.enrolment.state == Standing.SUSPENDED and (reason or "").startswith("exited"):
        row.state, row.reason = StepState.CANCELLED, reason  # like what was taken back when they left: it may come yet
    elif word in ENDED:
        row.state, row.reason = ENDED[word], reason
    elif row.state != StepState.CANCELLED or word == "sent":
        row.state, row.reason = StepState.SENT, None


def _kind(word: str, reason: str | None) -> str:
    """The kind of decision behind a word."""
    if word == "skipped" and reason:
        if reason.startswith("suppressed"):
            return "suppressed"
        if reason == "too-late":
            return "late"
        if reason.startswith("exited"):
            return "exited"
    return word


def _go_on(record: EnrolmentRecord, name: str, word: str, reason: str | None = None) -> None:
    """The steps that come after this one: "sent" begins their wait for its result, and a result settles them."""
    if record.enrolment.state != Standing.ACTIVE:
        return
    if record.journey.talks:
        run.take_word(record, name, word, clock.now(), reason)
        return
    for step in record.journey.steps:
        if step.after != name or record.rows[step.id].state != StepState.ENQUEUED:
            continue
        if word == "sent":
            arrange.await_result(record, step)
        elif (why := _unfit(record, step)) is None:
            arrange.hasten(record, step)
        elif step_deliveries.cancel(record.session, record.rows[step.id].delivery_id, "condition"):
            record.close(step.id, StepState.SKIPPED, why, kind="skipped")


def sweep(session: Session, limit: int = 500) -> int:
    """Take in what was closed without telling us (taken back by a person, no code for it); how many. Safe at any time.

    One that cannot be taken in is logged and looked at again the next time; the others do not wait for it.
    """
    query = (
        select(EnrolmentStep.enrolment_id, EnrolmentStep.step, Delivery.id)
        .join(Delivery, Delivery.id == EnrolmentStep.delivery_id)
        .where(EnrolmentStep.state == StepState.ENQUEUED, EnrolmentStep.due_at <= clock.now() - UNREPORTED_AFTER)
        .where(Delivery.state.in_([state.value for state in WORDS]))
        .limit(limit)
    )
    closed = 0
    for enrolment_id, name, delivery_id in session.execute(query).all():
        try:
            with session.begin_nested():
                closed += _settled(session, enrolment_id, name, delivery_id)
        except DBAPIError:
            raise  # the database: the transaction as a whole is run again
        except Exception:
            log.exception("step %s of enrolment %d cannot be settled", name, enrolment_id)
    return closed


def close_steps() -> int:
    """Close the steps whose deliveries were closed without us; how many. The job of every five minutes."""
    from shared.store.session import transact

    return transact(sweep)


def _settled(session: Session, enrolment_id: int, name: str, delivery_id: int) -> bool:
    """Close a step whose delivery is closed; False where it stays open, for example while a fallback in its place waits."""
    record, delivery = lock_record(session, enrolment_id), planning.last_way(session, session.get_one(Delivery, delivery_id))
    word = WORDS.get(State(delivery.state))
    if record is None or word is None or record.rows[name].state != StepState.ENQUEUED:
        return False
    _note(record, record.rows[name], word, delivery.reason or delivery.state, falls_back=False)
    _go_on(record, name, word)
    record.finish_if_done()
    return True
