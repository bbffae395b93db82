"""What has become of a step, written in the transaction that records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.onboarding import effects, steps
from functions.onboarding.tables import OnboardingStep
from shared import clock
from shared.outbox.actions import Done, Shadowed

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.outbox.actions import Outcome


def note(session: Session, subject: str, outcome: Outcome, *, final: bool) -> None:
    """Write the state, what is kept of the answer is written by the sync; and plan the next look at the onboarding."""
    step = session.get(OnboardingStep, int(subject.removeprefix(effects.PREFIX)), populate_existing=True)
    if step is None:
        return
    step.state, step.reason = effects.state_of(step, outcome, final=final)
    if isinstance(outcome, Done) and not isinstance(outcome, Shadowed) and final:
        step.settled_at = clock.now()
    session.flush()
    steps.plan_advance(session, step.onboarding_id)
