"""Schedules over the API: what is taken and refused, what the preview says, and what a pause and a resume do."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from functions.broadcasts import schedule_runs
from functions.broadcasts.tables import Automation, Execution, Schedule
from shared import clock, faults
from shared.settings import get_settings
from shared.store.session import reading, transact
from tests.functions.broadcasts.conftest import DAILY, FLOW_ID
from tests.support.world import FakeStorage
from tests.unit.web.calls import KEYS, Api

NOBODY = "3f0e6c5e-0000-4000-8000-00000000dead"


@pytest.fixture
def api(environment: pytest.MonkeyPatch, database: Engine, storage: FakeStorage, test_clock: clock.TestClock) -> Api:
    """The API, on the clock of the test: Monday 2 March 2026, 03:00 in Mexico City."""
    environment.setenv("API_KEYS", json.dumps(KEYS))
    get_settings.cache_clear()
    return Api()


@pytest.fixture
def path(api: Api) -> str:
    """Where the schedule of an automation is."""

    def work(session: Any) -> str:
        row = Automation(name="Navidad", flow_id=FLOW_ID)
        session.add(row)
        session.flush()
        return row.uuid

    return f"/api/v1/flow-automations/{transact(work)}/schedule"


def executions() -> list[Execution]:
    """Every execution there is."""
    with reading() as session:
        return list(session.scalars(select(Execution).order_by(Execution.id)))


def the_schedule() -> Schedule:
    """The one schedule."""
    with reading() as session:
        return session.scalars(select(Schedule)).one()


def test_schedule_is_added_once_and_shown(api: Api, path: str) -> None:
    """It says in words what it means and when it runs next; a second one is refused until the first is deleted."""
    answer = api.post(path, body=DAILY)
    assert (answer.status, answer.json["next_scheduled_at"]) == (201, "2026-03-02T16:00:00Z")
    assert answer.json["description"] == "every day from 2026-03-01 at 10:00 (America/Mexico_City)"
    assert api.get(path).json == answer.json
    assert api.post(path, body=DAILY).status == 400
    assert api("DELETE", path).status == 204
    assert api.get(path).status == 404
    assert api.post(path, body=DAILY).status == 201


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"recurrence_config": {}}, "invalid-interval"),
        ({"recurrence_type": "cron", "recurrence_config": {"expression": "0 9 30 2 *"}}, "never"),
        ({"recurrence_type": "cron", "recurrence_config": {"expression": "0 9 * *"}}, "invalid-cron"),
        ({"execution_timezone": "America/Ciudad_Mexico"}, "invalid-zone"),
        ({"start_time": "10 am"}, "invalid-dates"),
        ({"execution_window_start": "09:00"}, "invalid-window"),
    ],
)
def test_what_never_comes_or_cannot_be_read_is_refused(api: Api, path: str, change: dict[str, Any], code: str) -> None:
    """422 with the code, and nothing is kept."""
    answer = api.post(path, body=DAILY | change)
    assert answer.status == 422
    assert code in answer.body.decode()
    assert api.get(path).status == 404


def test_nobody_has_no_schedule(api: Api, path: str) -> None:
    """An unknown automation is 404, also for its exceptions and its preview, with the same type at each of its addresses."""
    unknown = path.replace(path.split("/")[4], NOBODY)
    refused = api.post(unknown, body=DAILY)
    assert (refused.status, refused.json["type"]) == (404, api.get(unknown.removesuffix("/schedule")).json["type"])
    assert api.get(f"{unknown}/preview").status == 404
    assert api.get(f"{path}/preview").status == 404


def test_preview_says_what_moves_each_run(api: Api, path: str) -> None:
    """A month whose day falls on a weekend is shown with its reason; of cron's two day fields it says "or"."""
    monthly = {
        "recurrence_type": "monthly",
        "recurrence_config": {"day": 31},
        "skip_weekends": True,
        "weekend_policy": "before",
    }
    api.post(path, body=DAILY | monthly)
    found = api.get(f"{path}/preview", num_executions=4, days_ahead=365).json
    assert [(run["scheduled_at"][:10], run["moved_by"]) for run in found["next_executions"]] == [
        ("2026-03-31", []),
        ("2026-04-30", ["clamped"]),
        ("2026-05-29", ["weekend"]),
        ("2026-06-30", ["clamped"]),
    ]
    cron = {"recurrence_type": "cron", "recurrence_config": {"expression": "0 9 13 * 5"}}
    assert api("PUT", path, body=cron).status == 200
    assert "on day 13 of the month or on Friday" in api.get(f"{path}/preview").json["description"]


def test_exceptions_move_and_leave_out(api: Api, path: str) -> None:
    """A skip is shown as left out, a reschedule with where it goes and a warning; taken back, the run is there again."""
    api.post(path, body=DAILY | {"skip_weekends": True})
    skip = {"exception_type": "skip", "start_date": "2026-03-03"}
    moved = {"exception_type": "reschedule", "start_date": "2026-03-04", "rescheduled_to": "2026-03-07T12:00:00"}
    first = api.post(f"{path}/exceptions", body=skip)
    assert (first.status, api.post(f"{path}/exceptions", body=moved).status) == (201, 201)
    found = api.get(f"{path}/preview", num_executions=4).json
    assert [run["scheduled_at"][:16] for run in found["next_executions"]] == [
        "2026-03-02T10:00",
        "2026-03-05T10:00",
        "2026-03-06T10:00",
        "2026-03-07T12:00",
    ]
    assert found["next_executions"][3]["warning"] == "weekend"
    assert [(lost["scheduled_at"][:10], lost["reasons"]) for lost in found["left_out"]] == [
        ("2026-03-03", ["skip"]),
        ("2026-03-04", ["reschedule"]),
        ("2026-03-07", ["weekend"]),
    ]
    assert api("DELETE", f"{path}/exceptions/{first.json['id']}").status == 204
    assert api.get(f"{path}/preview").json["next_executions"][1]["scheduled_at"][:10] == "2026-03-03"
    assert api("DELETE", f"{path}/exceptions/{first.json['id']}").status == 404


@pytest.mark.parametrize(("policy", "taken_to"), [(None, None), ("before", "2026-03-13"), ("after", "2026-03-17")])
def test_public_holidays_are_those_of_the_country_that_is_set(
    api: Api, path: str, environment: pytest.MonkeyPatch, policy: str | None, taken_to: str | None
) -> None:
    """Monday 16 March 2026 is one in Mexico and none in Brazil; the preview says so, and which day the run is taken to."""
    weekly = {"recurrence_type": "weekly", "recurrence_config": {"days": ["MON"]}, "start_date": "2026-03-09"}
    api.post(path, body=DAILY | weekly | {"skip_holidays": True, "skip_weekends": True, "weekend_policy": policy})
    for country, is_holiday in (("MX", True), ("BR", False)):
        environment.setenv("HOLIDAYS_COUNTRY", country)
        get_settings.cache_clear()
        found = api.get(f"{path}/preview", num_executions=3).json
        runs = {run["scheduled_at"][:10]: run["moved_by"] for run in found["next_executions"]}
        lost = [(one["scheduled_at"][:10], one["reasons"]) for one in found["left_out"]]
        if not is_holiday:
            assert (runs, lost) == ({"2026-03-09": [], "2026-03-16": [], "2026-03-23": []}, [])
        elif taken_to is None:
            assert ("2026-03-16" in runs, lost) == (False, [("2026-03-16", ["holiday"])])
        else:
            assert (runs[taken_to], lost) == (["holiday"], [])


@pytest.mark.parametrize(("week_start", "days"), [("MON", ["14", "28"]), ("SUN", ["07", "21"])])
def test_every_second_week_counts_from_the_weeks_of_the_setting(
    api: Api, path: str, environment: pytest.MonkeyPatch, week_start: str, days: list[str]
) -> None:
    """Also after the schedule was saved again, paused and resumed."""
    environment.setenv("BROADCAST_WEEK_START", week_start)
    get_settings.cache_clear()
    weekly = {"recurrence_type": "weekly", "recurrence_config": {"days": ["THU"], "interval": 2}, "start_date": "2027-01-03"}
    api.post(path, body=DAILY | weekly)
    for change in ({}, {"recurrence_config": {"days": ["THU"], "interval": 2}}, {"is_paused": True}, {"is_paused": False}):
        assert api("PUT", path, body=change).status == 200
        found = api.get(f"{path}/preview", num_executions=2, days_ahead=365).json["next_executions"]
        assert [run["scheduled_at"][:10] for run in found] == [f"2027-01-{day}" for day in days]


@pytest.mark.parametrize("config", [{"rate_limit_per_hour": 0}, {"rate_limit_per_hour": "50"}, {"audience_type": "all"}])
def test_exception_that_changes_what_it_cannot_is_refused(api: Api, path: str, config: dict[str, Any]) -> None:
    """Only how a run is sent can be changed, within the bounds of the automation's own fields; nothing is kept."""
    api.post(path, body=DAILY)
    body = {"exception_type": "modify", "start_date": "2026-03-03", "modified_config": config}
    answer = api.post(f"{path}/exceptions", body=body)
    assert (answer.status, "invalid-exception" in answer.body.decode()) == (422, True)
    assert api.get(path).json["exceptions"] == []


def test_exception_that_leaves_no_run_is_refused(api: Api, path: str) -> None:
    """A skip over the only day would make a schedule that never comes."""
    api.post(path, body=DAILY | {"recurrence_type": "once", "start_date": "2026-03-05", "recurrence_config": {}})
    answer = api.post(f"{path}/exceptions", body={"exception_type": "skip", "start_date": "2026-03-05"})
    assert (answer.status, "never" in answer.body.decode()) == (422, True)


def test_timer_that_dies_after_a_claim_begins_nothing_twice(api: Api, path: str, test_clock: clock.TestClock) -> None:
    """Claim and execution are one transaction: the next timer finds the run begun."""
    api.post(path, body=DAILY)
    test_clock.moment = datetime(2026, 3, 2, 16, 0, 20, tzinfo=UTC)
    faults.inject("broadcasts.after_schedule_claim=raise")
    try:
        with pytest.raises(faults.InjectedFault):
            schedule_runs.run_due()
    finally:
        faults.inject("")
    assert schedule_runs.run_due() == 0
    assert len(executions()) == 1


def test_due_schedule_begins_one_execution(api: Api, path: str, test_clock: clock.TestClock) -> None:
    """At its time one execution begins, with what a modify changes for that day; the timer finds nothing more to do."""
    api.post(path, body=DAILY)
    change = {"exception_type": "modify", "start_date": "2026-03-02", "modified_config": {"rate_limit_per_hour": 20}}
    api.post(f"{path}/exceptions", body=change)
    test_clock.moment = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)
    assert schedule_runs.run_due() == 0
    test_clock.moment = datetime(2026, 3, 2, 16, 0, 20, tzinfo=UTC)
    assert (schedule_runs.run_due(), schedule_runs.run_due()) == (1, 0)
    (execution,) = executions()
    assert (execution.execution_type, execution.triggered_by_event, execution.status) == ("scheduled", "cron", "queued")
    assert execution.config["rate_limit_per_hour"] == 20
    shown = api.get(path).json
    assert (shown["next_scheduled_at"], shown["execution_count"]) == ("2026-03-03T16:00:00Z", 1)


def test_outage_of_days_is_one_run(api: Api, path: str, test_clock: clock.TestClock) -> None:
    """What the timer has missed runs once, not once for each day; with the policy `skip` not at all."""
    api.post(path, body=DAILY)
    test_clock.advance(days=4)
    assert schedule_runs.run_due() == 1
    assert the_schedule().next_scheduled_at == datetime(2026, 3, 6, 16, tzinfo=UTC)
    api("PUT", path, body={"missed_policy": "skip"})
    test_clock.advance(days=4)
    assert schedule_runs.run_due() == 0
    assert the_schedule().next_scheduled_at == datetime(2026, 3, 10, 16, tzinfo=UTC)
    assert len(executions()) == 1


@pytest.mark.parametrize(("asked", "begun"), [({}, 0), ({"catch_up": True}, 1)])
def test_pause_is_no_outage(api: Api, path: str, test_clock: clock.TestClock, asked: dict[str, Any], begun: int) -> None:
    """Paused on Friday and resumed on Monday, nothing is made up for unless asked, and then once."""
    ten_minutes = {"recurrence_type": "cron", "recurrence_config": {"expression": "*/10 * * * *"}, "start_time": "00:00"}
    api.post(path, body=DAILY | ten_minutes)
    api("PUT", path, body={"is_paused": True})
    test_clock.advance(days=3)
    assert schedule_runs.run_due() == 0
    assert api("PUT", path, body={"is_paused": False} | asked).json["next_scheduled_at"] == "2026-03-05T09:10:00Z"
    assert len(executions()) == begun
    assert schedule_runs.run_due() == 0


def test_schedule_that_cannot_be_read_is_set_aside(api: Api, path: str, test_clock: clock.TestClock) -> None:
    """It stops no other schedule, says why it stands still, and is taken up again once it is changed."""
    api.post(path, body=DAILY)

    def break_it(session: Any) -> None:
        session.scalars(select(Schedule)).one().execution_timezone = "Nowhere/Land"
        session.add(Automation(id=77, name="Otra", flow_id=FLOW_ID))
        session.flush()
        other = {name: value for name, value in DAILY.items() if name != "recurrence_type"} | {"recurrence_type": "daily"}
        session.add(Schedule(automation_id=77, next_scheduled_at=clock.now(), **other))

    transact(break_it)
    test_clock.advance(hours=7)
    assert schedule_runs.run_due() == 1
    shown = api.get(path).json
    assert (shown["is_active"], shown["error_message"][:12]) == (False, "invalid-zone")
    assert schedule_runs.run_due() == 0
    assert api("PUT", path, body={"execution_timezone": "America/Mexico_City"}).json["is_active"]


def test_automation_that_stands_still_begins_nothing(api: Api, path: str, test_clock: clock.TestClock) -> None:
    """While the automation is paused its schedule moves on without a run."""
    api.post(path, body=DAILY)

    def pause(session: Any) -> None:
        session.scalars(select(Automation)).one().status = "paused"

    transact(pause)
    test_clock.advance(hours=7)
    assert schedule_runs.run_due() == 0
    assert the_schedule().next_scheduled_at == datetime(2026, 3, 3, 16, tzinfo=UTC)


def test_slower_of_two_timers_begins_nothing(api: Api, path: str, test_clock: clock.TestClock) -> None:
    """A timer that has read a due schedule, which another claims before it writes, changes no row and begins nothing."""
    api.post(path, body=DAILY)
    test_clock.advance(hours=7)

    def slow_timer(session: Session) -> int:
        row = session.get_one(Schedule, the_schedule_id(session))
        later = datetime(2026, 3, 3, 16, tzinfo=UTC)
        moved = update(Schedule).values(next_scheduled_at=later).execution_options(synchronize_session=False)
        session.execute(moved)  # what the quicker one has committed meanwhile; this session still has what it read
        assert row.next_scheduled_at == datetime(2026, 3, 2, 16, tzinfo=UTC)
        return schedule_runs.claim(session, row.id)

    assert transact(slow_timer) == 0
    assert executions() == []
    assert the_schedule().execution_count == 0


def the_schedule_id(session: Session) -> int:
    """The number of the one schedule."""
    return session.scalars(select(Schedule.id)).one()
