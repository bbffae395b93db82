"""The daily cap: how many messages of journeys a person has been sent on one of their local days.

A person's messages count together under all of their names, and with those to whoever is probably the same person. New ones
are filed under the name that became known first, so that two of them who are joined meet in one row.

A day is kept with the zone by which it was counted. Two messages to one person may know of different zones (a mail's address
tells none, a phone does); all days that it is now, by whichever zone, are one day to the person, and count together. Their
rows are locked while they are read and changed, and so is the place of those that are absent, so that two messages cannot
both take the last place, nor two first ones the only place by two zones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared.messages.digests import digest_of_person
from shared.messages.windows import Window
from shared.people.aliases import Aliases
from shared.store.dialect import hold_names, insert_if_absent, locked
from shared.store.message_models import MessageDay

_DAYS = locked(
    select(MessageDay)
    .where(MessageDay.who.in_(bindparam("who", expanding=True)))
    .where(MessageDay.day.in_(bindparam("days", expanding=True)))
    .order_by(MessageDay.id),
    MessageDay,
)


@dataclass(frozen=True)
class Today:
    """What counts for a person now: the rows of each day that it is, by the zone of each; `zone` is that of the first.

    `who` is the digest under which a new row is filed. `around` are the rows of all days that it may be somewhere.
    """

    who: str
    rows: Sequence[MessageDay]
    zone: ZoneInfo | None
    around: Sequence[MessageDay]

    def own(self, day: str) -> MessageDay | None:
        """The row under which a message of that day is counted, if there is one."""
        return next((row for row in self.around if (row.who, row.day) == (self.who, day)), None)


def of_person(session: Session, person: Aliases, window: Window, now: datetime) -> Today:
    """The day that it is for a person, locked. `window` counts for rows that say no zone."""
    around = _rows(session, person, now)
    rows = [row for row in around if _is_now(row, window, now)]
    zones = [ZoneInfo(row.zone) for row in rows if row.zone]
    return Today(_filed_under(person), rows, zones[0] if zones else None, around)


def has_place(today: Today, day: str, delivery_id: int, most: int) -> bool:
    """Whether `take_place` would count a delivery: it is counted already, or the day's `most` leaves room for it."""
    taken = {one for row in today.rows for one in row.delivery_ids}
    if delivery_id in taken:
        return True
    own = today.own(day)
    return len(taken) < most and (own is None or delivery_id in own.delivery_ids or len(own.delivery_ids) < most)


def take_place(session: Session, today: Today, day: str, zone: ZoneInfo, delivery_id: int, most: int) -> bool:
    """Count a delivery against the day's `most`; False where the day is full. Counting it again changes nothing."""
    if not has_place(today, day, delivery_id, most):
        return False
    if any(delivery_id in row.delivery_ids for row in today.rows):
        return True
    own = today.own(day)
    if own is None:
        values = {"who": today.who, "day": day, "zone": zone.key, "delivery_ids": [delivery_id]}
        if insert_if_absent(session, MessageDay, ("who", "day"), values):
            return True
        (own,) = session.scalars(_DAYS, {"who": [today.who], "days": [day]})
        return _append(own, delivery_id, most)
    return _append(own, delivery_id, most)


def give_back(session: Session, person: Aliases, moment: datetime, delivery_id: int) -> None:
    """The delivery was not sent after all: it no longer counts on the day of that moment, by whichever zone that was."""
    _take_off(_rows(session, person, moment), delivery_id)


def give_back_today(today: Today, delivery_id: int) -> None:
    """The same, of the days that this transaction has read and locked."""
    _take_off(today.around, delivery_id)


def _take_off(rows: Sequence[MessageDay], delivery_id: int) -> None:
    for row in rows:
        if delivery_id in row.delivery_ids:
            row.delivery_ids = [one for one in row.delivery_ids if one != delivery_id]


def _filed_under(person: Aliases) -> str:
    return digest_of_person(person.own_names[0])


def _append(row: MessageDay, delivery_id: int, most: int) -> bool:
    if delivery_id not in row.delivery_ids:
        if len(row.delivery_ids) >= most:
            return False
        row.delivery_ids = [*row.delivery_ids, delivery_id]
    return True


def _rows(session: Session, person: Aliases, moment: datetime) -> Sequence[MessageDay]:
    """The days that it may be somewhere, in the order of their dates: the same for messages that know of different zones."""
    middle = moment.astimezone(UTC).date()
    around = [(middle + timedelta(days=days)).isoformat() for days in (-1, 0, 1)]
    whose = sorted({_filed_under(person), *map(digest_of_person, person.all_names)})
    hold_names(session, whose)
    found = session.scalars(_DAYS, {"who": whose, "days": around}).all()
    return sorted(found, key=lambda row: row.day)


def _is_now(row: MessageDay, window: Window, now: datetime) -> bool:
    zone = ZoneInfo(row.zone) if row.zone else window.zone
    return now.astimezone(UTC).astimezone(zone).date().isoformat() == row.day
