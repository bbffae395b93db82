"""The demonstration of an onboarding tells what became of each step, and says what did not come."""

from typing import Any

import pytest

from local import lead, onboarding

ROW = {"id": 7, "status": "in_progress", "start_date": "2027-01-11"}
STEP = {"name": "idp", "state": "done", "act": "created", "detail": "staged", "reason": None}


def demo(monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any]) -> onboarding.Demo:
    """The demonstration with these answers of the app to its list in turn, the last one for ever."""
    monkeypatch.setattr(lead, "asked", lambda _method, _url, _given: {})
    monkeypatch.setattr(lead, "moments", lambda: range(3))
    answers = list(rows)

    def ask(path: str) -> dict[str, Any]:
        if path.endswith("/7"):
            return {**answers[0], "steps": [STEP]}
        row = answers.pop(0) if len(answers) > 1 else answers[0]
        return {"items": [row] if row else []}

    return onboarding.Demo("http://sandbox", ask)


def test_steps_are_shown_with_their_results(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Once none of them is under way."""
    assert demo(monkeypatch, {}, ROW, ROW | {"status": "completed"}).show()
    shown = capsys.readouterr().out
    assert "onboarding completed, first day 2027-01-11" in shown
    assert "idp        done (created, staged)" in shown


@pytest.mark.parametrize(("last", "words"), [({}, "did not come in time"), (ROW | {"status": "failed"}, "onboarding failed")])
def test_what_did_not_come_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], last: dict[str, Any], words: str
) -> None:
    """No onboarding, or one with a step that failed: the demonstration has not succeeded."""
    assert not demo(monkeypatch, last).show()
    assert words in capsys.readouterr().out
