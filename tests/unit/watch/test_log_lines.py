"""Our log lines of an event are kept for the console: in batches, masked, for some days."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, select

from shared import clock, logs, retention
from shared.errors import UnavailableError
from shared.settings import get_settings
from shared.store.flow_models import LogLine
from shared.store.session import reading
from shared.watch import log_lines
from shared.watch.log_lines import Keeper, of_event
from tests.support.world import World, contact

log = logging.getLogger("puente.test_log_lines")


@pytest.fixture
def keeper(world: World) -> Iterator[Keeper]:
    """One that writes when it is told to."""
    logs.configure("INFO")
    made = Keeper(every_seconds=0)
    logging.getLogger("puente").addHandler(made)
    yield made
    logging.getLogger("puente").removeHandler(made)


def lines() -> list[LogLine]:
    with reading() as session:
        return list(session.scalars(select(LogLine).order_by(LogLine.id)))


def test_lines_of_an_event_are_kept_with_it(keeper: Keeper, world: World) -> None:
    """Those that say which event they belong to; what belongs to none stays in the log alone."""
    log.info("of nobody")
    world.post("contact", contact("m1"))
    world.run()
    keeper.write()
    kept = lines()
    (line,) = [one for one in kept if one.event is not None and one.logger == "puente.inbox"]
    assert line.text.startswith("manychat.contact ")
    assert line.event == of_event("manychat.contact", line.text.split()[1].rstrip(":"))
    assert "of nobody" not in [one.text for one in kept]


def test_lines_are_masked_in_either_format(keeper: Keeper) -> None:
    """The JSON of the log is for machines: here the line alone is kept."""
    for line_format in ("text", "json"):
        logs.configure("INFO", line_format)
        with logs.bound(flow="f", event_id="1"):
            log.info("for %s", "ana@example.com")
    keeper.write()
    assert [one.text for one in lines()] == ["for a***@example.com"] * 2


def test_error_comes_with_the_end_of_its_trace(keeper: Keeper) -> None:
    """As much of it as a line has room for, however long the line is."""
    with logs.bound(flow="f", delivery_id=7):
        try:
            int("write to ana@example.com")
        except ValueError:
            log.exception("x" * 5000)
    keeper.write()
    (line,) = lines()
    assert (line.level, line.delivery_id, line.event) == ("ERROR", 7, None)
    assert len(line.text) <= 2000
    assert line.text.endswith("'write to a***@example.com'")


def test_many_lines_are_one_statement(keeper: Keeper, database: Engine) -> None:
    """Logging itself asks no database."""
    statements: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with logs.bound(flow="f", event_id="1"):
        for number in range(400):
            log.info("line %d", number)
    assert statements == []
    assert keeper.write() == 400
    assert len([one for one in statements if one.startswith("INSERT")]) == 1


def test_lines_wait_while_the_database_is_away(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of them are written in their order once it is back; logging goes on."""
    with monkeypatch.context() as patch:
        patch.setattr(log_lines, "_written", away)
        with logs.bound(flow="f", event_id="1"):
            for number in range(log_lines.MOST_WAITING + 1):
                log.info("line %d", number)
        assert keeper.write() == 0
    assert keeper.write() == log_lines.MOST_WAITING
    assert [one.text for one in lines()][:2] == ["line 1", "line 2"]


def away(_lines: object) -> None:
    raise UnavailableError("away")


def test_lines_go_after_their_days(keeper: Keeper, test_clock: clock.TestClock) -> None:
    """Seven, unless a setting says otherwise; and soon where they are switched off."""
    with logs.bound(flow="f", event_id="1"):
        log.info("old")
        test_clock.advance(days=2)
        log.info("new")
    keeper.write()
    test_clock.advance(seconds=1)
    retention.forget()  # EXECUTION_LOG_DAYS is 0 in the tests
    assert [one.text for one in lines()] == ["new"]


def test_seven_days_by_default(keeper: Keeper, test_clock: clock.TestClock, environment: pytest.MonkeyPatch) -> None:
    """Not six."""
    environment.delenv("EXECUTION_LOG_DAYS")
    get_settings.cache_clear()
    with logs.bound(flow="f", event_id="1"):
        log.info("old")
    keeper.write()
    test_clock.moment += timedelta(days=7) - timedelta(seconds=1)
    retention.forget()
    assert len(lines()) == 1
    test_clock.advance(seconds=2)
    retention.forget()
    assert lines() == []


def test_nothing_is_kept_where_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """No handler is added, and none twice."""
    monkeypatch.setattr(log_lines, "_keeper", None)
    before = list(logging.getLogger("puente").handlers)
    log_lines.install(0)
    assert logging.getLogger("puente").handlers == before


def test_writes_by_itself(world: World) -> None:
    """A thread does, after a moment."""
    logs.configure("INFO")
    made = Keeper(every_seconds=0.01)
    logging.getLogger("puente").addHandler(made)
    try:
        with logs.bound(flow="f", event_id="1"):
            log.info("line")
        timer = made._timer
        assert timer is not None
        timer.join(10)
    finally:
        logging.getLogger("puente").removeHandler(made)
    assert [one.text for one in lines()] == ["line"]
