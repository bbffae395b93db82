"""A contract is signed, changed or cancelled: what is written while its sender waits. SQL only; the rest follows as deliveries.

    there is            | the contract says                      | answer
    --------------------|----------------------------------------|---------------------------------------------------
    nothing, or an end  | a day that no onboarding has had       | 202 accepted: a new onboarding (a rehire)
    an open one         | another first day                      | 200 moved: what is left goes by the new day
    an open one         | other facts                            | 200 changed
    an open one         | nothing new, or what was said before   | 409 duplicate
    an open one         | another employee's number              | 409 another-employee
    an open one         | signed before the one that is known    | 409 older
    an end              | a day that it has had                  | 409 duplicate, or cancelled

A contract that comes again late is known by its content, so it brings nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from functions.onboarding import advancing, effects, payloads, rows, steps
from functions.onboarding.flow import CANCEL_ID, OLD_ID
from functions.onboarding.payloads import Cancellation, Taken
from functions.onboarding.settings import OnboardingSettings
from functions.onboarding.tables import CANCELLED, OPEN, Onboarding
from shared import clock
from shared.crm import editing
from shared.errors import RefusedError
from shared.journeys import engine
from shared.settings import settings_of
from shared.store.dialect import insert_if_absent, locked
from shared.watch import flow_figures

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ACCEPTED, MOVED, CHANGED, NOTED = "accepted", "moved", "changed", "noted"
MOST_SEEN = 50
DUPLICATE = "Duplicate onboarding detected."


@dataclass(frozen=True)
class Result:
    """The onboarding's number, what became of the contract, and what was noted about it."""

    number: int
    outcome: str
    warnings: tuple[str, ...] = ()


def take(body: Mapping[str, Any]) -> Result:
    """Take a contract. Raises RefusedError: 422 it cannot be taken, 409 by the table above."""
    began, contract = clock.now(), payloads.read(body, effects.account_systems())
    return editing.committed(lambda session: _counted(session, _applied(session, contract), OLD_ID, began))


def _counted(session: Session, result: Result, kind: str, began: datetime) -> Result:
    flow_figures.taken(session, kind, began)
    return result


def _applied(session: Session, contract: Taken) -> Result:
    row = _open_one(session, contract.email)
    if row is None:
        _refuse_ended(session, contract)
        is_new = insert_if_absent(session, Onboarding, "open_key", _values(contract))
        row = _open_one(session, contract.email)
        if row is not None and is_new:
            advancing.make_steps(session, row, contract.off)
            _signal(session, row, "employee.hired")
            steps.plan_advance(session, row.id)
            return Result(row.id, ACCEPTED, contract.warnings)
    if row is None:
        raise RefusedError(409, "conflict", "Another change at the same moment does not go with this one.")
    return _updated(session, row, contract)


def _open_one(session: Session, email: str) -> Onboarding | None:
    return session.scalars(locked(select(Onboarding).where(Onboarding.open_key == email), Onboarding)).one_or_none()


def _values(contract: Taken) -> dict[str, Any]:
    return {
        "open_key": contract.email,
        "email": contract.email,
        "login": contract.login,
        "start_date": contract.start_date,
        "dates": [contract.start_date.isoformat()],
        "seen": [contract.seen],
        "signed_at": contract.signed_at,
        "received_at": clock.now(),
        "warnings": list(contract.warnings),
        **contract.facts,
    }


def _ended(session: Session, email: str) -> list[Onboarding]:
    query = select(Onboarding).where(Onboarding.email == email, Onboarding.state != OPEN).order_by(Onboarding.id.desc())
    return list(session.scalars(query.limit(MOST_SEEN)))


def _refuse_ended(session: Session, contract: Taken) -> None:
    for row in _ended(session, contract.email):
        if contract.seen in row.seen or contract.start_date.isoformat() in row.dates:
            is_cancelled = row.state == CANCELLED
            signed_anew = contract.signed_at is not None and row.closed_at is not None and contract.signed_at > row.closed_at
            if is_cancelled and signed_anew:
                continue
            raise _conflict(row, "cancelled" if is_cancelled else "duplicate")


def _conflict(row: Onboarding, reason: str, title: str = DUPLICATE) -> RefusedError:
    known = f"Onboarding already exists for {row.email}:{row.start_date.isoformat()}: /api/v1/onboarding/{row.id}, {row.state}"
    hint = "; a contract that was signed anew says so in contract_signed_date" if reason in ("cancelled", "seen-before") else ""
    return RefusedError(409, reason, title, detail=known + hint + ".")


def _updated(session: Session, row: Onboarding, contract: Taken) -> Result:
    """Bring an open onboarding up to date. Raises RefusedError, 409."""
    if contract.facts["employee_id"] and row.employee_id and contract.facts["employee_id"] != row.employee_id:
        raise _conflict(row, "another-employee", "The address belongs to the open onboarding of another employee.")
    if contract.signed_at and row.signed_at and contract.signed_at < row.signed_at:
        raise _conflict(row, "older", "A contract that was signed later is known.")
    if contract.seen in row.seen:
        raise _conflict(row, "duplicate" if contract.seen == row.seen[-1] else "seen-before")
    is_moved = contract.start_date != row.start_date
    changed = {name: value for name, value in contract.facts.items() if value is not None and getattr(row, name) != value}
    if not is_moved and not changed:
        raise _conflict(row, "duplicate")
    for name, value in changed.items():
        setattr(row, name, value)
    row.start_date, row.signed_at = contract.start_date, contract.signed_at or row.signed_at
    row.dates = [*(one for one in row.dates if one != contract.start_date.isoformat()), contract.start_date.isoformat()]
    row.seen, row.warnings = [*row.seen, contract.seen][-MOST_SEEN:], list(contract.warnings)
    session.flush()
    advancing.change(session, row, rows.steps_of(session, row.id, lock=True))
    _signal(session, row, "employee.changed")
    steps.plan_advance(session, row.id)
    return Result(row.id, MOVED if is_moved else CHANGED, contract.warnings)


def cancel(body: Mapping[str, Any]) -> Result:
    """Take a cancellation. One that comes before its contract is noted, so that the contract begins nothing.

    Raises:
        RefusedError: 422; 404, there is no such onboarding and no day to note; 409, it has ended.
    """
    began, wish = clock.now(), payloads.read_cancellation(body)
    return editing.committed(lambda session: _counted(session, _cancelled(session, wish), CANCEL_ID, began))


def _cancelled(session: Session, wish: Cancellation) -> Result:
    row = _open_one(session, wish.email)
    day = wish.start_date.isoformat() if wish.start_date else None
    if row is not None and (day is None or day in row.dates):
        return cancel_row(session, row, wish.reason or "cancelled")
    for known in _ended(session, wish.email):
        if day is None or day in known.dates:
            if known.state == CANCELLED:
                return Result(known.id, CANCELLED)
            raise _conflict(known, "ended", "The onboarding has ended; nothing of it is taken back.")
    if wish.start_date is None:
        raise RefusedError(404, "no-such-onboarding", "There is no onboarding of this employee.")
    return _tombstone(session, wish, wish.start_date)


def _tombstone(session: Session, wish: Cancellation, day: date) -> Result:
    """A row for a contract that is not to begin anything."""
    key, now = f"{wish.email}#{day.isoformat()}", clock.now()
    values = {
        "open_key": key,
        "email": wish.email,
        "login": wish.email,
        "state": CANCELLED,
        "start_date": day,
        "dates": [day.isoformat()],
        "seen": [],
        "full_name": "-",
        "manager_email": "",
        "received_at": now,
        "closed_at": now,
        "reason": wish.reason or "cancelled",
    }
    insert_if_absent(session, Onboarding, "open_key", values)
    row = session.scalars(select(Onboarding).where(Onboarding.open_key == key)).one()
    advancing.make_steps(session, row, frozenset(steps.BY_NAME))
    return Result(row.id, NOTED)


def cancel_row(session: Session, row: Onboarding, reason: str) -> Result:
    """Cancel an open onboarding, which is locked: what can be taken back is, and nothing further begins."""
    advancing.close(row, CANCELLED, reason[:200])
    session.flush()
    _signal(session, row, "employee.cancelled")
    steps.plan_advance(session, row.id)
    return Result(row.id, CANCELLED)


def _signal(session: Session, row: Onboarding, event: str) -> None:
    """Tell the journeys: the follow-ups begin, move, or end. They are written to the manager."""
    settings = settings_of(OnboardingSettings)
    if not settings.onboarding_followups:
        return
    zone = settings.onboarding_time_zone
    data = {
        "email": row.manager_email,
        "time_zone": zone,
        "start_at": datetime.combine(row.start_date, time(9), ZoneInfo(zone)).isoformat(),
        "employee": row.full_name,
        "manager": row.manager_name or "",
    }
    number = f"onboarding-{row.id}-{event}-{len(row.seen)}"
    engine.signal(session, event, [f"{steps.PREFIX}{row.id}"], data, event_key=number)


def look() -> int:
    """Have those go on whose time has come: accounts to open, patience that is over, a month that is over; how many."""
    from shared.outbox import plan
    from shared.store.session import transact

    def work(session: Session) -> tuple[int, set[str]]:
        numbers = advancing.due(session)
        for number in numbers:
            steps.plan_advance(session, number)
        return len(numbers), plan.newly_due(session)

    count, due = transact(work)
    plan.nudge(due)
    return count
