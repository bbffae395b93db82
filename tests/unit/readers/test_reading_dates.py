"""Dates and times as people, programs and sheets write them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.readers import UnreadableError, dates
from tests.support.truth import each_row

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@each_row("dates")
def test_a_date_is_read_or_left_out(row: dict[str, Any]) -> None:
    """Every row is an instant in UTC, a bare day, or left out."""
    context, right = row["context"], row["right"]
    options: dict[str, Any] = {
        "wanted": "day" if context["type"] == "date" else "instant",
        "zone": context["zone"],
        "order": context["order"],
        "sheet": context.get("source") == "spreadsheet",
        "birth": context.get("field") == "fecha_nacimiento",
        "now": NOW,
        "sent_at": datetime.fromisoformat(context["sent_at"]) if "sent_at" in context else None,
    }
    if isinstance(right, dict):
        with pytest.raises(UnreadableError) as left_out:
            dates.read(row["input"], **options)
        assert left_out.value.reason == right["leave_out"]
        return
    found = dates.read(row["input"], **options)
    if isinstance(found, datetime):
        assert found.replace(microsecond=0) == datetime.fromisoformat(right).replace(microsecond=0)
    else:
        assert found == date.fromisoformat(right)


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("Friday, November 20, 2026 9:15 PM", "2026-11-21T03:15:00+00:00"),
        ("terça-feira, 12 de janeiro de 2027 às 10h", "2027-01-12T16:00:00+00:00"),
        ("Fri Nov 20 09:15:00 2026", "2026-11-20T15:15:00+00:00"),
        ("2026-11-20T09:15:00-05:00[America/Bogota]", "2026-11-20T14:15:00+00:00"),
        ("2026-11-20T14:15:00Z[UTC]", "2026-11-20T14:15:00+00:00"),
        ("2026-11-20T09:15:00[America/Bogota]", "2026-11-20T14:15:00+00:00"),
        ("20/11/2026 18:30 PM", "2026-11-21T00:30:00+00:00"),
        ("20261120151500", "2026-11-20T21:15:00+00:00"),
    ],
)
def test_other_spellings_of_the_same_kinds(written: str, right: str) -> None:
    """The kinds are read, not the rows."""
    assert dates.read_instant(written, zone="America/Mexico_City") == datetime.fromisoformat(right)


def test_a_bare_day_is_no_instant() -> None:
    """Midnight UTC would be another day where the person lives."""
    with pytest.raises(UnreadableError, match="no time"):
        dates.read_instant("2026-11-20")
    assert dates.read_day("2026-11-20") == date(2026, 11, 20)


def test_an_hour_that_comes_twice_is_left_out() -> None:
    """Clocks are put back in Tijuana: 01:30 is two instants."""
    with pytest.raises(UnreadableError, match="ambiguous"):
        dates.read_instant("2026-11-01 01:30", zone="America/Tijuana")


@pytest.mark.parametrize(
    "written", [1e300, float("nan"), float("-inf"), 10**25, 10**400, "9" * 5_000, True, None, [], "\ud800"]
)
def test_what_is_no_date_is_refused_and_nothing_else(written: Any) -> None:
    """No value makes the reader fail in another way."""
    with pytest.raises(UnreadableError):
        dates.read(written)
