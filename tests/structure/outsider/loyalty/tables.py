"""The table of loyalty."""

from datetime import datetime

from sqlalchemy import Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, UtcDateTime


class StampsSynced(SyncColumns, prefix="stamps"):
    """How far the card at Stamps is in step with the customer. `card` is its number there."""

    card: Mapped[str | None] = mapped_column(Unicode(60))


class Member(Timestamped, StampsSynced, Base):
    """A customer, by their e-mail address in lower case. `counted_at` is when the shop counted these points."""

    __tablename__ = "loyalty_members"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(Unicode(254), unique=True)
    name: Mapped[str | None] = mapped_column(Unicode(200))
    points: Mapped[int] = mapped_column(default=0)
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)
