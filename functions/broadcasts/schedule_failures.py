"""Schedules that fail when they are due: each is set aside, and its run is kept among the stopped events (dead letters).

Such a run is an event like any other, only that nobody has sent it: it shows its cause, is replayed one by one or with all that
failed for one reason (`schedule_replays`), or dropped. Whoever changes or deletes the schedule settles it by that.
"""

import logging
from datetime import datetime

from pydantic import AwareDatetime, Field
from sqlalchemy import update
from sqlalchemy.orm import Session

from functions.broadcasts.schedules import ScheduleError
from functions.broadcasts.tables import ERROR_LENGTH, UUID_LENGTH, Automation, Schedule
from shared import clock
from shared.errors import PermanentError
from shared.flow import EVENTS_QUEUE
from shared.intake import dead_letter_edits, dead_letter_store
from shared.intake.envelope import Envelope
from shared.intake.webhook import Payload
from shared.phrases import phrase
from shared.store.dialect import rows_changed

log = logging.getLogger("puente.broadcasts")

KIND, SOURCE = "broadcast.run", "puente"


class FailedRun(Payload):
    """The run of a schedule that failed when it was due."""

    schedule_id: str = Field(max_length=UUID_LENGTH)
    due: AwareDatetime

    def subject(self) -> str:
        """The schedule."""
        return subject(self.schedule_id)

    def occurred_at(self) -> datetime:
        """When it was due."""
        return self.due


def subject(schedule_id: str) -> str:
    """How stopped events name a schedule, by its UUID."""
    return f"schedule:{schedule_id}"


def set_aside(session: Session, schedule_id: int, error: Exception) -> None:
    """Take a schedule out of the timer's way, with its run as a stopped event and an alert.

    Nothing happens where it stands there no longer: another timer was quicker, or somebody has changed it.
    """
    row = session.get_one(Schedule, schedule_id)
    automation, due = session.get_one(Automation, row.automation_id), row.next_scheduled_at
    if due is None:
        return
    why = in_words(error)
    still = (Schedule.id == row.id, Schedule.next_scheduled_at == due, Schedule.is_active, Schedule.deleted_at.is_(None))
    values = {"is_active": False, "error_message": f"{reason(error)}: {why}"[:ERROR_LENGTH], "updated_at": clock.now()}
    aside = update(Schedule).where(*still).values(values).execution_options(synchronize_session=False)
    if rows_changed(session.execute(aside)) == 0:
        return
    log.error("schedule %d is set aside: %s", row.id, why)
    dead_letter_store.park(session, EVENTS_QUEUE, _event(row.uuid, due), stopped(automation.name, error))


def stopped(name: str, error: Exception) -> Exception:
    """The same failure as a stopped event tells of it: with the automation, and for what the schedule itself lacks its code."""
    if not isinstance(error, ScheduleError):
        return error
    return PermanentError(
        error.code, phrase("the schedule of the automation %(name)s cannot run: %(error)s", name=repr(name), error=error)
    )


def settle(session: Session, row: Schedule, actor: str) -> None:
    """A person has changed or deleted the schedule: nothing of it is stopped any more."""
    dead_letter_edits.settle(session, KIND, subject(row.uuid), actor)


def reason(error: Exception) -> str:
    """A short code of a failure."""
    return str(getattr(error, "code", None) or getattr(error, "reason", None) or type(error).__name__)


def in_words(error: Exception) -> str:
    """A failure in words."""
    return (
        str(error)
        if isinstance(error, ScheduleError | PermanentError)
        else phrase("a mistake of ours; the stopped event has its trace")
    )


def _event(schedule_id: str, due: datetime) -> Envelope:
    """Its id is of this failure alone: a schedule that is put back in force and fails again is another event."""
    now = clock.now()
    payload = FailedRun(schedule_id=schedule_id, due=due)
    return Envelope(
        id=f"{schedule_id}@{now.isoformat()}",
        source=SOURCE,
        type=KIND,
        time=due,
        received=now,
        subject=payload.subject(),
        data=payload.model_dump(mode="json"),
    )
