"""What people are told of a meeting, by mail: options, the invitation, changes, the cancellation, reminders.

Who invites: the calendar, where there is one (it tells the attendees by itself, and a second invitation of ours would be a
second meeting to them); else we, with the invitation as a file. The organizer is told by us in both cases.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from functions.meetings import invitations, links
from functions.meetings.links import ORGANIZER, Participant
from functions.meetings.payloads import NOTICE
from functions.meetings.settings import MeetingSettings
from functions.meetings.syncs import IN_SLACK
from functions.meetings.tables import CANCELLED, CONFIRMED, Meeting, MeetingAttendee
from shared import clock
from shared.crm.people import email_name
from shared.messages import Message, enqueue
from shared.messages.attachments import Attachment
from shared.settings import settings_of
from shared.store.session import reading
from shared.vendors.calendars.entries import DECLINED

CONTEXT = NOTICE
OFFER, INVITATION, CANCELLATION, REMINDER = "offer", "invitation", "cancellation", "reminder"
NO_TIME, ANSWER = "no_time", "answer"
TEMPLATES = {
    OFFER: "reunion_opciones",
    INVITATION: "reunion_confirmada",
    CANCELLATION: "reunion_cancelada",
    REMINDER: "reunion_recordatorio",
    NO_TIME: "reunion_sin_horario",
    ANSWER: "reunion_respuesta",
}
NO_CALENDAR = "none"
LATE_REMINDER = timedelta(minutes=5)
CHANGED, ERASED, BEGUN = "meeting-changed", "erased", "meeting-begun"


def offer(session: Session, meeting: Meeting) -> None:
    """Send the options to those who are to choose.

    They are all who are invited, and the organizer where the meeting has a time already or their calendar could not be read.
    """
    everybody = [*meeting.present, None] if _concerns_organizer(meeting) else [*meeting.present]
    for attendee in everybody:
        _send(session, meeting, OFFER, attendee, f"offer:{meeting.rounds}", {"round": meeting.rounds})


def announce(session: Session, meeting: Meeting) -> None:
    """Tell everybody of the time that the meeting has, once for each change of it; and have them reminded of it."""
    if meeting.sequence > meeting.announced_sequence:
        invited = meeting.present if meeting.calendar == NO_CALENDAR else []
        for attendee in (*invited, None):
            _send(session, meeting, INVITATION, attendee, f"invitation:{meeting.sequence}", {"sequence": meeting.sequence})
        meeting.announced_sequence = meeting.sequence
        IN_SLACK.request(session, meeting)
    remind(session, meeting)


def remind(session: Session, meeting: Meeting) -> None:
    """Have everybody reminded before the meeting; doing it again for the same time plans nothing more.

    Of the moments that are over already only the one nearest to the meeting still counts: in five minutes, if it has not begun
    by then.
    """
    start, now = meeting.starts_at, clock.now()
    minutes = settings_of(MeetingSettings).meetings_reminder_minutes
    if start is None or not minutes:
        return
    for number in minutes:
        due_at = start - timedelta(minutes=number)
        if due_at <= now:
            due_at = now + LATE_REMINDER
            if number != min(minutes) or due_at >= start:
                continue
        for attendee in (*meeting.present, None):
            key, facts = f"reminder:{meeting.sequence}:{number}", {"sequence": meeting.sequence}
            _send(session, meeting, REMINDER, attendee, key, facts, due_at=due_at, not_after=start)


def cancelled(session: Session, meeting: Meeting) -> None:
    """Tell of the cancellation those who knew of the meeting."""
    knows_by_us = meeting.calendar == NO_CALENDAR or meeting.starts_at is None
    invited: Sequence[MeetingAttendee] = meeting.attendees if knows_by_us else ()
    for attendee in (*invited, None):
        _send(session, meeting, CANCELLATION, attendee, f"cancellation:{meeting.sequence}", {"sequence": meeting.sequence})
    if meeting.announced_sequence >= 0:
        IN_SLACK.request(session, meeting)


def no_time(session: Session, meeting: Meeting) -> None:
    """Tell the organizer that no time suits all."""
    _send(session, meeting, NO_TIME, None, f"no_time:{meeting.rounds}", {})


def declined(session: Session, meeting: Meeting, attendee: MeetingAttendee) -> None:
    """Tell the organizer that somebody does not come, and take the meeting out of that one's calendar where we put it in."""
    _send(session, meeting, ANSWER, None, f"declined:{attendee.id}:{meeting.sequence}", {"who": attendee.id})
    if meeting.calendar == NO_CALENDAR and meeting.starts_at is not None:
        key = f"declined:{meeting.sequence}"
        _send(session, meeting, CANCELLATION, attendee, key, {"sequence": meeting.sequence, "alone": True})


def may_send(session: Session, context: Mapping[str, Any]) -> str | None:
    """Why a notice must not go out now; None: it may. What it says must still be so."""
    meeting = session.get(Meeting, context[CONTEXT])
    if meeting is None:
        return ERASED
    attendee = _attendee(meeting, context)
    if context["attendee"] and attendee is None:
        return ERASED
    return None if _is_true(meeting, attendee, context) else CHANGED


def look_again(context: Mapping[str, Any]) -> str | None:
    """The same, outside a transaction, immediately before it goes out."""
    with reading() as session:
        return may_send(session, context)


def _is_true(meeting: Meeting, attendee: MeetingAttendee | None, context: Mapping[str, Any]) -> bool:
    kind = context["kind"]
    is_same = meeting.sequence == context.get("sequence")
    if kind == OFFER:
        return bool(meeting.options) and meeting.rounds == context["round"]
    if kind == INVITATION:
        return meeting.status == CONFIRMED and is_same
    if kind == REMINDER:
        has_begun = meeting.starts_at is None or meeting.starts_at <= clock.now()
        is_coming = attendee is None or attendee.response != DECLINED
        return meeting.status == CONFIRMED and is_same and is_coming and not has_begun
    if kind == CANCELLATION and not context.get("alone"):
        return meeting.status == CANCELLED
    return True


def variables(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the texts say, as it is now."""
    with reading() as session:
        meeting = session.get_one(Meeting, context[CONTEXT])
        attendee = _attendee(meeting, context)
    whose = Participant(meeting.id, context["attendee"])
    known = {
        "url": links.url(whose),
        "subject": meeting.subject,
        "organizer": meeting.organizer,
        "is_organizer": attendee is None,
        "people": [one.name or one.address for one in meeting.present],
        "minutes": meeting.minutes,
        "zone": _zone_of(meeting, attendee),
        "starts_at": _written(meeting.starts_at),
        "description": meeting.description,
        "location": meeting.location,
        "meeting_url": meeting.meeting_url or "",
        "options": [one["start"] for one in meeting.options or ()],
        "is_moved": meeting.sequence > 0,
        "is_moving": meeting.starts_at is not None,
        "is_alone": bool(context.get("alone")),
    }
    who = next((one for one in meeting.attendees if one.id == context.get("who")), None)
    return known | {"who": (who.name or who.address) if who else ""}


def files(context: Mapping[str, Any], at: datetime) -> Sequence[Attachment]:
    """The invitation or its cancellation as a file, where it is we who invite."""
    if context["kind"] not in (INVITATION, CANCELLATION):
        return ()
    with reading() as session:
        meeting = session.get(Meeting, context[CONTEXT])
        if meeting is None or meeting.calendar != NO_CALENDAR or meeting.starts_at is None or meeting.announced_sequence < 0:
            return ()
        only = _attendee(meeting, context) if context.get("alone") else None
        return [invitations.attachment(meeting, at, only)]


def _send(
    session: Session,
    meeting: Meeting,
    kind: str,
    attendee: MeetingAttendee | None,
    key: str,
    facts: Mapping[str, Any],
    *,
    due_at: datetime | None = None,
    not_after: datetime | None = None,
) -> None:
    to, number = (meeting.organizer, ORGANIZER) if attendee is None else (attendee.address, attendee.id)
    message = Message(
        person=email_name(to),
        channel="email",
        to=to,
        template=TEMPLATES[kind],
        dedupe_key=f"meeting:{meeting.id}:{key}:{number}",
        context={CONTEXT: meeting.id, "kind": kind, "attendee": number, **facts},
        due_at=due_at,
        not_after=not_after,
        window=False,
    )
    enqueue(session, message)


def _concerns_organizer(meeting: Meeting) -> bool:
    return meeting.starts_at is not None or bool(meeting.wishes.get("is_organizer_unknown"))


def _attendee(meeting: Meeting, context: Mapping[str, Any]) -> MeetingAttendee | None:
    return next((one for one in meeting.attendees if one.id == context["attendee"]), None)


def _zone_of(meeting: Meeting, attendee: MeetingAttendee | None) -> str:
    return meeting.zone if attendee is None else attendee.zone or meeting.zone


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
