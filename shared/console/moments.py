"""Times, spans and numbers as an operator reads them: in their zone and language, and no longer than needed.

Times come in as instants in UTC (`shared.clock`); a page says once which zone its times are in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta, get_timezone_location
from babel.numbers import format_currency, format_decimal, format_percent

_TERRITORY = {"es": "es_MX", "en": "en_US"}
_SECOND = timedelta(seconds=1)
_WEEK = 7


@dataclass(frozen=True)
class Reader:
    """Whoever reads: their language, their zone, and what they take for now."""

    language: str
    zone: ZoneInfo
    now: datetime

    @property
    def locale(self) -> Locale:
        """How their language writes dates and numbers."""
        return Locale.parse(_TERRITORY.get(self.language, self.language))

    @property
    def place(self) -> str:
        """The zone's name for people: its city."""
        return get_timezone_location(self.zone, locale=self.locale, return_city=True)

    def when(self, instant: datetime | None) -> str:
        """A point in time, shortest first: `11:42` of this day, `lun 30, 09:00` within a week, else with its date."""
        if instant is None:
            return ""
        local, today = instant.astimezone(self.zone), self.now.astimezone(self.zone).date()
        if local.date() == today:
            return self.clock(instant)
        days = abs((local.date() - today).days)
        if days < _WEEK:
            return f"{format_date(local.date(), 'EEE d', locale=self.locale)}, {self.clock(instant)}"
        pattern = "d MMM" if local.year == today.year else "d MMM y"
        return f"{format_date(local.date(), pattern, locale=self.locale)}, {self.clock(instant)}"

    def clock(self, instant: datetime) -> str:
        """Its time of day."""
        return format_time(instant, "HH:mm", tzinfo=self.zone, locale=self.locale)

    def exact(self, instant: datetime | None) -> str:
        """Its date and time, to the second."""
        return "" if instant is None else format_datetime(instant, "d MMM y, HH:mm:ss", tzinfo=self.zone, locale=self.locale)

    def day(self, instant: datetime) -> str:
        """Its day in words: `domingo, 29 de noviembre`."""
        text = format_date(instant.astimezone(self.zone).date(), "full", locale=self.locale)
        return text[:1].upper() + text[1:]

    def span(self, time: timedelta | None) -> str:
        """How long something took or takes: `9 ms`, `7 min 5 s`, `3 h 10 min`, `4 días`."""
        if time is None:
            return ""
        if time < _SECOND:
            return f"{round(time.total_seconds() * 1000)} ms"
        seconds = round(time.total_seconds(), 1 if time < timedelta(seconds=10) else None)
        if seconds < 60:  # noqa: PLR2004  # a minute
            return f"{self.number(seconds)} s"
        minutes, rest = divmod(round(seconds), 60)
        if minutes < 60:  # noqa: PLR2004  # an hour
            return f"{minutes} min {rest} s" if rest else f"{minutes} min"
        hours, minutes = divmod(minutes, 60)
        if hours < 48:  # noqa: PLR2004  # two days
            return f"{hours} h {minutes} min" if minutes else f"{hours} h"
        return format_timedelta(time, granularity="day", threshold=99, locale=self.locale)

    def number(self, value: float | Decimal) -> str:
        """A number with its separators."""
        return format_decimal(value, locale=self.locale)

    def share(self, value: float | None) -> str:
        """A share of 1 in percent; nothing where there is none."""
        return "" if value is None else format_percent(value, "#,##0.#%", locale=self.locale)

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its currency's letters."""
        return f"{format_currency(amount, currency, '#,##0.00', locale=self.locale)} {currency}"
