"""Taking over people who are in a sequence at another system: they enter the journey with what they have got there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError, RetryableError
from shared.journeys import handover, schedule
from shared.journeys.enrolment_records import EnrolmentRecord, StepState, lock_record

PASSED = "its time had gone before the person was taken over"


@dataclass(frozen=True, kw_only=True)
class TakenOver:
    """Somebody whom `source`, another system, has put into the sequence that is our `journey`; what it has sent, and when.

    `results` are those that are known of the steps sent. A step that nobody has sent and whose time has gone is left out; with
    `sends_late` it goes out as the journey has it.
    """

    journey: str
    source: str
    sent: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    results: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sends_late: bool = False


def prepare(record: EnrolmentRecord, over: TakenOver) -> None:
    """Close the steps of a new enrolment that are over, before anything is enqueued for it."""
    due, now = schedule.dues(record.journey, record.frame()), clock.now()
    for step in record.journey.steps:
        row, one = record.rows[step.id], due[step.id]
        if step.id in over.sent:
            row.due_at, row.nominal_at = one.at, one.nominal
            handover.close(record, row, clock.as_utc(over.sent[step.id]), over.source, over.results.get(step.id))
        elif one.nominal is not None and one.nominal <= now and not (over.sends_late or step.sent_by):
            row.due_at, row.nominal_at = one.at, one.nominal
            record.close(step.id, StepState.SKIPPED, PASSED, kind="late")


def mark(session: Session, enrolment_id: int, over: TakenOver) -> bool:
    """Note what the other system has sent on an enrolment that is there already; whether any of it is new.

    Raises:
        PermanentError: one of the steps is being sent at this moment; nobody can say yet who has sent it.
    """
    record = lock_record(session, enrolment_id)
    known = {name: at for name, at in over.sent.items() if record is not None and record.journey.step(name) is not None}
    marked = 0
    for name, at in sorted(known.items(), key=lambda one: (one[1], one[0])):
        try:
            marked += handover.mark_done(session, enrolment_id, name, at, over.source, result=over.results.get(name))
        except RetryableError as error:
            raise PermanentError("being-sent", f"{error}; run the import again") from error
    return marked > 0
