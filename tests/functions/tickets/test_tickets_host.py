"""Tickets in the running host: photos that the sandbox's Twilio keeps, to the question, the sheet and the document."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devhost.testing import wait_until
from sandbox.settings import app_settings
from tests.support import pictures
from tests.support.puente import Puente, running

pytestmark = [pytest.mark.host, pytest.mark.slow]

SENDER = "+525512345678"
NAMES = (
    *("TWILIO_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_WHATSAPP_SENDER"),
    *("TICKETS_SHEET_URL", "TICKETS_SHEET_TOKEN", "DOCS_WEBHOOK_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"),
)
ALWAYS = {"TICKETS_SENDERS": f'{{"{SENDER}": "Ana Peña"}}', "QUIET_HOURS": "00:00-00:00", "HOLIDAYS_COUNTRY": "XX"}


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here; each sends tickets of its own."""
    place: Path = tmp_path_factory.mktemp("tickets")
    found = app_settings("{sandbox}")
    with running(place, {name: found[name] for name in NAMES if name in found} | ALWAYS) as puente:
        puente.sandbox.configure(f"http://127.0.0.1:{puente.host.port}")
        yield puente


def tickets(puente: Puente, number: str) -> list[dict[str, Any]]:
    """The tickets of that number."""
    _status, _headers, body = puente.ask("GET", "/api/v1/tickets")
    return [row for row in json.loads(body)["items"] if row["number"] == number]


def test_photo_is_asked_about_answered_and_booked(puente: Puente) -> None:
    """From the telephone to the row, the document and the question in between; the document can be had as PDF."""
    printed = {"nro_ticket": "H-1", "total": "1.250", "items": [], "subtotal": None, "impuestos": None}
    puente.sandbox.act("openai", "ticket", fields=printed, once=True)
    photo = base64.b64encode(pictures.lying_on_its_side()).decode()
    puente.sandbox.act("twilio", "photo", **{"from": SENDER, "base64": photo, "caption": "comida"})
    wait_until(lambda: [row["status"] for row in tickets(puente, "H-1")] == ["asking"])
    sent = lambda: [one["body"] for one in puente.sandbox.records("messages", vendor="twilio") if "¿Cuál es?" in one["body"]]  # noqa: E731
    wait_until(lambda: len(sent()) == 1)
    assert "A) 1,250.00 MXN" in sent()[0]
    puente.sandbox.act("twilio", "reply", **{"from": SENDER, "text": "A"})
    wait_until(lambda: [row["status"] for row in tickets(puente, "H-1")] == ["booked"])
    wait_until(lambda: [row["total"] for row in puente.sandbox.records("rows", vendor="ticketsheet")] == ["1250.00"])
    wait_until(lambda: len(puente.sandbox.records("documents", vendor="docs")) == 1)
    (found,) = tickets(puente, "H-1")
    assert (found["person"], found["note"], found["file_kind"]) == ("Ana Peña", "comida", "image/jpeg")

    def pdf() -> bytes:
        status, _headers, body = puente.ask("GET", f"/api/v1/tickets/{found['id']}/document")
        return body if status == 200 else b""

    wait_until(lambda: pdf().startswith(b"%PDF-"))
