"""The one line a minute: whole, parseable, silent about people, and there even when everything is down."""

import json
import logging
import re

import pytest

from functions.watch import watch
from shared.errors import UnavailableError
from shared.logs import mask
from shared.watch import report
from tests.support.world import contact, opportunity

QUEUES = {"delivery-queue": {"messages": 2, "oldest_seconds": 7, "poison": 0}}


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No dead letter had to be kept outside the database."""
    monkeypatch.setattr(report.dead_letter_blobs, "count", lambda: 0)


def down() -> dict[str, object]:
    """What every question to a system answers that is not there."""
    raise UnavailableError("connection refused")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """The state lines that were logged, parsed as the alerts parse them: everything after the mark is JSON."""
    texts = [mask(record.getMessage()) for record in caplog.records if record.name == "puente.watch"]
    return [json.loads(text[len(report.MARK) :]) for text in texts if text.startswith(report.MARK)]


def test_line_holds_queues_and_record(world, monkeypatch, caplog) -> None:
    """One call, one line, with everything in it."""
    monkeypatch.setattr(report, "depths", lambda: QUEUES)
    world.post("contact", contact("m1"))
    world.run()
    watch(None)
    (line,) = lines(caplog)
    assert (line["storage"], line["database"], line["queues"]) == ("up", "up", QUEUES)
    assert line["handled"]["events"] == {"manychat.contact applied": 1}


def test_line_is_written_whatever_the_log_level(world, monkeypatch, caplog) -> None:
    """LOG_LEVEL=ERROR silences the app, not its watch: alerts would go blind."""
    monkeypatch.setattr(report, "depths", lambda: QUEUES)
    monkeypatch.setattr(logging.getLogger("puente"), "level", logging.ERROR)
    report.write()
    assert len(lines(caplog)) == 1


def test_database_that_is_down_is_said_to_be_down(world, monkeypatch, caplog) -> None:
    """The line still tells the queues, and names the database as down."""
    monkeypatch.setattr(report, "depths", lambda: QUEUES)
    monkeypatch.setattr(report, "figures", down)
    report.write()
    (line,) = lines(caplog)
    assert line == {"storage": "up", "database": "down", "queues": QUEUES, "unstored_letters": 0}


def test_storage_that_is_down_is_said_to_be_down(world, monkeypatch, caplog) -> None:
    """The line still tells the record, and names the storage as down."""
    monkeypatch.setattr(report, "depths", down)
    report.write()
    (line,) = lines(caplog)
    assert line["storage"] == "down"
    assert "queues" not in line
    assert line["dead_letters"] == 0


def test_line_tells_of_no_person(world, monkeypatch, caplog) -> None:
    """Neither name nor number nor address of anybody is in it, and masking leaves it as it is."""
    monkeypatch.setattr(report, "depths", lambda: QUEUES)
    world.post("contact", contact("555123456789", whatsapp="+5215512345678", email_lead="ana@example.com"))
    world.post("opportunity", opportunity("555123456789", stage="no such stage"))
    world.run()
    report.write()
    text = json.dumps(lines(caplog)[0])
    assert not re.search(r"Ana|ana@|5512345678|555123456789", text)
    assert mask(text) == text
