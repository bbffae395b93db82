"""A request for a meeting, answered while its caller waits: the meeting, or what is wrong with the request. Uses SQL alone."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from functions.meetings import requests, services
from functions.meetings.requests import InvalidRequestError, MeetingRequest
from functions.meetings.settings import MeetingSettings
from functions.meetings.shown import shown
from functions.meetings.tables import Meeting
from shared import clock
from shared.crm import editing
from shared.intake.by_hand import Reply
from shared.settings import get_settings, settings_of
from shared.store.session import reading
from shared.store.types import key_of

FORCE = "force"


def answer(data: Mapping[str, Any], own_key: str | None = None) -> Reply:
    """Keep the request and look for a time.

    202 with the meeting, which may be confirmed a moment later; 409 with the existing one where the organizer has such a
    meeting within 7 days, unless `force` is true; 422 with the codes of what is wrong. `own_key` is the caller's key of the
    request: the same again is answered with the same meeting.
    """
    settings, began = settings_of(MeetingSettings), clock.now()
    zone = settings.meetings_time_zone or get_settings().default_time_zone
    try:
        wanted = requests.read(data, zone)
    except InvalidRequestError as error:
        return Reply(HTTPStatus.UNPROCESSABLE_ENTITY, _refused(error))
    key = key_of("meeting", own_key) if own_key else uuid.uuid4().hex
    is_forced = requests.is_true(data.get(FORCE))
    try:
        number = editing.committed(lambda session: services.ask(session, wanted, key, began, force=is_forced).id)
    except services.DuplicateMeetingError as error:
        return Reply(HTTPStatus.CONFLICT, _duplicate(error, wanted))
    return Reply(HTTPStatus.ACCEPTED, _body(number, wanted))


def _body(number: int, wanted: MeetingRequest) -> dict[str, Any]:
    with reading() as session:
        meeting = session.get_one(Meeting, number)
        return {"success": True, "meeting": shown(meeting), "errors": [], "warnings": list(wanted.warnings)}


def _duplicate(error: services.DuplicateMeetingError, wanted: MeetingRequest) -> dict[str, Any]:
    with reading() as session:
        existing = shown(session.get_one(Meeting, error.meeting_id))
    return {
        "success": False,
        "errors": ["similar_meeting_found"],
        "warnings": list(wanted.warnings),
        "existing_meeting": existing,
        "message": str(error.detail),
    }


def _refused(error: InvalidRequestError) -> dict[str, Any]:
    return {"success": False, "errors": list(error.errors), "warnings": list(error.warnings)}
