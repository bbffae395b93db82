"""The tables of the core, all at one address.

Every query that a timer runs has its index there; every text is Unicode; every time is UTC.
"""

from datetime import datetime

from sqlalchemy import Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.base import ERROR_LENGTH, GONE, Base, Timestamped
from shared.store.crm_models import (
    MANYCHAT_ID_LENGTH,
    Advisor,
    Campaign,
    CampaignChange,
    CampaignContact,
    CampaignSynced,
    Channel,
    Contact,
    MemberSynced,
    OdooCursor,
    OdooSynced,
    Opportunity,
    Reconciliation,
    StageChange,
    StageMapping,
)
from shared.store.intake_models import DeadLetter, EventFigure, InboxEvent, UsedKey
from shared.store.outbox_models import Delivery, Target, TargetSlot
from shared.store.types import BigId, Note, UtcDateTime


class RetentionMark(Base):
    """How far retention has come with one kind of rows: since when it knows of them, and where it goes on."""

    __tablename__ = "retention_marks"
    rule: Mapped[str] = mapped_column(Unicode(40), primary_key=True)
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    goes_on_at: Mapped[int] = mapped_column(BigId, default=0)


class ActionLog(Base):
    """Who did what to whom, when, and how it went: every call to an outside system, every manual action.

    `at` is when it was over, `started_at` when an attempt began.
    """

    __tablename__ = "action_log"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    actor: Mapped[str] = mapped_column(Unicode(60))
    action: Mapped[str] = mapped_column(Unicode(110))
    subject: Mapped[str | None] = mapped_column(Note(100), index=True)
    delivery_id: Mapped[int | None] = mapped_column(BigId, index=True)
    dead_letter_id: Mapped[int | None] = mapped_column(BigId, index=True)
    attempt: Mapped[int | None]
    result: Mapped[str] = mapped_column(Unicode(32))
    detail: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))


__all__ = [
    "ERROR_LENGTH",
    "GONE",
    "MANYCHAT_ID_LENGTH",
    "ActionLog",
    "Advisor",
    "Base",
    "Campaign",
    "CampaignChange",
    "CampaignContact",
    "CampaignSynced",
    "Channel",
    "Contact",
    "DeadLetter",
    "Delivery",
    "EventFigure",
    "InboxEvent",
    "MemberSynced",
    "OdooCursor",
    "OdooSynced",
    "Opportunity",
    "Reconciliation",
    "RetentionMark",
    "StageChange",
    "StageMapping",
    "Target",
    "TargetSlot",
    "Timestamped",
    "UsedKey",
]
