"""How long onboardings are kept: after their end, and never while one is open."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, exists, select

from functions.onboarding.tables import OPEN, Onboarding, OnboardingStep, OnboardingTask
from shared.retention_rules import DaysOf, Rule

_DAYS = DaysOf("retention_onboarding_days")


def _over(before: datetime) -> ColumnElement[bool]:
    return (Onboarding.state != OPEN) & (Onboarding.closed_at < before)


def _step(before: datetime) -> ColumnElement[bool]:
    return OnboardingStep.onboarding_id.in_(select(Onboarding.id).where(_over(before)))


def _task(before: datetime) -> ColumnElement[bool]:
    return OnboardingTask.onboarding_id.in_(select(Onboarding.id).where(_over(before)))


def _onboarding(before: datetime) -> ColumnElement[bool]:
    has_steps = exists().where(OnboardingStep.onboarding_id == Onboarding.id)
    has_tasks = exists().where(OnboardingTask.onboarding_id == Onboarding.id)
    return _over(before) & ~has_steps & ~has_tasks


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "steps of onboardings": Rule(OnboardingStep, OnboardingStep.created_at, _DAYS, _step),
        "tasks of onboardings": Rule(OnboardingTask, OnboardingTask.created_at, _DAYS, _task),
        "onboardings": Rule(Onboarding, Onboarding.created_at, _DAYS, _onboarding),
    }
)
