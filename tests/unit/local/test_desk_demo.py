"""The demonstration of what waits for a person brings each matter about, and says which did not come."""

from collections.abc import Callable
from typing import Any

import pytest

from local import desk, lead

ANSWERS = {
    "/api/v1/dead-letters": {"type": "manychat.opportunity", "reason": "unknown-stage"},
    "/api/v1/inbound-messages": {"text": desk.QUESTION},
    "/api/v1/suppressions": {"channel": "whatsapp", "cause": "stop"},
    "/api/v1/advisors": {"name": desk.ADVISOR},
    "/api/v1/deliveries?state=uncertain": {"target": "manychat", "action": "manychat"},
    "/api/v1/deliveries?state=dead": {"target": "manychat", "action": "manychat"},
    "/api/v1/flow-automations/1/executions": {"status": "running"},
    "/api/v1/flow-automations/2/executions": {"status": "queued"},
    "/api/v1/flow-automations/4/executions": {"status": "queued"},
    "/api/v1/flow-automations/5/executions": {"status": "queued"},
}


VERDICTS = {"approve": "approved", "reject": "rejected"}


def pressed(page: str, action: str) -> str:
    """The console as it is: the form of a start leads to its plan."""
    assert page == action == "/console/broadcasts/3/start"
    return "/console/plans/1"


def refused(_page: str, action: str) -> str:
    raise LookupError(f"the page has no form that leads to {action}")


def shown(
    monkeypatch: pytest.MonkeyPatch, press: Callable[[str, str], str] = pressed, *, may_decide: bool = True, **missing: Any
) -> tuple[bool, list[tuple[str, str]], list[tuple[str, Any]]]:
    """Whether all came; what the sandbox was asked, and what was posted to the app. `missing`: answers that never come."""
    asked: list[tuple[str, str]] = []
    posted: list[tuple[str, Any]] = []
    decided: list[tuple[str, str]] = []

    def outside(method: str, url: str, _given: Any) -> dict[str, Any]:
        asked.append((method, url))
        return {}

    def post(path: str, body: Any) -> dict[str, Any]:
        posted.append((path, body))
        made = sum(one == "/api/v1/flow-automations/" for one, _body in posted)
        return {"id": made if "automations" in path else len(posted)}

    def decide(path: str, body: Any) -> dict[str, Any]:
        decided.append((path, body["comment"]))
        return {"approval": {"state": VERDICTS[path.rpartition("/")[2]]}} if may_decide else {"title": "You may not."}

    def ask(path: str) -> dict[str, Any]:
        if path.startswith("/api/v1/approvals?"):
            return {"items": [{"id": 7 + len(decided)}]}
        return {"items": [] if path in missing.get("paths", ()) else [ANSWERS[path]]}

    monkeypatch.setattr(lead, "asked", outside)
    monkeypatch.setattr(lead, "moments", lambda: range(2))
    return desk.Demo("http://sandbox", post, ask, press, decide).show("Ana Demo", "+525512000000"), asked, posted


def test_each_matter_is_brought_about_from_outside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By webhooks, by what a person writes, and by faults that end by themselves; nothing is written into the record."""
    came, asked, posted = shown(monkeypatch)
    assert came
    assert ("PUT", "http://sandbox/_sandbox/faults/manychat") in asked
    assert ("POST", "http://sandbox/_sandbox/twilio/reply") in asked
    assert [body["state"]["stage_id"] for path, body in posted if "opportunity" in path] == [desk.UNKNOWN_STAGE]
    audiences = [body["audience_config"]["contact_ids"] for path, body in posted if path == "/api/v1/flow-automations/"]
    assert [len(people) for people in audiences] == [1, 3, 2, 2, 2]
    out = capsys.readouterr().out
    assert "manychat.opportunity: unknown-stage" in out
    assert desk.QUESTION in out
    assert "Jornada de valoración: queued" in out
    assert "plan      /console/plans/1" in out


def test_second_person_decides_about_two(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One is approved and one is not; a decision that was refused is said."""
    assert shown(monkeypatch)[0]
    out = capsys.readouterr().out
    assert "Seguimiento de valoración: approved" in out
    assert "Aviso con fecha equivocada: rejected" in out
    assert not shown(monkeypatch, may_decide=False)[0]
    assert "You may not." in capsys.readouterr().out


def test_plan_that_was_not_made_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason; all else is shown."""
    came, _asked, _posted = shown(monkeypatch, press=refused)
    assert not came
    assert "plan: was not made (the page has no form" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted(ANSWERS))
def test_what_did_not_come_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str) -> None:
    """Whichever it is, and the others are shown all the same."""
    came, _asked, _posted = shown(monkeypatch, paths=(path,))
    assert not came
    assert capsys.readouterr().out.count("did not come in time") == 1
