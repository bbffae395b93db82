"""Google Calendar (API v3), by a service account that acts for the organizer.

An event has an id of our own, so that the same booking twice is one event. A deleted event keeps its id for ever: then the
next generation of the id is used. Google tells attendees only where it is asked to (`sendUpdates=all`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import uuid4
from zoneinfo import ZoneInfo

from functions.meetings.calendars import (
    CALLS,
    MOST_PAGES,
    READ_SECONDS,
    TARGET,
    Channel,
    EventDeletedError,
    NoSuchCalendarError,
    Seen,
    Written,
)
from functions.meetings.slots import Interval
from functions.meetings.tables import (
    ACCEPTED,
    DECLINED,
    NEEDS_ACTION,
    TENTATIVE,
    Meeting,
    MeetingAttendee,
    MeetingCalendar,
)
from shared import clock
from shared.errors import PermanentError, RetryableError
from shared.vendors import answers
from shared.vendors.google import google_client

SCOPE = "https://www.googleapis.com/auth/calendar"
EVENTS = "/calendars/primary/events"
MOST_CALENDARS = 50
MOST_GENERATIONS = 3
PAGE = 2500
OPEN_FOR = timedelta(days=6)
OURS = "puente"
_RESPONSES = {"needsAction": NEEDS_ACTION, "accepted": ACCEPTED, "declined": DECLINED, "tentative": TENTATIVE}
_WORDS = {ours: theirs for theirs, ours in _RESPONSES.items()}
_NOTIFYING = {"sendUpdates": "all", "conferenceDataVersion": "1"}

GOOGLE_CALENDAR = google_client(
    name="Google-Calendar",
    target=TARGET,
    address="google_calendar_base_url",
    scopes=(SCOPE,),
    ping_by="/calendars/primary",
    shows="id",
    read_seconds=READ_SECONDS,
    calls=CALLS,
)
UNKNOWN_SUBJECT = "google-calendar-unknown-subject"
CANCELLED = "cancelled"


class GoogleCalendar:
    """The calendars of a Workspace."""

    def busy(
        self, organizer: str, addresses: Sequence[str], spans: Sequence[Interval]
    ) -> Mapping[str, Sequence[Interval] | None]:
        """By freeBusy. A calendar with `errors` in the answer could not be read, though the answer is a 200."""
        found: dict[str, list[Interval] | None] = {one: [] for one in addresses}
        for span in spans:
            for first in range(0, len(addresses), MOST_CALENDARS):
                asked = addresses[first : first + MOST_CALENDARS]
                answer = self._free_busy(organizer, asked, span)
                for one in asked:
                    found[one] = _added(found[one], answer.get(one))
        return found

    def put(self, meeting: Meeting) -> Written:
        """Insert with our id, or change what differs, by the version that was read (`If-Match`)."""
        if meeting.calendar_event_id is not None:
            return self._changed(meeting, meeting.calendar_event_id, meeting.generation)
        for generation in range(meeting.generation, meeting.generation + MOST_GENERATIONS):
            event_id = id_of(meeting, generation)
            body = self._body(meeting, []) | {"id": event_id, "conferenceData": _conference(meeting)}
            response = _call(meeting.organizer, "POST", EVENTS, json=body, params=_NOTIFYING)
            if answers.is_good(response):
                return _written(answers.mapping(response, "inserting an event", repeatable=True), generation)
            if response.status_code != HTTPStatus.CONFLICT:
                raise _refusal(response, "inserting an event")
            known = self._get(meeting.organizer, event_id)
            if known is not None and known.get("status") != CANCELLED:
                return self._changed(meeting, event_id, generation)
        raise PermanentError("google-calendar-no-id", "every id of the event was used up")

    def drop(self, meeting: Meeting) -> None:
        """404 and 410 say that it is gone already."""
        event_id = meeting.calendar_event_id or id_of(meeting, meeting.generation)
        response = _call(meeting.organizer, "DELETE", f"{EVENTS}/{event_id}", params={"sendUpdates": "all"})
        if not answers.is_good(response) and response.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise _refusal(response, "deleting an event")

    def event(self, meeting: Meeting) -> Seen | None:
        """By its id; a deleted one is still there, as cancelled."""
        found = self._get(meeting.organizer, meeting.calendar_event_id or id_of(meeting, meeting.generation))
        return None if found is None else _seen(found, meeting.zone)

    def listen(self, calendar: MeetingCalendar, address: str, token: str) -> Channel:
        """Open the new channel first, then close the old one: a notice twice is harmless, one that is missing is not."""
        until = clock.now() + OPEN_FOR
        body = {
            "id": uuid4().hex,
            "type": "web_hook",
            "address": address,
            "token": token,
            "expiration": str(int(until.timestamp() * 1000)),
        }
        response = _call(calendar.address, "POST", f"{EVENTS}/watch", json=body)
        if not answers.is_good(response):
            raise _refusal(response, "opening a channel")
        made = answers.mapping(response, "opening a channel", repeatable=True)
        if calendar.channel_id and calendar.resource_id:
            closing = {"id": calendar.channel_id, "resourceId": calendar.resource_id}
            _call(calendar.address, "POST", "/channels/stop", json=closing)  # one that is gone is closed as well
        ends = int(made.get("expiration") or until.timestamp() * 1000)
        return Channel(
            channel_id=str(made.get("id") or body["id"]),
            resource_id=str(made.get("resourceId") or ""),
            expires_at=min(datetime.fromtimestamp(ends / 1000, UTC), until),
        )

    def changes(self, calendar: MeetingCalendar) -> tuple[Sequence[Seen], str | None] | None:
        """By the sync token. Where Google takes it no more (410), all from now on is listed once more."""
        first = {"syncToken": calendar.cursor} if calendar.cursor else {"timeMin": clock.now().isoformat()}
        found: list[Seen] = []
        page: Mapping[str, Any] = {}
        for _ in range(MOST_PAGES):
            query = first | {"singleEvents": "true", "maxResults": str(PAGE)}
            query |= {"pageToken": page["nextPageToken"]} if page.get("nextPageToken") else {}
            response = _call(calendar.address, "GET", EVENTS, params=query)
            if response.status_code == HTTPStatus.GONE:
                return [], None
            if not answers.is_good(response):
                raise _refusal(response, "listing events")
            page = answers.mapping(response, "listing events", repeatable=True)
            found += [_seen(one, str(page.get("timeZone") or "UTC")) for one in page.get("items") or ()]
            if page.get("nextSyncToken"):
                return found, str(page["nextSyncToken"])
        return found, None  # too much for once: the next time begins anew, and each event of ours is looked at by itself

    def _free_busy(self, organizer: str, asked: Sequence[str], span: Interval) -> Mapping[str, Any]:
        body = {
            "timeMin": span.start.isoformat(),
            "timeMax": span.end.isoformat(),
            "items": [{"id": one} for one in asked],
        }
        response = _call(organizer, "POST", "/freeBusy", json=body, reads=True)
        if not answers.is_good(response):
            raise _refusal(response, "asking who is busy")
        found = answers.mapping(response, "asking who is busy", repeatable=True).get("calendars")
        return {name.lower(): value for name, value in found.items()} if isinstance(found, Mapping) else {}

    def _get(self, organizer: str, event_id: str) -> Mapping[str, Any] | None:
        response = _call(organizer, "GET", f"{EVENTS}/{quote(event_id, safe='')}")
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not answers.is_good(response):
            raise _refusal(response, "reading an event")
        return answers.mapping(response, "reading an event", repeatable=True)

    def _changed(self, meeting: Meeting, event_id: str, generation: int) -> Written:
        known = self._get(meeting.organizer, event_id)
        if known is None or known.get("status") == CANCELLED:
            raise EventDeletedError("Google Calendar: the event was deleted")
        body = self._body(meeting, known.get("attendees") or [])
        if all(_same(known.get(name), value) for name, value in body.items()):
            return _written(known, generation)
        headers = {"If-Match": str(known.get("etag") or "*")}
        response = _call(meeting.organizer, "PATCH", f"{EVENTS}/{event_id}", json=body, params=_NOTIFYING, headers=headers)
        if response.status_code == HTTPStatus.PRECONDITION_FAILED:
            raise RetryableError("Google Calendar: the event was changed at the same moment")
        if not answers.is_good(response):
            raise _refusal(response, "changing an event")
        return _written(answers.mapping(response, "changing an event", repeatable=True), generation)

    def _body(self, meeting: Meeting, known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the event says. `known` are those who are invited there: what they said stays, and whom others added as well."""
        ours = {one.address: one for one in meeting.attendees}
        others = [one for one in known if str(one.get("email", "")).lower() not in ours]
        answers_by = {str(one.get("email", "")).lower(): one for one in known}
        return {
            "summary": meeting.subject,
            "description": meeting.description,
            "location": meeting.location,
            "start": _time(meeting.starts_at, meeting.zone),
            "end": _time(meeting.ends_at, meeting.zone),
            "attendees": [*(_invited(one, answers_by.get(one.address)) for one in meeting.attendees), *others],
            "extendedProperties": {"private": {OURS: meeting.key}},
        }


def id_of(meeting: Meeting, generation: int) -> str:
    """Our id of the event: Google takes the letters a to v and digits, which hexadecimal digits are."""
    return f"{meeting.key}{generation:x}" if generation else meeting.key


def _call(organizer: str, method: str, path: str, **request: Any) -> Any:
    """One call for the organizer. All may be repeated: an event has our id, and a channel that is open twice is harmless."""
    try:
        return GOOGLE_CALENDAR.connected().request(method, path, subject=organizer, repeatable=True, **request)
    except PermanentError as error:
        if error.reason == UNKNOWN_SUBJECT:
            raise NoSuchCalendarError(str(error)) from error
        raise


def _refusal(response: Any, what: str) -> Exception:
    return GOOGLE_CALENDAR.connected().refusal(response, what, repeatable=True)


def _added(known: list[Interval] | None, answer: Any) -> list[Interval] | None:
    """What is known together with one answer; None as soon as a part of it is not known."""
    if known is None or not isinstance(answer, Mapping) or answer.get("errors") or not isinstance(answer.get("busy"), list):
        return None
    try:
        return known + [Interval(_instant(one["start"]), _instant(one["end"])) for one in answer["busy"]]
    except (KeyError, TypeError, ValueError):
        return None


def _instant(text: str) -> datetime:
    return clock.as_utc(datetime.fromisoformat(text))


def _time(moment: datetime | None, zone: str) -> dict[str, str]:
    """A time as Google takes it; the zone says in which one people see it."""
    local = "" if moment is None else moment.astimezone(ZoneInfo(zone)).isoformat()
    return {"dateTime": local, "timeZone": zone}


def _moment(value: Any, zone: str) -> datetime | None:
    """An instant, or the beginning of a day in the calendar's own zone; None where there is none."""
    if not isinstance(value, Mapping):
        return None
    if value.get("dateTime"):
        moment = datetime.fromisoformat(value["dateTime"])
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(value.get("timeZone") or zone))).astimezone(UTC)
    if value.get("date"):
        return datetime.combine(datetime.fromisoformat(value["date"]).date(), time(0), ZoneInfo(zone)).astimezone(UTC)
    return None


def _invited(attendee: MeetingAttendee, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """An attendee. What they said in the calendar stays, unless they have declined here."""
    response = str((known or {}).get("responseStatus") or _WORDS[NEEDS_ACTION])
    is_declined = attendee.response == DECLINED
    invited = {**(known or {}), "email": attendee.address, "responseStatus": _WORDS[DECLINED] if is_declined else response}
    return invited | ({"displayName": attendee.name} if attendee.name and "displayName" not in invited else {})


def _conference(meeting: Meeting) -> dict[str, Any]:
    return {"createRequest": {"requestId": meeting.key, "conferenceSolutionKey": {"type": "hangoutsMeet"}}}


def _same(known: Any, wanted: Any) -> bool:
    """Whether Google has it so already; an empty text is left out there, and times are compared as instants."""
    if isinstance(wanted, Mapping) and "dateTime" in wanted:
        return _moment(known, wanted["timeZone"]) == _moment(wanted, wanted["timeZone"])
    if isinstance(wanted, Mapping):
        return isinstance(known, Mapping) and all(_same(known.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(known, list) and sorted(map(_key, known)) == sorted(map(_key, wanted))
    return bool((known or "") == wanted)


def _key(attendee: Mapping[str, Any]) -> tuple[str, str]:
    return str(attendee.get("email", "")).lower(), str(attendee.get("responseStatus") or _WORDS[NEEDS_ACTION])


def _written(event: Mapping[str, Any], generation: int) -> Written:
    return Written(
        event_id=str(event["id"]),
        etag=str(event.get("etag") or ""),
        meeting_url=str(event["hangoutLink"]) if event.get("hangoutLink") else None,
        generation=generation,
    )


def _seen(event: Mapping[str, Any], zone: str) -> Seen:
    """An event of a list. One that was deleted may hold no more than id and status."""
    people = event.get("attendees") or ()
    return Seen(
        event_id=str(event.get("id") or ""),
        is_cancelled=event.get("status") == CANCELLED,
        start=_moment(event.get("start"), zone),
        end=_moment(event.get("end"), zone),
        etag=str(event.get("etag") or ""),
        meeting_url=str(event["hangoutLink"]) if event.get("hangoutLink") else None,
        responses={
            str(one.get("email", "")).lower(): _RESPONSES.get(str(one.get("responseStatus")), NEEDS_ACTION) for one in people
        },
    )
