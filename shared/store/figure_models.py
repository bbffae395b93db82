"""What is counted once and kept: how many events of each type an hour had."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Unicode, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base
from shared.store.types import BigId, UtcDateTime


class EventHour(Base):
    """The events of a type that were handled in an hour (UTC, its beginning), and its dead letters of that hour.

    Written by the job that counts `EventFigure`, in the same transaction; `milliseconds` from the door to the record, together.
    """

    __tablename__ = "event_hours"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    type: Mapped[str] = mapped_column(Unicode(100))
    hour: Mapped[datetime] = mapped_column(UtcDateTime)
    handled: Mapped[int] = mapped_column(BigInteger, default=0)
    milliseconds: Mapped[int] = mapped_column(BigInteger, default=0)
    failed: Mapped[int] = mapped_column(BigInteger, default=0)

    __table_args__ = (UniqueConstraint("type", "hour"), Index(None, "hour"))
