"""Builds a booking from the calendar's events about each of its ids. The result is the same in whatever order events arrive.

A calendar gives a rescheduled meeting a new id and names the old one. Events come twice and in any order, also about an id
whose connection with the others is not known yet. So each id's row (`BookingUid`) keeps the newest value of each fact with its
time; ids that turn out to belong to one meeting are moved to one row; and that row (`Booking`) is computed anew from them:

    the newest id        the one at the end of the chain: its facts count, and older ids fill in the facts that it lacks
    cancelled            its newest event is a cancellation or rejection
    no-show              else, where the newest report of absence says that the person who booked stayed away
    ended                else, where the calendar has reported the meeting's end
    booked               else

A reported end does not undo a cancellation: calendars have been seen to report the end of meetings that nobody held.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings.payloads import CANCELLED, ENDED, NO_SHOW, REJECTED, BookingEvent
from functions.bookings.tables import Booking, BookingUid
from shared import clock
from shared.crm.people import e164
from shared.intake.fields import EARLIEST
from shared.settings import get_settings
from shared.store.dialect import locked
from shared.store.types import key_of

BOOKED, CANCELLED_STATUS, NO_SHOW_STATUS, ENDED_STATUS = "booked", "cancelled", "no-show", "ended"
# Names under which facts are stored in `BookingUid.facts`; they must not change.
STANDING, FOLLOWS, END_REPORTED, ABSENT, RECEIVED = "standing", "follows", "ended", "absent:", "heard:"
ATTENDEE = ("email", "name", "first_name", "phone", "time_zone", "locale", "lead_ref")
DETAILS = (*ATTENDEE, "title", "start_at", "end_at", "meeting_url", "page")


@dataclass
class Chain:
    """A booking with the facts of each of its ids, the newest id first; `absorbed` are rows that were merged into it."""

    booking: Booking
    uids: list[BookingUid]
    absorbed: list[tuple[str | None, str]] = field(default_factory=list)  # (instance, status) as they were

    def known(self, fact: str) -> Any:
        """The value of a fact at the newest id that has it; None where none has it."""
        return next((one.facts[fact][1] for one in self.uids if fact in one.facts), None)

    @property
    def is_certain(self) -> bool:
        """Whether the booking itself, or its end, was reported; a report of absence alone does not describe the meeting."""
        return any(STANDING in one.facts or END_REPORTED in one.facts for one in self.uids)

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
        row.said_at = max((_instant(at) for at in times), default=row.said_at)

    def _status(self) -> str:
        newest = self.uids[0].facts
        standing = next((one.facts[STANDING][1] for one in self.uids if STANDING in one.facts), BOOKED)
        if standing == CANCELLED_STATUS:
            return CANCELLED_STATUS
        if _stayed_away(newest, self.known("email")):
            return NO_SHOW_STATUS
        return ENDED_STATUS if END_REPORTED in newest else BOOKED


def of_event(session: Session, event: BookingEvent, at: datetime) -> Chain:
    """The booking that an event is about, locked until the transaction ends; new if need be, merged from several rows."""
    names = [name for name in (event.booking, event.follows) if name is not None]
    query = select(BookingUid).where(BookingUid.uid.in_(sorted(names)))
    found = session.scalars(locked(query, BookingUid)).all()
    rows = _held(session, {one.booking_id for one in found})
    if rows:
        chain = _joined(session, rows)
    else:
        booking = Booking(calendar=event.calendar, uid=names[-1], current_uid=names[0], said_at=at)
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


def of_row(session: Session, booking: Booking) -> Chain:
    """A booking with the facts of each of its ids."""
    return _joined(session, [booking])


def take_in(chain: Chain, event: BookingEvent, at: datetime) -> bool:
    """Keep each fact of an event that is the newest of its name; whether any was. `at` is when the event happened.

    Reports of absence and of the end repeat facts from a stored copy: those never replace a fact that came with an event
    about the booking itself.
    """
    (record,) = [one for one in chain.uids if one.uid == event.booking]
    dated = {STANDING: _standing(event), FOLLOWS: event.follows, END_REPORTED: True if event.trigger == ENDED else None}
    dated |= {f"{ABSENT}{digest(email)}": away for email, away in event.absent.items()}
    payload = event.model_dump(mode="json", include=set(DETAILS))
    details = {name: payload[name] for name in DETAILS}
    of_details = EARLIEST if event.trigger in (NO_SHOW, ENDED) else at
    facts = dict(record.facts)
    changed = [_keep(facts, name, value, at) for name, value in dated.items()]
    changed += [_keep(facts, name, value, of_details) for name, value in details.items()]
    received = [_keep(facts, name, payload["start_at"] or "", at) for name in _received(event)]
    if any(changed) or any(received):
        record.facts = facts
    return any(changed)


def _received(event: BookingEvent) -> list[str]:
    """The names under which the row records that this event came: notes in Kommo are written about every event."""
    if event.trigger != NO_SHOW:
        return [f"{RECEIVED}{event.trigger}"]
    return [f"{RECEIVED}{NO_SHOW}:{digest(email)}:{'away' if away else 'there'}" for email, away in event.absent.items()]


def digest(email: str) -> str:
    """The form in which an address is part of a fact's name."""
    return key_of(email)[:16]


def newest_first(uids: Iterable[BookingUid]) -> list[BookingUid]:
    """The ids of one meeting, the newest first: each before the one it follows; ids without such a link by their times."""
    records = {one.uid: one for one in uids}
    return sorted(records.values(), key=lambda one: (_depth(one, records), _stamp_of(one, STANDING), one.uid), reverse=True)


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
    absorbed = [(row.instance, row.status) for row in others]
    for row in others:
        session.delete(row)
    session.flush()  # before the row that stays takes the ids of those deleted
    return Chain(kept, newest_first(uids), absorbed)


def _held(session: Session, ids: Iterable[int]) -> Sequence[Booking]:
    query = select(Booking).where(Booking.id.in_(sorted(ids)))
    return session.scalars(locked(query, Booking)).all() if ids else ()


def _keep(facts: dict[str, Any], name: str, value: Any, at: datetime) -> bool:
    """Let a fact's value, true from `at`, replace an older one. Of two at the same instant one wins in every order."""
    if value is None:
        return False
    new, old = [_stamp(at), value], facts.get(name)
    if old is not None and (old[0], json.dumps(old[1])) >= (new[0], json.dumps(value)):
        return False
    facts[name] = new
    return True


def _standing(event: BookingEvent) -> str | None:
    if event.trigger in (NO_SHOW, ENDED):
        return None
    return CANCELLED_STATUS if event.trigger in (CANCELLED, REJECTED) else BOOKED


def _stayed_away(facts: Mapping[str, Any], email: str | None) -> bool:
    """Whether the person who booked stayed away. Guests do not count; without an address any person reported does."""
    named = facts.get(f"{ABSENT}{digest(email)}") if email else None
    if named is not None:
        return bool(named[1])
    nameless = [
        value for name, value in facts.items() if name.startswith(ABSENT) and (not email or name == ABSENT + digest(""))
    ]
    return any(away for _at, away in nameless)


def _stamp_of(record: BookingUid, name: str) -> str:
    return str(record.facts.get(name, ("", None))[0])


def _stamp(at: datetime) -> str:
    """A time whose texts sort as the times do."""
    return clock.as_utc(at).isoformat(timespec="microseconds")


def _instant(stamp: str) -> datetime:
    return clock.as_utc(datetime.fromisoformat(stamp))


def _phone(text: Any) -> str | None:
    return e164(text, get_settings().default_phone_region) if text else None


def _zone(name: Any) -> str | None:
    """The time zone of that name; None where there is none. Cal.com passes on whatever the browser sends."""
    try:
        return ZoneInfo(name).key if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _moment(text: Any) -> datetime | None:
    return _instant(text) if isinstance(text, str) else None


__all__ = ["Chain", "digest", "newest_first", "of_event", "of_row", "take_in"]
