"""The tables of HubSpot: what its contacts' events led to, and what is still to be written there."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, JsonText, Note, UtcDateTime

ID_LENGTH = 20
PENDING, SENT, SKIPPED, ERROR = "pending", "sent", "skipped", "error"


class Fetched(SyncColumns, prefix="fetch"):
    """How far the contact's properties have been read from HubSpot. `fetch_sync_status` is NULL where they need not be."""

    fetch_sync_status: Mapped[str | None]


class HubSpotMessage(Timestamped, Fetched, Base):
    """One event of HubSpot's about a contact, and what became of the message to that person.

    `key` is a digest of what makes the event one: subscription, contact, time, property and value. `status` is `pending`,
    `sent`, `skipped` or `error`; `reason` says why it was skipped, `failure` of what kind an error was. `given` are the
    properties that the event told, `found` those that were read.
    """

    __tablename__ = "hubspot_messages"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    contact_id: Mapped[str | None] = mapped_column(Unicode(ID_LENGTH), index=True)
    kind: Mapped[str] = mapped_column(Unicode(60))
    property_name: Mapped[str | None] = mapped_column(Unicode(100))
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(Unicode(8), index=True)
    reason: Mapped[str | None] = mapped_column(Unicode(60))
    given: Mapped[Any] = mapped_column(JsonText, default=dict)
    found: Mapped[Any] = mapped_column(JsonText, nullable=True)
    contact_name: Mapped[str | None] = mapped_column(Unicode(200))
    manychat_user_id: Mapped[str | None] = mapped_column(Unicode(100), index=True)
    product: Mapped[str | None] = mapped_column(Unicode(400))
    text: Mapped[str | None] = mapped_column(Note(4000))
    failure: Mapped[str | None] = mapped_column(Unicode(60))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class HubSpotTurn(Timestamped, Base):
    """Whose turn it was to write to a contact about a product: the message that was planned last, and when."""

    __tablename__ = "hubspot_turns"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    contact_id: Mapped[str] = mapped_column(Unicode(ID_LENGTH), index=True)
    product_key: Mapped[str] = mapped_column(Unicode(64))
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class HubSpotMerge(Timestamped, Base):
    """A contact that was merged in HubSpot: what was known by `old_id` is known by `new_id`."""

    __tablename__ = "hubspot_merges"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    old_id: Mapped[str] = mapped_column(Unicode(ID_LENGTH), unique=True)
    new_id: Mapped[str] = mapped_column(Unicode(ID_LENGTH), index=True)
    merged_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HubSpotSynced(SyncColumns, prefix="hubspot"):
    """How far HubSpot has the interest."""

    hubspot_sync_status: Mapped[str | None]


class HubSpotInterest(Timestamped, HubSpotSynced, Base):
    """The state of interest that a contact is to have in HubSpot, where HubSpot was away when it was to be written."""

    __tablename__ = "hubspot_interests"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    contact_id: Mapped[str] = mapped_column(Unicode(ID_LENGTH), unique=True)
    state: Mapped[str] = mapped_column(Unicode(1000))
