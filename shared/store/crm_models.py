"""The tables of people and of what we sell them: contacts, opportunities, campaigns, and how far Odoo has each."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Connection,
    ForeignKey,
    Index,
    Unicode,
    UnicodeText,
    UniqueConstraint,
    event,
    false,
    true,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from shared import clock
from shared.store import search
from shared.store.base import ERROR_LENGTH, Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, JsonText, Note, TwoDecimals, UtcDateTime

MANYCHAT_ID_LENGTH = 50


class OdooSynced(SyncColumns, prefix="odoo"):
    """How far Odoo is in step with this row. `odoo_sync_status` is NULL where the sync mode leaves the row out of Odoo.

    `odoo_linked` says that the record in Odoo carries our external id, so that it need not be looked for. `odoo_seen` is what
    both sides last agreed on, as digests (`shared.crm.odoo_seen`).
    """

    odoo_id: Mapped[int | None] = mapped_column(BigId)
    odoo_linked: Mapped[bool] = mapped_column(default=False, server_default=false())
    odoo_seen: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    odoo_sync_status: Mapped[str | None]
    odoo_sync_error: Mapped[str | None]
    odoo_sync_attempts: Mapped[int]
    odoo_sync_at: Mapped[datetime | None]
    odoo_synced_at: Mapped[datetime | None]


class Channel(Timestamped, Base):
    """A way by which people reach us (WhatsApp, Instagram, ...); made on first mention."""

    __tablename__ = "channels"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    name: Mapped[str] = mapped_column(Unicode(100))
    description: Mapped[str | None] = mapped_column(Unicode(255))


class Advisor(Timestamped, Base):
    """A colleague to whom people are assigned; `odoo_user_id` where Odoo knows the same person."""

    __tablename__ = "advisors"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(200))
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20))
    odoo_user_id: Mapped[int | None]
    role: Mapped[str | None] = mapped_column(Unicode(50))
    status: Mapped[str | None] = mapped_column(Unicode(20))
    genre: Mapped[str | None] = mapped_column(Unicode(20))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())


class Contact(Timestamped, OdooSynced, Base):
    """A person, known by ManyChat's id; who has none there has `tel:<number>` in its place.

    `fact_times` says from when each fact is (see `shared.crm.facts`).

    `search_text` follows name and phone by itself (see `shared.store.search`).
    """

    __tablename__ = "contacts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    manychat_id: Mapped[str] = mapped_column(Unicode(MANYCHAT_ID_LENGTH), unique=True)
    first_name: Mapped[str | None] = mapped_column(Unicode(200))
    last_name: Mapped[str | None] = mapped_column(Unicode(200))
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20), index=True)
    phone_original: Mapped[str | None] = mapped_column(Unicode(100))
    subscribed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_event_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    initial_state: Mapped[str | None] = mapped_column(Unicode(200))
    last_state: Mapped[str | None] = mapped_column(Unicode(200))
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("channels.id"), index=True)
    fact_times: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    search_text: Mapped[str] = mapped_column(Unicode(search.LONGEST), default="", server_default="")
    channel: Mapped[Channel | None] = relationship(lazy="joined")

    __table_args__ = (
        Index("ix_contacts_search_text_id", "search_text", "id"),
        Index("ix_contacts_updated_at_id", "updated_at", "id"),
    )

    @property
    def full_name(self) -> str:
        """First and last name, or where no name is known ManyChat's id, or the number of whom ManyChat does not know."""
        named = " ".join(filter(None, (self.first_name, self.last_name)))
        return named or (f"ManyChat {self.manychat_id}" if ":" not in self.manychat_id else self.manychat_id.partition(":")[2])


@event.listens_for(Contact, "before_insert")
@event.listens_for(Contact, "before_update")
def _keep_searchable(_mapper: Mapper[Contact], _connection: Connection, contact: Contact) -> None:
    contact.search_text = search.search_text(contact.first_name, contact.last_name, contact.phone or contact.phone_original)


class StageMapping(Timestamped, Base):
    """A ManyChat stage name and the Odoo stage it means. Several names may mean one stage."""

    __tablename__ = "stage_map"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    manychat_key: Mapped[str] = mapped_column(Unicode(100), unique=True)
    manychat_name: Mapped[str] = mapped_column(Unicode(100))
    odoo_stage_id: Mapped[int] = mapped_column(index=True)
    odoo_name: Mapped[str] = mapped_column(Unicode(100))


class Opportunity(Timestamped, OdooSynced, Base):
    """What a person may become for us: one row for each person, with the newest stage. `odoo_id` is the lead's.

    `outcome` is `won` or `lost` where Odoo's lead is, since `outcome_date`.
    """

    __tablename__ = "opportunities"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    manychat_id: Mapped[str] = mapped_column(Unicode(MANYCHAT_ID_LENGTH), unique=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), unique=True)
    stage_id: Mapped[int | None]
    state_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    summary: Mapped[str | None] = mapped_column(UnicodeText)
    entry_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    medical_advisor_id: Mapped[int | None]
    commercial_advisor_id: Mapped[int | None]
    outcome: Mapped[str | None] = mapped_column(Unicode(8))
    outcome_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fact_times: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    contact: Mapped[Contact] = relationship(lazy="joined")

    __table_args__ = (
        Index("ix_opportunities_stage_id_id", "stage_id", "id"),
        Index("ix_opportunities_state_date_id", "state_date", "id"),
    )


class StageChange(Base):
    """A stage an opportunity was reported in. `applied` is false for one that arrived after a newer one."""

    __tablename__ = "stage_history"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    opportunity_id: Mapped[int] = mapped_column(ForeignKey("opportunities.id"), index=True)
    stage_id: Mapped[int]
    state_date: Mapped[datetime] = mapped_column(UtcDateTime)
    summary: Mapped[str | None] = mapped_column(UnicodeText)
    applied: Mapped[bool]
    event_key: Mapped[str] = mapped_column(Unicode(64), index=True)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    opportunity: Mapped[Opportunity] = relationship()


class CampaignSynced(SyncColumns, prefix="odoo"):
    """How far Odoo has the campaign: `odoo_id` is the `utm.campaign`, `odoo_tags` the tag of its name by model of tags."""

    odoo_id: Mapped[int | None] = mapped_column(BigId)
    odoo_tags: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    odoo_sync_status: Mapped[str | None]
    odoo_sync_error: Mapped[str | None]
    odoo_sync_attempts: Mapped[int]
    odoo_sync_at: Mapped[datetime | None]
    odoo_synced_at: Mapped[datetime | None]


class MemberSynced(SyncColumns, prefix="odoo"):
    """How far Odoo has somebody's part in a campaign: on which partner and lead it was noted, and as which record of its own.

    `odoo_id` and `odoo_linked` are those of the record, where a model holds such records (ODOO_CAMPAIGN_CONTACTS).
    """

    odoo_id: Mapped[int | None] = mapped_column(BigId)
    odoo_linked: Mapped[bool] = mapped_column(default=False, server_default=false())
    odoo_partner_id: Mapped[int | None] = mapped_column(BigId)
    odoo_lead_id: Mapped[int | None] = mapped_column(BigId)
    odoo_sync_status: Mapped[str | None]
    odoo_sync_error: Mapped[str | None]
    odoo_sync_attempts: Mapped[int]
    odoo_sync_at: Mapped[datetime | None]
    odoo_synced_at: Mapped[datetime | None]


class Campaign(Timestamped, CampaignSynced, Base):
    """An effort to win people over, with a beginning, perhaps an end, and a budget."""

    __tablename__ = "campaigns"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(100), index=True)
    date_start: Mapped[datetime] = mapped_column(UtcDateTime)
    date_end: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # In DEFAULT_CURRENCY.
    budget: Mapped[Decimal | None] = mapped_column(TwoDecimals)
    status: Mapped[str | None] = mapped_column(Unicode(20))
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("channels.id"), index=True)


class CampaignContact(Timestamped, MemberSynced, Base):
    """A person in a campaign: one row for each pair, with the newest value of each fact (see `shared.crm.facts`)."""

    __tablename__ = "campaign_contacts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), index=True)
    commercial_advisor_id: Mapped[int | None] = mapped_column(ForeignKey("advisors.id"), index=True)
    medical_advisor_id: Mapped[int | None] = mapped_column(ForeignKey("advisors.id"), index=True)
    registration_date: Mapped[datetime] = mapped_column(UtcDateTime)
    commercial_assignment_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    commercial_process_start_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    medical_assignment_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    medical_process_start_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    medical_process_end_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    quotation_start_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sale_order_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    successful_sale_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    conversation_closed_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_state: Mapped[str | None] = mapped_column(Unicode(200))
    lead_state: Mapped[str | None] = mapped_column(Unicode(50))
    summary: Mapped[str | None] = mapped_column(UnicodeText)
    fact_times: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)

    __table_args__ = (UniqueConstraint("contact_id", "campaign_id"),)


class CampaignChange(Base):
    """One change of a person's facts in a campaign, by an event or by hand; rows are never rewritten."""

    __tablename__ = "campaign_history"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_contact_id: Mapped[int] = mapped_column(ForeignKey("campaign_contacts.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(Unicode(60))
    event_key: Mapped[str] = mapped_column(Unicode(64), index=True)
    said: Mapped[Any] = mapped_column(JsonText)
    changed: Mapped[Any] = mapped_column(JsonText)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class OdooCursor(Base):
    """How far we have looked for changes of one model of Odoo.

    `changed_to`: what was written there until then has been looked at. `looked_at`: when the last look began that came to its
    end. `busy_until`: somebody looks now, and until then nobody else does. `checked_to`: the row of ours behind which the look
    for deleted records goes on.
    """

    __tablename__ = "odoo_cursors"
    model: Mapped[str] = mapped_column(Unicode(64), primary_key=True)
    changed_to: Mapped[datetime] = mapped_column(UtcDateTime)
    looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    busy_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_to: Mapped[int] = mapped_column(BigId, default=0)


class Reconciliation(Base):
    """A comparison of our record with Odoo or another system: asked for, under way, finished, or failed; and what it found.

    `pages`: how many pages of the comparison are done; `goes_on`: where the next begins.
    """

    __tablename__ = "reconciliations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    system: Mapped[str] = mapped_column(Unicode(20), default="odoo", server_default="odoo")
    asked_by: Mapped[str] = mapped_column(Unicode(60))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    dry_run: Mapped[bool]
    state: Mapped[str] = mapped_column(Unicode(16), default="asked")
    pages: Mapped[int] = mapped_column(default=0, server_default="0")
    goes_on: Mapped[Any | None] = mapped_column(JsonText)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    compared: Mapped[int | None]
    in_step: Mapped[int | None]
    repaired: Mapped[int | None]
    held_back: Mapped[int | None]
    counts: Mapped[Any | None] = mapped_column(JsonText)
    examples: Mapped[Any | None] = mapped_column(JsonText)
    error: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
