"""Our bookings held against the calendars' own: bookings that no webhook told of, or whose state or time is another one.

    kind     | what it means                                        | filled with
    ---------|------------------------------------------------------|---------------------------------------
    missing  | the calendar has a booking that we do not know       | the event that its webhook would have been
    status   | it stands there and not here, or the other way round | the same
    start    | it begins at another time                            | the same

Every night the differences are counted and reported. They are filled on request (`dry_run` false): the events go on the
calendar's queue and are handled as if they had come as webhooks, so filling twice is as once, and newer events still win.

A page is compared at a time, and where the next begins is kept with the report, so that a comparison of any length goes on
where it stopped. The span of time stays that of the first page. What is booked meanwhile moves the pages on, so that a booking
at their seam may be compared twice, and none is passed over.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from functions.bookings import calcom, calcom_api, calendly, calendly_api
from functions.bookings.facts import CANCELLED_STATUS, NO_SHOW_STATUS, REQUESTED_STATUS
from functions.bookings.payloads import CALCOM, CALENDLY, CANCELLED, NO_SHOW, REJECTED, REQUESTED, BookingEvent
from functions.bookings.tables import Booking, BookingUid
from functions.bookings.triggers import CALENDLY as CALENDLY_WEBHOOK
from functions.bookings.triggers import QUEUE, WEBHOOK
from shared import clock, queues
from shared.crm import reconciliations
from shared.crm.reconcile import Report
from shared.crm.reconciliations import Goes
from shared.intake.envelope import Envelope, fingerprint
from shared.store.session import reading

BACK, AHEAD = timedelta(days=3), timedelta(days=90)

type Found = tuple[str, dict[str, Any]]
"""The type and the data of an event."""


def ask_nightly() -> int:
    """Ask for a comparison with each calendar whose API we may read; how many. They only report."""
    used = [(CALCOM, calcom_api.CALCOM_API), (CALENDLY, calendly_api.CALENDLY_API)]
    return reconciliations.ask_by_the_clock([name for name, client in used if client.is_used()], dry_run=True)


def with_calcom(report: Report, place: Goes | None, dry_run: bool) -> Goes | None:  # noqa: FBT001  # as `Comparison` has it
    """Compare the next page of Cal.com's bookings of meetings from three days ago on. Raises PuenteError."""
    place = place or {"since": (clock.now() - BACK).isoformat(), "page": 0}
    page = int(place["page"])
    found, is_last = calcom_api.bookings(datetime.fromisoformat(place["since"]), page)
    bodies = (body for booking in found for body in calcom_api.webhooks(booking))
    _compare(report, ((WEBHOOK.name, calcom.data_of(body, is_public=True)) for body in bodies), dry_run=dry_run)
    return None if is_last else {**place, "page": page + 1}


def with_calendly(report: Report, place: Goes | None, dry_run: bool) -> Goes | None:  # noqa: FBT001  # as `Comparison` has it
    """Compare the next page of Calendly's meetings, from three days ago to three months ahead. Raises PuenteError."""
    now = clock.now()
    place = place or {"since": (now - BACK).isoformat(), "until": (now + AHEAD).isoformat(), "token": None, "page": 0}
    since, until = datetime.fromisoformat(place["since"]), datetime.fromisoformat(place["until"])
    found, token = calendly_api.meetings(since, until, place["token"], int(place["page"]))
    _compare(report, _of_calendly(found), dry_run=dry_run)
    return None if token is None else {**place, "token": token, "page": int(place["page"]) + 1}


def _of_calendly(meetings: Iterable[Any]) -> Iterator[Found]:
    for meeting in meetings:
        for invitee in calendly_api.invitees(str(meeting.get("uri") or "")):
            is_off = invitee.get("status") == "canceled"
            names = [calendly.CALLED_OFF if is_off else calendly.BOOKED]
            names += [calendly.MISSED] if invitee.get("no_show") and not is_off else []
            for name in names:
                at = invitee.get("updated_at") or invitee.get("created_at")
                body = {"event": name, "created_at": at, "payload": {**invitee, "scheduled_event": meeting}}
                yield CALENDLY_WEBHOOK.name, calendly.data_of(body)


def _compare(report: Report, found: Iterable[Found], *, dry_run: bool) -> None:
    for name, data in found:
        event = BookingEvent.model_validate(data)
        if event.booking is None:
            continue
        report.compared += 1
        if (kind := _difference(event)) is None:
            report.in_step += 1
            continue
        starts = event.start_at.isoformat() if event.start_at else None
        example = {"booking": event.booking, "reported_as": event.trigger, "start": starts}
        report.add(kind, example)
        envelope = _envelope(name, event, data)
        if report.repairs is not None:
            facts = [kind, example]
            report.repairs.append(reconciliations.event_repair(QUEUE, envelope, facts, creates=kind == "missing"))
        if not dry_run:
            queues.send(QUEUE, envelope.to_bytes())
            report.repaired += 1


def _difference(event: BookingEvent) -> str | None:
    """In what way the calendar's booking is another one than ours; None where both say the same."""
    with reading() as session:
        query = select(Booking).join(BookingUid, BookingUid.booking_id == Booking.id).where(BookingUid.uid == event.booking)
        row = session.scalars(query).one_or_none()
    if row is None:
        return "missing"
    if row.current_uid != event.booking:
        return None  # another one has taken its place meanwhile, and is compared itself
    wanted = {CANCELLED: {CANCELLED_STATUS}, REJECTED: {CANCELLED_STATUS}, NO_SHOW: {NO_SHOW_STATUS, CANCELLED_STATUS}}
    if event.trigger in wanted:
        return None if row.status in wanted[event.trigger] else "status"
    if event.trigger == REQUESTED:
        return None
    if row.status in (CANCELLED_STATUS, REQUESTED_STATUS):
        return "status"
    return None if event.start_at in (None, row.start_at) else "start"


def _envelope(name: str, event: BookingEvent, data: dict[str, Any]) -> Envelope:
    """The event as if the calendar had sent it; the same booking in the same state is the same event."""
    received = clock.now()
    return Envelope(
        id=f"compared:{fingerprint(data)}",
        source=name.partition(".")[0],
        type=name,
        time=event.occurred_at() or received,
        received=received,
        subject=event.subject(),
        data=data,
    )


__all__ = ["ask_nightly", "with_calcom", "with_calendly"]
