"""The demonstration of an outage breaks HubSpot and mends it again, whatever came of it, and says what did not come."""

from typing import Any

import pytest

from local import lead, outage

OUTAGES = "/api/v1/outages?target=hubspot"


def shown(monkeypatch: pytest.MonkeyPatch, missing: str = "") -> tuple[bool, list[Any], list[str]]:
    """Whether all came, the faults that were switched, and the addresses that were posted to."""
    faults: list[Any] = []
    posted: list[str] = []
    compared = {"id": 1, "state": "done", "in_step": 2, "compared": 2}
    scored = {"id": 1, "hubspot_contact_id": "50"}

    def post(path: str, _body: Any) -> dict[str, Any]:
        posted.append(path)
        return {"id": 1}

    def ask(path: str) -> dict[str, Any]:
        if missing and missing in path:
            return {"items": []}
        if path == OUTAGES:
            is_over = "/api/v1/targets/hubspot/probe" in posted
            began = [{"id": 7, "ended_at": "2026-03-02" if is_over else None, "held_up": 3, "done": 3 if is_over else 0}]
            return {"items": began if faults else [{"id": 6, "ended_at": "2026-03-01", "held_up": 1, "done": 1}]}
        if path.startswith("/api/v1/scored-leads?"):
            leads = posted.count(outage.LEADS_HOOK)
            status = "success" if leads == 1 else "error" if leads <= 1 + outage.FAILURES else "pending"
            return {"items": [scored | {"hubspot_sync_status": status, "hubspot_sync_error": "503"}]}
        return {"items": [compared]}

    monkeypatch.setattr(lead, "asked", lambda _method, _url, given: faults.append(given))
    monkeypatch.setattr(lead, "moments", lambda: range(2))
    return outage.Demo("http://sandbox", post, ask).show(), faults, posted


def test_outage_begins_and_ends_and_everything_is_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a fault of the sandbox and leads of ManyChat; it is another outage than the one before."""
    came, faults, posted = shown(monkeypatch)
    assert came
    assert [fault["mode"] for fault in faults] == ["down", "none"]
    assert set(outage.COMPARISONS) | {outage.CALENDAR} <= set(posted)
    assert posted.count(outage.LEADS_HOOK) == outage.FAILURES + 2
    out = capsys.readouterr().out
    assert "outage 7: 3 waited, 0 done" in out
    assert "outage 7: 3 waited, 3 done" in out


@pytest.mark.parametrize("missing", ["/api/v1/outages", outage.CALENDAR, outage.COMPARISONS[1]])
def test_what_does_not_come_is_said_and_hubspot_answers_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    """A demonstration that fails leaves no fault behind."""
    came, faults, _posted = shown(monkeypatch, missing)
    assert not came
    assert faults[-1]["mode"] == "none"
    assert "did not come in time" in capsys.readouterr().out
