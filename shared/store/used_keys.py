"""Keys that outlive their rows: retention removes a row, and what caused it may still happen again.

A key is a hash of fixed length. What names a person stands in it only with much else (ids of vendors, of our rows).
"""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.store.dialect import insert_if_absent
from shared.store.models import UsedKey


def keep(session: Session, keys: Iterable[str | None]) -> None:
    """Remember these keys for all time, in the transaction that removes their rows. Again, it adds nothing."""
    for key in sorted({key for key in keys if key}):
        insert_if_absent(session, UsedKey, "key", {"key": key})


def was_used(session: Session, key: str) -> bool:
    """Whether a row with that key was removed."""
    return session.scalar(select(UsedKey.key).where(UsedKey.key == key)) is not None
