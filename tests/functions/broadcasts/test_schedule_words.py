"""Why a schedule cannot be taken is said in the language of whoever reads it, wherever it is kept."""

import re
from typing import Any

import pytest

from functions.broadcasts import running_config, schedule_failures, schedules_next, schedules_read
from functions.broadcasts.schedules import ScheduleError
from shared.console import phrases
from tests.functions.console.test_console_spanish import ENGLISH

GOOD = {"recurrence_type": "daily", "start_date": "2026-03-01", "start_time": "10:00", "recurrence_config": {"interval": 1}}
CRON = {"recurrence_type": "cron"}


def failure(fields: dict[str, Any]) -> ScheduleError:
    """Why a schedule of these fields, with those of a good one, cannot be taken."""
    with pytest.raises(ScheduleError) as raised:
        schedules_read.schedule(GOOD | fields)
    return raised.value


def exception(**fields: Any) -> ScheduleError:
    """The same of an exception."""
    zone = schedules_read.schedule(GOOD).zone
    with pytest.raises(ScheduleError) as raised:
        schedules_read.exceptions([{"exception_type": "reschedule", **fields}], zone)
    return raised.value


def change(name: str, value: Any) -> ScheduleError:
    """The same of what an exception changes."""
    with pytest.raises(ScheduleError) as raised:
        running_config.check_changes({name: value})
    return raised.value


def never() -> ScheduleError:
    """A schedule of which no run comes."""
    made = schedules_read.schedule(GOOD | {"end_date": "2026-03-02", "blackout_dates": ["2026-03-01", "2026-03-02"]})
    with pytest.raises(ScheduleError) as raised:
        schedules_next.check(made, ())
    return raised.value


CASES = [
    lambda: failure({"recurrence_config": {}}),
    lambda: failure({"recurrence_config": [1]}),
    lambda: failure({"recurrence_type": "hourly"}),
    lambda: failure({"recurrence_type": "weekly", "recurrence_config": {"days": ["FRIDAY"]}}),
    lambda: failure({"recurrence_type": "monthly", "recurrence_config": {"day": 40}}),
    lambda: failure({"recurrence_type": "custom", "recurrence_config": {"dates": []}}),
    lambda: failure(CRON | {"recurrence_config": {"expression": 5}}),
    lambda: failure(CRON | {"recurrence_config": {"expression": "0 9 * *"}}),
    lambda: failure(CRON | {"recurrence_config": {"expression": "0 99 * * *"}}),
    lambda: failure(CRON | {"recurrence_config": {"expression": "0 9 40 * *"}}),
    lambda: failure(CRON | {"recurrence_config": {"expression": "*/x 9 * * *"}}),
    lambda: failure({"execution_timezone": "Nowhere/Land"}),
    lambda: failure({"start_time": "10 am"}),
    lambda: failure({"start_date": None}),
    lambda: failure({"start_date": "soon"}),
    lambda: failure({"start_date": "0900-01-01"}),
    lambda: failure({"execution_window_start": "09:00"}),
    exception,
    lambda: exception(start_date="2026-03-02", end_date="2026-03-01"),
    lambda: exception(start_date="2026-03-02"),
    lambda: exception(start_date="2026-03-02", rescheduled_to="2026-03-03", modified_config=[1]),
    lambda: change("max_retries", -1),
    lambda: change("colour", "red"),
    never,
]


@pytest.mark.parametrize("made", CASES)
def test_every_reason_has_its_spanish(made: Any) -> None:
    """As the schedule keeps it, behind its code, and as the stopped event tells of it; in English it is as it was."""
    error = made()
    kept = f"{schedule_failures.reason(error)}: {schedule_failures.in_words(error)}"
    for text in (kept, str(schedule_failures.stopped("Jornada", error))):
        spanish = phrases.in_words("es", text)
        assert spanish is not None
        assert spanish != text
        assert set(re.findall(r"\w+", spanish.lower())) & ENGLISH == set()
        assert phrases.in_words("en", text) == text


def test_a_mistake_of_ours_has_its_spanish() -> None:
    """Its own text, which is for programmers, is shown to nobody."""
    text = f"{schedule_failures.reason(RuntimeError('x'))}: {schedule_failures.in_words(RuntimeError('x'))}"
    assert phrases.in_words("es", text) == "RuntimeError: un error nuestro; el evento detenido tiene su rastro"
