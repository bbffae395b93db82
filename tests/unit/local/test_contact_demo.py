"""The demonstration of HubSpot tells of the message that followed, and says what did not come."""

from typing import Any

import pytest

from local import contact, lead

SENT = {"items": [{"mensaje_enviado": "Hola Ana Demo, gracias por tu interés en Plan Anual."}]}
MADE = {"result": {"id": "50"}, "webhooks": [{}]}


def shown(monkeypatch: pytest.MonkeyPatch, *pages: dict[str, Any], made: dict[str, Any] = MADE) -> bool:
    """What the demonstration says of these answers of the app, one after the other."""
    answers = list(pages)
    monkeypatch.setattr(lead, "asked", lambda *_request: made)
    monkeypatch.setattr(lead, "moments", lambda: iter(range(len(pages))))
    return contact.Demo("http://sandbox", lambda _path: answers.pop(0)).show("Ana Demo")


def test_message_is_waited_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And quoted."""
    assert shown(monkeypatch, {"items": []}, SENT)
    assert "“Hola Ana Demo, gracias" in capsys.readouterr().out


@pytest.mark.parametrize(("made", "words"), [(MADE, "no message came"), ({}, "no contact was made")])
def test_what_did_not_come_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made: dict[str, Any], words: str
) -> None:
    """The message, or the contact itself."""
    assert not shown(monkeypatch, {"items": []}, made=made)
    assert words in capsys.readouterr().out
