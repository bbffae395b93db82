"""The page behind the link of somebody who takes part: choose an option, move, decline or cancel. Texts are in `templates/`.

Showing it changes nothing: mail programs and gateways open links. What a button posts is done once, however often it comes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy.orm import Session

from functions.meetings import holding, links, services, values
from functions.meetings.links import ORGANIZER, Participant
from functions.meetings.tables import Meeting, MeetingAttendee
from shared import clock
from shared.crm import editing
from shared.errors import RefusedError
from shared.messages import templates
from shared.store.session import reading
from shared.vendors.calendars.entries import DECLINED

PAGE, REFUSED = "reunion_pagina", "reunion_error"
SHOWN = "shown"


def shown(token: str) -> str:
    """The meeting with what its reader can do. Changes nothing.

    Raises:
        RefusedError: 403, the link is not ours; 404, the meeting is removed; 503, no secret is configured.
    """
    whose = links.read(token)
    with reading() as session:
        meeting = session.get(Meeting, whose.meeting_id)
        return _written(_existing(meeting, whose), whose, SHOWN)


def answer(token: str, form: bytes) -> str:
    """Do what the form says (`do`: choose with `start`, move, decline or cancel), and show what has become of the meeting.

    Raises:
        RefusedError: as `shown`; 400, the form says nothing that can be done.
    """
    whose = links.read(token)
    fields = {name: values[-1] for name, values in parse_qs(form.decode(errors="replace"), max_num_fields=20).items()}

    def work(session: Session) -> str:
        meeting = _existing(holding.locked_meeting(session, whose.meeting_id), whose)
        outcome = _done(session, meeting, whose, fields)
        session.flush()
        return _written(meeting, whose, outcome)

    return editing.committed(work)


def refusal(reason: str) -> str:
    """Why nothing was done."""
    return templates.page(REFUSED, {"reason": reason})


def _existing(meeting: Meeting | None, whose: Participant) -> Meeting:
    """The meeting; a link of somebody whose data was erased leads nowhere. Raises RefusedError 404."""
    is_known = meeting is not None and (whose.attendee_id == ORGANIZER or _attendee(meeting, whose) is not None)
    if meeting is None or not is_known:
        raise RefusedError(404, "no-such-meeting", "What this link was about is removed.")
    return meeting


def _done(session: Session, meeting: Meeting, whose: Participant, fields: Mapping[str, str]) -> str:
    wanted = fields.get("do", "")
    attendee = _attendee(meeting, whose)
    if _has_begun(meeting):
        return "closed"
    if wanted == "choose":
        return services.choose(session, meeting, _start(fields.get("start", "")), whose.name).outcome
    if wanted == "move":
        if meeting.status in holding.OVER or meeting.starts_at is None:
            return "closed"
        if meeting.asked_at is None and not meeting.options:  # pressed twice, options come once
            services.ask_again(session, meeting)
        return "asked"
    if wanted == "decline" and attendee is not None:
        return services.decline(session, meeting, attendee)
    if wanted == "cancel" and attendee is None:
        return "cancelled" if services.cancel(session, meeting, whose.name) else "same"
    raise RefusedError(400, "bad-form", "The form says nothing that can be done.")


def _start(text: str) -> datetime:
    """The beginning that a button stands for. Raises RefusedError 400."""
    try:
        return clock.as_utc(datetime.fromisoformat(text))
    except ValueError:
        raise RefusedError(400, "bad-form", "The form says nothing that can be done.") from None


def _attendee(meeting: Meeting, whose: Participant) -> MeetingAttendee | None:
    return next((one for one in meeting.attendees if one.id == whose.attendee_id), None)


def _has_begun(meeting: Meeting) -> bool:
    return meeting.starts_at is not None and meeting.starts_at <= clock.now()


def _written(meeting: Meeting, whose: Participant, outcome: str) -> str:
    attendee = _attendee(meeting, whose)
    ahead = [one for one in values.options_of(meeting) if one.start > clock.now()]
    is_coming = attendee is None or attendee.response != DECLINED
    is_open = meeting.status not in holding.OVER and is_coming and not _has_begun(meeting)
    shown: dict[str, Any] = {
        "outcome": outcome,
        "status": meeting.status,
        "subject": meeting.subject,
        "organizer": meeting.organizer,
        "people": [one.name or one.address for one in meeting.present],
        "minutes": meeting.minutes,
        "location": meeting.location,
        "description": meeting.description,
        "meeting_url": meeting.meeting_url or "",
        "time_zone": (attendee.zone if attendee else None) or meeting.zone,
        "starts_at": _iso(meeting.starts_at),
        "held_starts_at": _iso(meeting.held_starts_at),
        "is_searching": meeting.asked_at is not None and meeting.held_starts_at is None,
        "is_organizer": attendee is None,
        "is_coming": is_coming,
        "is_open": is_open,
        "options": [one.start.isoformat() for one in ahead] if is_open and meeting.held_starts_at is None else [],
    }
    return templates.page(PAGE, shown)


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
