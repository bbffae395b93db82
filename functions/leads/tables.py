"""The table of leads: who asked for a service through the public form."""

from datetime import datetime

from sqlalchemy import Index, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, UtcDateTime


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


class Lead(Timestamped, KommoSynced, Base):
    """Somebody who asked for a service through the form. The id is ours, made of what they sent (see `functions.leads.ids`).

    `email` is in lower case; `phone` in E.164, NULL where the text is no number. `status` is `new`, `booked` or `paid`.
    `captcha` is `passed`, `unchecked` (its vendor could not be asked) or NULL where none is asked for. `said_at` is when the
    newest form about it came: the same form sent again with other facts corrects them.
    """

    __tablename__ = "leads"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Unicode(200))
    email: Mapped[str] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20), index=True)
    phone_original: Mapped[str] = mapped_column(Unicode(100))
    company: Mapped[str] = mapped_column(Unicode(200))
    service: Mapped[str] = mapped_column(Unicode(200))
    source: Mapped[str] = mapped_column(Unicode(200))
    status: Mapped[str] = mapped_column(Unicode(16), default="new")
    captcha: Mapped[str | None] = mapped_column(Unicode(16))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_leads_received_at_id", "received_at", "id"),)
