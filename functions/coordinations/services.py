"""How a coordination goes on: each function is one change of its state, in the transaction of what caused it.

    starting -> (approval ->) triggering -> waiting -> reporting -> done, failed
    each of them                         -> compensating -> failed

Any order and repetition of what comes from outside ends in the same state: a change that does not fit the state is none.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.coordinations import effects
from functions.coordinations.payloads import CoordinationRequest, RobotResult
from functions.coordinations.settings import CoordinationSettings
from functions.coordinations.tables import (
    APPROVAL,
    BEFORE_RESULT,
    COMPENSATING,
    DONE,
    FAILED,
    REPORTING,
    STARTING,
    TRIGGERING,
    WAITING,
    Coordination,
)
from shared import approvals, clock
from shared.alerts import plan_alert
from shared.approvals import ApprovalDecided, ApprovalRequest
from shared.crm import editing
from shared.errors import PuenteError, UncertainError
from shared.phrases import phrase
from shared.readers import email, phone
from shared.settings import get_settings, settings_of
from shared.store.dialect import held, insert_if_absent

KIND = "coordination"
NOUN = "coordination"
ENGINE = "engine"
APPLIED, DUPLICATE, UNKNOWN, REPEATED, LATE, IGNORED = "applied", "duplicate", "unknown", "repeated", "late", "ignored"
NO_PROCESS, NO_ROBOT, UNKNOWN_START = "process-not-started", "robot-not-started", "robot-start-unknown"
ROBOT_FAILED, NO_ANSWER, NOT_REPORTED, CANCELLED = "robot-failed", "no-answer", "not-reported", "cancelled"
EMAILS = ("email", "correo", "customer_email", "e_mail")
PHONES = ("phone", "telefono", "teléfono", "customer_phone", "whatsapp")
MOST_SHOWN, LONGEST_SHOWN = 12, 200
_KEYS = UUID("6f1f4c38-4f0a-5c0e-9d55-2f0d8d6a4a10")


def take(session: Session, asked: CoordinationRequest, event_key: str) -> str:
    """Keep a wish, and have its process started: "applied", or "duplicate" where there is one of that business key.

    Where Flowable or the robot is not set up the start fails with that reason, and can be retried once it is.
    """
    settings = settings_of(CoordinationSettings)
    key = asked.reference or str(uuid5(_KEYS, event_key))
    values = {
        "business_key": key,
        "process_key": asked.process or settings.coordinations_process,
        "bot": asked.bot or settings.coordinations_bot,
        "payload": asked.payload,
        "email": next(filter(None, (email.key_or_none(asked.payload.get(name)) for name in EMAILS)), None),
        "phone": next(filter(None, (_number(asked.payload.get(name)) for name in PHONES)), None),
        "asked_by": asked.asked_by,
        "needs_approval": bool(asked.approval) or settings.coordinations_approval,
        "wait_minutes": asked.wait_minutes or settings.coordinations_wait_minutes,
        "state": STARTING,
    }
    if not insert_if_absent(session, Coordination, "business_key", values):
        return DUPLICATE
    row = session.scalars(select(Coordination).where(Coordination.business_key == key)).one()
    effects.START.request(session, row, event_key)
    _log(session, row, asked.asked_by, "asked")
    return APPLIED


def process_started(session: Session, subject: str) -> None:
    """The process is there: the robot is started, or a second person asked. One that was cancelled meanwhile goes again."""
    row = _of(session, subject)
    if row is None:
        return
    if row.state == COMPENSATING:
        effects.CANCEL.request(session, row)
    elif row.state in (STARTING, FAILED) and row.reason in (None, NO_PROCESS):  # FAILED: a person has had it tried again
        row.reason, row.ended_at = None, None
        if row.result_status is not None:
            _conclude(session, row)
        elif row.needs_approval:
            _ask(session, row)
        else:
            _trigger(session, row)


def process_not_started(session: Session, subject: str, error: PuenteError) -> None:
    """Flowable takes it for good no more; nothing else was done."""
    if (row := _of(session, subject)) is not None and row.state in (STARTING, COMPENSATING):
        _end(session, row, FAILED, row.reason or NO_PROCESS, error)


def decided(session: Session, approval: ApprovalDecided) -> None:
    """A second person has decided whether the robot may run, or nobody has in time."""
    if approval.kind != KIND:
        return
    row = _locked(session, int(approval.key))
    if row is None or row.state != APPROVAL:
        return
    if approval.outcome == approvals.APPROVED:
        row.approved_by = approval.by
        _trigger(session, row)
    else:
        compensate(session, row, f"approval-{approval.outcome}")


def robot_started(session: Session, subject: str) -> None:
    """The robot was started: its result is waited for, unless it has come already."""
    row = _of(session, subject)
    if row is None:
        return
    row.triggered_at = clock.now()
    if row.state == TRIGGERING:
        _wait(session, row)
    elif row.state == WAITING and row.reason == UNKNOWN_START:
        row.reason = None


def robot_not_started(session: Session, subject: str, error: PuenteError) -> None:
    """It was refused for good, so the process is cancelled; or nobody knows, so its result is waited for all the same."""
    row = _of(session, subject)
    if row is None or row.state != TRIGGERING:
        return
    row.error = str(error)
    if isinstance(error, UncertainError):
        row.reason = UNKNOWN_START
        _wait(session, row)
        _alert(session, row, "nobody knows whether its robot was started; its result is waited for")
    else:
        compensate(session, row, NO_ROBOT)


def take_result(session: Session, found: RobotResult) -> str:
    """Take a robot's result, once: "applied", "repeated" (it had one), "late" (it was over without one), or "unknown"."""
    row = _locked(session, found.coordination)
    if row is None:
        return UNKNOWN
    if row.state not in BEFORE_RESULT or row.result_status is not None:
        if row.result_status is not None and row.reason != NO_ANSWER:
            return REPEATED
        _log(session, row, KIND, "late-result", found.status)
        _alert(session, row, f"its robot has answered too late: {found.status}")
        return LATE
    row.result_status, row.result, row.error, row.result_at = found.status, found.result, found.error, clock.now()
    row.execution_id = row.execution_id or found.execution_id
    if row.state != STARTING:
        _conclude(session, row)
    return APPLIED


def take_item(session: Session, found: RobotResult) -> str:
    """Take what a work item says of its run, while nothing else is known of it: "applied", else "ignored"."""
    row = _locked(session, found.coordination)
    if row is None or row.state != WAITING:
        return IGNORED
    whole = found if row.payload is not None else found.model_copy(update={"result": None})  # a person was erased
    return take_result(session, whole)


def look_at(session: Session, coordination_id: int) -> bool:
    """The time of a robot is over: the operators get an alert; the second time its result counts as a failure."""
    row = _locked(session, coordination_id)
    now = clock.now()
    if row is None or row.state != WAITING or row.wait_until is None or row.wait_until > now:
        return False
    if row.escalated_at is None:
        minutes = settings_of(CoordinationSettings).coordinations_give_up_minutes
        row.escalated_at, row.wait_until = now, now + timedelta(minutes=minutes)
        _log(session, row, ENGINE, "overdue")
        known = f"; its work item is {row.item_state}" if row.item_state else ""
        _alert(session, row, f"its robot {row.bot} has not answered for {row.wait_minutes} minutes{known}")
        return True
    row.result_status, row.error, row.result_at, row.reason = "failed", "the robot has not answered", now, NO_ANSWER
    _alert(session, row, f"its robot {row.bot} has not answered, which counts as a failure now")
    _conclude(session, row)
    return True


def cancel(session: Session, coordination_id: int, actor: str) -> Coordination | None:
    """Cancel a coordination that is not over; the row as it is then, None where there is none. Again is harmless."""
    row = _locked(session, coordination_id)
    if row is not None and row.state in BEFORE_RESULT:
        _log(session, row, actor, "cancel")
        compensate(session, row, CANCELLED)
    return row


def compensate(session: Session, row: Coordination, reason: str) -> None:
    """Take back what was done: the process is cancelled, and what the robot may have done is undone by the robot for that."""
    was, row.reason = row.state, reason
    has_run = was in (TRIGGERING, WAITING) and reason != NO_ROBOT
    row.state = COMPENSATING
    if was == APPROVAL:
        approvals.withdraw(session, KIND, str(row.id), row.asked_by)
    if has_run and settings_of(CoordinationSettings).coordinations_undo_bot:
        effects.undoing().request(session, row)
    if was != STARTING:  # else the process is cancelled once it is there
        effects.CANCEL.request(session, row)
    _log(session, row, ENGINE, COMPENSATING, reason)


def reported(session: Session, subject: str) -> None:
    """The process has the robot's result: the coordination is over."""
    row = _of(session, subject)
    if row is not None and (row.state == REPORTING or row.reason == NOT_REPORTED):
        failed, row.reported_at = row.result_status != "completed", clock.now()
        reason = None if not failed else row.reason if row.reason == NO_ANSWER else ROBOT_FAILED
        _end(session, row, FAILED if failed else DONE, reason)


def not_reported(session: Session, subject: str, error: PuenteError) -> None:
    """The process took the result for good no more; a person can have it tried again."""
    if (row := _of(session, subject)) is not None and row.state == REPORTING:
        _end(session, row, FAILED, NOT_REPORTED, error)


def cancelled(session: Session, subject: str) -> None:
    """The process is cancelled."""
    if (row := _of(session, subject)) is not None and row.state == COMPENSATING:
        row.cancelled_at = clock.now()
        _end(session, row, FAILED, row.reason)


def not_cancelled(session: Session, subject: str, error: PuenteError) -> None:
    """The process could not be cancelled; it waits in Flowable, and a person has to look."""
    if (row := _of(session, subject)) is not None and row.state == COMPENSATING:
        _end(session, row, FAILED, row.reason, error)


def undone(session: Session, subject: str) -> None:
    """The robot that undoes was started."""
    if (row := _of(session, subject)) is not None:
        row.undone_at = clock.now()
        _log(session, row, ENGINE, "undone")


def not_undone(session: Session, subject: str, error: PuenteError) -> None:
    """It could not be started, or nobody knows: a person has to look."""
    if (row := _of(session, subject)) is not None:
        _alert(session, row, f"what its robot has done could not be undone: {type(error).__name__}")


def _ask(session: Session, row: Coordination) -> None:
    settings = settings_of(CoordinationSettings)
    row.state = APPROVAL
    shown = {name: _shown(value) for name, value in (row.payload or {}).items() if not isinstance(value, dict | list)}
    approvals.request(
        session,
        ApprovalRequest(
            kind=KIND,
            subject=effects.START.subject(row),
            key=str(row.id),
            title=phrase("Run the robot %(name)s", name=row.bot)[:200],
            details={phrase("Process"): row.process_key, phrase("Key"): row.business_key}
            | dict(list(shown.items())[:MOST_SHOWN]),
            asked_by=row.asked_by,
            expires_at=clock.now() + timedelta(minutes=settings.coordinations_approval_minutes),
            approvers=settings.coordinations_approvers,
        ),
    )


def _shown(value: Any) -> str:
    return str(value)[:LONGEST_SHOWN]


def _trigger(session: Session, row: Coordination) -> None:
    row.state = TRIGGERING
    effects.start_of_robot().request(session, row)
    _log(session, row, ENGINE, TRIGGERING)


def _wait(session: Session, row: Coordination) -> None:
    row.state, row.wait_until = WAITING, clock.now() + timedelta(minutes=row.wait_minutes)
    _log(session, row, ENGINE, WAITING)


def _conclude(session: Session, row: Coordination) -> None:
    """The result is there: the process gets it; or it is cancelled, or has no need of it."""
    status, was = str(row.result_status), row.state
    if settings_of(CoordinationSettings).reports(status):
        row.state = REPORTING
        if was == APPROVAL:
            approvals.withdraw(session, KIND, str(row.id), row.asked_by)
        effects.REPORT.request(session, row)
        _log(session, row, ENGINE, REPORTING, status)
    elif status == "completed":
        _end(session, row, DONE, None)
    else:
        compensate(session, row, row.reason if row.reason == NO_ANSWER else ROBOT_FAILED)


def _end(session: Session, row: Coordination, state: str, reason: str | None, error: PuenteError | None = None) -> None:
    """It is over. What needs a person gives an alert."""
    row.state, row.reason, row.ended_at = state, reason, clock.now()
    _log(session, row, ENGINE, state, reason or "")
    if error is not None:
        row.error = str(error)
        _alert(session, row, f"it has failed ({reason}): {str(error)[:300]}")


def _alert(session: Session, row: Coordination, text: str) -> None:
    """An alert of what has become of it, once; the address leads to the rest."""
    where = f"/api/v1/coordinations/{row.id}"
    plan_alert(session, f"coordination:{row.id}:{text[:60]}", f"Puente: coordination {row.id}: {text}. {where}")


def _log(session: Session, row: Coordination, actor: str, what: str, detail: str = "") -> None:
    editing.log(session, actor, f"coordination-{what}", effects.START.subject(row), detail)


def _number(value: Any) -> str | None:
    return phone.e164_or_none(value, default=get_settings().default_phone_region)


def _of(session: Session, subject: str) -> Coordination | None:
    """The coordination that a delivery is about; None where it was erased."""
    key: Any = effects.START.key_of(subject)
    return None if key is None else _locked(session, key)


def _locked(session: Session, coordination_id: int) -> Coordination | None:
    query = select(Coordination).where(Coordination.id == coordination_id)
    return session.scalars(held(query, Coordination)).one_or_none()
