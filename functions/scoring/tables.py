"""The table of scored leads. `leads` is that of the website's form."""

from datetime import datetime

from sqlalchemy import Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, UtcDateTime

ID_LENGTH = 128


class HubSpotSynced(SyncColumns, prefix="hubspot"):
    """How far the contact in HubSpot is in step with the lead. `hubspot_contact_id` is its id there."""

    hubspot_sync_status: Mapped[str | None]
    hubspot_sync_error: Mapped[str | None]
    hubspot_synced_at: Mapped[datetime | None]
    hubspot_contact_id: Mapped[str | None] = mapped_column(Unicode(20), index=True)


class ScoredLead(Timestamped, HubSpotSynced, Base):
    """A lead as its newest report has it, by the id that its `source` has for it (`key` is a digest of both).

    `email` is None where the one that was given is none. `validation_errors` are words between commas. `reported_at` is when
    the newest report was received, `report` its event: of two of one instant the greater counts.
    """

    __tablename__ = "scored_leads"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    source: Mapped[str] = mapped_column(Unicode(32))
    ext_id: Mapped[str] = mapped_column(Unicode(ID_LENGTH), index=True)
    first_name: Mapped[str | None] = mapped_column(Unicode(200))
    last_name: Mapped[str | None] = mapped_column(Unicode(200))
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    score: Mapped[int]
    priority: Mapped[str] = mapped_column(Unicode(16))
    utm_source: Mapped[str | None] = mapped_column(Unicode(200))
    utm_campaign: Mapped[str | None] = mapped_column(Unicode(200))
    validation_errors: Mapped[str] = mapped_column(Unicode(200), default="")
    reported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    report: Mapped[str] = mapped_column(Unicode(64), default="")
