"""Times, spans and numbers as an operator reads them: in their zone and language."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shared.console.moments import Reader

MEXICO, MADRID, KIRITIMATI = (ZoneInfo(name) for name in ("America/Mexico_City", "Europe/Madrid", "Pacific/Kiritimati"))
NOON = datetime(2026, 11, 29, 18, 0, tzinfo=UTC)  # 12:00 in Mexico City, 19:00 in Madrid


def reader(language="es", zone=MEXICO, now=NOON):
    return Reader(language, zone, now)


@pytest.mark.parametrize(
    ("zone", "text"),
    [(MEXICO, "11:42"), (MADRID, "18:42"), (KIRITIMATI, "07:42")],
    ids=["Mexico City", "Madrid", "Kiritimati"],
)
def test_moment_of_this_day_is_its_time_in_the_readers_zone(zone, text):
    """Where it is the same day for them, whatever day it is in UTC."""
    assert reader(zone=zone).when(NOON - timedelta(minutes=18)) == text


def test_day_begins_at_midnight_of_the_reader():
    """05:59 UTC is still the day before in Mexico City, and in Madrid this one."""
    midnight = datetime(2026, 11, 29, 6, 0, tzinfo=UTC)
    before = midnight - timedelta(minutes=1)
    assert reader().when(midnight) == "00:00"
    assert reader().when(before) == "sáb 28, 23:59"
    assert reader(zone=MADRID).when(before) == "06:59"


@pytest.mark.parametrize(
    ("language", "days", "text"),
    [
        ("es", 1, "lun 30, 12:00"),
        ("en", 1, "Mon 30, 12:00"),
        ("es", 6, "sáb 5, 12:00"),
        ("es", 7, "6 dic, 12:00"),
        ("es", -6, "lun 23, 12:00"),
        ("es", -7, "22 nov, 12:00"),
        ("en", 33, "1 Jan 2027, 12:00"),
    ],
)
def test_moment_of_another_day(language, days, text):
    """By its weekday within a week, else by its date, of another year with the year."""
    assert reader(language).when(NOON + timedelta(days=days)) == text


def test_clocks_that_change_are_the_zones():
    """Madrid is an hour further from UTC in summer."""
    june = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert reader(zone=MADRID, now=june).when(june) == "14:00"


def test_no_moment_is_no_text():
    """A row whose time is not known shows nothing."""
    assert (reader().when(None), reader().exact(None), reader().span(None), reader().share(None)) == ("",) * 4


def test_exact_moment_has_its_seconds():
    """In the reader's zone as well."""
    assert reader(zone=MADRID).exact(NOON + timedelta(seconds=7)) == "29 nov 2026, 19:00:07"


def test_day_in_words():
    """Of the reader's day, beginning with a capital letter."""
    late = datetime(2026, 11, 29, 5, 0, tzinfo=UTC)
    assert reader().day(late) == "Sábado, 28 de noviembre de 2026"
    assert reader("en", MADRID).day(late) == "Sunday, November 29, 2026"


def test_zone_is_named_by_its_city():
    """As people call it, in their language."""
    assert reader().place == "Ciudad de México"
    assert reader("en").place == "Mexico City"


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(milliseconds=9), "9 ms"),
        (timedelta(milliseconds=999), "999 ms"),
        (timedelta(seconds=1), "1 s"),
        (timedelta(seconds=9.94), "9.9 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=59.6), "1 min"),
        (timedelta(minutes=7, seconds=5), "7 min 5 s"),
        (timedelta(minutes=59, seconds=59.7), "1 h"),
        (timedelta(hours=3, minutes=10), "3 h 10 min"),
        (timedelta(hours=47, minutes=59), "47 h 59 min"),
        (timedelta(hours=48), "2 días"),
        (timedelta(days=40), "40 días"),
    ],
)
def test_span_is_no_longer_than_needed(time, text):
    """In the two largest units that say something."""
    assert reader().span(time) == text


@pytest.mark.parametrize(
    ("language", "number", "share", "money"),
    [("es", "1,234,567.5", "94.1%", "1,250.00 MXN"), ("en", "1,234,567.5", "94.1%", "1,250.00 MXN")],
)
def test_numbers_of_the_language(language, number, share, money):
    """With its separators; amounts with their currency's letters, because several dollars are called $."""
    one = reader(language)
    assert one.number(Decimal("1234567.5")) == number
    assert one.share(0.9412) == share
    assert one.money(Decimal(1250), "MXN") == money
