"""What the console shows of onboardings and their steps."""

from functions.onboarding.tables import (
    CANCELLED,
    COMPLETED,
    ENDED,
    FAILED,
    IN_PROGRESS,
    OPEN,
    Onboarding,
    OnboardingStep,
)
from shared.console.records import Field, Records
from shared.console.words import mark

ONBOARDINGS = Records(
    name="onboardings",
    title=mark("Onboardings"),
    about=mark("New employees: accounts, notices, tasks and follow-ups, each with what really happened."),
    model=Onboarding,
    name_of=lambda row: row.full_name,
    fields=(
        Field(title=mark("State"), value=lambda row: row.state),
        Field(title=mark("Progress"), value=lambda row: row.status),
        Field(title=mark("First day"), value=lambda row: row.start_date.isoformat()),
        Field(title=mark("Department"), value=lambda row: row.department),
    ),
    state="state",
    states=(OPEN, ENDED, CANCELLED),
    words=("full_name", "email"),
    subject=lambda row: f"onboarding:{row.id}",
    is_bad=lambda row: row.status not in (IN_PROGRESS, COMPLETED),
)
STEPS = Records(
    name="onboarding-steps",
    title=mark("Steps of onboardings"),
    about=mark("Each account, notice and task of an onboarding, with its result."),
    model=OnboardingStep,
    name_of=lambda row: f"{row.onboarding_id}: {row.name}",
    fields=(
        Field(title=mark("State"), value=lambda row: row.state),
        Field(title=mark("System"), value=lambda row: row.target),
        Field(title=mark("Reason"), value=lambda row: row.reason),
    ),
    subject=lambda row: f"onboarding-step:{row.id}",
    is_bad=lambda row: row.state == FAILED,
)
