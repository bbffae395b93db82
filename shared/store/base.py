"""What every table is made from: names of constraints, and when a row came to be and was last changed."""

from datetime import datetime

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared import clock
from shared.store.types import UtcDateTime

ERROR_LENGTH = 1000
GONE = {"erased": True}
"""What stands in place of the data of an event whose person was erased."""


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can address each of them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Timestamped:
    """When our own row came to be and was last changed."""

    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, onupdate=clock.now)
