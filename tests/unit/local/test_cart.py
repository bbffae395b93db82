"""The demonstration of a cart tells of the cart that was left, and says what did not come."""

from typing import Any

import pytest

from local import cart, lead

LEFT = {"state": "open", "currency": "MXN", "total": "1299.00", "order_id": None}


def demo(monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any], number: str | None = "c-1") -> cart.Demo:
    """The demonstration with these answers of the app in turn, the last one for ever."""
    made = {"result": {"id": number}} if number else {}
    monkeypatch.setattr(lead, "asked", lambda _method, _url, _given: made)
    monkeypatch.setattr(lead, "moments", lambda: range(3))
    answers = [{"items": [row] if row else []} for row in rows]
    return cart.Demo("http://sandbox", lambda _path: answers.pop(0) if len(answers) > 1 else answers[0])


def test_cart_is_followed_to_the_order(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Left, then ordered; our record may be a moment behind."""
    assert demo(monkeypatch, {}, LEFT, LEFT, LEFT | {"state": "ordered", "order_id": "881"}).show("Ana", "ana@example.com")
    shown = capsys.readouterr().out
    assert "MXN 1299.00" in shown
    assert "order 881" in shown


@pytest.mark.parametrize(("number", "words"), [(None, "refused"), ("c-1", "did not come in time")])
def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: str | None, words: str
) -> None:
    """No cart at all, or none in our record."""
    assert not demo(monkeypatch, {}, number=number).show("Ana", "ana@example.com")
    assert words in capsys.readouterr().out
