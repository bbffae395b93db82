"""Notifies journeys and Kommo of a booking: they get the difference between its previous state and its state now.

Journeys know a meeting by a name of its own (`Booking.instance`), so that a confirmation, a reminder and a survey belong to one
meeting whatever ids the calendar gives it. A meeting that is booked anew after it was cancelled, missed or over is another one:
it gets a new name, and with it a confirmation of its own.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote, urlsplit

from sqlalchemy.orm import Session

from functions.bookings import people
from functions.bookings.chain import Chain
from functions.bookings.facts import BOOKED, CANCELLED_STATUS, ENDED_STATUS, NO_SHOW_STATUS, RECEIVED, digest
from functions.bookings.payloads import CALCOM, CANCELLED, CREATED, ENDED, NO_SHOW, REJECTED, RESCHEDULED
from functions.bookings.tables import INSTANCE_LENGTH, Booking
from functions.leads import notes, persons, services
from functions.leads.tables import Lead
from shared import clock
from shared.crm.people import email_name
from shared.journeys import engine
from shared.settings import get_settings
from shared.store.types import key_of

CALENDAR_PAGE = "https://app.cal.com"
OVER = (NO_SHOW_STATUS, ENDED_STATUS)
NOTES = {
    CREATED: "booking_created",
    RESCHEDULED: "booking_rescheduled",
    CANCELLED: "booking_cancelled",
    REJECTED: "booking_cancelled",
    ENDED: "booking_ended",
}


@dataclass(frozen=True)
class BookingBefore:
    """The state of a booking before the event: what journeys and the lead know of it."""

    instance: str | None
    status: str
    current_uid: str
    start_at: datetime | None
    lead_id: int | None

    @classmethod
    def of(cls, booking: Booking) -> Self:
        """The state of the booking now."""
        return cls(booking.instance, booking.status, booking.current_uid, booking.start_at, booking.lead_id)

    @property
    def is_known(self) -> bool:
        """Whether journeys know the meeting and it is not cancelled."""
        return self.instance is not None and self.status != CANCELLED_STATUS

    def is_moved(self, booking: Booking) -> bool:
        """Whether it has another date now, or another id of the calendar."""
        return self.start_at not in (None, booking.start_at) or self.current_uid != booking.current_uid


@dataclass
class _Notifier:
    session: Session
    people: list[str]
    event_key: str
    facts: dict[str, Any] = field(default_factory=dict)

    def signal(self, event: str, instance: str | None, **more: Any) -> None:
        """Signal an event about the meeting of that name, as of now: the row holds the newest state of the meeting."""
        data = self.facts | {"booking_uid": instance} | more
        engine.signal(self.session, event, self.people, data, event_key=self.event_key, at=clock.now())


def notify(session: Session, chain: Chain, before: BookingBefore, event_key: str) -> None:
    """Signal to journeys what has changed in a booking since `before`. Without a change nothing is signalled."""
    booking = chain.booking
    if not chain.is_certain:
        return
    notifier = _Notifier(session, _people(session, chain, before), event_key, variables(chain))
    gone = [instance for instance, status in chain.absorbed if instance is not None and status != CANCELLED_STATUS]
    is_known = before.is_known
    if is_known and (booking.status == CANCELLED_STATUS or _is_another(booking, before)):
        gone, is_known = [str(before.instance), *gone], False
    if booking.status == CANCELLED_STATUS and before.instance is None and not chain.absorbed and _was_booked(chain):
        # Its cancellation came first. Who has booked leaves what a booking ends, in whatever order the two events arrive.
        booking.instance = _name(booking, before)
        notifier.signal("booking.created", booking.instance)
        gone.append(booking.instance)
    if booking.status != CANCELLED_STATUS:
        if not is_known:
            booking.instance = _name(booking, before)
            # Journeys know it already where it was merged in under this name: that one goes on.
            gone = [instance for instance in gone if instance != booking.instance]
        if not is_known or before.lead_id != booking.lead_id:
            notifier.signal(
                "booking.created", booking.instance
            )  # again, so that it reaches journeys of a lead that was found later
        _signal_changes(notifier, booking, before if is_known else None)
    for instance in gone:  # last: a journey that a meeting suspends must not resume in between
        notifier.signal("booking.cancelled", instance)


def _was_booked(chain: Chain) -> bool:
    return any(f"{RECEIVED}{trigger}" in one.facts for one in chain.uids for trigger in (CREATED, RESCHEDULED))


def _signal_changes(notifier: _Notifier, booking: Booking, before: BookingBefore | None) -> None:
    """Signal what has changed in a meeting that journeys know; `before` is None where its booking was signalled just now."""
    was, now = before.status if before else BOOKED, booking.status
    if was == NO_SHOW_STATUS and now != NO_SHOW_STATUS:
        notifier.signal("booking.attended", booking.instance)
    if before is not None:
        notifier.signal("booking.rescheduled" if before.is_moved(booking) else "booking.changed", booking.instance)
    if now == ENDED_STATUS and was != ENDED_STATUS:
        notifier.signal("booking.ended", booking.instance)
    if now == NO_SHOW_STATUS and was != NO_SHOW_STATUS:
        notifier.signal("booking.noshow", booking.instance)


def variables(chain: Chain) -> dict[str, Any]:
    """The variables of a booking for journeys and their templates. A value that is unknown or not configured is left out."""
    booking, settings = chain.booking, get_settings()
    lead = _own_lead(booking)
    known = services.variables(lead) if lead is not None else services.links(None)
    of_settings = {name: getattr(settings, name) for name in ("booking_url", "resource_url", "survey_url")}
    start, end = booking.start_at, booking.end_at
    own = {
        "calendar": booking.calendar,
        "email": booking.email,
        "phone": booking.phone,
        "refused_channels": {} if booking.phone else None,  # those of the lead are about the lead's number
        "name": booking.name,
        "first_name": chain.known("first_name") or _first_name(booking),
        "time_zone": booking.time_zone,
        "locale": chain.known("locale"),
        "start_at": start.isoformat() if start else None,
        "starts_at": start.isoformat() if start else None,
        "end_at": end.isoformat() if end else None,
        **_links(chain),
        "meeting_title": booking.title,
        "over": booking.status in OVER or (start is not None and start <= clock.now()),
    }
    found = of_settings | known | {name: value for name, value in own.items() if value is not None}
    return {name: value for name, value in found.items() if value != ""}


def note(session: Session, chain: Chain) -> int:
    """Enqueue a note in Kommo about every event of the booking, each once; how many are new.

    About all of them, because the lead may become known after the events. A late event's note bears the event's own time.
    """
    booking = chain.booking
    if booking.lead_id is None:
        return 0
    made = 0
    for one in reversed(chain.uids):
        for fact, (at, start) in one.facts.items():
            name = _note_name(fact, booking.email)
            if name is not None:
                key, variables = f"booking:{name}:{one.uid}", {"start_at": start or None}
                made += notes.enqueue(session, booking.lead_id, name, variables, key, at=datetime.fromisoformat(at))
    return made


def _note_name(fact: str, email: str | None) -> str | None:
    """The name of the note about an event that came; None for a fact that records no event, and for the absence of guests."""
    trigger, _, absence = fact.removeprefix(RECEIVED).partition(":")
    if not fact.startswith(RECEIVED) or trigger != NO_SHOW:
        return NOTES.get(trigger) if fact.startswith(RECEIVED) else None
    attendee, _, where = absence.partition(":")
    if email is not None and attendee not in (digest(email), digest("")):
        return None
    return "booking_noshow" if where == "away" else "booking_attended"


def _is_another(booking: Booking, before: BookingBefore) -> bool:
    """Whether a meeting that was over has been booked anew, which makes it another one."""
    return before.status in OVER and booking.status == BOOKED and booking.current_uid != before.current_uid


def _name(booking: Booking, before: BookingBefore) -> str:
    """A name for the meeting that none of this booking's has had: its first id, then the newest one, then that with a time."""
    if before.instance is None:
        return booking.uid
    if booking.current_uid not in (before.instance, booking.uid):
        return booking.current_uid
    name = f"{booking.current_uid}@{booking.said_at:%Y%m%dT%H%M%S.%f}"
    return name if len(name) <= INSTANCE_LENGTH else key_of(name)


def _people(session: Session, chain: Chain, before: BookingBefore) -> list[str]:
    """Every name by which the person may be in a journey, the lead's first; the booking's own where there is no other."""
    booking = chain.booking
    names = persons.names_of(session, email=booking.email, lead_id=booking.lead_id)
    names += [email_name(email) for email in chain.emails()]
    names += [persons.lead_key(before.lead_id)] if before.lead_id is not None else []
    return list(dict.fromkeys([*names, people.name_of(booking)]))


def _first_name(booking: Booking) -> str | None:
    """From the attendee's name, else the lead's, else the address, so that a text always has a name to use."""
    lead = _own_lead(booking)
    name = booking.name or (lead.name if lead is not None else None) or (booking.email or "").partition("@")[0]
    return services.first_name(name) if name else None


def _own_lead(booking: Booking) -> Lead | None:
    """The lead, where it is the person who booked: by the address, or because the booking says nothing of a person.

    A booking may carry the number of somebody else's lead (a link that was passed on). Its messages then go only to addresses
    given with the booking itself, and never to a phone of that lead.
    """
    lead = booking.lead
    return lead if lead is not None and booking.email in (None, lead.email) else None


def _links(chain: Chain) -> dict[str, str | None]:
    """Where the meeting takes place, and where it can be moved or cancelled. Calendly gives all of them, if it gives any."""
    booking = chain.booking
    given = {
        "meeting_url": booking.meeting_url,
        "reschedule_url": chain.known("change_url"),
        "cancel_url": chain.known("cancel_url"),
    }
    if booking.calendar != CALCOM:
        return given
    page = chain.known("page") or _page(get_settings().booking_url)
    uid = quote(chain.uids[0].meeting or booking.current_uid, safe="")  # a seat's own id is ours, not Cal.com's
    shown = f"{page}/booking/{uid}"
    usual = {"meeting_url": shown, "reschedule_url": f"{page}/reschedule/{uid}", "cancel_url": f"{shown}?cancel=true"}
    return usual | {name: link for name, link in given.items() if link}


def _page(booking_url: str) -> str:
    """The address under which the calendar's own pages are: that of our booking page."""
    parts = urlsplit(booking_url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else CALENDAR_PAGE
