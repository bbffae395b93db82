"""Those who take part, on their own clocks: their zones, and the public holidays that they keep."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from functions.meetings.settings import MeetingSettings, opening
from functions.meetings.slots import Person, Rules
from shared.messages.windows import public_holidays
from shared.setting_dates import NOWHERE, WEEKDAYS
from shared.settings import get_settings, settings_of


def person(address: str, zone: str, country: str | None = None) -> Person:
    """Somebody by their zone. The country is the one that is named, else that of the zone, else HOLIDAYS_COUNTRY.

    With `HOLIDAYS_COUNTRY=XX` nobody keeps holidays but those whose country is named.
    """
    usual = get_settings().holidays_country
    of_zone = None if usual == NOWHERE else countries().get(zone, usual)
    return Person(address=address, zone=ZoneInfo(zone), holidays=public_holidays(country or of_zone))


def rules() -> Rules:
    """When meetings may be, as the settings have it."""
    settings = settings_of(MeetingSettings)
    opens, closes = opening(settings.meetings_hours)
    return Rules(
        opens=opens,
        closes=closes,
        days=frozenset(WEEKDAYS.index(name) for name in settings.meetings_days),
        days_ahead=settings.meetings_days_ahead,
        step=timedelta(minutes=settings.meetings_step_minutes),
        buffer=timedelta(minutes=settings.meetings_buffer_minutes),
        notice=timedelta(minutes=settings.meetings_notice_minutes),
    )


@lru_cache(maxsize=1)
def countries() -> Mapping[str, str]:
    """The country in which each zone lies, by its IANA name (`zone.tab` of the time zone database)."""
    text = (resources.files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8")
    rows: Sequence[list[str]] = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows}
