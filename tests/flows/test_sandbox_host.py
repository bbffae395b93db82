"""The whole app beside the whole sandbox: what the sandbox's systems send is taken, what we owe them arrives there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost.testing import wait_until
from sandbox.kommo import seed
from sandbox.settings import app_settings
from tests.support.puente import Puente, running

pytestmark = [pytest.mark.host, pytest.mark.slow]

ASSESSMENT = {
    "email": "carla@example.com",
    "first_name": "Carla",
    "business_name": "Salón Carla",
    "red_systems": 3,
    "orange_systems": 1,
    "assessment_score": 31,
    "email_1_sent_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
}


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here; each uses people of its own."""
    place: Path = tmp_path_factory.mktemp("sandbox")
    with running(place, app_settings("{sandbox}")) as puente:
        puente.sandbox.configure(f"http://127.0.0.1:{puente.host.port}")
        yield puente


def kommo_leads(puente: Puente, name: str) -> list[dict[str, Any]]:
    """The leads in Kommo with a person's name in theirs."""
    return [row for row in puente.sandbox.records("leads", vendor="kommo") if name in row["name"]]


def test_a_lead_books_puts_off_and_meets(puente: Puente) -> None:
    """Kommo's lead moves when Cal.com tells of the booking by the number in the link; each word becomes a note."""
    form = {"nombre": "Ana López", "email": "ana@example.com", "telefono": "5512345678"}
    form |= {"empresa": "Acme", "servicio": "ventas", "fuente": "web"}
    status, _headers, body = puente.ask("POST", "/api/lead", form)
    assert status == 200, body
    wait_until(lambda: len(kommo_leads(puente, "Ana")) == 1)
    assert kommo_leads(puente, "Ana")[0]["status_id"] == seed.INICIAL
    (row,) = puente.items("/api/v1/leads/?email=ana@example.com")
    booked = puente.sandbox.act("calcom", "book", name="Ana López", email="ana@example.com", lead_id=row["id"])
    assert [(webhook["state"], webhook["status"]) for webhook in booked["webhooks"]] == [("delivered", 202)]
    wait_until(lambda: kommo_leads(puente, "Ana")[0]["status_id"] == seed.AGENDADO)
    before = len(puente.sandbox.records("notes", vendor="kommo"))
    moved = puente.sandbox.act("calcom", "reschedule", id=booked["result"]["uid"])["result"]["uid"]
    (ended,) = puente.sandbox.act("calcom", "end_meeting", id=moved)["webhooks"]
    assert ended["status"] == 202
    wait_until(lambda: len(puente.sandbox.records("notes", vendor="kommo")) >= before + 2)
    assert len(kommo_leads(puente, "Ana")) == len(puente.sandbox.records("contacts", vendor="kommo")) == 1


def test_an_assessment_reaches_notion_and_discord(puente: Puente) -> None:
    """The contact, the row of the sequence with the website's mail in it, and the alert; each once."""
    status, _headers, body = puente.ask("POST", "/api/v1/christmas/assessment-handler", ASSESSMENT)
    assert status in (200, 202), body
    wait_until(lambda: puente.sandbox.records("tracker", vendor="notion", Email="carla@example.com") != [])
    wait_until(lambda: puente.sandbox.records("contacts", vendor="notion", email="carla@example.com") != [])
    wait_until(lambda: puente.sandbox.records("messages", vendor="discord") != [])
    (row,) = puente.sandbox.records("tracker", vendor="notion", Email="carla@example.com")
    assert (row["Segment"], row["Sequence Type"], row["Email 1 Sent By"]) == ("CRITICAL", "5day", "website")
    (contact,) = puente.sandbox.records("contacts", vendor="notion", email="carla@example.com")
    assert (contact["first_name"], contact["Segment"], contact["Assessment Score"]) == ("Carla", "CRITICAL", 31)
    (alert,) = puente.sandbox.records("messages", vendor="discord")
    assert alert["embeds"]


def test_who_does_not_come_is_told_by_calendly(puente: Puente) -> None:
    """Booked, put off, missed: one row for the no-show, and what the contact's booking came to."""
    person = {"name": "Beto Ruiz", "email": "beto@example.com"}
    first = puente.sandbox.act("calendly", "book", **person)["result"]["uid"]
    second = puente.sandbox.act("calendly", "reschedule", id=first)["result"]["uid"]
    (missed,) = puente.sandbox.act("calendly", "no_show", id=second)["webhooks"]
    assert missed["state"] == "delivered"
    puente.sandbox.send_again(missed["id"])
    wait_until(lambda: puente.sandbox.records("tracker", vendor="notion", Email="beto@example.com") != [])
    (row,) = puente.sandbox.records("tracker", vendor="notion", Email="beto@example.com")
    assert row["Sequence Type"] == "noshow"
    wait_until(
        lambda: (
            [
                contact["Booking Status"]
                for contact in puente.sandbox.records("contacts", vendor="notion", email="beto@example.com")
            ]
            == ["No-Show"]
        )
    )
    assert puente.sandbox.webhooks("calendly", state="failed") == []
