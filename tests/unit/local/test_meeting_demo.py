"""The demonstrations of a meeting and of a coordination tell what became of them, and say what was refused or did not come."""

from collections.abc import Mapping
from typing import Any

import pytest

from local import coordination, lead, meeting

MEETING = {
    "id": 3,
    "status": "searching",
    "calendar_sync_status": None,
    "start_time": "2026-12-01T15:00:00+00:00",
    "reason": "first_available",
    "calendar_provider": "google",
}
BOOKED = MEETING | {"status": "confirmed", "calendar_sync_status": "success"}
STARTED = {"process_id": "p-1", "execution_id": "run-9", "bot": "process-order", "state": "waiting", "result_status": None}
ENDED = STARTED | {"state": "done", "result_status": "completed"}


class App:
    """The app: what it answers to a post, and its lists in turn, the last one for ever."""

    def __init__(self, answer: Mapping[str, Any], *rows: dict[str, Any]) -> None:
        self.answer, self.rows, self.posted = dict(answer), list(rows), []

    def post(self, path: str, body: Any) -> dict[str, Any]:
        """One answer."""
        self.posted.append((path, body))
        return self.answer

    def ask(self, _path: str) -> dict[str, Any]:
        """The list with its newest row."""
        row = self.rows.pop(0) if len(self.rows) > 1 else self.rows[0]
        return {"items": [row] if row else []}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits."""
    monkeypatch.setattr(lead, "moments", lambda: range(4))


def test_meeting_is_shown_once_its_event_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Not when it is only being looked for; the row is that of this very meeting."""
    app = App({"meeting": MEETING}, {}, BOOKED | {"id": 2}, MEETING, BOOKED)
    assert meeting.Demo("http://sandbox", app.post, app.ask).show()
    assert "booked    2026-12-01 15:00 UTC (first_available), one event in google" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "words"), [({"errors": ["no_one"]}, "refused"), ({"meeting": MEETING}, "did not come")])
def test_meeting_that_does_not_come_is_said_so(capsys: pytest.CaptureFixture[str], answer: dict[str, Any], words: str) -> None:
    """Refused, or never booked."""
    app = App(answer, BOOKED | {"id": 2})
    assert not meeting.Demo("http://sandbox", app.post, app.ask).show()
    assert words in capsys.readouterr().out


def test_coordination_is_shown_from_its_start_to_the_robots_result(capsys: pytest.CaptureFixture[str]) -> None:
    """The process and the run by their numbers, then the end."""
    app = App({"event_id": "e"}, {}, STARTED, ENDED)
    assert coordination.Demo("http://sandbox", app.post, app.ask).show()
    shown = capsys.readouterr().out
    assert "process p-1 in Flowable, run run-9 of the robot process-order" in shown
    assert "the robot says completed" in shown


@pytest.mark.parametrize(("answer", "rows", "words"), [({}, [{}], "refused"), ({"event_id": "e"}, [STARTED], "did not come")])
def test_coordination_that_does_not_come_is_said_so(
    capsys: pytest.CaptureFixture[str], answer: dict[str, Any], rows: list[dict[str, Any]], words: str
) -> None:
    """Refused, or without the robot's result."""
    app = App(answer, *rows)
    assert not coordination.Demo("http://sandbox", app.post, app.ask).show()
    assert words in capsys.readouterr().out
