"""The facts that a calendar has reported under one of its ids: the newest value of each, with its time.

Stored in `BookingUid.facts` as `{name: [time, value]}`. Keeping a fact again changes nothing, and of two values the newer one
stays in whatever order they come.
"""

import json
from datetime import datetime
from typing import Any

from functions.bookings.payloads import CANCELLED, ENDED, NO_SHOW, REJECTED, REQUESTED, BookingEvent
from functions.bookings.tables import BookingUid
from shared import clock
from shared.intake.fields import EARLIEST
from shared.store.types import key_of

BOOKED, CANCELLED_STATUS, NO_SHOW_STATUS, ENDED_STATUS = "booked", "cancelled", "no-show", "ended"
REQUESTED_STATUS = "requested"
NOT_STANDING = (CANCELLED_STATUS, REQUESTED_STATUS)
# Names under which facts are stored; they must not change.
STANDING, FOLLOWS, END_REPORTED, ABSENT, RECEIVED, DESCRIBED = "standing", "follows", "ended", "absent:", "heard:", "described"
WANTS, SERIES, SERIES_OFF = "wants", "series", "series-off"  # what a request will follow; a repeated meeting, and its end
ATTENDEE = ("email", "name", "first_name", "phone", "time_zone", "locale", "lead_ref")
DETAILS = (*ATTENDEE, "title", "start_at", "end_at", "meeting_url", "page", "change_url", "cancel_url")


def take_in(record: BookingUid, event: BookingEvent, at: datetime) -> bool:
    """Keep each fact of an event that is the newest of its name; whether any was. `at` is when the event happened.

    Reports of absence and of the end repeat facts from a stored copy: those never replace a fact that came with an event
    about the booking itself. What a request would take the place of stays as it is until the request is decided upon.
    """
    is_request = event.trigger == REQUESTED
    dated: dict[str, Any] = {STANDING: _standing(event), WANTS if is_request else FOLLOWS: event.previous}
    dated |= {SERIES: event.series, SERIES_OFF: _series_off(event)}
    dated[END_REPORTED] = True if event.trigger == ENDED or event.has_ended else None
    dated[DESCRIBED] = True if event.trigger == NO_SHOW and event.start_at is not None else None
    dated |= {f"{ABSENT}{digest(email)}": away for email, away in event.absent.items()}
    payload = event.model_dump(mode="json", include=set(DETAILS))
    of_details = EARLIEST if event.trigger in (NO_SHOW, ENDED) else at
    facts = dict(record.facts)
    changed = [keep(facts, name, value, at) for name, value in dated.items()]
    changed += [keep(facts, name, payload[name], of_details) for name in DETAILS]
    if STANDING in facts and WANTS in facts:
        changed.append(keep(facts, FOLLOWS, facts[WANTS][1], instant(facts[WANTS][0])))
    received = [keep(facts, name, payload["start_at"] or "", at) for name in _received(event)]
    if any(changed) or any(received):
        record.facts = facts
    return any(changed)


def keep(facts: dict[str, Any], name: str, value: Any, at: datetime) -> bool:
    """Let a fact's value, true from `at`, replace an older one. Of two at the same instant one wins in every order."""
    if value is None:
        return False
    new, old = [stamp(at), value], facts.get(name)
    if old is not None and (old[0], json.dumps(old[1])) >= (new[0], json.dumps(value)):
        return False
    facts[name] = new
    return True


def digest(email: str) -> str:
    """The form in which an address is part of a fact's name."""
    return key_of(email)[:16]


def stamp(at: datetime) -> str:
    """A time whose texts sort as the times do."""
    return clock.as_utc(at).isoformat(timespec="microseconds")


def stamp_of(record: BookingUid, name: str) -> str:
    """When the fact of that name is from; empty where it is not known."""
    return str(record.facts.get(name, ("", None))[0])


def instant(text: str) -> datetime:
    """The time that `stamp` wrote."""
    return clock.as_utc(datetime.fromisoformat(text))


def _received(event: BookingEvent) -> list[str]:
    """The names under which the row records that this event came: notes in Kommo are written about every event."""
    if event.trigger != NO_SHOW:
        return [f"{RECEIVED}{event.trigger}"]
    return [f"{RECEIVED}{NO_SHOW}:{digest(email)}:{'away' if away else 'there'}" for email, away in event.absent.items()]


def _standing(event: BookingEvent) -> str | None:
    if event.trigger in (NO_SHOW, ENDED, REQUESTED):
        return None
    return CANCELLED_STATUS if event.trigger in (CANCELLED, REJECTED) else BOOKED


def _series_off(event: BookingEvent) -> Any:
    """Which bookings of the series a cancellation calls off: those that begin at these times, or (no times) all to come."""
    if event.off_at:
        return [stamp(moment) for moment in event.off_at if moment is not None]
    return [] if event.ends_series else None


__all__ = ["digest", "instant", "keep", "stamp", "stamp_of", "take_in"]
