"""The daily cap: how many messages of journeys a person has been sent on one of their local days.

The row of person and day is locked while it is read and changed, so that two messages cannot both take the last
place.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.messages.who import who_of_person
from shared.store.dialect import insert_if_absent, locked
from shared.store.message_models import MessageDay


def take_place(session: Session, person: str, day: str, delivery_id: int, most: int) -> bool:
    """Count a delivery against the day's `most`; False where the day is full. Counting it again changes nothing."""
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


def _row(session: Session, person: str, day: str) -> MessageDay:
    who = who_of_person(person)
    insert_if_absent(session, MessageDay, ("who", "day"), {"who": who, "day": day, "delivery_ids": []})
    return session.scalars(locked(select(MessageDay).where(MessageDay.who == who, MessageDay.day == day), MessageDay)).one()
