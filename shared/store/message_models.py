"""Tables of messages: suppressions, providers' later events, the counts of the daily cap, and what people write to us.

People and addresses appear only as `who`, a digest of fixed length (see `shared.messages.digests`), so that a suppression
outlives the erasure of everything else that is stored of the person. What they write (`ReceivedMessage`) is erased with them.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Unicode, UnicodeText, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime

DIGEST_LENGTH = 32
VENDOR_ID_LENGTH = 200
SENDER_LENGTH = 100  # the subject of an event
USER_ID_LENGTH = 150


class Suppression(Timestamped, Base):
    """Somebody is not to be sent messages by a channel, and why. `lifted` once they want them again.

    `changed_at` is when they said so; an older word never overrules a newer one. A soft bounce counts in `bounces`; it and
    Meta's limit of marketing hold only `until` then, the other causes for good.
    """

    __tablename__ = "suppressions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel: Mapped[str] = mapped_column(Unicode(16))
    who: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH))
    cause: Mapped[str] = mapped_column(Unicode(16))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    bounces: Mapped[int] = mapped_column(default=0, server_default="0")
    lifted: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (UniqueConstraint("who", "channel", "cause"),)


class Conversation(Base):
    """When somebody last wrote to us by a channel: WhatsApp takes free text only within 24 hours of that."""

    __tablename__ = "conversations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    who: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH))
    channel: Mapped[str] = mapped_column(Unicode(16))
    last_inbound_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("who", "channel"),)


class MessageDay(Base):
    """The deliveries that count against a person's daily cap, on one of their local days (`2026-03-02`) by that `zone`."""

    __tablename__ = "message_days"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    who: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH))
    day: Mapped[str] = mapped_column(Unicode(10))
    zone: Mapped[str | None] = mapped_column(Unicode(64))
    delivery_ids: Mapped[Any] = mapped_column(JsonText, default=list)

    __table_args__ = (UniqueConstraint("who", "day"),)


class MessageStatus(Base):
    """A provider's events about one message. `delivery_id` is NULL while an event is ahead of our record of the sending.

    `status` is the furthest status; `history` holds the newest events. `told` is the last status notified to listeners.
    """

    __tablename__ = "message_statuses"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider: Mapped[str] = mapped_column(Unicode(50))
    vendor_id: Mapped[str] = mapped_column(Unicode(VENDOR_ID_LENGTH))
    delivery_id: Mapped[int | None] = mapped_column(BigId)
    status: Mapped[str | None] = mapped_column(Unicode(16))
    reason: Mapped[str | None] = mapped_column(Note(64))
    told: Mapped[str | None] = mapped_column(Unicode(16))
    history: Mapped[Any] = mapped_column(JsonText, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, onupdate=clock.now)

    __table_args__ = (UniqueConstraint("provider", "vendor_id"), Index("ix_message_statuses_delivery_id", "delivery_id"))


class ReceivedMessage(Timestamped, Base):
    """What somebody has written to us, until retention or an erasure removes it.

    `sender` is their number in E.164, or what the provider names them by where it is no number; it stands here in plain text,
    as the addresses of contacts do. `text` is empty where they sent media alone; `media` lists those, each with `type` and
    `url` or the provider's `id`. `kind`: see `shared.messages.events.ReplyKind`. `option_id` and `option_title`: the button or
    line of a list that they chose. `quoted_id`: the provider's id of the message that they answer. `user_id`: WhatsApp's id of
    them, which may stand without a number. `whatsapp_number_id`: the number of ours that they wrote to.
    `wish`: `stop`, `start`, or `ask` where a person must say which. `state`: see `shared.messages.received.STATES`.
    """

    __tablename__ = "inbound_messages"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider: Mapped[str] = mapped_column(Unicode(50))
    vendor_id: Mapped[str] = mapped_column(Unicode(VENDOR_ID_LENGTH))
    channel: Mapped[str] = mapped_column(Unicode(16))
    sender: Mapped[str] = mapped_column(Unicode(SENDER_LENGTH))
    sender_name: Mapped[str | None] = mapped_column(Note(200))
    text: Mapped[str] = mapped_column(UnicodeText)
    media: Mapped[Any] = mapped_column(JsonText)
    wish: Mapped[str | None] = mapped_column(Unicode(16))
    kind: Mapped[str] = mapped_column(Unicode(20), default="text", server_default="text")
    option_id: Mapped[str | None] = mapped_column(Unicode(256))
    option_title: Mapped[str | None] = mapped_column(Unicode(100))
    quoted_id: Mapped[str | None] = mapped_column(Unicode(VENDOR_ID_LENGTH))
    user_id: Mapped[str | None] = mapped_column(Unicode(USER_ID_LENGTH))
    whatsapp_number_id: Mapped[str | None] = mapped_column(Unicode(36))
    state: Mapped[str] = mapped_column(Unicode(20))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("provider", "vendor_id"),
        Index("ix_inbound_messages_sender_created_at", "sender", "created_at"),
        Index("ix_inbound_messages_state_id", "state", "id"),
        Index("ix_inbound_messages_user_id", "user_id"),
    )


class TemplateCopy(Base):
    """The last good copy of a template that is kept elsewhere, used while that place cannot be reached."""

    __tablename__ = "template_copies"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source: Mapped[str] = mapped_column(Unicode(100))
    name: Mapped[str] = mapped_column(Unicode(100))
    subject: Mapped[str] = mapped_column(Unicode(500))
    html: Mapped[str] = mapped_column(UnicodeText)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("source", "name"),)
