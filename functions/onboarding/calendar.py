"""The event of the first day, in Google Calendar: from nine to five; Google invites the employee and the manager.

Google keeps the id of a deleted event for ever, and refuses to make another one under it. So an event has an id of our own,
by which a lost answer is found, and the next one where that was deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from functions.onboarding import accounts
from functions.onboarding.accounts import CREATED, FOUND, REMOVED
from functions.onboarding.settings import OnboardingSettings
from functions.onboarding.steps import ABSENT
from shared.errors import PermanentError
from shared.outbox.policy import TargetPolicy
from shared.settings import settings_of
from shared.vendors import answers
from shared.vendors.google import google_client

if TYPE_CHECKING:
    import requests

    from functions.onboarding.accounts import Employee
    from functions.onboarding.tables import OnboardingStep
    from shared.vendors.connection import Connection

TARGET = "onboarding-calendar"
SCOPE = "https://www.googleapis.com/auth/calendar.events"
BEGINS, ENDS = time(9), time(17)
REMINDERS_MINUTES = (1440, 30)
GENERATIONS = 5
CALENDAR = google_client(
    name="Onboarding-Calendar", address="google_calendar_base_url", scopes=(SCOPE,), read_seconds=15, calls=2 * GENERATIONS
)
INVITING = {"sendUpdates": "all"}
EVENTS = "/calendars/primary/events"  # of the person acted for


def policy() -> TargetPolicy:
    """Google takes ten a second for a person."""
    return TargetPolicy(slots=1, batches_per_second=2)


def put(step: OnboardingStep) -> Mapping[str, Any]:
    """Bring the event to what the onboarding says now, or delete it. Twice is as once. Raises PuenteError."""
    http, employee = CALENDAR.connected(), accounts.of(step)
    owner = settings_of(OnboardingSettings).onboarding_calendar_owner or employee.row.manager_email
    for generation in range(GENERATIONS):
        number = event_id(step.onboarding_id, generation)
        there = _find(http, owner, number)
        is_there = there is not None and there.get("status") != "cancelled"
        if step.wanted == ABSENT:
            if is_there:
                _delete(http, owner, number)
            if there is None:
                return accounts.kept(step, act=FOUND, detail=REMOVED, external_id=number)
            continue
        if is_there:
            _change(http, owner, number, employee, there or {})
        elif there is not None or not _insert(http, owner, number, employee):
            continue
        return accounts.kept(step, act=CREATED, detail=employee.row.start_date.isoformat(), external_id=number)
    if step.wanted == ABSENT:
        return accounts.kept(step, act=FOUND, detail=REMOVED, external_id="")
    raise PermanentError("event-deleted", f"the event was deleted {GENERATIONS} times in the calendar")


def event_id(onboarding_id: int, generation: int) -> str:
    """Our id of an event: hexadecimal digits, which Google takes."""
    return hashlib.sha256(f"puente:onboarding:{onboarding_id}:{generation}".encode()).hexdigest()[:40]


def body_of(employee: Employee) -> dict[str, Any]:
    """The event. Its times have a zone, and Google works out the offset."""
    row, zone = employee.row, settings_of(OnboardingSettings).onboarding_time_zone
    moments = (datetime.combine(row.start_date, at, ZoneInfo(zone)) for at in (BEGINS, ENDS))
    start, end = ({"dateTime": moment.isoformat(), "timeZone": zone} for moment in moments)
    place = {"location": row.location} if row.location else {}
    return {
        "summary": f"Primer día de {row.full_name}",
        "description": f"Bienvenida de {row.full_name}" + (f" ({row.position})" if row.position else ""),
        "start": start,
        "end": end,
        "attendees": [{"email": row.login}, {"email": row.manager_email}],
        "reminders": {
            "useDefault": False,
            "overrides": [{"method": "popup", "minutes": minutes} for minutes in REMINDERS_MINUTES],
        },
        "extendedProperties": {"private": {"puenteOnboarding": str(row.id)}},
        **place,
    }


def _find(http: Connection, owner: str, number: str) -> Mapping[str, Any] | None:
    response = http.request("GET", f"{EVENTS}/{number}", repeatable=True, subject=owner)
    return _read(http, response, "looking an event up")


def _read(http: Connection, response: requests.Response, what: str) -> Mapping[str, Any] | None:
    if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return None
    if not answers.is_good(response):
        raise http.refusal(response, what, repeatable=True)
    return answers.mapping(response, http.words(what), repeatable=True)


def _insert(http: Connection, owner: str, number: str, employee: Employee) -> bool:
    """Make the event; False where its id is taken after all. With our id a repetition makes no second one."""
    body = {"id": number} | body_of(employee)
    response = http.request("POST", EVENTS, repeatable=True, json=body, params=INVITING, subject=owner)
    if response.status_code == HTTPStatus.CONFLICT:
        there = _find(http, owner, number)
        return there is not None and there.get("status") != "cancelled"
    if not answers.is_good(response):
        raise http.refusal(response, "making an event", repeatable=True)
    return True


def _change(http: Connection, owner: str, number: str, employee: Employee, there: Mapping[str, Any]) -> None:
    """Change what is another. Who has answered the invitation stays among the attendees with their answer."""
    wanted = body_of(employee)
    invited = {str(one.get("email", "")).lower(): dict(one) for one in there.get("attendees") or []}
    wanted["attendees"] = [invited.get(one["email"], one) for one in wanted["attendees"]]
    changed = {name: value for name, value in wanted.items() if not _same(there.get(name), value)}
    if changed:
        path = f"{EVENTS}/{number}"
        http.call("PATCH", path, "changing an event", repeatable=True, json=changed, params=INVITING, subject=owner)


def _same(there: Any, wanted: Any) -> bool:
    """Whether what is there is what is wanted; a moment counts, not how it is written."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(_same(there.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(there, list) and len(there) == len(wanted) and all(map(_same, there, wanted))
    if isinstance(wanted, str) and isinstance(there, str) and "T" in wanted and wanted[:4].isdigit():
        try:
            return datetime.fromisoformat(there) == datetime.fromisoformat(wanted)
        except (ValueError, TypeError):
            return False
    return bool(there == wanted)


def _delete(http: Connection, owner: str, number: str) -> None:
    response = http.request("DELETE", f"{EVENTS}/{number}", repeatable=True, params=INVITING, subject=owner)
    if response.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) and not answers.is_good(response):
        raise http.refusal(response, "deleting an event", repeatable=True)
