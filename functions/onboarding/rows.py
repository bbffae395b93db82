"""The rows of an onboarding: read, locked in one order, and written where a step has an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from functions.onboarding.tables import Onboarding, OnboardingStep
from shared import clock
from shared.store.dialect import locked

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

type Steps = dict[str, OnboardingStep]


def lock(session: Session, number: int) -> Onboarding | None:
    """The onboarding, locked before its steps: whoever changes one does it so."""
    return session.scalars(locked(select(Onboarding).where(Onboarding.id == number), Onboarding)).one_or_none()


def steps_of(session: Session, number: int, *, lock: bool = False) -> Steps:
    """The steps of an onboarding, by their names."""
    query = select(OnboardingStep).where(OnboardingStep.onboarding_id == number).order_by(OnboardingStep.id)
    return {row.name: row for row in session.scalars(locked(query, OnboardingStep) if lock else query)}


def settle(step: OnboardingStep, state: str, *, detail: str | None = None, reason: str | None = None) -> None:
    """Note what has become of a step."""
    step.state, step.reason, step.settled_at = state, reason and reason[:64], clock.now()
    step.detail = detail or step.detail
