"""What an onboarding does to outside systems: one declaration for each, all about a row of `onboarding_steps`.

What can be looked up there is a record sync: it brings the system to what our record says then, so that a repetition, a moved
first day and a cancelled contract are one thing. A notice cannot be looked up and is told once for each round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from functions.onboarding import calendar, callback, entra, hris, notices, okta, steps, workspace
from functions.onboarding.settings import OnboardingSettings
from shared import slack, teams
from shared.outbox.one_time_effect import OneTimeEffect
from shared.outbox.record_sync import RecordSync
from shared.settings import settings_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.onboarding.tables import OnboardingStep

NOTE = "functions.onboarding.noting:note"
KEPT = ("act", "detail", "external_id", "answer")


def described(step: OnboardingStep) -> Mapping[str, Any]:
    """What is done, for shadow mode: which step of which onboarding, and which way."""
    return {"step": step.name, "onboarding": step.onboarding_id, "wanted": step.wanted, "round": step.round}


HRIS = RecordSync(
    target=hris.TARGET,
    name="look-up",
    table="functions.onboarding.tables:HrisStep",
    subject_prefix=steps.STEP_PREFIX,
    prefix="step",
    put=hris.look_up,
    keep=KEPT,
    settled=NOTE,
    describe=described,
    is_used=hris.HRIS.is_used,
)
_ACCOUNT = replace(HRIS, name="account")
OKTA = replace(_ACCOUNT, target=okta.TARGET, table="functions.onboarding.tables:OktaStep", put=okta.put, is_used=okta.is_used)
ENTRA = replace(
    _ACCOUNT, target=entra.TARGET, table="functions.onboarding.tables:EntraStep", put=entra.put, is_used=entra.ENTRA.is_used
)
WORKSPACE = replace(
    _ACCOUNT,
    target=workspace.TARGET,
    table="functions.onboarding.tables:WorkspaceStep",
    put=workspace.put,
    is_used=workspace.is_used,
)
CALENDAR = replace(
    HRIS,
    target=calendar.TARGET,
    name="event",
    table="functions.onboarding.tables:CalendarStep",
    put=calendar.put,
    is_used=calendar.is_used,
)
CALLBACK = replace(
    HRIS,
    target=callback.TARGET,
    name="report",
    table="functions.onboarding.tables:CallbackStep",
    put=callback.put,
    keep=(),
    is_used=callback.CALLBACK.is_used,
)
IN_SLACK = OneTimeEffect(
    target=slack.TARGET,
    name="onboarding",
    table="functions.onboarding.tables:SlackStep",
    subject_prefix=steps.STEP_PREFIX,
    do=notices.in_slack,
    once_per=lambda step: f"{step.id}:{step.round}",
    settled=NOTE,
    describe=described,
    is_used=slack.is_used,
)
IN_TEAMS = replace(
    IN_SLACK,
    target=teams.TARGET,
    table="functions.onboarding.tables:TeamsStep",
    do=notices.in_teams,
    is_used=teams.is_used,
)
BY_TARGET: Mapping[str, RecordSync | OneTimeEffect] = {
    one.target: one for one in (HRIS, OKTA, ENTRA, WORKSPACE, CALENDAR, CALLBACK, IN_SLACK, IN_TEAMS)
}


def chosen() -> dict[str, str]:
    """In which system each step is done, by the settings; a step without one is left out."""
    names = {
        "hris": HRIS,
        "workspace": WORKSPACE,
        "slack": IN_SLACK,
        "teams": IN_TEAMS,
        "calendar": CALENDAR,
        "callback": CALLBACK,
    }
    found = {name: effect.target for name, effect in names.items() if effect.is_used()}
    if (provider := _provider()) is not None:
        found["idp"] = provider
    return found | {"welcome": steps.INSIDE, "tasks": steps.INSIDE}


def targets() -> dict[str, str]:
    """Where each step is done, by its name; one that is switched off, or whose system is not set up, is left out."""
    settings = settings_of(OnboardingSettings)
    return {name: target for name, target in chosen().items() if getattr(settings, f"onboarding_{name}", True)}


def account_systems() -> tuple[str, ...]:
    """The systems in which accounts are made, by the settings."""
    return tuple(target for name, target in targets().items() if name in steps.ACCOUNTS)


def _provider() -> str | None:
    used = [effect.target for effect in (OKTA, ENTRA) if effect.is_used()]
    wanted = settings_of(OnboardingSettings).onboarding_identity_provider
    return wanted if wanted in used else (used[0] if used and wanted is None else None)


def request(session: Session, step: OnboardingStep) -> None:
    """Request what a step stands for. Where its system is not set up any more the step has failed."""
    effect = BY_TARGET[step.target]
    if not effect.is_used():
        step.state, step.reason = steps.STEP_FAILED, "not-configured"
        return
    session.flush()
    effect.request(session, step)
