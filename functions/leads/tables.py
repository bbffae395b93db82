"""The table of leads: who asked for a service through the public form."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.readers.email import mailbox
from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, JsonText, UtcDateTime


class KommoSynced(SyncColumns, prefix="kommo"):
    """How far Kommo is in step with this row. `kommo_sync_status` is NULL where Kommo is not used.

    `kommo_stage_id` is the stage that we last put the lead into: where people have moved it on since, it stays there.
    """

    kommo_contact_id: Mapped[int | None] = mapped_column(BigId)
    kommo_lead_id: Mapped[int | None] = mapped_column(BigId, index=True)
    kommo_sync_status: Mapped[str | None]
    kommo_sync_error: Mapped[str | None]
    kommo_sync_attempts: Mapped[int] = mapped_column(default=0)
    kommo_sync_at: Mapped[datetime | None]
    kommo_synced_at: Mapped[datetime | None]
    kommo_stage_id: Mapped[int | None] = mapped_column(BigId)


def _mailbox(context: Any) -> str:
    return mailbox(context.get_current_parameters()["email"])


class Lead(Timestamped, KommoSynced, Base):
    """Somebody who asked for a service through the form. The id is ours, made of what they sent (see `functions.leads.ids`).

    `email` is in lower case; `phone` in E.164, NULL where the text is no number. `status` is `new`, `booked` or `paid`.
    `captcha` is `passed`, `unchecked` (its vendor could not be asked) or NULL where none is asked for. The facts are those of
    the form that came first (`received_at`): whoever sends it again may be a stranger, so that changes none of them.
    `said_at` is when the newest one came, `forms` how many with facts of their own (0: only an import has brought it).
    `mailbox` is where `email` leads to, for the daily limit. `first_contact_at` is when messages to them may begin, NULL where
    they are not contacted.
    """

    __tablename__ = "leads"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Unicode(200))
    email: Mapped[str] = mapped_column(Unicode(254), index=True)
    mailbox: Mapped[str] = mapped_column(Unicode(254), index=True, default=_mailbox, server_default="")
    phone: Mapped[str | None] = mapped_column(Unicode(20), index=True)
    phone_original: Mapped[str] = mapped_column(Unicode(100))
    company: Mapped[str] = mapped_column(Unicode(200))
    service: Mapped[str] = mapped_column(Unicode(200))
    source: Mapped[str] = mapped_column(Unicode(200))
    status: Mapped[str] = mapped_column(Unicode(16), default="new")
    captcha: Mapped[str | None] = mapped_column(Unicode(16))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    forms: Mapped[int] = mapped_column(default=1, server_default="1")
    first_contact_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)

    __table_args__ = (Index("ix_leads_received_at_id", "received_at", "id"),)


class LeadAction(Base):
    """Something that a replaced system has done with a lead of Kommo's, or a note on it; shown in the lead's log.

    `channel` and `data` are as the old log has them, without what the form said. `key` makes one entry a single row.
    """

    __tablename__ = "lead_actions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    kommo_lead_id: Mapped[int] = mapped_column(BigId, index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    channel: Mapped[str] = mapped_column(Unicode(16))
    data: Mapped[Any] = mapped_column(JsonText, default=dict)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
