"""The table of coordinations."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Unicode, false
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, JsonText, Note, UtcDateTime

STARTING, APPROVAL, TRIGGERING, WAITING = "starting", "approval", "triggering", "waiting"
REPORTING, COMPENSATING, DONE, FAILED = "reporting", "compensating", "done", "failed"
OPEN = (STARTING, APPROVAL, TRIGGERING, WAITING, REPORTING, COMPENSATING)
BEFORE_RESULT = (STARTING, APPROVAL, TRIGGERING, WAITING)


class ItemLooked(SyncColumns, prefix="item"):
    """How far the run's work item is known. `item_ended_at`: since when it stands at an end, as far as it was looked at."""

    item_sync_status: Mapped[str | None]
    item_sync_at: Mapped[datetime | None]
    item_state: Mapped[str | None] = mapped_column(Unicode(16))
    item_ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Coordination(Timestamped, ItemLooked, Base):
    """A process and the robot's run that belongs to it, by the process's business key.

    `starting`: Flowable is asked for the process. `approval`: a second person has to agree. `triggering`: the robot is being
    started. `waiting`: its result is waited for, until `wait_until`; then the operators get an alert (`escalated_at`), and
    after a second time it counts as failed. `reporting`: the process gets the result. `compensating`: the process is being
    cancelled. `done`, `failed`: over; `reason` says why it failed.
    `process_id` is Flowable's, `execution_id` the robot's own number of its run. `result_status` is `completed` or `failed`.
    """

    __tablename__ = "coordinations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    business_key: Mapped[str] = mapped_column(Unicode(100), unique=True)
    process_key: Mapped[str] = mapped_column(Unicode(100))
    bot: Mapped[str] = mapped_column(Unicode(100))
    payload: Mapped[Any | None] = mapped_column(JsonText)
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20), index=True)
    asked_by: Mapped[str] = mapped_column(Unicode(60))
    needs_approval: Mapped[bool] = mapped_column(default=False, server_default=false())
    approved_by: Mapped[str | None] = mapped_column(Unicode(60))
    wait_minutes: Mapped[int]
    state: Mapped[str] = mapped_column(Unicode(16))
    reason: Mapped[str | None] = mapped_column(Unicode(64))
    process_id: Mapped[str | None] = mapped_column(Unicode(100))
    definition_id: Mapped[str | None] = mapped_column(Unicode(200))
    execution_id: Mapped[str | None] = mapped_column(Unicode(100))
    robot_answer: Mapped[str | None] = mapped_column(Unicode(64))
    triggered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    wait_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result_status: Mapped[str | None] = mapped_column(Unicode(16))
    result: Mapped[Any | None] = mapped_column(JsonText)
    error: Mapped[str | None] = mapped_column(Note(1000))
    result_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_coordinations_state_wait_until", "state", "wait_until"),
        Index("ix_coordinations_ended_at", "ended_at"),
    )
