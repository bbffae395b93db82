"""Enrols a person in a sequence: once for its source event, and not where a later stage of theirs has ended it already."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings.tables import Booking
from functions.christmas import kinds, notion_sync, segments, variables
from functions.christmas.kinds import SequenceKind
from functions.christmas.tables import SOURCE_LENGTH, MailSequence, SequenceContact
from functions.christmas.texts import texts
from functions.leads import persons
from shared import clock
from shared.journeys import beginnings, engine, load
from shared.journeys.enrolment_records import Standing
from shared.journeys.taking_over import TakenOver
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent
from shared.store.journey_models import Enrolment
from shared.store.types import fitting, key_of

log = logging.getLogger("puente.sequences")

APPLIED, DUPLICATE, IN_IT_ALREADY, OUTRUN = "applied", "duplicate-sequence", "already-in-sequence", "later-stage"


@dataclass(frozen=True, kw_only=True)
class Start:
    """Why somebody enters. `source` names the event that is behind it; `data` goes to the journey besides the variables.

    `taken_over`: another system has begun the sequence; Notion has its row already.
    """

    kind: SequenceKind
    source: str
    at: datetime
    facts: Mapping[str, Any]
    segment: str = segments.OPTIMIZE
    data: Mapping[str, Any] = field(default_factory=dict)
    taken_over: TakenOver | None = None


def begin(session: Session, contact: SequenceContact, start: Start, event_key: str) -> tuple[str, MailSequence | None]:
    """Put a person, whose row is locked, into a sequence: what came of it, and the sequence where there is a new one.

    "applied"; "duplicate-sequence", this event has done so before; "already-in-sequence", the journey takes them in only once
    at a time; "later-stage", they are beyond it, so it is recorded and ended with that reason, and nothing is sent.
    """
    row = _recorded(session, contact, start, event_key)
    if row is None:
        return DUPLICATE, None
    data = _data(session, contact, start)
    signal(session, contact.email, start.kind.event, data, event_key, start.at, taken_over=start.taken_over)
    query = select(Enrolment).where(Enrolment.event_key == event_key[:64], Enrolment.journey == start.kind.journey)
    enrolment = session.scalars(query).one_or_none()
    if enrolment is None:
        session.delete(row)
        session.flush()
        return IN_IT_ALREADY, None
    row.enrolment_id = enrolment.id
    reason = _outrun_by(session, contact, start)
    if reason is not None:
        engine.exit(session, enrolment.id, reason)
    if start.taken_over is None:
        notion_sync.ask_sequence(session, row)
    return (APPLIED if enrolment.state != Standing.EXITED else OUTRUN), row


def signal(
    session: Session,
    email: str,
    event: str,
    data: Mapping[str, Any],
    event_key: str,
    at: datetime,
    *,
    taken_over: TakenOver | None = None,
) -> None:
    """Signal an event to the journeys of a person, by all their names; request Notion's sync of the sequences it changes."""
    names = persons.names_of(session, email=email)
    touched = engine.signal(session, event, names, data, event_key=event_key, at=at, taken_over=taken_over)
    if touched:
        for row in session.scalars(
            select(MailSequence).where(MailSequence.enrolment_id.in_(touched)).order_by(MailSequence.id)
        ):
            notion_sync.ask_sequence(session, row)


def zone_of(time_zone: str | None) -> str:
    """The zone if there is one of that name, else DEFAULT_TIME_ZONE."""
    try:
        return ZoneInfo(time_zone).key if time_zone else get_settings().default_time_zone
    except (ValueError, OSError):
        return get_settings().default_time_zone


def newest_assessment(session: Session, contact: SequenceContact) -> Mapping[str, Any]:
    """The facts of a person's newest assessment; nothing where there is none."""
    theirs = (MailSequence.contact_id == contact.id, MailSequence.type == kinds.FIVE_DAY.type)
    query = select(MailSequence).where(*theirs).order_by(MailSequence.started_at.desc(), MailSequence.id.desc()).limit(1)
    row = session.scalars(query).one_or_none()
    found: Mapping[str, Any] = row.facts if row is not None else {}
    return found


def _recorded(session: Session, contact: SequenceContact, start: Start, event_key: str) -> MailSequence | None:
    """The new row; None where its key is taken."""
    session.flush()
    source = fitting(start.source, SOURCE_LENGTH)
    key = key_of(contact.email, start.kind.type, start.source)
    values = {
        "key": key,
        "contact_id": contact.id,
        "email": contact.email,
        "type": start.kind.type,
        "source_event": source,
        "event_key": event_key[:64],
        "segment": start.segment,
        "facts": dict(start.facts),
        "started_at": clock.as_utc(start.at),
    }
    if not insert_if_absent(session, MailSequence, "key", values):
        return None
    return session.scalars(select(MailSequence).where(MailSequence.key == key)).one()


def _data(session: Session, contact: SequenceContact, start: Start) -> dict[str, Any]:
    zone = zone_of(start.data.get("time_zone"))
    known = variables.of_person(contact, newest_assessment(session, contact), texts(), zone)
    given = {name: value for name, value in start.data.items() if value is not None}
    return known | {"email": contact.email, "locale": get_settings().default_locale} | given


def _outrun_by(session: Session, contact: SequenceContact, start: Start) -> str | None:
    """The event that ends the journey, where a meeting booked before is not cancelled. The engine knows later ones."""
    ways_out = load.journey(start.kind.journey).exit_on
    ends = any(beginnings.fits(way_out, kinds.BOOKED, {"over": False}) for way_out in ways_out)
    return kinds.BOOKED if ends and _is_booked(session, contact) else None


def _is_booked(session: Session, contact: SequenceContact) -> bool:
    """Whether a meeting with them is still to come, in whichever calendar."""
    theirs = (Booking.email == contact.email, Booking.status == "booked", Booking.start_at > clock.now())
    return session.scalars(select(Booking.id).where(*theirs).limit(1)).first() is not None
