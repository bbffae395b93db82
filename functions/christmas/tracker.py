"""The present state of a sequence: each mail, and whether it is over.

It is read from the journey, the outbox and the statuses that the vendor reported. No copy of it is stored, so it cannot differ
from what happened.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.christmas.payloads import SENT
from functions.christmas.tables import MailSequence
from shared.journeys.enrolment_records import OPEN_STEPS, Standing, StepState, pinned
from shared.outbox.actions import State
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.message_models import MessageStatus
from shared.store.models import Delivery

WEBSITE, US = "website", "puente"
_RENAMED = {"soft-bounced": "bounced"}
_REPORTED = frozenset({"delivered", "opened", "clicked", "bounced", "soft-bounced", "complained", "unsubscribed", "failed"})
_OF_STEP = {
    StepState.SKIPPED: "skipped",
    StepState.FAILED: "failed",
    StepState.UNCERTAIN: "uncertain",
    StepState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail of a sequence. `status` is None while it waits; `due_at` says for when, `reason` why it did not go.

    `is_unrecorded`: it went out so long ago that its delivery is no longer kept; when and by which id is not known any more.

    `status` once it is over: sent, delivered, opened, clicked, bounced, complained, unsubscribed, failed, skipped, cancelled,
    uncertain.
    """

    number: int
    step: str
    status: str | None
    due_at: datetime | None = None
    sent_at: datetime | None = None
    sent_by: str | None = None
    resend_id: str | None = None
    reason: str | None = None
    is_unrecorded: bool = False


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A sequence with its mails, in their order. `state` is the enrolment's; without one there is nothing left to send."""

    mails: tuple[Mail, ...]
    state: str | None
    reason: str | None
    completed_at: datetime | None

    @property
    def last(self) -> Mail | None:
        """The mail that went out last."""
        sent = [mail for mail in self.mails if mail.sent_at is not None]
        return max(sent, key=lambda mail: (mail.sent_at, mail.number), default=None)

    @property
    def may_change(self) -> bool:
        """Whether it may still change without an event about one of its mails."""
        return self.state in (Standing.ACTIVE, Standing.SUSPENDED)


def progress(session: Session, row: MailSequence) -> Progress:
    """The state of a sequence now."""
    enrolment = session.get(Enrolment, row.enrolment_id) if row.enrolment_id is not None else None
    if enrolment is None:
        return Progress(mails=(), state=None, reason=None, completed_at=None)
    steps = {
        step.step: step for step in session.scalars(select(EnrolmentStep).where(EnrolmentStep.enrolment_id == enrolment.id))
    }
    deliveries = _deliveries(session, [step.delivery_id for step in steps.values() if step.delivery_id is not None])
    statuses = _statuses(session, list(deliveries.values()))
    ordered = [steps[one.id] for one in pinned(session, enrolment.version_id).steps if one.id in steps]
    mails = tuple(_mail(number, step, deliveries, statuses, row.facts) for number, step in enumerate(ordered, start=1))
    over = enrolment.state in (Standing.FINISHED, Standing.EXITED)
    return Progress(
        mails=mails, state=enrolment.state, reason=enrolment.reason, completed_at=enrolment.left_at if over else None
    )


def _mail(
    number: int,
    step: EnrolmentStep,
    deliveries: Mapping[int, Delivery],
    statuses: Mapping[int, str],
    facts: Mapping[str, Any],
) -> Mail:
    delivery = deliveries.get(step.delivery_id) if step.delivery_id is not None else None
    if delivery is not None and delivery.state == State.DONE:
        reported = statuses.get(delivery.id, "")
        result: Any = delivery.result or {}
        return Mail(
            number=number,
            step=step.step,
            status=_RENAMED.get(reported, reported) if reported in _REPORTED else SENT,
            due_at=step.due_at,
            sent_at=delivery.finished_at,
            sent_by=US,
            resend_id=str(result["id"]) if delivery.target == "resend" and result.get("id") else None,
        )
    if step.state == StepState.SENT and (step.delivery_id is None or f"email_{number}_sent_at" in facts):
        # by somebody else, and reported to us
        status, at = facts.get(f"email_{number}_status"), facts.get(f"email_{number}_sent_at")
        return Mail(
            number=number,
            step=step.step,
            status=status or SENT,
            due_at=step.due_at,
            sent_at=datetime.fromisoformat(at) if at else step.due_at,
            sent_by=facts.get(f"email_{number}_sent_by") or WEBSITE,
            resend_id=facts.get(f"email_{number}_resend_id"),
        )
    state = StepState(step.state)
    status = None if state in OPEN_STEPS else _OF_STEP.get(state, SENT)
    gone = delivery is None and state == StepState.SENT
    return Mail(number=number, step=step.step, status=status, due_at=step.due_at, reason=step.reason, is_unrecorded=gone)


def _deliveries(session: Session, ids: Many[int]) -> dict[int, Delivery]:
    """By the delivery that a step was planned with, its present one: the newest retry by an operator, if any."""
    found = {row.id: row for row in session.scalars(select(Delivery).where(Delivery.id.in_(ids)))}
    newest, waiting = dict(found), {number: number for number in found}
    while waiting:
        again = session.scalars(select(Delivery).where(Delivery.retry_of.in_(waiting)).order_by(Delivery.id)).all()
        following = {}
        for row in again:
            if row.retry_of is not None and row.state != State.CANCELLED:
                first = waiting[row.retry_of]
                newest[first], following[row.id] = row, first
        waiting = following
    return newest


def _statuses(session: Session, deliveries: Many[Delivery]) -> dict[int, str]:
    """The furthest status that the vendor reported of each delivery."""
    query = select(MessageStatus).where(MessageStatus.delivery_id.in_([row.id for row in deliveries]))
    return {
        row.delivery_id: row.status
        for row in session.scalars(query.order_by(MessageStatus.id))
        if row.delivery_id is not None and row.status
    }
