"""Tables of WhatsApp through Meta: our numbers as Meta sees them, its approved templates, and people who have moved."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Unicode, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.message_models import DIGEST_LENGTH, USER_ID_LENGTH, VENDOR_ID_LENGTH
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime


class WhatsAppNumberState(Timestamped, Base):
    """What Meta says of a number of ours (`number_id`: `shared.messages.numbers`), and until when nothing goes out from it.

    `quality` and `throughput` are the number's own; `messaging_limit` is that of the business portfolio, the same for all.
    """

    __tablename__ = "whatsapp_numbers"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number_id: Mapped[str] = mapped_column(Unicode(36), unique=True)
    name: Mapped[str | None] = mapped_column(Note(200))
    quality: Mapped[str | None] = mapped_column(Unicode(20))
    throughput: Mapped[str | None] = mapped_column(Unicode(30))
    status: Mapped[str | None] = mapped_column(Unicode(30))
    messaging_limit: Mapped[str | None] = mapped_column(Unicode(30))
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_reason: Mapped[str | None] = mapped_column(Unicode(64))
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WhatsAppTemplate(Timestamped, Base):
    """A template at Meta, in one language. `shape` lists its components as Meta has them; `read_at`: when it was last seen."""

    __tablename__ = "whatsapp_templates"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    name: Mapped[str] = mapped_column(Unicode(512))
    language: Mapped[str] = mapped_column(Unicode(20))
    status: Mapped[str] = mapped_column(Unicode(30))
    category: Mapped[str | None] = mapped_column(Unicode(30))
    shape: Mapped[Any] = mapped_column(JsonText)
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WhatsAppMove(Timestamped, Base):
    """Whoever was at the address with the digest `who` is at `moved_to` since `at`, by WhatsApp's own word."""

    __tablename__ = "whatsapp_moves"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    who: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH), unique=True)
    moved_to: Mapped[str] = mapped_column(Unicode(USER_ID_LENGTH))
    to_digest: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_whatsapp_moves_to_digest", "to_digest"),
        Index("ix_whatsapp_moves_moved_to", "moved_to"),
        Index("ix_whatsapp_moves_created_at", "created_at"),
    )


class WhatsAppPortfolio(Base):
    """Our business portfolio at Meta: its one row is locked by whoever takes a place of its messaging limit.

    `last_at`: when the last place was taken, so that a clock that lags behind counts nothing as older than it is.
    """

    __tablename__ = "whatsapp_portfolios"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(20), unique=True)
    last_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WhatsAppOpening(Timestamped, Base):
    """Somebody (`who`, a digest) with whom we have opened a conversation, last at `at` by the delivery `delivery_id`.

    `before`: when the opening before that one was, to which it goes back if this one reaches nobody.
    """

    __tablename__ = "whatsapp_openings"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    who: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivery_id: Mapped[int] = mapped_column(BigId)

    __table_args__ = (
        Index("ix_whatsapp_openings_delivery_id", "delivery_id"),
        Index("ix_whatsapp_openings_created_at", "created_at"),
    )


class WhatsAppFailure(Base):
    """A message that the vendor did not deliver because the address (`who`, a digest) is not on WhatsApp, as it says.

    `vendor_id` is the vendor's of the message, or `delivery:<id>` where it was refused at once. `at`: when it failed, by the
    vendor's clock; `noted_at`: when we were informed. `counts`: whether it says something of the person; NULL: not judged yet.
    """

    __tablename__ = "whatsapp_failures"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider: Mapped[str] = mapped_column(Unicode(50))
    vendor_id: Mapped[str] = mapped_column(Unicode(VENDOR_ID_LENGTH))
    who: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH))
    delivery_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    counts: Mapped[bool | None]

    __table_args__ = (
        UniqueConstraint("provider", "vendor_id"),
        Index("ix_whatsapp_failures_who", "who"),
        Index("ix_whatsapp_failures_counts_noted_at", "counts", "noted_at"),
        Index("ix_whatsapp_failures_at", "at"),
    )


class WhatsAppWave(Base):
    """A time in which so many messages failed that the system was ill: what failed in it says nothing of anybody."""

    __tablename__ = "whatsapp_waves"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_whatsapp_waves_until", "until"),)


class WhatsAppOpeningMinute(Base):
    """How many people's last opening was in a minute (`taken`), and how many who wait were given its end as their time."""

    __tablename__ = "whatsapp_opening_minutes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    minute: Mapped[datetime] = mapped_column(UtcDateTime, unique=True)
    taken: Mapped[int] = mapped_column(default=0)
    promised: Mapped[int] = mapped_column(default=0)
