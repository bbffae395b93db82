"""Builds a booking from the calendar's events about each of its ids. The result is the same in whatever order events arrive.

A calendar gives a rescheduled meeting a new id and names the old one. Events come twice and in any order, also about an id
whose connection with the others is not known yet. So each id's row (`BookingUid`) keeps the newest value of each fact with its
time; ids that turn out to belong to one meeting are moved to one row; and that row (`Booking`) is computed anew from them:

    the newest id        the one at the end of the chain: its facts count, and older ids fill in the facts that it lacks
    cancelled            its newest event is a cancellation or rejection
    no-show              else, where the newest report of absence says that the person who booked stayed away
    ended                else, where the calendar has reported the meeting's end
    requested            nothing but a request was reported, which is no booking yet
    booked               else

A reported end does not undo a cancellation: calendars have been seen to report the end of meetings that nobody held.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.bookings.facts import (
    ABSENT,
    BOOKED,
    CANCELLED_STATUS,
    DESCRIBED,
    END_REPORTED,
    ENDED_STATUS,
    FOLLOWS,
    NO_SHOW_STATUS,
    RECEIVED,
    REQUESTED_STATUS,
    STANDING,
    WANTS,
    digest,
    instant,
    stamp,
    stamp_of,
)
from functions.bookings.payloads import ENDED, NO_SHOW, REQUESTED, BookingEvent
from functions.bookings.tables import Booking, BookingUid
from shared.crm.people import e164
from shared.outbox import plan
from shared.settings import get_settings
from shared.store.dialect import locked


@dataclass
class Chain:
    """A booking with the facts of each of its ids, the newest id first; `absorbed` are rows that were merged into it.

    `absorbed_ids` are the numbers that those rows had.
    """

    booking: Booking
    uids: list[BookingUid]
    absorbed: list[tuple[str | None, str]] = field(default_factory=list)  # (instance, status) as they were
    absorbed_ids: list[int] = field(default_factory=list)

    def known(self, fact: str) -> Any:
        """The value of a fact at the newest id that has it; None where none has it."""
        return next((one.facts[fact][1] for one in self.uids if fact in one.facts), None)

    @property
    def is_certain(self) -> bool:
        """Whether the booking itself or its end was reported, or an absence by a report that describes the meeting."""
        return any(name in one.facts for one in self.uids for name in (STANDING, END_REPORTED, DESCRIBED))

    def record(self, uid: str | None) -> BookingUid:
        """What was reported under one of its ids."""
        (found,) = [one for one in self.uids if one.uid == uid]
        return found

    def emails(self) -> list[str]:
        """Every address that the booking has had."""
        return list(dict.fromkeys(one.facts["email"][1] for one in self.uids if "email" in one.facts))

    def work_out(self) -> None:
        """Compute the row from the facts of its ids. Doing it again changes nothing."""
        self.uids = newest_first(self.uids)
        row = self.booking
        row.uid, row.current_uid = self.uids[-1].uid, self.uids[0].uid
        for name in ("email", "name", "title", "meeting_url", "lead_ref"):
            setattr(row, name, self.known(name))
        row.phone, row.time_zone = _phone(self.known("phone")), _zone(self.known("time_zone"))
        row.start_at, row.end_at = (_moment(self.known(name)) for name in ("start_at", "end_at"))
        row.status = self._status()
        times = [at for one in self.uids for at, _value in one.facts.values()]
        row.said_at = max((instant(at) for at in times), default=row.said_at)

    def _status(self) -> str:
        newest = self.uids[0].facts
        standing = next((one.facts[STANDING][1] for one in self.uids if STANDING in one.facts), BOOKED)
        if standing == CANCELLED_STATUS:
            return CANCELLED_STATUS
        if not self.is_certain and any(f"{RECEIVED}{REQUESTED}" in one.facts for one in self.uids):
            return REQUESTED_STATUS
        if _stayed_away(newest, self.known("email")):
            return NO_SHOW_STATUS
        return ENDED_STATUS if END_REPORTED in newest else BOOKED


def of_event(session: Session, event: BookingEvent, at: datetime) -> Chain:
    """The booking that an event is about, locked until the transaction ends; new if need be, merged from several rows."""
    names = [name for name in (event.booking, event.previous if event.trigger != REQUESTED else None) if name is not None]
    found = _records(session, names)
    requested = _requested(event, next((one for one in found if one.uid == event.booking), None))
    known_as = [name for name in (requested, _before_seats(session, event)) if name is not None and name not in names]
    if known_as:
        names += known_as
        found = _records(session, names)
    rows = _held(session, {one.booking_id for one in found}) or _without_ids(session, names)
    if rows:
        chain = _joined(session, rows)
        chain.booking.of_test = chain.booking.of_test and plan.is_of_test(session)
    else:
        facts = {"calendar": event.calendar, "said_at": at, "of_test": plan.is_of_test(session)}
        booking = Booking(uid=names[-1], current_uid=names[0], **facts)
        session.add(booking)
        session.flush()
        chain = Chain(booking, [])
    there = {one.uid for one in chain.uids}
    for name in names:
        if name not in there:
            chain.uids.append(BookingUid(uid=name, booking_id=chain.booking.id, facts={}))
            session.add(chain.uids[-1])
            there.add(name)
    return chain


def _requested(event: BookingEvent, record: BookingUid | None) -> str | None:
    """What a request for this booking was to take the place of, where the request is decided upon."""
    facts: Mapping[str, Any] = record.facts if record is not None else {}
    if event.trigger == REQUESTED:
        return event.previous if STANDING in facts else None
    is_decided = STANDING in facts or event.trigger not in (NO_SHOW, ENDED)
    return facts[WANTS][1] if is_decided and WANTS in facts else None


def _before_seats(session: Session, event: BookingEvent) -> str | None:
    """The meeting's own id, where its end or an absence was reported of this person before anything said that it has seats."""
    for record in _records(session, [event.meeting]) if event.meeting is not None else ():
        if STANDING not in record.facts and record.facts.get("email", ("", None))[1] in (None, event.email):
            return record.uid
    return None


def _records(session: Session, names: Sequence[str]) -> Sequence[BookingUid]:
    query = select(BookingUid).where(BookingUid.uid.in_(sorted(names)))
    return session.scalars(locked(query, BookingUid)).all()


def of_row(session: Session, booking: Booking) -> Chain:
    """A booking with the facts of each of its ids."""
    return _joined(session, [booking])


def newest_first(uids: Iterable[BookingUid]) -> list[BookingUid]:
    """The ids of one meeting, the newest first: each before the one it follows; ids without such a link by their times."""
    records = {one.uid: one for one in uids}
    return sorted(records.values(), key=lambda one: (_depth(one, records), stamp_of(one, STANDING), one.uid), reverse=True)


def _depth(record: BookingUid, records: Mapping[str, BookingUid]) -> int:
    """How many ids of the meeting came before this one; an endless circle, which no calendar makes, is cut."""
    seen = {record.uid}
    while (before := records.get(record.facts.get(FOLLOWS, ("", None))[1])) is not None and before.uid not in seen:
        seen.add(before.uid)
        record = before
    return len(seen)


def _joined(session: Session, rows: Sequence[Booking]) -> Chain:
    """Move all ids of these rows to one of them, the one that journeys know if there is one; delete the others."""
    kept, *others = sorted(rows, key=lambda row: (row.instance is None, row.status == CANCELLED_STATUS, row.id))
    query = select(BookingUid).where(BookingUid.booking_id.in_(sorted(row.id for row in rows)))
    uids = list(session.scalars(locked(query, BookingUid)))
    for one in uids:
        one.booking_id = kept.id
    session.flush()
    absorbed, absorbed_ids = [(row.instance, row.status) for row in others], [row.id for row in others]
    kept.of_test = all(row.of_test for row in rows)
    for row in others:
        session.delete(row)
    session.flush()  # before the row that stays takes the ids of those deleted
    return Chain(kept, newest_first(uids), absorbed, absorbed_ids)


def _held(session: Session, ids: Iterable[int]) -> Sequence[Booking]:
    query = select(Booking).where(Booking.id.in_(sorted(ids)))
    return session.scalars(locked(query, Booking)).all() if ids else ()


def _without_ids(session: Session, names: Sequence[str]) -> Sequence[Booking]:
    """The row of a meeting that an older version kept without the facts of its ids; they are made of what the row says.

    Journeys know those meetings by their first id.
    """
    query = select(Booking).where(or_(Booking.uid.in_(names), Booking.current_uid.in_(names))).order_by(Booking.id)
    rows = session.scalars(locked(query, Booking)).all()
    for row in rows:
        for uid in dict.fromkeys((row.uid, row.current_uid)):
            facts: dict[str, Any] = {} if uid == row.current_uid else {STANDING: [stamp(row.said_at), BOOKED]}
            if uid == row.current_uid:
                columns = {name: getattr(row, name) for name in ("email", "name", "phone", "title", "time_zone", "meeting_url")}
                columns |= {name: at.isoformat() for name in ("start_at", "end_at") if (at := getattr(row, name)) is not None}
                status = {CANCELLED_STATUS: CANCELLED_STATUS}.get(row.status, BOOKED)
                columns |= {STANDING: status, FOLLOWS: row.uid if row.uid != uid else None}
                columns[ABSENT + digest("")] = True if row.status == NO_SHOW_STATUS else None
                facts = {name: [stamp(row.said_at), value] for name, value in columns.items() if value is not None}
            session.add(BookingUid(uid=uid, booking_id=row.id, facts=facts))
        row.instance = row.instance or row.uid
    session.flush()
    return rows


def _stayed_away(facts: Mapping[str, Any], email: str | None) -> bool:
    """Whether the person who booked stayed away. Guests do not count; without an address any person reported does."""
    named = facts.get(f"{ABSENT}{digest(email)}") if email else None
    if named is not None:
        return bool(named[1])
    nameless = [
        value for name, value in facts.items() if name.startswith(ABSENT) and (not email or name == ABSENT + digest(""))
    ]
    return any(away for _at, away in nameless)


def _phone(text: Any) -> str | None:
    return e164(text, get_settings().default_phone_region) if text else None


def _zone(name: Any) -> str | None:
    """The time zone of that name; None where there is none. Cal.com passes on whatever the browser sends."""
    try:
        return ZoneInfo(name).key if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _moment(text: Any) -> datetime | None:
    return instant(text) if isinstance(text, str) else None


__all__ = ["Chain", "newest_first", "of_event", "of_row"]
