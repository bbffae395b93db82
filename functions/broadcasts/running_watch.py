"""What is looked after while executions run: waves of errors, recipients whose message is gone, and the end."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Exists, delete, exists, select
from sqlalchemy.orm import Session

from functions.broadcasts import known_flows, progress, running_control, running_outcomes, running_send, waves
from functions.broadcasts.running_outcomes import CANCELLED
from functions.broadcasts.running_send import MARK
from functions.broadcasts.running_tables import RecentFailure
from functions.broadcasts.states import ENDED, OPEN, AutomationStatus, ExecutionStatus, PlanState, RecipientStatus
from functions.broadcasts.tables import Automation, Execution, Recipient
from shared import clock
from shared.alerts import plan_alert
from shared.errors import PermanentError
from shared.journeys import talking
from shared.messages.outcomes import MessageOutcome, Word
from shared.outbox import plan
from shared.outbox.actions import State
from shared.phrases import phrase
from shared.store.dialect import held
from shared.store.models import Delivery

KEPT = timedelta(days=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
STRAY_AFTER = timedelta(minutes=10)
PAGE = 200
WORDS: dict[State, Word] = {
    State.DONE: "sent",
    State.SHADOWED: "sent",
    State.SKIPPED: "skipped",
    State.DEAD: "failed",
    State.UNCERTAIN: "uncertain",
}
NOT_OVER = tuple(status for status in RecipientStatus if status not in ENDED)
BEGUN = tuple(status for status in NOT_OVER if status is not RecipientStatus.PENDING)


def pause_for_errors(session: Session, execution_id: int) -> bool:
    """Pause an execution of whose automation too many messages have failed lately; the people are not to blame and not marked.

    More than BROADCAST_PAUSE_SHARE of the attempts of a quarter of an hour, and at least BROADCAST_PAUSE_FAILURES of them; a
    provider that is not set up pauses it at once, and so do a flow that is gone and a template of which Meta would refuse every
    message: who resumes finds everybody as they were.
    """
    execution = session.get_one(Execution, execution_id)
    if execution.status != ExecutionStatus.RUNNING:
        return False
    reason = (
        _flow_gone(execution) or _template_fault(session, execution) or waves.why_to_pause(session, execution.automation_id)
    )
    if reason is None:
        return False
    running_control.pause(session, execution_id, running_control.SYSTEM, reason)
    text = f"Puente: broadcast execution {execution.uuid} was paused: {reason}"
    plan_alert(session, f"broadcast-paused:{execution.id}:{clock.now().isoformat()}", text)
    return True


def _flow_gone(execution: Execution) -> str | None:
    try:
        running_send.flow(execution)
    except PermanentError:
        return phrase("its flow is not there any more")
    return None


def _template_fault(session: Session, execution: Execution) -> str | None:
    """A start by hand is refused for it; a schedule's begins all the same, and Meta's template may change while one runs."""
    number = running_send.number_of(execution)
    faults = known_flows.template_faults(session, str(execution.config.get("flow_id")), number)
    return faults[0].message if faults else None


def finish(session: Session, execution_id: int) -> bool:
    """End an execution once the last of its recipients has ended; its automation with it, unless a schedule goes on."""
    execution = session.scalars(held(select(Execution).where(Execution.id == execution_id), Execution)).one()
    if execution.status != ExecutionStatus.RUNNING or execution.plan_state != PlanState.PLANNED:
        return False
    if session.scalar(select(_any_open(execution_id))):
        return False
    execution.status, execution.completed_at = ExecutionStatus.COMPLETED, clock.now()
    automation = session.get_one(Automation, execution.automation_id)
    others = (Execution.automation_id == automation.id, Execution.status.in_(OPEN), Execution.id != execution_id)
    goes_on = automation.next_scheduled_at is not None or session.scalar(select(exists().where(*others)))
    if automation.status == AutomationStatus.ACTIVE and not goes_on:
        automation.status, automation.is_active = AutomationStatus.COMPLETED, False
    return True


def _any_open(execution_id: int) -> Exists:
    """Whether somebody has not ended: an index seek for each status, not a count of millions."""
    return exists().where(Recipient.execution_id == execution_id, Recipient.status.in_(NOT_OVER))


def take_back(session: Session, execution_id: int) -> int:
    """Take back what is planned of a cancelled execution and not claimed, and conversations under way; a page of either.

    Returns how many. Deliveries are locked before recipients, as where an outcome is recorded. Who was never planned, perhaps
    a million, is not looked at.
    """
    planned = _planned(session, execution_id)
    gone = [recipient_id for recipient_id, delivery_id in planned if plan.cancel(session, delivery_id, CANCELLED)]
    _skip(session, gone, CANCELLED)
    if gone:
        return len(gone)
    return sum(talking.cancel(session, one, CANCELLED) for one in _talks(session, execution_id))


def _talks(session: Session, execution_id: int) -> list[int]:
    """Conversations of those who have not ended; of those who wait only who was planned before, for the others have none."""
    of_it = (Recipient.execution_id == execution_id, Recipient.enrolment_id.is_not(None))
    begun = Recipient.status.in_(BEGUN)
    planned_before = (Recipient.status == RecipientStatus.PENDING) & (Recipient.due_at > LONG_AGO)  # a seek behind the NULLs
    found: list[int | None] = []
    for part in (begun, planned_before):
        found += session.scalars(select(Recipient.enrolment_id).where(*of_it, part).limit(PAGE - len(found)))
    return sorted(one for one in found if one is not None)


def _planned(session: Session, execution_id: int) -> list[tuple[int, int]]:
    ours = (Recipient.execution_id == execution_id, Recipient.status == RecipientStatus.QUEUED)
    query = select(Recipient.id, Recipient.delivery_id).join(Delivery, Delivery.id == Recipient.delivery_id)
    query = query.where(*ours, Recipient.enrolment_id.is_(None), Delivery.state == State.PENDING)
    return [(row.id, row.delivery_id) for row in session.execute(query.order_by(Recipient.due_at, Recipient.id).limit(PAGE))]


def settle_strays(session: Session, execution_id: int) -> int:
    """Bring recipients in line whose message is over without a word of it; how many.

    Whose message is gone altogether (a restored backup) waits for another one. Whose message a person has taken back is left
    out. Else the delivery's state is taken for the vendor's word. Who is in doubt has had it, and ends with the flow.
    """
    queued = (Recipient.status == RecipientStatus.QUEUED, Recipient.error_code.is_(None))
    overdue = (*queued, Recipient.due_at <= clock.now() - STRAY_AFTER)
    over = Delivery.id.is_(None) | Delivery.state.not_in((State.PENDING, State.SENDING))
    query = select(Recipient, Delivery).outerjoin(Delivery, Delivery.id == Recipient.delivery_id)
    query = query.where(Recipient.execution_id == execution_id, *overdue, over).order_by(Recipient.due_at).limit(PAGE)
    found: list[Any] = list(session.execute(query))
    execution = session.get_one(Execution, execution_id)
    for row, delivery in found:
        _settle_stray(session, execution, row, delivery)
    return len(found)


def _settle_stray(session: Session, execution: Execution, row: Recipient, delivery: Delivery | None) -> None:
    if delivery is None:
        row.status, row.due_at = RecipientStatus.PENDING, None
    elif delivery.state == State.CANCELLED:
        _skip(session, [row.id], "taken-back")
    else:
        mark = {MARK: {"recipient": row.id, "execution": execution.id, "automation": execution.automation_id}}
        context = mark if row.enrolment_id is None else {"talk": mark, "opens": True}
        at = delivery.finished_at or clock.now()
        word = WORDS.get(State(delivery.state), "uncertain")
        outcome = MessageOutcome(word=word, channel="whatsapp", delivery_id=delivery.id, at=at, reason=delivery.reason)
        running_outcomes.note_outcome(session, context, outcome)


def forget(session: Session) -> int:
    """Delete failures that count no more."""
    gone = delete(RecentFailure).where(RecentFailure.at < clock.now() - KEPT)
    session.execute(gone.execution_options(synchronize_session=False))
    return 0


def _skip(session: Session, recipient_ids: Sequence[int], reason: str) -> None:
    at = clock.now()
    changes = [progress.Change(recipient_id=one, status=RecipientStatus.SKIPPED, at=at, reason=reason) for one in recipient_ids]
    if changes:
        session.flush()
        progress.record(session, changes)
