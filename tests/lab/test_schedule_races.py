"""Two timers over one due schedule: its run begins once, whichever comes first, and neither waits for ever or fails."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from functions.broadcasts import schedule_edits, schedule_failures, schedule_replays, schedule_runs
from functions.broadcasts.schedules import ScheduleError
from functions.broadcasts.tables import Automation, Execution, Schedule
from shared import clock
from shared.store.models import DeadLetter
from shared.store.session import reading, transact
from tests.lab.rows import filled
from tests.lab.together import together

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="races need PostgreSQL: make test-lab"
    ),
]
UUID = "11111111-1111-4111-8111-111111111111"


def timer(session: Session) -> int:
    """A timer that has found the schedule due."""
    return schedule_runs.claim(session, schedule_id=1)


def later(session: Session) -> int:
    """Somebody moves the time of day while the run is due."""
    return schedule_edits.change(session, UUID, {"start_time": (clock.now() + timedelta(hours=1)).time()}, "key:ana")


@pytest.fixture
def due(lab: Engine) -> datetime:
    """A daily schedule whose run has been due for a minute; when that was."""
    at = clock.now() - timedelta(minutes=1)
    rules = {
        "recurrence_type": "daily",
        "recurrence_config": {"interval": 1},
        "execution_timezone": "UTC",
    }

    def work(session: Session) -> None:
        session.add(filled(Automation, uuid=UUID, status="active", deleted_at=None))
        session.flush()
        row = filled(
            Schedule,
            automation_id=1,
            start_date=date(2026, 1, 1),
            start_time=at.time(),
            next_scheduled_at=at,
            is_active=True,
            **rules,
        )
        row.is_paused, row.deleted_at, row.end_date, row.execution_count = False, None, None, 0
        row.execution_window_start = row.execution_window_end = row.next_config = row.weekend_policy = None
        row.blackout_dates, row.skip_weekends, row.skip_holidays = [], False, False
        session.add(row)

    transact(work, lab)
    return at


@pytest.mark.parametrize("others", [1, 2])
def test_two_timers_begin_a_run_once(lab: Engine, due: datetime, others: int) -> None:
    """The one that waits finds the run claimed: one execution, counted once, and the next run is tomorrow's."""
    begun: list[int] = []

    def second(session: Session) -> None:
        begun.extend(timer(session) for _ in range(others))

    together(lab, lambda session: begun.append(timer(session)), second)
    assert sorted(begun)[-2:] == [0, 1]
    ends_well(lab, due, due + timedelta(days=1))


@pytest.mark.parametrize("is_timer_first", [True, False])
def test_a_timer_beside_a_change_by_hand(lab: Engine, due: datetime, *, is_timer_first: bool) -> None:
    """Whoever comes second sees what the first has left: the run takes place before the change, or not at all."""
    first, second = (timer, later) if is_timer_first else (later, timer)
    together(lab, first, second)
    following = clock.now() + timedelta(hours=1)
    with reading(lab) as session:
        row = session.scalars(select(Schedule)).one()
        runs = session.scalar(select(func.count()).select_from(Execution))
        assert (row.next_scheduled_at, row.execution_count, runs) == (following, int(is_timer_first), int(is_timer_first))


def test_the_whole_job_on_two_instances(lab: Engine, due: datetime) -> None:
    """The job as the timers call it, from two threads that begin together: one of them begins the run."""
    with ThreadPoolExecutor(2) as pool:
        barrier = Barrier(2)

        def job() -> int:
            barrier.wait(30)
            return schedule_runs.run_due()

        found = [pool.submit(job) for _ in range(2)]
        assert sorted(one.result(60) for one in found) == [0, 1]
    ends_well(lab, due, due + timedelta(days=1))


def test_two_timers_set_a_schedule_aside_once(lab: Engine, due: datetime) -> None:
    """The one that waits finds it set aside: one stopped event, and the schedule stands still with its reason."""
    error = ScheduleError("invalid-zone", "no such zone")

    def aside(session: Session) -> None:
        schedule_failures.set_aside(session, 1, error)

    together(lab, aside, aside)
    with reading(lab) as session:
        row, letters = session.scalars(select(Schedule)).one(), session.scalars(select(DeadLetter)).all()
        assert (row.is_active, row.next_scheduled_at, len(letters)) == (False, due, 1)


@pytest.mark.parametrize("is_replay_first", [True, False])
def test_a_replay_beside_a_change_by_hand(lab: Engine, due: datetime, *, is_replay_first: bool) -> None:
    """Whoever comes second sees what the first has left: the run takes place before the change, or not at all."""
    transact(lambda session: schedule_failures.set_aside(session, 1, ScheduleError("invalid-zone", "no such zone")), lab)

    def replay(session: Session) -> None:
        row = session.get_one(Schedule, 1)
        payload = schedule_failures.FailedRun(schedule_id=row.uuid, due=due)
        schedule_replays.run_again(session, SimpleNamespace(payload=payload))

    first, second = (replay, later) if is_replay_first else (later, replay)
    together(lab, first, second)
    following = clock.now() + timedelta(hours=1)
    with reading(lab) as session:
        row, runs = session.scalars(select(Schedule)).one(), session.scalar(select(func.count()).select_from(Execution))
        assert (row.is_active, row.error_message, row.next_scheduled_at) == (True, None, following)
        assert (row.execution_count, runs) == (int(is_replay_first), int(is_replay_first))


def ends_well(lab: Engine, due: datetime, following: datetime) -> None:
    """One execution for the run, and the schedule, the automation and its counts stand where they do after one."""
    with reading(lab) as session:
        row, automation = session.scalars(select(Schedule)).one(), session.scalars(select(Automation)).one()
        assert [one.scheduled_for for one in session.scalars(select(Execution))] == [due]
        assert (row.next_scheduled_at, row.execution_count) == (following, 1)
        assert (automation.next_scheduled_at, automation.total_executions) == (following, 1)
