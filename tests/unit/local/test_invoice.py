"""The demonstration of an invoice tells what is open of it and that it was paid, and says what did not come."""

from typing import Any

import pytest

from local import invoice, lead

OPEN = {"status": "open", "residual": "11600.00", "currency": "MXN", "days_overdue": 12}


def demo(monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any], taken: bool = True) -> invoice.Demo:
    """The demonstration with these answers of the app in turn, the last one for ever."""
    monkeypatch.setattr(lead, "asked", lambda _method, _url, _given: {})
    monkeypatch.setattr(lead, "moments", lambda: range(3))
    answers = [{"items": [row] if row else []} for row in rows]
    return invoice.Demo(
        "http://sandbox",
        lambda _path, _body: {"status": "accepted"} if taken else {"status": 422},
        lambda _path: answers.pop(0) if len(answers) > 1 else answers[0],
    )


def test_invoice_is_followed_to_its_payment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Open, then paid; our record may be a moment behind."""
    assert demo(monkeypatch, {}, OPEN, OPEN, OPEN | {"status": "paid"}).show("Ana", "ana@example.com")
    shown = capsys.readouterr().out
    assert "11600.00 MXN open, 12 days overdue" in shown
    assert "paid in Stripe" in shown


@pytest.mark.parametrize(("taken", "words"), [(False, "refused"), (True, "did not come in time")])
def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    taken: bool,  # noqa: FBT001  # a case
    words: str,
) -> None:
    """No invoice at all, or none in our record."""
    assert not demo(monkeypatch, {}, taken=taken).show("Ana", "ana@example.com")
    assert words in capsys.readouterr().out
