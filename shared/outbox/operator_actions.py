"""Operator actions on a delivery: retry or cancel it. History is never rewritten; each action is logged with its operator.

pending                              retry: due now, its attempts kept      cancel: yes
sending                              retry: 409, it is under way            cancel: 409
done                                 retry: 409, it took effect             cancel: 409
dead, uncertain                      retry: a new delivery                  cancel: yes
cancelled, skipped, shadowed         retry: a new delivery                  cancel: 409
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError, RefusedError
from shared.outbox import actions, lanes, plan
from shared.outbox.actions import Action, Kind, State
from shared.outbox.transitions import OUTCOME_UNKNOWN, as_claimed
from shared.phrases import phrase
from shared.store.dialect import locked
from shared.store.models import ActionLog, Delivery
from shared.store.session import transact
from shared.store.types import key_of

WHY_NOT = {
    State.SENDING: phrase("It is under way at this moment."),
    State.DONE: phrase("It took effect already."),
    State.CANCELLED: phrase("It was taken back already."),
    State.SKIPPED: phrase("It was skipped; there is nothing to take back."),
    State.SHADOWED: phrase("It was not carried out; there is nothing to take back."),
}


def retry(delivery_id: int, actor: str) -> Delivery:
    """Try a delivery again; the delivery that will be tried (the same one if it was waiting, else a new one).

    Doing it twice makes no second attempt: the second call finds the first one's delivery waiting, or is refused.

    Raises:
        RefusedError: 404, there is no such delivery; 409, its state does not allow it, and why.
        UnavailableError: the database cannot be reached; nothing was changed.
    """
    return _committed(lambda session: _retried(session, _locked(session, delivery_id), actor))


def cancel(delivery_id: int, actor: str) -> Delivery:
    """Take back a delivery that waits, is uncertain or dead. A message keeps its key, so its event cannot plan it again.

    Raises:
        RefusedError: 404, there is no such delivery; 409, its state does not allow it, and why.
        UnavailableError: the database cannot be reached; nothing was changed.
    """

    def work(session: Session) -> Delivery:
        row = _locked(session, delivery_id)
        before = row.state
        if not plan.cancel(session, row.id, f"by {actor}"):
            raise _refusal(row)
        _log(session, row, actor, "delivery.cancel", "cancelled", f"it was {before}")
        _say_so(session, row, actor)
        return row

    return transact(work)


def _say_so(session: Session, row: Delivery, actor: str) -> None:
    """Note the cancellation in the row of ours that the sync stands for, so that it no longer shows as pending."""
    if row.kind == Kind.SYNC:
        with suppress(PermanentError):  # nothing deployed knows the action, so nobody keeps a row for it either
            action = actions.action(row.target, row.action)
            claimed = replace(as_claimed(row), attempt=row.attempts)  # taking back is no attempt
            action.after(session, claimed, PermanentError("cancelled", f"taken back by {actor}"), True)


def _committed(work: Callable[[Session], Delivery]) -> Delivery:
    delivery = transact(work)
    plan.nudge({lanes.wake(delivery.target, delivery.lane)})
    return delivery


def _locked(session: Session, delivery_id: int) -> Delivery:
    row = session.scalars(locked(select(Delivery).where(Delivery.id == delivery_id), Delivery)).one_or_none()
    if row is None:
        raise RefusedError(404, "no-such-delivery", f"There is no delivery {delivery_id}.")
    return row


def _retried(session: Session, row: Delivery, actor: str) -> Delivery:
    if row.state in (State.SENDING, State.DONE):
        raise _refusal(row)
    action = _action(row)
    if row.state == State.PENDING:
        row.due_at = min(row.due_at, clock.now())
        _log(session, row, actor, "delivery.retry", "hastened", None)
        again = row
    else:
        again = _new_sync(session, action, row) if action.kind is Kind.SYNC else _new_message(session, row)
        _log(session, row, actor, "delivery.retry", "planned", f"as delivery {again.id}")
    action.asked_again(session, row.subject)
    return again


def _action(row: Delivery) -> Action:
    try:
        return actions.action(row.target, row.action)
    except PermanentError as error:
        raise _conflict(row, error.reason, str(error)) from error


def _new_sync(session: Session, action: Action, row: Delivery) -> Delivery:
    """A new sync of the same subject. It will send what SQL says then, whatever the old one was planned for."""
    key = key_of(Kind.SYNC, row.target, row.action, row.subject)
    open_one = session.scalars(locked(select(Delivery.id).where(Delivery.dedupe_key == key), Delivery)).one_or_none()
    if open_one is not None:
        raise _conflict(row, "already-open", f"Delivery {open_one} of the same subject is already open; it does the same.")
    again = session.get_one(Delivery, plan.sync(session, action, row.subject, event_key=row.event_key))
    again.retry_of = row.id
    return again


def _new_message(session: Session, row: Delivery) -> Delivery:
    """The same message once more. It takes over the key, which stays the vendor's idempotency key and ours."""
    retried = select(Delivery.id).where(Delivery.subject == row.subject, Delivery.retry_of == row.id)
    if (newer := session.scalars(retried.limit(1)).one_or_none()) is not None:
        raise _conflict(row, "already-retried", phrase("It was retried already, as delivery %(number)s.", number=newer))
    if row.not_after is not None and row.not_after < clock.now():
        after = f"{row.not_after:%Y-%m-%d %H:%M:%S} UTC"
        raise _conflict(row, "too-late", phrase("It was not to be sent after %(time)s.", time=after))
    key, row.dedupe_key = row.dedupe_key, None
    session.flush()  # the key must be free before the new row takes it
    again = Delivery(
        kind=row.kind,
        target=row.target,
        action=row.action,
        subject=row.subject,
        payload=row.payload,
        dedupe_key=key,
        due_at=clock.now(),
        lane=row.lane,
        not_after=row.not_after,
        event_key=row.event_key,
        retry_of=row.id,
        # Where the vendor can be asked, it is asked first whether an earlier attempt has arrived after all.
        reason=None if row.state in (State.SKIPPED, State.SHADOWED) else OUTCOME_UNKNOWN,
    )
    session.add(again)
    session.flush()
    return again


def _refusal(row: Delivery) -> RefusedError:
    return _conflict(row, f"delivery-{row.state}", WHY_NOT[State(row.state)])


def _conflict(row: Delivery, reason: str, why: str) -> RefusedError:
    return RefusedError(409, reason, f"Delivery {row.id} is {row.state}; this cannot be done with it.", detail=why)


def _log(session: Session, row: Delivery, actor: str, action: str, result: str, detail: str | None) -> None:
    session.add(
        ActionLog(actor=actor[:60], action=action, subject=row.subject, delivery_id=row.id, result=result, detail=detail)
    )
