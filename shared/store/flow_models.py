"""What the engine keeps of a flow as a whole: its pauses, the events that wait for their end, our log lines of its events."""

from datetime import datetime

from sqlalchemy import Index, Unicode, UnicodeText
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import Base
from shared.store.types import BigId, Note, UtcDateTime

FLOW_LENGTH = 40


class FlowHold(Base):
    """A flow whose events wait: it is paused, or its pause is over and some of them still wait. No row: they are handled.

    One row, locked by whoever adds a waiting event, handles one, or ends the hold. `until`: the pause ends by itself then;
    `resumed_at`: somebody has ended it. `pause_id`: the pause that holds, or that held last.
    """

    __tablename__ = "flow_holds"
    flow: Mapped[str] = mapped_column(Unicode(FLOW_LENGTH), primary_key=True)
    pause_id: Mapped[int] = mapped_column(BigId)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resumed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def is_paused(self) -> bool:
        """Whether its events are to wait, and not only wait still."""
        return self.resumed_at is None and (self.until is None or self.until > clock.now())


class FlowPause(Base):
    """A time in which a person had a flow's events wait: `until` as planned (None: until resumed), `ended_at` if resumed.

    `drained_at`: since when no event waits any more.
    """

    __tablename__ = "flow_pauses"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    flow: Mapped[str] = mapped_column(Unicode(FLOW_LENGTH))
    paused_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    paused_by: Mapped[str] = mapped_column(Unicode(60))
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[str | None] = mapped_column(Note(200))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(Unicode(60))
    drained_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index(None, "flow", "id"),)


class HeldEvent(Base):
    """An event that waits for the end of its flow's pause: its envelope, whole. The row goes when the event is handled.

    `key` names the event and when it was received: the queue's second delivery of it changes nothing, while what its sender
    has sent again waits as well. Events are handled in the order in which they were received.
    """

    __tablename__ = "held_events"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    flow: Mapped[str] = mapped_column(Unicode(FLOW_LENGTH))
    queue: Mapped[str] = mapped_column(Unicode(63))
    type: Mapped[str] = mapped_column(Unicode(100))
    subject: Mapped[str | None] = mapped_column(Note(100), index=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    held_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    event: Mapped[str] = mapped_column(UnicodeText)

    __table_args__ = (Index(None, "flow", "received_at", "id"),)


class Trial(Base):
    """A test event that somebody has sent to try a flow: to whom its messages go, which systems are written to all the same.

    `event_key` is the event's key in the inbox; `carried_out` names systems, separated by commas.
    """

    __tablename__ = "trials"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    event_key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    flow: Mapped[str] = mapped_column(Unicode(FLOW_LENGTH))
    event_id: Mapped[str] = mapped_column(Unicode(255))
    actor: Mapped[str] = mapped_column(Unicode(60))
    email: Mapped[str | None] = mapped_column(Unicode(254))
    phone: Mapped[str | None] = mapped_column(Unicode(20))
    carried_out: Mapped[str] = mapped_column(Unicode(400), default="")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class LogLine(Base):
    """A line of our own log that belongs to an event or a delivery, masked as it was logged, for some days.

    `event` is a digest of the event's type and id (`shared.watch.log_lines`), so that no line names anybody.
    """

    __tablename__ = "log_lines"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    level: Mapped[str] = mapped_column(Unicode(10))
    logger: Mapped[str] = mapped_column(Unicode(100))
    text: Mapped[str] = mapped_column(Note(2000))
    event: Mapped[str | None] = mapped_column(Unicode(64))
    delivery_id: Mapped[int | None] = mapped_column(BigId)

    __table_args__ = (Index(None, "event", "id"), Index(None, "delivery_id", "id"))
