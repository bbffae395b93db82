"""The host dies while accounts, events and notices of new employees are made. Each account is there once, each event once."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.onboarding.tables import Onboarding, OnboardingStep, OnboardingTask
from sandbox.settings import app_settings
from shared.store.models import DeadLetter
from tests.crash.rig import QUIET_SECONDS, Askers, Rig

pytestmark = pytest.mark.slow

EMPLOYEES = 6
MANAGER = "luis@empresa.example"
FIRST_DAY = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
DEATHS = (
    "outbox.after_claim=kill:0.2",
    "outbox.after_call=kill:0.2",
    "outbox.after_record=kill:0.2",
    "outbox.after_call=kill:0.2",
    "outbox.after_claim=kill:0.2",
    "outbox.after_call=kill:0.2",
)
PREFIXES = ("GOOGLE_", "ENTRA_", "GRAPH_", "OKTA_", "HRIS_", "ONBOARDING_", "SLACK_", "TEAMS_", "BREVO_", "SENDINBLUE_")
NOT_REPEATED = {"slack", "teams", "welcome"}  # what cannot be looked up: a person decides


@dataclass(frozen=True)
class Contract:
    """A contract as the HR system reports it."""

    number: int
    path: str = "/api/v1/onboarding"

    @property
    def email(self) -> str:
        """Whose it is."""
        return f"p{self.number}@empresa.example"

    @property
    def body(self) -> bytes:
        """The same each time."""
        facts = {"full_name": f"Persona Número{self.number}", "employee_id": f"E-{self.number}", "start_date": FIRST_DAY}
        return json.dumps({"email": self.email, "manager_email": MANAGER, "position": "Analista", **facts}).encode()


CONTRACTS = [Contract(number) for number in range(1, EMPLOYEES + 1)]
EMAILS = [contract.email for contract in CONTRACTS]


@pytest.mark.host
@pytest.mark.parametrize(("provider", "calendar"), [("okta", "google"), ("entra", "outlook")])
def test_onboardings_survive_the_deaths_of_the_host(rig: Rig, seed: int, provider: str, calendar: str) -> None:
    """Everything reported twice and out of order, the host killed again and again; every system agrees with the record."""
    found = app_settings(rig.sandbox.url)
    rig.environment |= {name: value for name, value in found.items() if name.startswith(PREFIXES)}
    rig.environment |= {
        "ONBOARDING_IDENTITY_PROVIDER": provider,
        "ONBOARDING_CALENDAR_IN": calendar,
        "EMAIL_PROVIDER": "brevo",
        "QUIET_HOURS": "00:00-00:00",
    }
    posts = CONTRACTS * 2
    random.Random(seed).shuffle(posts)  # noqa: S311  # an order, no secret
    with Askers(rig.host, posts) as asking:
        rig.survive(asking, DEATHS)
        wait_until(lambda: asking.done and is_settled(rig) and rig.is_quiet({}), QUIET_SECONDS, pause=0.5)
    rig.host.stop()
    assert rig.deaths
    assert asking.refused == []
    check_record(rig)
    check_systems(rig, provider, calendar)


def is_settled(rig: Rig) -> bool:
    """Whether no step of anybody is under way, but a welcome mail that is not due."""
    with Session(rig.engine) as session:
        states = session.execute(select(OnboardingStep.name, OnboardingStep.state)).all()
    return bool(states) and not any(state in ("waiting", "pending") for _name, state in states)


def check_record(rig: Rig) -> None:
    """One onboarding for each contract, each step done, and what nobody can know left to a person."""
    with Session(rig.engine) as session:
        assert session.scalars(select(DeadLetter.reason).where(DeadLetter.state != "resolved")).all() == []
        assert sorted(session.scalars(select(Onboarding.login))) == EMAILS
        steps = session.scalars(select(OnboardingStep)).all()
        unfinished = {(step.name, step.state) for step in steps if step.state != "done"}
        tasks = Counter(map(tuple, session.execute(select(OnboardingTask.onboarding_id, OnboardingTask.code))))
    assert unfinished <= {(name, "uncertain") for name in NOT_REPEATED}
    assert set(tasks.values()) == {1}


def check_systems(rig: Rig, provider: str, calendar: str) -> None:
    """Each employee has one account in each system, and one event; nobody is told or written to twice."""
    users = rig.sandbox.records("users", vendor="okta" if provider == "okta" else "microsoft")
    logins = [user["profile"]["login"] if provider == "okta" else user["userPrincipalName"] for user in users]
    assert sorted(logins) == EMAILS
    assert sorted(user["primaryEmail"] for user in rig.sandbox.records("users", vendor="google")) == EMAILS
    events = rig.sandbox.records("events", vendor="google" if calendar == "google" else "microsoft")
    guests = [[one.get("email") or one["emailAddress"]["address"] for one in event["attendees"]] for event in events]
    assert sorted(guests) == [[email, MANAGER] for email in EMAILS]
    mails = Counter(mail["to"] for mail in rig.sandbox.records("emails", vendor="brevo"))
    assert all(count == 1 for address, count in mails.items() if address in EMAILS)
    notices = Counter(row["text"] for row in rig.sandbox.records("messages", vendor="slack"))
    assert set(notices.values()) <= {1}
