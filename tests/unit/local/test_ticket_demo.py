"""The demonstration of a ticket tells what is asked and what was booked, and says what did not come."""

from typing import Any

import pytest

from local import lead, ticket

NUMBERED = {"supplier": "Papelería Lumen", "currency": "MXN", "total": None, "person": "Ana Demo", "sheet_sync_status": None}
ASKING = NUMBERED | {"status": "asking", "doubts": [{"about": "total", "readings": ["1250.00", "1.25"]}]}
BOOKED = NUMBERED | {"status": "booked", "total": "1250.00", "sheet_sync_status": "success", "doubts": []}


def demo(monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any], taken: bool = True) -> ticket.Demo:
    """The demonstration with these answers of the app in turn, the last one for ever."""
    asked: list[tuple[str, Any]] = []

    def sandbox(_method: str, url: str, given: Any) -> dict[str, Any]:
        asked.append((url, given))
        return {"result": {"id": "SM1"}, "webhooks": []} if taken else {}

    def app(_path: str) -> dict[str, Any]:
        number = next(given["fields"]["nro_ticket"] for url, given in asked if url.endswith("openai/ticket"))
        row = answers.pop(0) if len(answers) > 1 else answers[0]
        return {"items": [row | {"number": number}] if row else []}

    monkeypatch.setattr(lead, "asked", sandbox)
    monkeypatch.setattr(lead, "moments", lambda: range(3))
    answers = list(rows)
    return ticket.Demo("http://sandbox", app)


def test_ticket_is_followed_to_its_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked, then booked; our record may be a moment behind."""
    assert demo(monkeypatch, {}, ASKING, ASKING, BOOKED).show()
    shown = capsys.readouterr().out
    assert "is that 1250.00 or 1.25?" in shown
    assert "1250.00 MXN" in shown


@pytest.mark.parametrize(("taken", "words"), [(False, "refused"), (True, "did not come in time")])
def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    taken: bool,  # noqa: FBT001  # a case
    words: str,
) -> None:
    """No photo at all, or none in our record."""
    assert not demo(monkeypatch, {}, taken=taken).show()
    assert words in capsys.readouterr().out
