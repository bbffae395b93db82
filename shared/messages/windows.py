"""Sending windows: a person's local hours, working days and public holidays in which they get messages.

A window is computed in the person's local time, so that it moves with a change to daylight-saving time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from phonenumbers import timezone as phone_zones

from shared.errors import ConfigurationError
from shared.readers import phone_plans
from shared.setting_dates import WEEKDAYS
from shared.settings import Settings

QUIET, DAY_OFF, HOLIDAY = "quiet-hours", "day-off", "holiday"
LONGEST_SEARCH_DAYS = 60
MIDNIGHT = time(0)
BEFORE_CLOSING = timedelta(minutes=15)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Window:
    """Someone's open hours: outside `quiet_from` to `quiet_to` (over midnight if need be), on `days`, never on a holiday.

    Equal ends mean that no hour is quiet.
    """

    zone: ZoneInfo
    country: str | None
    quiet_from: time
    quiet_to: time
    days: frozenset[int]

    def closed(self, moment: datetime) -> str | None:
        """Why `moment` is outside the window; None where it is inside."""
        local = moment.astimezone(self.zone)
        if local.weekday() not in self.days:
            return DAY_OFF
        if local.date() in public_holidays(self.country):
            return HOLIDAY
        return QUIET if self._quiet(local.time()) else None

    def next_open(self, moment: datetime) -> datetime:
        """The first instant from `moment` on that is inside the window, in UTC.

        Raises:
            ConfigurationError: no day within two months is open.
        """
        local = moment.astimezone(self.zone)
        if self.closed(moment) is None:
            return moment.astimezone(UTC)
        for number in range(LONGEST_SEARCH_DAYS):
            day = local.date() + timedelta(days=number)
            starts = [start for start in self._beginnings(day) if start > moment and self.closed(start) is None]
            if starts:
                return min(starts)
        raise ConfigurationError("WORKING_DAYS, QUIET_HOURS: no hour in two months is left for messages")

    def _beginnings(self, day: date) -> list[datetime]:
        """When the window may begin on a day. Where the clock goes back, a wall time comes twice; both are looked at."""
        walls = [datetime.combine(day, at, self.zone) for at in (MIDNIGHT, self.quiet_to)]
        return [wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)]

    def last_open(self, moment: datetime) -> datetime | None:
        """The last instant until `moment` that is inside the window, in UTC; None where no day of two months before is open.

        Where that is the end of the open hours, it is BEFORE_CLOSING earlier: what is due then must still be sent in them.
        """
        if self.closed(moment) is None:
            return moment.astimezone(UTC)
        local = moment.astimezone(self.zone)
        for number in range(LONGEST_SEARCH_DAYS):
            ends = self._endings(local.date() - timedelta(days=number))
            if found := [end for end in ends if end <= moment and self.closed(end - INSTANT) is None]:
                early = max(found) - BEFORE_CLOSING
                return early if self.closed(early) is None else max(found) - INSTANT
        return None

    def _endings(self, day: date) -> list[datetime]:
        """When the window may end on a day: its midnight ends the day before."""
        walls = [datetime.combine(day, at, self.zone) for at in (MIDNIGHT, self.quiet_from)]
        return [wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)]

    def day(self, moment: datetime) -> str:
        """The person's local date at `moment`, as `2026-03-02`."""
        return moment.astimezone(self.zone).date().isoformat()

    def next_day(self, moment: datetime) -> datetime:
        """The first open instant of a later local day than that of `moment`."""
        tomorrow = moment.astimezone(self.zone).date() + timedelta(days=1)
        return self.next_open(datetime.combine(tomorrow, MIDNIGHT, self.zone).astimezone(UTC))

    def _quiet(self, at: time) -> bool:
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= at < self.quiet_to
        return at >= self.quiet_from or at < self.quiet_to


def window_for(
    settings: Settings, *, time_zone: str | None = None, country: str | None = None, phone: str | None = None
) -> Window:
    """The window of a person: zone and country from what is known of them, else from their phone, else from the settings.

    Raises:
        ConfigurationError: QUIET_HOURS, WORKING_DAYS or DEFAULT_TIME_ZONE cannot be read.
    """
    number = phone_plans.international(phone) if phone else None
    region = (country or (phone_plans.region_and_type(phone)[0] if phone else None) or "").upper()
    quiet_from, quiet_to = _hours(settings.quiet_hours)
    return Window(
        zone=_zone(time_zone) or _zone_by_phone(number, region, settings) or _default_zone(settings),
        country=region if region in _countries() else settings.holidays_country,
        quiet_from=quiet_from,
        quiet_to=quiet_to,
        days=_days(tuple(settings.working_days)),
    )


@lru_cache
def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # KeyError: ZoneInfoNotFoundError; OSError: the name is a folder
        return None


def _default_zone(settings: Settings) -> ZoneInfo:
    zone = _zone(settings.default_time_zone)
    if zone is None:
        raise ConfigurationError(f"DEFAULT_TIME_ZONE: {settings.default_time_zone!r} is no time zone")
    return zone


def _zone_by_phone(number: phonenumbers.PhoneNumber | None, region: str, settings: Settings) -> ZoneInfo | None:
    """The zone of the number's area, or one of its country's: our default zone if it is among them, else the middle one."""
    if number is None:
        code = phonenumbers.country_code_for_region(region) if region else 0
        number = phonenumbers.PhoneNumber(country_code=code, national_number=0) if code else None
    if number is None:
        return None
    names = [name for name in phone_zones.time_zones_for_geographical_number(number) if _zone(name)]
    if settings.default_time_zone in names or not names:
        return _zone(settings.default_time_zone) if names else None
    reference = datetime(2026, 1, 1)  # noqa: DTZ001  # a wall time, the same in each zone
    ordered = sorted((ZoneInfo(name) for name in names), key=lambda zone: (zone.utcoffset(reference) or timedelta(), zone.key))
    return ordered[len(ordered) // 2]


@lru_cache
def _hours(text: str) -> tuple[time, time]:
    try:
        begin, _, end = text.partition("-")
        return time.fromisoformat(begin), time.fromisoformat(end)
    except ValueError:
        raise ConfigurationError(f"QUIET_HOURS: {text!r} is not like 20:00-09:00") from None


@lru_cache
def _days(names: tuple[str, ...]) -> frozenset[int]:
    unknown = sorted({name.lower() for name in names} - set(WEEKDAYS))
    if unknown or not names:
        raise ConfigurationError(f"WORKING_DAYS: {', '.join(unknown) or 'none'}; days are {', '.join(WEEKDAYS)}")
    return frozenset(WEEKDAYS.index(name.lower()) for name in names)


@lru_cache
def _countries() -> frozenset[str]:
    return frozenset(holidays.list_supported_countries())


@lru_cache
def public_holidays(country: str | None) -> Collection[date]:
    """The country's public holidays, of every year that is asked for; none where we know of no such country."""
    if country not in _countries():
        return ()
    return holidays.country_holidays(country)
