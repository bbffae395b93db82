"""The places of functions/onboarding that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from typing import Any

from functions.onboarding import rows as onboarding_rows
from functions.onboarding import services as onboarding_services
from functions.onboarding import tasks as onboarding_tasks
from functions.onboarding.tables import Onboarding, OnboardingStep, OnboardingTask
from shared import clock
from tests.lab.rows import ANA, Wait, filled


def onboarding() -> Sequence[Any]:
    """An onboarding with a step and a task."""
    day = clock.now().date()
    return [
        filled(Onboarding, open_key=ANA, start_date=day),
        filled(OnboardingStep, onboarding_id=1, target="inside"),
        filled(OnboardingTask, onboarding_id=1, due_on=day),
    ]


WAITS = {
    "functions.onboarding.rows:lock": Wait(Onboarding, onboarding, lambda session: onboarding_rows.lock(session, 1)),
    "functions.onboarding.rows:steps_of": Wait(
        OnboardingStep, onboarding, lambda session: onboarding_rows.steps_of(session, 1, lock=True)
    ),
    "functions.onboarding.services:_open_one": Wait(
        Onboarding, onboarding, lambda session: onboarding_services._open_one(session, ANA)
    ),
    "functions.onboarding.tasks:of": Wait(OnboardingTask, onboarding, lambda session: onboarding_tasks.of(session, 1)),
}
