"""Schedules that fail when they are due: each is a stopped event, which people replay, drop, or settle by a change."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select

from functions.broadcasts import running_start, schedule_failures, schedule_runs
from functions.broadcasts.schedules import ScheduleError
from functions.broadcasts.tables import Automation, Execution, Schedule
from shared import clock
from shared.errors import PermanentError, UnavailableError
from shared.flow import EVENTS_QUEUE
from shared.intake import dead_letter_edits
from shared.intake.dead_letter_store import Filter
from shared.plans import replays
from shared.settings import get_settings
from shared.store.models import ActionLog, DeadLetter, Delivery
from shared.store.session import reading, transact
from tests.functions.broadcasts.conftest import DAILY, FLOW_ID
from tests.support.functions import named
from tests.support.world import World
from tests.unit.web.calls import KEYS, Api

DUE = datetime(2026, 3, 2, 16, tzinfo=UTC)
ROTTEN, OTHER = "rotten", "other"


class Plant:
    """The app with two daily schedules that are due at 16:00 UTC, one of them rotten, and who operates it."""

    def __init__(self, world: World, api: Api, now: clock.TestClock) -> None:
        self.world, self.api, self.now = world, api, now
        world.handlers |= {EVENTS_QUEUE: named("events_handler")}
        self.paths = {name: f"/api/v1/flow-automations/{_automation(name)}/schedule" for name in (ROTTEN, OTHER)}
        for path in self.paths.values():
            assert api.post(path, body=DAILY).status == 201

    def set(self, **values: Any) -> None:
        """Change the rotten schedule's row as no caller could."""

        def work(session: Any) -> None:
            row = self._row(session)
            for name, value in values.items():
                setattr(row, name, value)

        transact(work)

    @property
    def row(self) -> Schedule:
        """The rotten schedule."""
        with reading() as session:
            return self._row(session)

    def _row(self, session: Any) -> Schedule:
        joined = select(Schedule).join(Automation, Automation.id == Schedule.automation_id).where(Automation.name == ROTTEN)
        return session.scalars(joined).one()

    def fail(self, zone: str = "Nowhere/Land", at: datetime = DUE) -> None:
        """The schedule cannot be read any more, and its time comes."""
        self.set(execution_timezone=zone)
        self.now.moment = at
        schedule_runs.run_due()

    def replay(self, letter: DeadLetter) -> None:
        """Put its event back on its queue, and let it be handled."""
        assert self.api.post(f"/api/v1/dead-letters/{letter.id}/replay").status == 202
        self.world.run()

    def runs(self) -> list[tuple[str, datetime | None]]:
        """Whose executions there are, and for when."""
        with reading() as session:
            query = select(Automation.name, Execution.scheduled_for).join(Execution, Execution.automation_id == Automation.id)
            return [(name, at) for name, at in session.execute(query.order_by(Execution.id))]


def _automation(name: str) -> str:
    def work(session: Any) -> str:
        row = Automation(name=name, flow_id=FLOW_ID)
        session.add(row)
        session.flush()
        return row.uuid

    return transact(work)


@pytest.fixture
def plant(environment: pytest.MonkeyPatch, database: Engine, world: World, test_clock: clock.TestClock) -> Plant:
    """Monday 2 March 2026, 03:00 in Mexico City."""
    environment.setenv("API_KEYS", json.dumps(KEYS))
    environment.setenv("ALERT_WEBHOOK_URL", "https://alerts.example/hook")
    get_settings.cache_clear()
    return Plant(world, Api(), test_clock)


def letters(state: str = "parked") -> list[DeadLetter]:
    """The stopped events in a state, oldest first."""
    with reading() as session:
        return list(session.scalars(select(DeadLetter).where(DeadLetter.state == state).order_by(DeadLetter.id)))


def alerts() -> list[str]:
    """What operators were told, in order."""
    with reading() as session:
        rows = session.scalars(select(Delivery).where(Delivery.target == "alerts").order_by(Delivery.id))
        return [row.payload["text"] for row in rows]


def test_a_schedule_that_fails_is_a_stopped_event_with_its_cause(plant: Plant) -> None:
    """The other schedule of that minute runs; the event names the schedule and why, and operators are told once."""
    plant.fail()
    plant.now.advance(minutes=1)
    schedule_runs.run_due()
    assert plant.runs() == [(OTHER, DUE)]
    (letter,) = letters()
    assert (letter.type, letter.reason, letter.subject) == ("broadcast.run", "invalid-zone", f"schedule:{plant.row.uuid}")
    assert "Nowhere/Land" in letter.error_message
    assert (plant.row.is_active, str(plant.row.error_message)[:12]) == (False, "invalid-zone")
    assert len(alerts()) == 1
    assert "flow broadcasts" in alerts()[0]
    assert "invalid-zone" in alerts()[0]


def test_a_replay_takes_the_run_up_that_failed(plant: Plant) -> None:
    """Once the cause is gone (here beside the schedule) it is in force again, the run takes place, the event is resolved."""
    plant.fail()
    plant.set(execution_timezone="America/Mexico_City")
    plant.now.advance(hours=3)
    plant.replay(letters()[0])
    assert plant.runs() == [(OTHER, DUE), (ROTTEN, DUE)]
    assert (plant.row.is_active, plant.row.error_message) == (True, None)
    assert plant.row.next_scheduled_at == datetime(2026, 3, 3, 16, tzinfo=UTC)
    assert (len(letters()), len(letters("resolved"))) == (0, 1)


def test_a_replayed_run_is_a_missed_one(plant: Plant) -> None:
    """By its policy `skip` the run is left out, and the schedule is in force for the next."""
    plant.set(missed_policy="skip")
    plant.fail()
    plant.set(execution_timezone="America/Mexico_City")
    plant.now.advance(hours=3)
    plant.replay(letters()[0])
    assert plant.runs() == [(OTHER, DUE)]
    assert (plant.row.is_active, plant.row.next_scheduled_at) == (True, datetime(2026, 3, 3, 16, tzinfo=UTC))


def test_a_replay_that_fails_again_is_a_new_stopped_event_with_the_new_reason(plant: Plant) -> None:
    """It points to the one before; the schedule stays set aside, and nothing has begun."""
    plant.fail()
    plant.set(execution_timezone="America/Mexico_City", recurrence_config={"interval": 0})
    first = letters()[0]
    plant.replay(first)
    (again,) = letters()
    assert (again.replay_of, again.reason, again.subject) == (first.id, "invalid-interval", first.subject)
    assert (plant.row.is_active, plant.runs()) == (False, [(OTHER, DUE)])
    plant.set(recurrence_config={"interval": 1})
    plant.replay(again)
    assert (letters(), plant.row.is_active, plant.runs()[-1]) == ([], True, (ROTTEN, DUE))


def test_what_fails_again_later_is_stopped_again(plant: Plant) -> None:
    """A schedule that was put back in force and rots once more is a further event; its replay is not taken for the first's."""
    plant.fail()
    plant.set(execution_timezone="America/Mexico_City")
    plant.replay(letters()[0])
    plant.fail("Elsewhere/Land", at=datetime(2026, 3, 3, 16, tzinfo=UTC))
    (letter,) = letters()
    assert (letter.replay_of, "Elsewhere/Land" in letter.error_message) == (None, True)
    plant.set(execution_timezone="America/Mexico_City")
    plant.replay(letter)
    assert plant.runs()[-1] == (ROTTEN, datetime(2026, 3, 3, 16, tzinfo=UTC))


@pytest.mark.parametrize(
    ("mend", "is_active"),
    [
        (lambda plant: plant.api("PUT", plant.paths[ROTTEN], body={"execution_timezone": "UTC"}), True),
        (lambda plant: plant.api("PUT", plant.paths[ROTTEN], body={"execution_timezone": "UTC", "is_active": False}), False),
        (lambda plant: plant.api("DELETE", plant.paths[ROTTEN]), False),
        (lambda plant: plant.api("DELETE", plant.paths[ROTTEN].removesuffix("/schedule")), False),
    ],
)
def test_a_schedule_that_is_changed_or_deleted_has_nothing_stopped(
    plant: Plant, mend: Callable[[Plant], Any], *, is_active: bool
) -> None:
    """Its events are resolved with a line of who did it; replayed all the same they change nothing."""
    plant.fail()
    letter = letters()[0]
    assert mend(plant).status in (200, 204)
    assert (letters(), plant.row.is_active) == ([], is_active)
    with reading() as session:
        lines = session.scalars(select(ActionLog).where(ActionLog.dead_letter_id == letter.id)).all()
    assert [(line.action, line.result) for line in lines] == [("dead-letter.settle", "settled")]
    plant.replay(letter)
    assert (letters(), plant.row.is_active, plant.runs()) == ([], is_active, [(OTHER, DUE)])


def test_a_dropped_one_stays_set_aside(plant: Plant) -> None:
    """Whoever drops the event leaves the schedule as it stands: it begins nothing until somebody changes it."""
    plant.fail()
    dead_letter_edits.drop(letters()[0].id, "no longer wanted", "key:ana")
    plant.set(execution_timezone="America/Mexico_City")
    plant.now.advance(days=3)
    schedule_runs.run_due()
    assert (letters(), plant.row.is_active) == ([], False)
    assert {name for name, _at in plant.runs()} == {OTHER}


def test_it_is_replayed_by_an_approved_plan_as_well(plant: Plant) -> None:
    """With all that failed for one reason, as any stopped event; while the cause is there it stays stopped."""
    plant.fail()
    with reading() as session:
        asked = replays.asked(session, Filter(reason="invalid-zone"))
    (unit,) = replays.REPLAYS.page(asked, None).units
    with pytest.raises(PermanentError, match="Nowhere/Land"):
        transact(lambda session: unit.steps[0].apply(session, "key:ana"))
    assert (len(letters()), plant.row.is_active) == (1, False)
    plant.set(execution_timezone="America/Mexico_City")
    assert transact(lambda session: unit.steps[0].apply(session, "key:ana")).word == "applied"
    assert (letters(), plant.runs()[-1]) == ([], (ROTTEN, DUE))


def broken(*_given: Any, **_more: Any) -> Any:
    """A mistake of ours."""
    raise KeyError("config")


def test_a_mistake_of_ours_is_tried_again_while_the_run_is_on_time(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every minute for a quarter of an hour; then it is set aside with its trace and goes round no longer. A replay runs it."""
    begin = running_start.begin

    def beginning(session: Any, automation: Automation, *given: Any) -> Any:
        return (broken if automation.name == ROTTEN else begin)(session, automation, *given)

    monkeypatch.setattr(running_start, "begin", beginning)
    plant.now.moment = DUE
    for _minute in range(16):
        schedule_runs.run_due()
        assert letters() == []
        plant.now.advance(minutes=1)
    schedule_runs.run_due()
    (letter,) = letters()
    assert (letter.reason, "in broken" in str(letter.trace), plant.row.is_active) == ("KeyError", True, False)
    assert plant.runs() == [(OTHER, DUE)]
    monkeypatch.setattr(running_start, "begin", begin)
    plant.replay(letter)
    assert (plant.runs()[-1], plant.row.is_active) == ((ROTTEN, DUE), True)


def test_an_outage_of_ours_sets_nothing_aside(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes: the schedule is blameless."""

    def away(*_given: Any) -> Any:
        raise UnavailableError("the database is away")

    monkeypatch.setattr(running_start, "begin", away)
    plant.now.moment = DUE
    for _hour in range(3):
        assert schedule_runs.run_due() == 0
        plant.now.advance(hours=1)
    assert (letters(), plant.row.is_active) == ([], True)
    monkeypatch.undo()


def test_two_timers_set_it_aside_once(plant: Plant) -> None:
    """The slower one finds it set aside, and writes no second event and no second alert."""
    plant.set(execution_timezone="Nowhere/Land")
    plant.now.moment = DUE
    error = ScheduleError("invalid-zone", "no such zone")
    for _timer in range(2):
        transact(lambda session: schedule_failures.set_aside(session, plant.row.id, error))
    assert (len(letters()), len(alerts())) == (1, 1)
