"""What is known of contacts besides their row: where they live, states, tags, and whether they want messages to many."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ForeignKey, Index, Unicode, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, UtcDateTime

LINE_LENGTH, PLACE_LENGTH, STATE_LENGTH, TAG_LENGTH = 255, 100, 200, 100


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


class ContactProfile(Timestamped, Base):
    """What is known of a contact for messages to many: whether they want them, and further facts by name (`attributes`).

    `uuid` is their id where ids are UUIDs. `opt_in` NULL: nobody has said; then whoever has subscribed in ManyChat has.
    """

    __tablename__ = "contact_profiles"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True, autoincrement=False)
    uuid: Mapped[str] = mapped_column(Unicode(36), unique=True, default=lambda: str(uuid4()))
    opt_in: Mapped[bool | None]
    opt_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_blocked: Mapped[bool] = mapped_column(default=False, server_default=false())
    attributes: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)


class MergedContact(Base):
    """A contact that is no more: it turned out to be another one, to which its number `id` and its `uuid` lead."""

    __tablename__ = "merged_contacts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    uuid: Mapped[str | None] = mapped_column(Unicode(36), index=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    merged_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class ContactTag(Base):
    """A tag of a contact. `tag_id` is the uuid5 of its key, `key` the spelling by which two tags are the same."""

    __tablename__ = "contact_tags"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    key: Mapped[str] = mapped_column(Unicode(TAG_LENGTH))
    name: Mapped[str] = mapped_column(Unicode(TAG_LENGTH))
    tag_id: Mapped[str] = mapped_column(Unicode(36))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (
        UniqueConstraint("contact_id", "key"),
        Index("ix_contact_tags_tag_id_contact_id", "tag_id", "contact_id"),
    )
