"""Handover: steps that the replaced system has carried out count as done here, so that nobody gets one of them twice."""

from datetime import datetime

from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError, RefusedError, RetryableError
from shared.journeys import arrange, expressions, step_deliveries
from shared.journeys.enrolment_records import EnrolmentRecord, Standing, StepState, lock_record
from shared.outbox import plan
from shared.outbox.actions import State
from shared.phrases import phrase
from shared.store.journey_models import REASON_LENGTH, EnrolmentStep
from shared.store.models import Delivery

KIND = "handed_over"


def mark_done(session: Session, enrolment_id: int, step: str, at: datetime, source: str, *, result: str | None = None) -> bool:
    """Count a step as done by `source` (the replaced system) at `at`; False where it counts as sent already.

    Its delivery is taken back, whatever was decided about the step before: also one that was skipped or cancelled here counts
    as done. Steps that come after it wait for its result from `at` on, or follow `result`, where that is known
    ("answered", "no-answer", "delivered", ...). Call it in the transaction that enrols the person, so that nothing of what the
    replaced system has done can go out in between; called again it changes nothing.

    Raises:
        RefusedError: 404, there is no such enrolment.
        PermanentError: `no-such-step`; the version of the journey that the person is in has no step of that id.
        RetryableError: the step is being sent at this moment; ask again when it is known what became of it.
    """
    record = lock_record(session, enrolment_id)
    if record is None:
        raise RefusedError(404, "no-such-enrolment", f"There is no enrolment {enrolment_id}.")
    row = record.rows.get(step)
    if row is None or record.journey.step(step) is None:
        raise PermanentError(
            "no-such-step", f"the journey {record.journey.name} of enrolment {enrolment_id} has no step {step!r}"
        )
    if row.state == StepState.SENT:
        return False
    _take_back(session, row, source)
    moment = clock.as_utc(at)
    close(record, row, moment, source, result)
    _go_on(record, step, moment, result)
    record.finish_if_done()
    return True


def _take_back(session: Session, row: EnrolmentStep, source: str) -> None:
    """Cancel what would send the step; also what may have been sent by us, for the step is not to be tried again."""
    if row.state != StepState.ENQUEUED or row.delivery_id is None:
        return
    delivery = step_deliveries.waiting(session, row.delivery_id)
    if delivery is not None:
        plan.cancel(session, delivery.id, f"sent_by_{source}")
    elif session.get_one(Delivery, row.delivery_id).state == State.SENDING:
        raise RetryableError(f"step {row.step} of enrolment {row.enrolment_id} is being sent at this moment")


def close(record: EnrolmentRecord, row: EnrolmentStep, at: datetime, source: str, result: str | None) -> None:
    """Note on a step that nothing is planned for that `source` has done it."""
    reason = phrase("sent_by_%(source)s at %(time)s", source=source, time=at.isoformat(timespec="seconds"))[:REASON_LENGTH]
    if result is not None:
        record.enrolment.results = dict(record.enrolment.results or {}) | {row.step: result}
    record.close(row.step, StepState.SENT, reason, kind=KIND)


def _go_on(record: EnrolmentRecord, done: str, at: datetime, result: str | None) -> None:
    """The steps that come after it: they wait for its result, or are decided by the one that is known."""
    if record.enrolment.state != Standing.ACTIVE:
        return
    for step in record.journey.steps:
        row = record.rows[step.id]
        if step.after != done or row.state != StepState.ENQUEUED:
            continue
        if result is None:
            arrange.await_result(record, step, since=at)
        elif step.when is None or expressions.evaluate(step.when, record.facts()):
            arrange.hasten(record, step, since=at)
        elif step_deliveries.cancel(record.session, row.delivery_id, "condition"):
            record.close(step.id, StepState.SKIPPED, phrase("condition: %(condition)s", condition=step.when), kind="skipped")


__all__ = ["KIND", "close", "mark_done"]
