"""Tables of approvals: what waits for a person's word, and who was asked for it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime

KIND_LENGTH, KEY_LENGTH, SUBJECT_LENGTH, TITLE_LENGTH, NAME_LENGTH, COMMENT_LENGTH = 40, 200, 100, 200, 60, 1000


class Approval(Timestamped, Base):
    """Something that goes on only with a second person's word.

    `key` is the asker's own: the same request again is this row. `details` are pairs of a label and a value, for people.
    `restricted`: only those who were asked by name may decide; else everybody but `asked_by`. `remind_at` is NULL once
    everybody was reminded. `decided_by` is a name, whether they came by the API or by their link.
    """

    __tablename__ = "approvals"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(Unicode(KIND_LENGTH))
    key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH))
    subject: Mapped[str] = mapped_column(Unicode(SUBJECT_LENGTH), index=True)
    title: Mapped[str] = mapped_column(Note(TITLE_LENGTH))
    details: Mapped[Any | None] = mapped_column(JsonText)
    asked_by: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    restricted: Mapped[bool] = mapped_column(default=False, server_default=false())
    state: Mapped[str] = mapped_column(Unicode(16))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    remind_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(Unicode(NAME_LENGTH))
    comment: Mapped[str | None] = mapped_column(Note(COMMENT_LENGTH))

    __table_args__ = (
        UniqueConstraint("kind", "key"),
        Index("ix_approvals_state_expires_at", "state", "expires_at"),
        Index("ix_approvals_state_remind_at", "state", "remind_at"),
    )


class ApprovalInvitation(Timestamped, Base):
    """Somebody who was asked, by the name of their API key. `delegated_to`: they have handed it to that one.

    `mails` counts the mails that were enqueued for them, so that each has a key of its own.
    """

    __tablename__ = "approval_invitations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    approval_id: Mapped[int] = mapped_column(ForeignKey("approvals.id"))
    approver: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    delegated_to: Mapped[str | None] = mapped_column(Unicode(NAME_LENGTH))
    mails: Mapped[int] = mapped_column(default=0, server_default="0")

    __table_args__ = (UniqueConstraint("approval_id", "approver"),)
