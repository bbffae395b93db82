"""The columns in which a row says how far an outside system is in step with it (see `shared.outbox.record_sync`)."""

from typing import Any

from sqlalchemy import Integer, Unicode
from sqlalchemy.orm import mapped_column

from shared.store.types import Note, UtcDateTime

ERROR_LENGTH = 1000


class SyncColumns:
    """A base for mixins: `class StripeSynced(SyncColumns, prefix="stripe")` has the columns `stripe_sync_status` and so on.

    A column that the mixin declares itself is left as it is. Code that reads a column by name repeats its annotation, so that
    types are checked: `stripe_sync_status: Mapped[str | None]`.
    """

    def __init_subclass__(cls, *, prefix: str | None = None, **more: Any) -> None:
        """Add the columns to a mixin. `prefix` is left out by the tables that use the mixin."""
        if prefix is not None:
            for name, column in _columns(prefix).items():
                if name not in cls.__dict__:
                    setattr(cls, name, column)
        super().__init_subclass__(**more)


def _columns(prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}_sync_status": mapped_column(Unicode(16), index=True, nullable=True),
        f"{prefix}_sync_error": mapped_column(Note(ERROR_LENGTH), nullable=True),
        f"{prefix}_sync_attempts": mapped_column(Integer, default=0, server_default="0", nullable=False),
        f"{prefix}_sync_at": mapped_column(UtcDateTime, nullable=True),
        f"{prefix}_synced_at": mapped_column(UtcDateTime, nullable=True),
    }
