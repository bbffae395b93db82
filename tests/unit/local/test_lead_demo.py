"""The demonstration's second part tells what the visitor has really got, and says so when something does not come."""

import itertools
from typing import Any

import pytest

from local import lead


class Town:
    """The app and the sandbox: `arrives` is what the inbox holds more at each look."""

    def __init__(self, *arrives: list[dict[str, Any]], final_status: str = "delivered") -> None:
        self._arrives, self._told = itertools.chain(arrives, itertools.repeat([])), final_status
        self.items: list[dict[str, Any]] = []
        self.posted: list[tuple[str, Any]] = []
        self.visitor: lead.Visitor | None = None

    def ask(self, method: str, url: str, body: Any) -> dict[str, Any]:
        """One answer."""
        if method == "POST":
            self.posted.append((url, body))
            return {"lead_id": 7, "webhooks": [{"state": self._told}]}
        assert self.visitor is not None
        for item in next(self._arrives):
            self.items.append({"person": self.visitor.email, "at": f"{len(self.items):03}", "status": "delivered", **item})
        strangers = {"items": [{"person": "another@example.com", "kind": "mail", "at": "0", "title": "x", "status": "x"}]}
        return {"people": [strangers, {"items": self.items}]}


MAIL = {"kind": "mail", "title": "Recibimos tu solicitud", "text": "Hola"}
CALL = {"kind": "call", "title": "", "text": "Hola, Ana.\n\nAdiós.", "status": "completed (human)"}
CONFIRMATION = {"kind": "whatsapp", "title": "", "text": "Listo, Ana"}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    monkeypatch.setattr(lead.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(lead, "PATIENCE_SECONDS", 0.2)


def demo(town: Town) -> lead.Demo:
    """The demonstration in that town."""
    made = lead.Demo("http://app", "http://sandbox", town.ask)
    town.visitor = made.visitor
    return made


def test_it_shows_mail_call_and_confirmation(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the visitor's own, and of nobody else."""
    town = Town([], [MAIL], [], [{**CALL, "text": ""}], [CALL], [], [CONFIRMATION])
    shown = demo(town)
    assert shown.show()
    printed = capsys.readouterr().out
    for words in ("lead 7", "“Recibimos tu solicitud”", "says “Hola, Ana. Adiós.…”", "“Listo, Ana”"):
        assert words in printed
    assert [url for url, _ in town.posted] == ["http://app/api/lead", "http://sandbox/_sandbox/calcom/book"]
    assert town.posted[0][1]["email"] == shown.visitor.email


@pytest.mark.parametrize(
    ("town", "missing"),
    [
        (Town(), "no mail came"),
        (Town([MAIL]), "no call came"),
        (Town([MAIL], [CALL]), "no confirmation came"),
        (Town([MAIL], [CALL], final_status="failed"), "no word of it to the app came"),
    ],
)
def test_it_says_what_did_not_come(hurried: None, capsys: pytest.CaptureFixture[str], town: Town, missing: str) -> None:
    """And where to look."""
    shown = demo(town)
    assert not shown.show()
    assert missing in capsys.readouterr().out


def test_every_run_has_a_visitor_of_its_own() -> None:
    """A lead of the same wish and address would be the same lead for a day."""
    first, second = (lead.Visitor.at(lead.datetime(2026, 3, 2, 9, 0, second)) for second in (1, 2))
    assert {first.email, first.phone}.isdisjoint({second.email, second.phone})
    assert {"nombre", "email", "telefono", "empresa", "servicio", "fuente"} < set(first.form)
    assert {first.form["cf-turnstile-response"]}.isdisjoint({second.form["cf-turnstile-response"]})


def test_a_refused_form_is_said_to_be(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason; nothing is waited for then."""
    for answer, words in (
        ({"title": "The captcha was not passed."}, "refused: The captcha was not passed."),
        ({}, "no answer"),
    ):
        shown = lead.Demo("http://app", "http://sandbox", lambda _method, _url, _body, answer=answer: answer)
        assert not shown.show()
        assert words in capsys.readouterr().out
