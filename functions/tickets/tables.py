"""The table of tickets."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Index, Integer, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared.money import Money
from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, Day, JsonText, Note, UtcDateTime

KEY_LENGTH = 64
NAME_LENGTH = 200


class SheetSynced(SyncColumns, prefix="sheet"):
    """How far the row in the Google Sheet is in step with the ticket. `sheet_sync_status` is NULL where it has none."""

    sheet_sync_status: Mapped[str | None]
    sheet_sync_error: Mapped[str | None]
    sheet_synced_at: Mapped[datetime | None]


class Ticket(Timestamped, SheetSynced, Base):
    """One file that somebody has sent as a ticket, by `key`: a digest of the message's id and of its place in the message.

    `status`: `received` (its file is being fetched and read), `asking` (something is doubtful, and the sender is asked),
    `person` (somebody has to look), `booked`, `duplicate` (of `duplicate_of`), `unreadable`, `discarded`. `reason` says why.
    `media` is where the provider has the file, `file` what we have kept of it, `operation` where Document Intelligence puts
    its result, `reading` what a reader has seen (the `round`-th time), `facts` what is made of it, `doubts` what is open and
    `answers` what people have said of it. `day` is the ticket's own, `month` that day's; amounts are whole numbers of the
    currency's smallest unit. `asked_at`: when the sender was asked what is open now; NULL where another ticket of theirs
    comes first. `question_id` is the enrolment of the question that is out (`shared.journeys.talking.ask`), `asks` counts the
    questions. `unclear` is not written any more, and goes with a later release. `revision` counts the documents made of
    it, `document` is the newest.
    """

    __tablename__ = "tickets"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH), unique=True)
    source: Mapped[str] = mapped_column(Unicode(20))
    message_id: Mapped[str | None] = mapped_column(Unicode(NAME_LENGTH))
    sender: Mapped[str | None] = mapped_column(Unicode(100))
    person: Mapped[str | None] = mapped_column(Unicode(NAME_LENGTH))
    note: Mapped[str | None] = mapped_column(Note(1000))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(Unicode(16), default="received")
    reason: Mapped[str | None] = mapped_column(Unicode(60))
    media: Mapped[Any] = mapped_column(JsonText, nullable=True)
    file: Mapped[Any] = mapped_column(JsonText, nullable=True)
    has_files: Mapped[bool] = mapped_column(Boolean, default=False)
    sha256: Mapped[str | None] = mapped_column(Unicode(64), index=True)
    operation: Mapped[str | None] = mapped_column(Unicode(500))
    reading: Mapped[Any] = mapped_column(JsonText, nullable=True)
    round: Mapped[int] = mapped_column(Integer, default=1)
    facts: Mapped[Any] = mapped_column(JsonText, nullable=True)
    doubts: Mapped[Any] = mapped_column(JsonText, default=list)
    answers: Mapped[Any] = mapped_column(JsonText, default=dict)
    supplier: Mapped[str | None] = mapped_column(Note(300))
    number: Mapped[str | None] = mapped_column(Unicode(100))
    day: Mapped[date | None] = mapped_column(Day)
    month: Mapped[str | None] = mapped_column(Unicode(7))
    currency: Mapped[str | None] = mapped_column(Unicode(3))
    total_minor: Mapped[int | None] = mapped_column(BigInteger)
    tax_minor: Mapped[int | None] = mapped_column(BigInteger)
    duplicate_of: Mapped[int | None] = mapped_column(BigId)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    question_id: Mapped[int | None] = mapped_column(BigId)
    asks: Mapped[int] = mapped_column(Integer, default=0)
    unclear: Mapped[int] = mapped_column(Integer, server_default="0")
    revision: Mapped[int] = mapped_column(Integer, default=0)
    document: Mapped[Any] = mapped_column(JsonText, nullable=True)
    booked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_tickets_day_total_minor", "day", "total_minor"),
        Index("ix_tickets_month_status", "month", "status"),
        Index("ix_tickets_sender_status", "sender", "status"),
        Index("ix_tickets_status_asked_at", "status", "asked_at"),
        Index("ix_tickets_has_files_received_at", "has_files", "received_at"),
    )

    @property
    def total(self) -> Money | None:
        """What was paid; None while that is not known."""
        return None if self.total_minor is None or self.currency is None else Money(self.total_minor, self.currency)

    @property
    def tax(self) -> Money | None:
        """The tax in it, where that is printed."""
        return None if self.tax_minor is None or self.currency is None else Money(self.tax_minor, self.currency)
