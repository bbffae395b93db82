"""The tables of the campaign sequences: the people in them, and each sequence that somebody was put into."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Unicode
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.store.message_models import DIGEST_LENGTH
from shared.store.models import ERROR_LENGTH, Base, Timestamped
from shared.store.types import BigId, JsonText, Note, TwoDecimals, UtcDateTime

SOURCE_LENGTH = 200


class NotionSynced:
    """How far Notion is in step with this row. `notion_sync_status` is NULL where Notion is not set up for it.

    `partial`: the database in Notion lacks properties, which `notion_sync_error` names; the others are in step.
    """

    notion_page_id: Mapped[str | None] = mapped_column(Unicode(64), index=True)
    notion_sync_status: Mapped[str | None] = mapped_column(Unicode(16), index=True)
    notion_sync_error: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    notion_asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    notion_synced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SequenceContact(Timestamped, NotionSynced, Base):
    """Somebody in the campaign, known by `email` (in lower case). Each fact is as new as the newest event about it.

    `who` is the digest of the address by which consent knows them (see `shared.messages.digests`).
    `stages`: which stages they have reached, and when (`{"booking.created": "2026-..."}`); a cancelled booking is taken out.
    Which calls our own form has reported as missed stands there, too (`noshow.reported/<meeting>`).
    """

    __tablename__ = "sequence_contacts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(Unicode(254), unique=True)
    who: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH), index=True)
    first_name: Mapped[str | None] = mapped_column(Unicode(200))
    last_name: Mapped[str | None] = mapped_column(Unicode(200))
    business_name: Mapped[str | None] = mapped_column(Unicode(200))
    campaign_status: Mapped[str | None] = mapped_column(Unicode(50))
    segment: Mapped[str | None] = mapped_column(Unicode(50))
    assessment_score: Mapped[Decimal | None] = mapped_column(TwoDecimals)
    phase: Mapped[str | None] = mapped_column(Unicode(50))
    booking_status: Mapped[str | None] = mapped_column(Unicode(20))
    diagnostic_call_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    unsubscribed: Mapped[bool] = mapped_column(default=False)
    stages: Mapped[Any] = mapped_column(JsonText, default=dict)
    fact_times: Mapped[Any] = mapped_column(JsonText, default=dict)


class MailSequence(Timestamped, NotionSynced, Base):
    """A sequence that an event has put somebody into. `key` is made of address, type and source event: each begins once.

    The state of its mails is not stored here: it is read from the enrolment's steps and their deliveries. `is_open` is true as
    long as something may still change without an event about it.
    """

    __tablename__ = "sequences"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("sequence_contacts.id"), index=True)
    email: Mapped[str] = mapped_column(Unicode(254), index=True)
    type: Mapped[str] = mapped_column(Unicode(20))
    source_event: Mapped[str] = mapped_column(Unicode(SOURCE_LENGTH))
    event_key: Mapped[str] = mapped_column(Unicode(64))
    enrolment_id: Mapped[int | None] = mapped_column(BigId, index=True)
    segment: Mapped[str] = mapped_column(Unicode(50))
    facts: Mapped[Any] = mapped_column(JsonText, default=dict)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    is_open: Mapped[bool] = mapped_column(default=True, index=True)
    contact: Mapped[SequenceContact] = relationship(lazy="joined")
