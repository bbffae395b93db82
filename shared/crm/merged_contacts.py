"""Contacts that turned out to be another one: whoever names one by its old id, a number or a UUID, means that other one."""

from collections.abc import Collection
from itertools import batched

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.store.contact_models import MergedContact

SLICE = 500


def note(session: Session, gone: int, uuid: str | None, contact_id: int) -> None:
    """The contact `gone`, with that UUID if it had one, is contact `contact_id` from now on; so is whatever led to it."""
    session.execute(update(MergedContact).where(MergedContact.contact_id == gone).values(contact_id=contact_id))
    session.add(MergedContact(id=gone, uuid=uuid, contact_id=contact_id))
    session.flush()


def survivor(session: Session, contact_id: int) -> int:
    """Which contact is meant by a number: the one that it turned out to be, else itself."""
    return survivors(session, [contact_id]).get(contact_id, contact_id)


def survivors(session: Session, numbers: Collection[int]) -> dict[int, int]:
    """Which contact each of these turned out to be; those that did not are left out."""
    found: dict[int, int] = {}
    for some in batched(sorted(numbers), SLICE, strict=False):
        query = select(MergedContact.id, MergedContact.contact_id).where(MergedContact.id.in_(some))
        found |= {row.id: row.contact_id for row in session.execute(query)}
    return found


def by_uuid(session: Session, uuids: Collection[str]) -> dict[str, int]:
    """The same by their UUIDs."""
    found: dict[str, int] = {}
    for some in batched(sorted(uuids), SLICE, strict=False):
        query = select(MergedContact.uuid, MergedContact.contact_id).where(MergedContact.uuid.in_(some))
        found |= {str(row.uuid): row.contact_id for row in session.execute(query)}
    return found
