"""Which of two changes is the later one, where Odoo shows whole seconds."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.crm import odoo_sides
from shared.crm.odoo_sides import STAGE, Theirs
from shared.crm.odoo_take import MOMENT

SECOND = datetime(2026, 3, 1, 10, 0, 7, tzinfo=UTC)
THEIRS = Theirs(odoo_id=1, key="m1", values={}, changed_at=SECOND, stage_at=SECOND)


@pytest.mark.parametrize("before", [0, 1, 2, 50, 900])
def test_change_counts_as_later_than_those_of_its_second_that_were_taken_over(before: int) -> None:
    """However many they were; each was given a moment after the one before it."""
    at = THEIRS.at(STAGE)
    assert odoo_sides.is_newer(at, at + before * MOMENT)


@pytest.mark.parametrize("milliseconds", [0, 500, 998])
def test_report_of_the_same_second_counts_as_earlier(milliseconds: int) -> None:
    """Whichever of the two is looked at first."""
    reported = SECOND + timedelta(milliseconds=milliseconds)
    assert THEIRS.at(STAGE) > reported
    assert odoo_sides.is_newer(THEIRS.at(STAGE), reported)


def test_report_of_the_next_second_counts_as_later() -> None:
    """And is not overtaken by what was set before it."""
    reported = SECOND + timedelta(seconds=1)
    assert THEIRS.at(STAGE) < reported
    assert not odoo_sides.is_newer(THEIRS.at(STAGE), reported)
