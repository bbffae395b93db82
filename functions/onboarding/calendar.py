"""The event of the first day, from nine to five, in Google Calendar or Microsoft 365: the calendar invites both.

In which of the two is a setting; an event that is there already stays where it was made. Where somebody has deleted it, it is
made anew with the next change of the onboarding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from functions.onboarding import accounts
from functions.onboarding.accounts import CREATED, FOUND, REMOVED
from functions.onboarding.settings import OnboardingSettings
from functions.onboarding.steps import ABSENT
from shared.outbox.policy import TargetPolicy
from shared.settings import settings_of
from shared.vendors.calendars.entries import Calendar, Entry, EventDeletedError, Guest
from shared.vendors.calendars.google import EVENTS_SCOPE, GoogleCalendar, google_calendar
from shared.vendors.calendars.outlook import OutlookCalendar, outlook_calendar

if TYPE_CHECKING:
    from functions.onboarding.accounts import Employee
    from functions.onboarding.tables import OnboardingStep

TARGET = "onboarding-calendar"
GOOGLE, OUTLOOK = "google", "outlook"
BEGINS, ENDS = time(9), time(17)
REMINDERS_MINUTES = (1440, 30)
READ_SECONDS, CALLS = 10.0, 14
IN_GOOGLE = google_calendar(
    name="Onboarding-Calendar", target=TARGET, scope=EVENTS_SCOPE, read_seconds=READ_SECONDS, calls=CALLS
)
IN_OUTLOOK = outlook_calendar(name="Onboarding-Graph-Calendar", target=TARGET, read_seconds=READ_SECONDS, calls=CALLS)
CLIENTS = MappingProxyType({GOOGLE: IN_GOOGLE, OUTLOOK: IN_OUTLOOK})


def policy() -> TargetPolicy:
    """Google takes ten a second for a person, Graph four calls at once for a mailbox."""
    return TargetPolicy(slots=1, batches_per_second=2)


def is_used() -> bool:
    """Whether the calendars of the setting are set up."""
    return CLIENTS[settings_of(OnboardingSettings).onboarding_calendar_in].is_used()


def put(step: OnboardingStep) -> Mapping[str, Any]:
    """Bring the event to what the onboarding says now, or delete it. Twice is as once. Raises PuenteError."""
    employee, where = accounts.of(step), _where(step)
    vendor, entry = _calendar(where), entry_of(employee, step.external_id or None)
    kept = {"answer": {"calendar": where}}
    if step.wanted == ABSENT:
        _drop(vendor, entry)
        return accounts.kept(step, act=FOUND, detail=REMOVED, external_id=step.external_id or "") | kept
    try:
        written = vendor.put(entry)
    except EventDeletedError:
        written = vendor.put(replace(entry, event_id=None, replaces=entry.event_id))
    detail = employee.row.start_date.isoformat()
    return accounts.kept(step, act=CREATED, detail=detail, external_id=written.event_id) | kept


def _drop(vendor: Calendar, entry: Entry) -> None:
    """Delete the event that is known, and one that was made in its place, its answer lost."""
    if entry.event_id is not None:
        vendor.drop(entry)
    vendor.drop(replace(entry, event_id=None))


def _where(step: OnboardingStep) -> str:
    """In whose calendars the event is; before there was a choice it was Google's."""
    if step.external_id:
        return str((step.answer or {}).get("calendar") or GOOGLE)
    return settings_of(OnboardingSettings).onboarding_calendar_in


def _calendar(where: str) -> Calendar:
    return OutlookCalendar(IN_OUTLOOK) if where == OUTLOOK else GoogleCalendar(IN_GOOGLE)


def key_of(onboarding_id: int) -> str:
    """By what calendars know the event: hexadecimal digits, which Google takes as its id."""
    return hashlib.sha256(f"puente:onboarding:{onboarding_id}:0".encode()).hexdigest()[:40]


def entry_of(employee: Employee, event_id: str | None) -> Entry:
    """The event, in the calendar of the settings or the manager's."""
    row, settings = employee.row, settings_of(OnboardingSettings)
    zone = ZoneInfo(settings.onboarding_time_zone)
    start, end = (datetime.combine(row.start_date, at, zone) for at in (BEGINS, ENDS))
    return Entry(
        key=key_of(row.id),
        owner=settings.onboarding_calendar_owner or row.manager_email,
        subject=f"Primer día de {row.full_name}",
        description=f"Bienvenida de {row.full_name}" + (f" ({row.position})" if row.position else ""),
        location=row.location or "",
        start=start,
        end=end,
        zone=zone.key,
        guests=(Guest(address=row.login), Guest(address=row.manager_email)),
        event_id=event_id,
        reminders=REMINDERS_MINUTES,
    )
