"""Tables of people: who they are in each system, what joins these identities, and what keeps them apart."""

from datetime import datetime

from sqlalchemy import ForeignKey, Unicode, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, UtcDateTime

KIND_LENGTH, VALUE_LENGTH, KEY_LENGTH, SOURCE_LENGTH, ACTOR_LENGTH = 30, 254, 64, 60, 60


class KnownPerson(Timestamped, Base):
    """Somebody. `moved_to` is who they turned out to be; a number that was given once stays good."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    moved_to: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)


class Identity(Base):
    """By what a system knows somebody: an id that it issued, or an address. `key` is `key_of(kind, value)`.

    `is_proven` once something else than a typed text has shown it. `person_id` is whose it is alone: NULL where nobody has
    proven it, and where it `is_shared` by several (then it belongs to the people of the identities it was seen with).
    `time_zone` is where whoever it names lives, as an event said at `time_zone_at`.
    """

    __tablename__ = "identities"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH), unique=True)
    kind: Mapped[str] = mapped_column(Unicode(KIND_LENGTH))
    value: Mapped[str] = mapped_column(Unicode(VALUE_LENGTH))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    is_proven: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_shared: Mapped[bool] = mapped_column(default=False, server_default=false())
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    time_zone: Mapped[str | None] = mapped_column(Unicode(64))
    time_zone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdentityLink(Base):
    """Why two identities are, may be, or are not one person's (`shared.people.graph.Nature`); `first_id` is the smaller.

    A link that an operator has taken back is kept, with `revoked_at` and `revoked_by`, and counts no more.
    """

    __tablename__ = "identity_links"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    first_id: Mapped[int] = mapped_column(ForeignKey("identities.id"))
    second_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), index=True)
    nature: Mapped[str] = mapped_column(Unicode(10))
    source: Mapped[str] = mapped_column(Unicode(SOURCE_LENGTH))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str | None] = mapped_column(Unicode(ACTOR_LENGTH))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(Unicode(ACTOR_LENGTH))

    __table_args__ = (UniqueConstraint("first_id", "second_id", "nature"),)
