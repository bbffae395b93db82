"""What is counted once and kept: events by the hour; figures of reports and tokens of models by the day."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, Unicode, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base
from shared.store.types import BigId, Day, UtcDateTime

NAME_LENGTH, OWNER_LENGTH, PART_LENGTH, RESULT_LENGTH = 40, 100, 100, 32
HOURS_KEPT_DAYS = 90


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


class HourFigure(Base):
    """So many of something in an hour (UTC, its beginning), added up by the job of `shared.watch.hour_figures`.

    `name` says what is counted, `owner` and `part` of what (a system and its action, a source and its type), `result` how it
    went.
    """

    __tablename__ = "hour_figures"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    hour: Mapped[datetime] = mapped_column(UtcDateTime)
    owner: Mapped[str] = mapped_column(Unicode(OWNER_LENGTH))
    part: Mapped[str] = mapped_column(Unicode(PART_LENGTH))
    result: Mapped[str] = mapped_column(Unicode(RESULT_LENGTH))
    number: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (UniqueConstraint("name", "hour", "owner", "part", "result"), Index(None, "hour"))


class HourFold(Base):
    """The figures of hours count what was from `begun_at` (the beginning of an hour) to `counted_to` (excluded). One row."""

    __tablename__ = "hour_folds"
    name: Mapped[str] = mapped_column(Unicode(NAME_LENGTH), primary_key=True)
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    counted_to: Mapped[datetime] = mapped_column(UtcDateTime)


class DayFigure(Base):
    """So many of something on a day of DEFAULT_TIME_ZONE (see `shared.watch.day_figures`), counted anew while that is young.

    `name` says what is counted, `owner` whose it is (a journey, a flow), `part` which of them.
    """

    __tablename__ = "day_figures"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(Day)
    name: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    owner: Mapped[str] = mapped_column(Unicode(OWNER_LENGTH), default="")
    part: Mapped[str] = mapped_column(Unicode(PART_LENGTH), default="")
    number: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (UniqueConstraint("day", "name", "owner", "part"),)


class DayFold(Base):
    """When the figures of a day were counted last."""

    __tablename__ = "day_folds"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(Day, unique=True)
    folded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ModelDay(Base):
    """What a flow has asked of a language model on a day: how often, and the tokens as the vendor counts them.

    Every answer counts, one that was asked for twice as well: it is paid for twice. `key` is `key_of(day, flow, model)`.
    """

    __tablename__ = "model_days"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    day: Mapped[date] = mapped_column(Day, index=True)
    flow: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    model: Mapped[str] = mapped_column(Unicode(OWNER_LENGTH))
    calls: Mapped[int] = mapped_column(BigInteger, default=0)
    input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
