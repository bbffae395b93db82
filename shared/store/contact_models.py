"""What is known of contacts besides their row: where they live, and the states that ManyChat reported."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, UtcDateTime

LINE_LENGTH, PLACE_LENGTH, STATE_LENGTH = 255, 100, 200


class Address(Timestamped, Base):
    """Where a contact lives: one row for each, with the newest value of each fact (see `shared.crm.facts`)."""

    __tablename__ = "addresses"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), unique=True)
    street: Mapped[str | None] = mapped_column(Unicode(LINE_LENGTH))
    district: Mapped[str | None] = mapped_column(Unicode(PLACE_LENGTH))
    city: Mapped[str | None] = mapped_column(Unicode(PLACE_LENGTH))
    state: Mapped[str | None] = mapped_column(Unicode(PLACE_LENGTH))
    country: Mapped[str | None] = mapped_column(Unicode(PLACE_LENGTH))
    fact_times: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)


class ContactState(Base):
    """A state in which ManyChat reported a contact, since when; rows are never rewritten."""

    __tablename__ = "contact_states"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    state: Mapped[str] = mapped_column(Unicode(STATE_LENGTH))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event_key: Mapped[str] = mapped_column(Unicode(64))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (Index("ix_contact_states_contact_id_at", "contact_id", "at"),)
