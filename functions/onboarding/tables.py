"""The tables of onboarding: the onboarding, its steps, what the manager has to do, and the manuals that were attached."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, Day, JsonText, UtcDateTime

OPEN, ENDED, CANCELLED = "open", "ended", "cancelled"
IN_PROGRESS, COMPLETED, FAILED = "in_progress", "completed", "failed"


class Onboarding(Timestamped, Base):
    """One onboarding of one employee.

    `open_key` is the address while it is open, and unique, so that there is one; after the end its number is added.
    `email` is what the contract says, `login` how that is written in all systems and mails. `dates` are all first days that it
    has had, the newest last; `seen` are the digests of its contracts. `state`: `open`, `ended` (a month after the first day,
    or by hand) or `cancelled`. `status`: `in_progress`, `completed` or `failed`, by what has really become of its steps.
    `signed_at` is what the contract says; `hris_source`: `hris_api`, `provided` or `error`. `settled_at`: when no step was
    under way any more.
    """

    __tablename__ = "onboardings"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    open_key: Mapped[str] = mapped_column(Unicode(280), unique=True)
    email: Mapped[str] = mapped_column(Unicode(254), index=True)
    login: Mapped[str] = mapped_column(Unicode(254))
    state: Mapped[str] = mapped_column(Unicode(16), default=OPEN)
    status: Mapped[str] = mapped_column(Unicode(16), default=IN_PROGRESS)
    start_date: Mapped[date] = mapped_column(Day)
    dates: Mapped[Any] = mapped_column(JsonText, default=list)
    seen: Mapped[Any] = mapped_column(JsonText, default=list)
    full_name: Mapped[str] = mapped_column(Unicode(200))
    first_name: Mapped[str | None] = mapped_column(Unicode(200))
    last_name: Mapped[str | None] = mapped_column(Unicode(200))
    manager_email: Mapped[str] = mapped_column(Unicode(254), index=True)
    manager_name: Mapped[str | None] = mapped_column(Unicode(200))
    position: Mapped[str | None] = mapped_column(Unicode(200))
    department: Mapped[str | None] = mapped_column(Unicode(200))
    location: Mapped[str | None] = mapped_column(Unicode(200))
    phone: Mapped[str | None] = mapped_column(Unicode(100))
    employee_id: Mapped[str | None] = mapped_column(Unicode(100))
    signed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hris_source: Mapped[str | None] = mapped_column(Unicode(16))
    warnings: Mapped[Any] = mapped_column(JsonText, default=list)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Unicode(200))

    __table_args__ = (Index("ix_onboardings_state_start_date", "state", "start_date"),)


class StepSynced(SyncColumns, prefix="step"):
    """How far the outside system of a step is in step with it."""

    step_sync_status: Mapped[str | None] = mapped_column(Unicode(16), index=True)


class OnboardingStep(Timestamped, StepSynced, Base):
    """One step of an onboarding, and what has really become of it. `target` is the system in which it is done.

    `state`: `off` (switched off, or its system is not set up), `waiting` (for other steps), `pending` (under way), `done`,
    `failed`, `uncertain` (a person decides), `skipped` (by a person, or in shadow mode), `undone` (taken back).
    `act` is what was done to an account: `created`, `reactivated`, `activated`, `found`; `detail` is how it stands there.
    `wanted`: `present`, or `absent` once the contract is cancelled. `confirmed`: a person has said that an account that was
    there is this employee's. `round` rises with each notice that is told anew. `answer` is what a system has told us.
    """

    __tablename__ = "onboarding_steps"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(40), unique=True)
    onboarding_id: Mapped[int] = mapped_column(BigId, ForeignKey("onboardings.id"), index=True)
    name: Mapped[str] = mapped_column(Unicode(20))
    target: Mapped[str] = mapped_column(Unicode(30))
    state: Mapped[str] = mapped_column(Unicode(16))
    wanted: Mapped[str] = mapped_column(Unicode(16), default="present")
    act: Mapped[str | None] = mapped_column(Unicode(20))
    detail: Mapped[str | None] = mapped_column(Unicode(60))
    reason: Mapped[str | None] = mapped_column(Unicode(64))
    external_id: Mapped[str | None] = mapped_column(Unicode(200))
    confirmed: Mapped[bool] = mapped_column(default=False, server_default="0")
    round: Mapped[int] = mapped_column(default=0, server_default="0")
    answer: Mapped[Any] = mapped_column(JsonText, default=dict)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __mapper_args__ = {"polymorphic_on": "target", "polymorphic_identity": "inside"}  # noqa: RUF012  # as SQLAlchemy has it

    def __init_subclass__(cls, *, target: str, **more: Any) -> None:
        """The steps that are done in that system are a class of their own, as each delivery is about a table."""
        cls.__mapper_args__ = {"polymorphic_identity": target}
        super().__init_subclass__(**more)


class HrisStep(OnboardingStep, target="hris"):
    """The look-up in the HR system."""


class OktaStep(OnboardingStep, target="okta"):
    """The account at Okta."""


class EntraStep(OnboardingStep, target="entra"):
    """The account in Microsoft Entra."""


class WorkspaceStep(OnboardingStep, target="workspace"):
    """The account in Google Workspace."""


class SlackStep(OnboardingStep, target="slack"):
    """The notice to IT in Slack."""


class TeamsStep(OnboardingStep, target="teams"):
    """The notice to IT in Teams."""


class CalendarStep(OnboardingStep, target="onboarding-calendar"):
    """The event of the first day."""


class CallbackStep(OnboardingStep, target="onboarding-callback"):
    """What the HR system is told in the end."""


class OnboardingTask(Timestamped, Base):
    """Something that the manager has to do. `code` names it within the onboarding; `status`: `pending`, `done`, `cancelled`.

    `day_number` is the day after the first one on which it is due (0: the first day).
    """

    __tablename__ = "onboarding_tasks"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(60), unique=True)
    onboarding_id: Mapped[int] = mapped_column(BigId, ForeignKey("onboardings.id"), index=True)
    code: Mapped[str] = mapped_column(Unicode(30))
    task_type: Mapped[str] = mapped_column(Unicode(20))
    day_number: Mapped[int]
    due_on: Mapped[date] = mapped_column(Day)
    title: Mapped[str] = mapped_column(Unicode(200))
    description: Mapped[str] = mapped_column(Unicode(500))
    priority: Mapped[str] = mapped_column(Unicode(10))
    assignee: Mapped[str] = mapped_column(Unicode(254), index=True)
    status: Mapped[str] = mapped_column(Unicode(16), default="pending")
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OnboardingManual(Timestamped, Base):
    """A manual that goes with welcome mails; the newest counts. Its file lies in the storage account under `reference`."""

    __tablename__ = "onboarding_manuals"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(100))
    reference: Mapped[str] = mapped_column(Unicode(200))
    size: Mapped[int]
    uploaded_by: Mapped[str] = mapped_column(Unicode(60))
