"""The tables of forecasts: the newest of each automation, those of executions while they are worked out, and their parts."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from functions.broadcasts.tables import ACTOR_LENGTH, ERROR_LENGTH, STATUS_LENGTH, UUID_LENGTH, new_uuid
from shared import clock
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime

SUBJECT_LENGTH = 40


class StoredForecast(Timestamped, Base):
    """A forecast: the newest that was asked for of an automation, or that of an execution until the execution has it itself.

    `subject` is `automation:<id>` or `execution:<id>`, so each has one. `uuid` changes with each time it is asked for anew, and
    who works out an older one then finds that nobody waits for it. While `state` is `working`, everybody up to the place
    `position` is in its `parts` parts. `total`: how many candidates there were when it was asked for. `asked`: what was asked
    otherwise than the automation said.
    """

    __tablename__ = "broadcast_forecasts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(Unicode(SUBJECT_LENGTH), unique=True)
    uuid: Mapped[str] = mapped_column(Unicode(UUID_LENGTH), default=new_uuid)
    execution_id: Mapped[int | None] = mapped_column(BigId)
    state: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default="none")
    config: Mapped[Any] = mapped_column(JsonText, default=dict)
    asked: Mapped[Any] = mapped_column(JsonText, default=dict)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(Unicode(ACTOR_LENGTH), default="")
    position: Mapped[int] = mapped_column(BigId, default=0)
    parts: Mapped[int] = mapped_column(default=0)
    examined: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    result: Mapped[Any] = mapped_column(JsonText, nullable=True)
    error_message: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))

    __table_args__ = (Index("ix_broadcast_forecasts_state_id", "state", "id"),)


class ForecastPart(Base):
    """What a chunk of the audience showed (`forecast_parts`). It is deleted as soon as the forecast is there."""

    __tablename__ = "broadcast_forecast_parts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    forecast_id: Mapped[int] = mapped_column(ForeignKey("broadcast_forecasts.id"))
    number: Mapped[int] = mapped_column()
    people: Mapped[Any] = mapped_column(JsonText, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (UniqueConstraint("forecast_id", "number"),)
