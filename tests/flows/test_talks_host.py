"""A flow with three questions in the running host, driven through the sandbox's inbox."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from sandbox.settings import app_settings
from shared.journeys import talking
from shared.store.session import make_engine
from tests.support.puente import Puente, running

pytestmark = [pytest.mark.host, pytest.mark.slow]

ANA = "+525512345678"
FLOW = "encuesta_de_interes"


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here."""
    place: Path = tmp_path_factory.mktemp("talks")
    found = app_settings("{sandbox}")
    settings = {name: value for name, value in found.items() if name.startswith("TWILIO_")}
    settings |= {"WHATSAPP_PROVIDER": "twilio", "QUIET_HOURS": "00:00-00:00", "WORKING_DAYS": "mon,tue,wed,thu,fri,sat,sun"}
    with running(place, settings) as puente:
        puente.sandbox.configure(f"http://127.0.0.1:{puente.host.port}")
        yield puente


def says(puente: Puente, text: str) -> None:
    """Ana answers on the inbox page."""
    puente.sandbox.act("twilio", "reply", **{"from": ANA, "text": text, "channel": "whatsapp"})


def shown(puente: Puente) -> list[str]:
    """What the inbox page shows her of ours."""
    messages = puente.sandbox.records("messages", vendor="twilio")
    return [str(row["body"]) for row in messages if row["direction"] == "outbound-api"]


def enrolment(puente: Puente) -> dict[str, Any]:
    """Where the API says that she stands."""
    (row,) = puente.items(f"/api/v1/journeys/{FLOW}/enrolments")
    status, _headers, body = puente.ask("GET", f"/api/v1/journeys/{FLOW}/enrolments/{row['id']}")
    assert status == 200, body
    return dict(json.loads(body))


def test_three_questions_to_the_outcome(puente: Puente, environment: pytest.MonkeyPatch) -> None:
    """Each question comes after the answer before it; what is said before the flow begins waits for a person."""
    says(puente, "Hola")
    wait_until(lambda: len(puente.items("/api/v1/inbound-messages")) == 1)
    engine = make_engine(puente.database)
    with Session(engine) as session:
        assert talking.begin(session, FLOW, "contact:1", {"phone": ANA}, key=f"k:{datetime.now(UTC)}") is not None
        session.commit()
    engine.dispose()
    for number, text in enumerate(("Facturación", "8", "Ahora no"), start=1):
        wait_until(lambda number=number: len(shown(puente)) == number)
        wait_until(lambda: enrolment(puente)["talk"]["state"] == "asked")
        says(puente, text)
    wait_until(lambda: enrolment(puente)["talk"]["state"] == "ended")
    found = enrolment(puente)
    assert (found["state"], found["talk"]["outcome"], found["talk"]["completed"]) == ("finished", "not_interested", True)
    assert len(shown(puente)) == 4
    states = {row["text"]: row["state"] for row in puente.items("/api/v1/inbound-messages")}
    assert states == {"Hola": "unread", "Facturación": "answered", "8": "answered", "Ahora no": "answered"}
