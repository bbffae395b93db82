"""Every case of `schedule_cases.json`: what a schedule answers, what moved each run, what is left out, what is refused."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.broadcasts import schedules_next, schedules_read
from functions.broadcasts.schedules import Calendar, ScheduleError

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("schedule_cases.json").read_text())["cases"]


def calendar_of(case: dict[str, Any]) -> Calendar:
    """The house's settings of a case."""
    settings = case.get("settings", {})
    days = frozenset(date.fromisoformat(day) for day in settings.get("holidays", ()))
    return Calendar(days, schedules_read.WEEKDAYS.index(settings.get("week_start", "MON")))


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """What we say to a case, in its own form."""
    try:
        schedule = schedules_read.schedule(case["schedule"], calendar_of(case))
        exceptions = schedules_read.exceptions(case["exceptions"], schedule.zone)
        schedules_next.check(schedule, exceptions)
    except ScheduleError as error:
        return {"error": error.code}
    found = schedules_next.preview(schedule, exceptions, datetime.fromisoformat(case["after"]), 8)
    lost = [
        {"at": drop.at.isoformat(), "reason": "+".join(drop.why)} | ({"to": drop.to.isoformat()} if drop.to else {})
        for drop in found.dropped
    ]
    return {
        "next": [run.at.isoformat() for run in found.runs],
        "why": ["+".join(run.why) or None for run in found.runs],
        "config": [dict(run.config) or None for run in found.runs],
        "skipped": lost[:8],
    }


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    """The runs, their reasons, their configuration and what is left out are those of the case."""
    expected = {name: case[name] for name in ("next", "why", "config", "skipped", "error") if name in case}
    if "error" not in case:
        expected.setdefault("skipped", [])
        expected.setdefault("config", [None] * len(case["next"]))
    assert answer(case) == expected


def test_all_cases_are_there() -> None:
    """No case was lost from the file, and no two have one id."""
    assert len({case["id"] for case in CASES}) == len(CASES) == 234
