"""How an onboarding goes on: each call looks at what is there and begins what may begin. A second call changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select

from functions.onboarding import effects, payloads, steps, tasks, welcome
from functions.onboarding.rows import Steps, lock, settle, steps_of
from functions.onboarding.settings import OnboardingSettings
from functions.onboarding.steps import (
    ABSENT,
    ACCOUNTS,
    BY_NAME,
    DONE,
    GOOD,
    KINDS,
    LAST,
    OFF,
    PATIENCE,
    PENDING,
    SKIPPED,
    STEP_FAILED,
    UNCERTAIN,
    UNDER_WAY,
    UNDONE,
    WAITING,
)
from functions.onboarding.tables import CANCELLED, COMPLETED, ENDED, FAILED, IN_PROGRESS, OPEN, Onboarding, OnboardingStep
from shared import clock
from shared.alerts import plan_alert
from shared.outbox import plan
from shared.outbox.actions import Action, Claimed, Done, Kind, Outcome
from shared.settings import settings_of
from shared.store.dialect import insert_if_absent
from shared.store.session import transact

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MONTH = timedelta(days=31)
STAGED = "staged"
FILLED = ("employee_id", "department", "location", "position")
WARN_PERCENT = 80


def make_steps(session: Session, row: Onboarding, off: frozenset[str]) -> None:
    """The steps of a new onboarding; those that are off by the settings or this contract say so."""
    found = effects.targets()
    for kind in KINDS:
        target = None if kind.name in off else found.get(kind.name)
        values = {"key": f"{row.id}:{kind.name}", "onboarding_id": row.id, "name": kind.name}
        state = {"state": WAITING if target else OFF, "target": target or steps.INSIDE}
        insert_if_absent(session, OnboardingStep, "key", values | state)


def advance(session: Session, number: int) -> set[str]:
    """Let an onboarding go on; whom to wake after the commit."""
    row = lock(session, number)
    if row is None:
        return set()
    found = steps_of(session, number, lock=True)
    if row.state == CANCELLED:
        _take_back(session, row, found)
    elif row.state == OPEN:
        _learn(row, found)
        _begin(session, row, found)
        _open_accounts(session, row, found)
        _end_if_over(row)
    _judge(session, row, found)
    return plan.newly_due(session)


def _learn(row: Onboarding, found: Steps) -> None:
    """What the HR system knows fills what the contract has left out."""
    step = found["hris"]
    if step.state in UNDER_WAY:
        return
    answer = step.answer or {}
    for name in FILLED:
        if getattr(row, name) is None and answer.get(name):
            setattr(row, name, answer[name])
    if step.state in (STEP_FAILED, UNCERTAIN):
        row.hris_source = "error"
    else:
        row.hris_source = "hris_api" if answer else "provided"


def _begin(session: Session, row: Onboarding, found: Steps) -> None:
    for kind in KINDS:
        step = found[kind.name]
        if step.state == WAITING and kind.name != LAST and _may_begin(row, kind.name, found):
            _start(session, row, step)


def _may_begin(row: Onboarding, name: str, found: Steps) -> bool:
    kind = BY_NAME[name]
    before = [found[each].state for each in kind.after]
    if kind.needs_success:
        return all(state in GOOD for state in before)
    is_late = clock.now() - row.received_at >= PATIENCE
    return is_late or not any(state in UNDER_WAY for state in before)


def _start(session: Session, row: Onboarding, step: OnboardingStep) -> None:
    step.state, step.reason = PENDING, None
    if step.name == "welcome":
        welcome.enqueue(session, row, step)
    elif step.name == "tasks":
        tasks.make(session, row)
        settle(step, DONE, detail="made")
    else:
        effects.request(session, step)


def _open_accounts(session: Session, row: Onboarding, found: Steps) -> None:
    """On the first day accounts that were prepared are opened."""
    for name in ACCOUNTS:
        step = found[name]
        if step.state == DONE and step.detail == STAGED and row.start_date <= payloads.today():
            step.state = PENDING
            effects.request(session, step)


def _end_if_over(row: Onboarding) -> None:
    if row.start_date + MONTH < payloads.today():
        close(row, ENDED)


def close(row: Onboarding, state: str, reason: str | None = None) -> None:
    """The onboarding is open no more; its address is free for the next one."""
    row.state, row.reason, row.closed_at = state, reason, clock.now()
    row.open_key = f"{row.email}#{row.id}"


def change(session: Session, row: Onboarding, found: Steps) -> None:
    """The facts of an open onboarding have changed: what was done is brought up to date, and IT is notified anew."""
    for name in (*ACCOUNTS, "calendar"):
        step = found[name]
        if step.state in (DONE, STEP_FAILED, PENDING):
            step.state = PENDING
            effects.request(session, step)
    _notify_again(session, found)
    tasks.move(session, row)


def _notify_again(session: Session, found: Steps) -> None:
    for name in ("slack", "teams"):
        step = found[name]
        if step.state in (DONE, STEP_FAILED):
            step.state, step.round = PENDING, step.round + 1
            effects.request(session, step)


def _take_back(session: Session, row: Onboarding, found: Steps) -> None:
    """What a cancelled contract leaves: each step is taken back once, as far as it can be."""
    for step in found.values():
        if step.wanted == ABSENT or step.name == LAST:
            continue
        step.wanted = ABSENT
        if step.state == OFF:
            continue
        if step.name in (*ACCOUNTS, "calendar") and step.state != WAITING:
            step.state = PENDING
            effects.request(session, step)
        elif step.name in ("slack", "teams"):
            _take_notice_back(session, step)
        elif step.name == "tasks":
            tasks.cancel(session, row)
            settle(step, UNDONE, detail="cancelled")
        elif step.state in UNDER_WAY:  # never begun, or a mail that is not to go out any more
            settle(step, UNDONE if step.state == WAITING else step.state, reason="cancelled")
    session.flush()


def _take_notice_back(session: Session, step: OnboardingStep) -> None:
    """Nothing was told: nothing is. Else IT is told that the contract was cancelled."""
    if step.state == WAITING:
        settle(step, UNDONE, reason="cancelled")
        return
    step.state, step.round = PENDING, step.round + 1
    effects.request(session, step)


def _judge(session: Session, row: Onboarding, found: Steps) -> None:
    """The status by what has really become of the steps; the HR system is told of each that is reached."""
    states = [step.state for name, step in found.items() if name != LAST]
    has_failed = STEP_FAILED in states or UNCERTAIN in states
    is_under_way = PENDING in states or (WAITING in states and not has_failed)
    before = row.status
    if is_under_way:
        row.status = IN_PROGRESS
    else:
        row.status = FAILED if has_failed else COMPLETED
        row.settled_at = row.settled_at if row.status == before and row.settled_at else clock.now()
    _report(session, row, found[LAST])
    _watch_sla(session, row)


def _report(session: Session, row: Onboarding, step: OnboardingStep) -> None:
    reached = CANCELLED if row.state == CANCELLED else row.status
    if row.status == IN_PROGRESS or step.state in (OFF, SKIPPED) or step.detail == reached:
        return
    step.state, step.detail = PENDING, reached
    effects.request(session, step)


def _watch_sla(session: Session, row: Onboarding) -> None:
    """An alert where an onboarding takes long: at four fifths of its time, and when that is over."""
    if row.status == COMPLETED or row.state != OPEN:
        return
    minutes = (clock.now() - row.received_at).total_seconds() / 60
    limit = settings_of(OnboardingSettings).onboarding_sla_minutes
    what = "late" if minutes >= limit else "slow" if minutes >= limit * WARN_PERCENT / 100 else ""
    if what:
        text = f"Puente: onboarding {row.id} is not complete after {int(minutes)} of {limit} minutes (status {row.status})."
        plan_alert(session, f"onboarding:{row.id}:{what}", text)


def due(session: Session, at_most: int = 500) -> list[int]:
    """The numbers of open onboardings that may have to go on by the clock."""
    today = payloads.today()
    staged = select(OnboardingStep.onboarding_id).where(OnboardingStep.detail == STAGED, OnboardingStep.state == DONE)
    to_open = (Onboarding.start_date <= today) & Onboarding.id.in_(staged)
    wanted = (Onboarding.status != COMPLETED) | (Onboarding.start_date < today - MONTH) | to_open
    query = select(Onboarding.id).where(Onboarding.state == OPEN, wanted).order_by(Onboarding.id).limit(at_most)
    return list(session.scalars(query))


def _execute(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    for delivery in deliveries:
        plan.nudge(transact(partial(advance, number=int(delivery.subject.removeprefix(steps.PREFIX)))))
        outcomes[delivery.id] = Done()
    return outcomes


ADVANCE = Action(target=steps.TARGET, name=steps.ADVANCE, kind=Kind.SYNC, execute=_execute, is_inside=True)
