"""What has become of a step, written in the transaction that records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.onboarding import steps
from functions.onboarding.tables import OnboardingStep
from shared import clock
from shared.errors import PermanentError, PuenteError, UncertainError
from shared.outbox.actions import Done, Shadowed, Skip

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.outbox.actions import Outcome


def note(session: Session, subject: str, outcome: Outcome, final: bool) -> None:  # noqa: FBT001  # as `Settled` is
    """Write the state, what is kept of the answer is written by the sync; and plan the next look at the onboarding."""
    step = session.get(OnboardingStep, int(subject.removeprefix(steps.STEP_PREFIX)), populate_existing=True)
    if step is None:
        return
    step.state, step.reason = state_of(step, outcome, final=final)
    if isinstance(outcome, Done) and not isinstance(outcome, Shadowed) and final:
        step.settled_at = clock.now()
    session.flush()
    steps.plan_advance(session, step.onboarding_id)


def state_of(step: OnboardingStep, outcome: Outcome, *, final: bool) -> tuple[str, str | None]:
    """The step's state after an attempt, and the reason where it is no success."""
    if not final:
        word = outcome.reason if isinstance(outcome, PermanentError) else type(outcome).__name__
        return steps.PENDING, None if isinstance(outcome, Done) else word[:64]
    if isinstance(outcome, Shadowed):
        return steps.SKIPPED, "shadow-mode"
    if isinstance(outcome, Done):
        return (steps.UNDONE if step.wanted == steps.ABSENT else steps.DONE), None
    if isinstance(outcome, Skip):
        return steps.SKIPPED, outcome.reason[:64]
    if isinstance(outcome, UncertainError):
        return steps.UNCERTAIN, "nobody-knows"
    return steps.STEP_FAILED, _reason(outcome)


def _reason(error: PuenteError) -> str:
    return (error.reason if isinstance(error, PermanentError) else type(error).__name__)[:64]
