"""What a person decides on a step: try it again, take an account for this employee's, leave it out, or call it done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.onboarding import effects, rows, steps
from functions.onboarding.tables import OPEN, OnboardingStep
from shared.crm import editing
from shared.errors import RefusedError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SAME_PERSON, RETRY, SKIP = "same-person", "retry", "skip"


def decide(session: Session, number: int, name: str, decision: str) -> None:
    """Carry out a decision; the onboarding goes on after the commit.

    Raises:
        RefusedError: 404, there is no such step; 409, the step is off, done or under way, or cannot be repeated.
    """
    row = rows.lock(session, number)
    step = rows.steps_of(session, number, lock=True).get(name) if row is not None else None
    if row is None or step is None:
        raise editing.missing("onboarding", number) if row is None else _refused(404, "no-such-step", f"no step {name[:20]}")
    if step.state in (steps.OFF, steps.DONE, steps.UNDONE) or (step.state == steps.PENDING and decision != SKIP):
        raise _refused(409, f"step-{step.state}", f"the step is {step.state}")
    if decision in (RETRY, SAME_PERSON):
        _again(session, step, decision, is_open=row.state == OPEN)
    else:
        rows.settle(step, steps.SKIPPED if decision == SKIP else steps.DONE, detail="by-hand")
    session.flush()
    steps.plan_advance(session, number)


def _again(session: Session, step: OnboardingStep, decision: str, *, is_open: bool) -> None:
    if step.target not in effects.BY_TARGET:
        raise _refused(409, "not-repeatable", "a mail is retried as a delivery (POST /api/v1/deliveries/{id}/retry)")
    if not is_open and step.wanted == steps.PRESENT:
        raise _refused(409, "onboarding-over", "the onboarding is over")
    step.confirmed = step.confirmed or decision == SAME_PERSON
    step.state, step.reason = steps.PENDING, None
    if step.name in ("slack", "teams"):
        step.round += 1  # the last round may have been told; a person says that it was not
    effects.request(session, step)


def _refused(status: int, reason: str, why: str) -> RefusedError:
    return RefusedError(status, reason, f"This cannot be done: {why}.")
