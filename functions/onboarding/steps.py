"""The steps of an onboarding: which there are, what each waits for, and how the next ones begin.

    step       | waits for                        | done in                         | kind
    -----------|----------------------------------|---------------------------------|----------------------------
    hris       | nothing                          | the HR system                   | record sync (a look-up)
    idp        | hris                             | Okta or Microsoft Entra         | record sync
    workspace  | hris                             | Google Workspace                | record sync
    slack      | both accounts                    | Slack                           | once
    teams      | both accounts                    | Teams                           | once
    welcome    | both accounts, and that they are | mail                            | once
    tasks      | nothing                          | our own tables                  | at once
    calendar   | nothing                          | Google Calendar, Microsoft 365  | record sync
    callback   | all others                       | the address in the settings     | record sync

What waits for a step that takes long goes on without it after `PATIENCE`; the welcome mail never does, for it says that the
accounts are there. `advancing.advance` begins what may begin. It is a delivery to ourselves, so that it runs in a transaction
of its own, which locks the onboarding before its steps; whatever happens to an onboarding plans one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.outbox.policy import TargetPolicy

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TARGET, ADVANCE = "onboarding", "advance"
PREFIX, STEP_PREFIX = "onboarding:", "onboarding-step:"
INSIDE = "inside"
OFF, WAITING, PENDING, DONE, STEP_FAILED, UNCERTAIN, SKIPPED, UNDONE = (
    *("off", "waiting", "pending", "done", "failed", "uncertain", "skipped", "undone"),
)
PRESENT, ABSENT = "present", "absent"
UNDER_WAY = frozenset((WAITING, PENDING))
GOOD = frozenset((OFF, DONE, SKIPPED))
ACCOUNTS = ("idp", "workspace")
PATIENCE = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class StepKind:
    """A step: its name, for people, the steps that it waits for, and whether they must have been done."""

    name: str
    title: str
    after: tuple[str, ...] = ()
    needs_success: bool = False


KINDS = (
    StepKind(name="hris", title="HR system"),
    StepKind(name="idp", title="Account at the identity provider", after=("hris",)),
    StepKind(name="workspace", title="Account in Google Workspace", after=("hris",)),
    StepKind(name="slack", title="Notice to IT in Slack", after=ACCOUNTS),
    StepKind(name="teams", title="Notice to IT in Teams", after=ACCOUNTS),
    StepKind(name="welcome", title="Welcome mail", after=ACCOUNTS, needs_success=True),
    StepKind(name="tasks", title="Tasks of the manager"),
    StepKind(name="calendar", title="Event of the first day"),
    StepKind(name="callback", title="Report to the HR system"),
)
BY_NAME: Mapping[str, StepKind] = {kind.name: kind for kind in KINDS}
LAST = "callback"


def plan_advance(session: Session, number: int) -> None:
    """Have an onboarding go on, after the commit; any number of these are one."""
    from shared.outbox import actions, plan

    plan.sync(session, actions.action(TARGET, ADVANCE), f"{PREFIX}{number}")


def policy() -> TargetPolicy:
    """The limits of deliveries to ourselves."""
    return TargetPolicy(slots=2, batches_per_second=20)
