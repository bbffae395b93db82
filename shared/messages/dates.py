"""Dates as people read them, in their own time zone. Python's own names of days follow the machine's language, not theirs."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared import clock

_DAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip


_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def long_date(instant: str, zone: str, locale: str = "es") -> str:
    """An instant (ISO 8601) as `jueves 5 de marzo`; in English as `Thursday 5 March`."""
    local = _local(instant, zone)
    if locale.partition("-")[0] == "en":
        return f"{_ENGLISH_DAYS[local.weekday()]} {local.day} {_ENGLISH_MONTHS[local.month - 1]}"
    return f"{_DAYS[local.weekday()]} {written(local)}"


def written(day: date) -> str:
    """A date as `5 de marzo`."""
    return f"{day.day} de {_MONTHS[day.month - 1]}"


def clock_time(instant: str, zone: str) -> str:
    """An instant (ISO 8601) as `10:00 h`."""
    return f"{_local(instant, zone):%H:%M} h"


def _local(instant: str, zone: str) -> datetime:
    # `str` makes a variable that was not given say so itself.
    return clock.as_utc(datetime.fromisoformat(str(instant))).astimezone(ZoneInfo(str(zone)))
