"""The campaign through the running host: both addresses, texts from Notion, and what Resend says of mails afterwards."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devhost.testing import wait_until
from sandbox.settings import app_settings
from tests.support.puente import SENDER_KEY, Puente, running

pytestmark = [pytest.mark.host, pytest.mark.slow]

SETTINGS = {
    "TESTING_MODE": "true",
    "LINK_SIGNING_SECRETS": "uno",
    "CAMPAIGN_VARIABLES": '{"calendly_link": "https://calendly.example/cita", "portal_url": "https://portal.example"}',
}
OLD = "/api/v1/executions/webhook/christmas"


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here; each uses people of its own."""
    place: Path = tmp_path_factory.mktemp("campaign")
    with running(place, app_settings("{sandbox}") | SETTINGS) as puente:
        puente.sandbox.configure(f"http://127.0.0.1:{puente.host.port}")
        yield puente


def tracked(puente: Puente, email: str) -> dict[str, Any]:
    """The tracker's row of somebody; nothing as long as there is none."""
    rows = puente.sandbox.records("tracker", vendor="notion", Email=email)
    assert len(rows) <= 1
    return rows[0] if rows else {}


def test_mails_in_order_and_what_became_of_them(puente: Puente) -> None:
    """What is due by now goes at once, in order, in the words of Notion or, where it has none, ours; then it is opened."""
    sent_at = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    body = {
        "email": "dora@example.com",
        "first_name": "Dora",
        "business_name": "Salón Dora",
        "red_systems": 0,
        "orange_systems": 2,
        "email_1_sent_at": sent_at,
        "weakest_system_1": "CREW",
    }
    status, _headers, answer = puente.ask("POST", f"{OLD}/assessment-handler/christmas-assessment-webhook", body)
    assert status == 202, answer
    wait_until(lambda: tracked(puente, "dora@example.com").get("Email 5 Status") is not None, seconds=60)
    mails = puente.sandbox.records("emails", vendor="resend")
    assert [mail["subject"] for mail in mails] == [
        "Dora, lo que cuesta no arreglar CREW",  # Notion's
        "Cómo se arregla esto en la práctica, Dora",  # Notion's is empty
        "Lo que te llevas del diagnóstico, Dora",  # Notion's is inactive
        "Último aviso, Dora",
    ]
    row = tracked(puente, "dora@example.com")
    assert [row[f"Email {n} Resend ID"] for n in (2, 3, 4, 5)] == [mail["id"] for mail in mails]

    def is_opened() -> bool:
        """They look again and again: what happens within seconds of the delivery is taken for a gateway's doing."""
        puente.sandbox.act("resend", "open", id=mails[0]["id"])
        return tracked(puente, "dora@example.com")["Email 2 Status"] == "opened"

    wait_until(is_opened, seconds=60, pause=5)
    link = urlsplit(mails[1]["headers"]["List-Unsubscribe"].strip("<>"))  # the app thinks that it listens elsewhere
    assert puente.ask("POST", f"{link.path}?{link.query}")[0] == 200
    wait_until(lambda: puente.sandbox.records("contacts", vendor="notion", email=body["email"])[0]["Unsubscribed"], seconds=30)


@pytest.mark.parametrize("path", ["/api/v1/christmas/signup-handler", f"{OLD}/signup-handler"])
def test_key_as_the_last_part_of_the_address(puente: Puente, path: str) -> None:
    """At both addresses; the word of the replaced system opens nothing."""
    body = {"email": f"eva{len(path)}@example.com", "first_name": "Eva"}
    assert puente.ask("POST", f"{path}/christmas-signup-webhook", body, key="")[0] == 401
    assert puente.ask("POST", path, body, key="")[0] == 401
    assert puente.ask("POST", f"{path}/{SENDER_KEY}", body, key="")[0] == 202
    wait_until(lambda: puente.sandbox.records("contacts", vendor="notion", email=body["email"]) != [])


def test_what_there_is_not(puente: Puente) -> None:
    """Another name is said to be none; other methods are not for these addresses."""
    assert puente.ask("POST", "/api/v1/christmas/send-email", {})[0] == 404
    assert puente.ask("GET", "/api/v1/christmas/signup-handler")[0] == 404
