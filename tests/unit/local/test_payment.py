"""The demonstration of a payment tells of the payment that it has made, and says what did not come."""

from typing import Any

import pytest

from local import lead, payment

PENDING = {"payment_id": "pi_1", "status": "pending", "sheet_sync_status": None, "analysis": None}
DONE = PENDING | {"status": "succeeded", "amount": "1299.00", "currency": "MXN", "paid_on": "2026-03-02"}
DONE |= {"sheet_sync_status": "success", "analysis": {"context": "Es habitual.", "cost_usd": "0.0002"}}


def demo(monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any], made: dict[str, Any] | None = None) -> payment.Demo:
    """The demonstration, with what the app answers, the last of it for ever."""
    answers = list(rows)
    monkeypatch.setattr(lead.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(lead, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(
        lead, "asked", lambda *_request: {"result": {"id": "pi_1"}, "webhooks": [1, 2, 3]} if made is None else made
    )
    return payment.Demo("http://sandbox", lambda _path: answers.pop(0) if len(answers) > 1 else answers[0])


def test_payment_is_followed_to_sheet_and_analysis(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Not there, then pending, then done."""
    assert demo(monkeypatch, {"status": 404}, PENDING, DONE).show("Ana", "ana@example.com")
    printed = capsys.readouterr().out
    assert "1299.00 MXN, succeeded" in printed
    assert "in step" in printed
    assert "0.0002 USD" in printed


def test_what_does_not_come_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No sheet, or no payment at all."""
    assert not demo(monkeypatch, DONE | {"sheet_sync_status": "error"}).show("Ana", "ana@example.com")
    assert "sheet: did not come" in capsys.readouterr().out
    assert not demo(monkeypatch, DONE, made={"title": "no"}).show("Ana", "ana@example.com")
    assert "refused" in capsys.readouterr().out
