"""What onboarding holds of people: employees, and the managers to whom they report. An employee's is deleted whole."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.onboarding.steps import STEP_PREFIX
from functions.onboarding.tables import Onboarding, OnboardingStep, OnboardingTask
from shared.crm.timeline import Source
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

ONBOARDINGS = Onboarding.__tablename__
GONE = "-"


def identify(session: Session, person: Person) -> Person:
    """Their onboardings, by their address however it is written; and by what names journeys and deliveries know them."""
    theirs = or_(Onboarding.email.in_(person.emails), Onboarding.login.in_(person.emails))
    rows = session.scalars(select(Onboarding).where(or_(theirs, Onboarding.id.in_(person.of(ONBOARDINGS))))).all()
    numbers = [row.id for row in rows]
    steps = session.scalars(select(OnboardingStep.id).where(OnboardingStep.onboarding_id.in_(numbers))).all()
    names = [f"onboarding:{number}" for number in numbers] + [f"{STEP_PREFIX}{number}" for number in steps]
    addresses = [address for row in rows for address in (row.email, row.login)]
    person = person.with_rows(ONBOARDINGS, numbers).with_names(names)
    return person.with_emails(addresses).with_phones(row.phone for row in rows)


def outside(session: Session, person: Person) -> Mapping[str, Sequence[int | str]]:
    """The accounts and events that an operator deletes there."""
    query = select(OnboardingStep).where(
        OnboardingStep.onboarding_id.in_(person.of(ONBOARDINGS)), OnboardingStep.external_id.is_not(None)
    )
    found: dict[str, list[int | str]] = {}
    for step in session.scalars(query):
        found.setdefault(f"onboarding: {step.target}", []).append(str(step.external_id))
    return found


def _as_manager(_person: Person) -> Mapping[str, Any]:
    return {"manager_email": GONE, "manager_name": None}


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(
            OnboardingTask,
            lambda person: OnboardingTask.onboarding_id.in_(person.of(ONBOARDINGS)),
            mentions=lambda person: OnboardingTask.assignee.in_(person.emails),
            unnamed=lambda _person: {"assignee": GONE},
        ),
        Holding(OnboardingStep, lambda person: OnboardingStep.onboarding_id.in_(person.of(ONBOARDINGS))),
        Holding(
            Onboarding,
            lambda person: Onboarding.id.in_(person.of(ONBOARDINGS)),
            mentions=lambda person: Onboarding.manager_email.in_(person.emails),
            unnamed=_as_manager,
        ),
    ),
    identify=identify,
    outside=outside,
)


def _shown(_session: Session, rows: Sequence[Onboarding]) -> Iterator[dict[str, Any]]:
    for row in rows:
        details = {"status": row.status, "start_date": row.start_date.isoformat(), "hris_source": row.hris_source}
        yield {"what": f"onboarding {row.id}", "outcome": row.state, "reason": row.reason, "details": details}


TIMELINE = Source(
    "onboarding",
    Onboarding,
    Onboarding.created_at,
    lambda whose: or_(Onboarding.email.in_(whose.values("email")), Onboarding.login.in_(whose.values("email"))),
    _shown,
)
