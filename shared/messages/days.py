"""The daily cap: how many messages of journeys a person has been sent on one of their local days.

The row of person and day is locked while it is read and changed, so that two messages cannot both take the last
place.
"""

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared.messages.digests import digest_of_person
from shared.store.dialect import insert_if_absent, locked
from shared.store.message_models import MessageDay

_DAY = locked(select(MessageDay).where(MessageDay.who == bindparam("who"), MessageDay.day == bindparam("day")), MessageDay)


def take_place(session: Session, person: str, day: str, delivery_id: int, most: int) -> bool:
    """Count a delivery against the day's `most`; False where the day is full. Counting it again changes nothing."""
    if most > 0 and _began(session, person, day, delivery_id):
        return True
    row = _row(session, person, day)
    if delivery_id in row.delivery_ids:
        return True
    if len(row.delivery_ids) >= most:
        return False
    row.delivery_ids = [*row.delivery_ids, delivery_id]
    return True


def give_back(session: Session, person: str, day: str, delivery_id: int) -> None:
    """The delivery was not sent after all: it no longer counts."""
    row = _row(session, person, day)
    row.delivery_ids = [one for one in row.delivery_ids if one != delivery_id]


def _began(session: Session, person: str, day: str, *delivery_ids: int) -> bool:
    """Whether these are the day's first, and have their place now."""
    values = {"who": digest_of_person(person), "day": day, "delivery_ids": list(delivery_ids)}
    return insert_if_absent(session, MessageDay, ("who", "day"), values)


def _row(session: Session, person: str, day: str) -> MessageDay:
    same = {"who": digest_of_person(person), "day": day}
    if (found := session.scalars(_DAY, same).one_or_none()) is not None:
        return found
    _began(session, person, day)
    return session.scalars(_DAY, same).one()
