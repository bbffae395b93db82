"""What people do to a target as a whole: pause it, resume it, have it tried at once.

While it is paused deliveries go on being planned, and wait; calls under way are finished.
"""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from shared import clock
from shared.errors import FieldError, RefusedError
from shared.outbox import actions, claims, lanes, plan
from shared.store.models import ActionLog, Target
from shared.store.session import transact
from shared.store.wait_models import TargetPause

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)


def pause(target: str, actor: str, until: datetime | None, note: str | None) -> TargetPause:
    """Have a target left alone, until a time or until somebody resumes it. One that is paused already is paused anew.

    Raises:
        RefusedError: 404, there is no such target; 422, `until` is not in the future.
        UnavailableError: the database cannot be reached; nothing was changed.
    """
    if target not in actions.targets():
        raise RefusedError(404, "no-such-target", f"There is no target {target}.")
    if until is not None and until <= clock.now():
        fault = FieldError("until", "must be in the future")
        raise RefusedError(422, "invalid-fields", "The request has values that are not as they must be.", errors=[fault])

    def work(session: Session) -> TargetPause:
        row = claims.lock_target(session, target)
        _end(session, row, actor)
        made = TargetPause(target=target, paused_by=actor[:60], until=until, note=note)
        session.add(made)
        session.flush()
        row.pause_id, row.paused_until = made.id, until or FOR_EVER
        _log(session, target, actor, "pause", note)
        return made

    return transact(work)


def resume(target: str, actor: str) -> TargetPause:
    """End the pause of a target now, and wake its executors.

    Raises:
        RefusedError: 404, there is no such target; 409, it is not paused.
        UnavailableError: the database cannot be reached; nothing was changed.
    """
    if target not in actions.targets():
        raise RefusedError(404, "no-such-target", f"There is no target {target}.")

    def work(session: Session) -> TargetPause:
        ended = _end(session, claims.lock_target(session, target), actor)
        if ended is None:
            raise RefusedError(409, "not-paused", f"The target {target} is not paused.")
        _log(session, target, actor, "resume", None)
        return ended

    ended = transact(work)
    plan.nudge({lanes.wake(target), lanes.wake(target, lanes.BULK)})
    return ended


def probe(target: str, actor: str) -> None:
    """Try a system that does not answer now, and not when its time is up: one delivery, whose answer decides about the others.

    Where it fails the system is left alone for as long as after any failure. Again, or for one that answers, does no harm.

    Raises:
        RefusedError: 404, there is no such target; 409, it is paused.
        UnavailableError: the database cannot be reached; nothing was changed.
    """
    if target not in actions.targets():
        raise RefusedError(404, "no-such-target", f"There is no target {target}.")

    def work(session: Session) -> None:
        row = claims.lock_target(session, target)
        if claims.is_paused(row):
            raise RefusedError(409, "is-paused", f"The target {target} is paused.")
        row.closed_until = None if row.closed_until is None else min(row.closed_until, clock.now())
        row.next_call_at = None if row.next_call_at is None else min(row.next_call_at, clock.now())
        session.add(ActionLog(actor=actor[:60], action=f"{target}.probe", result="asked"))

    transact(work)
    plan.nudge({lanes.wake(target), lanes.wake(target, lanes.BULK)})


def _end(session: Session, row: Target, actor: str) -> TargetPause | None:
    """End the pause that holds now, if there is one; the target's row is locked."""
    is_paused, number = claims.is_paused(row), row.pause_id
    row.pause_id = row.paused_until = None
    if not is_paused or number is None:
        return None
    ended = session.get_one(TargetPause, number)
    ended.ended_at, ended.ended_by = clock.now(), actor[:60]
    return ended


def _log(session: Session, target: str, actor: str, what: str, detail: str | None) -> None:
    session.add(ActionLog(actor=actor[:60], action=f"{target}.{what}", result=f"{what}d", detail=detail))
