"""HubSpot in the running host: a lead that is scored, a contact that gets a message, a state of interest; old addresses."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devhost.testing import wait_until
from sandbox.settings import app_settings
from tests.support.puente import Puente, running
from tests.support.world import LOCAL_KEY

pytestmark = [pytest.mark.host, pytest.mark.slow]

OLD = "/api/v1/executions/webhook/ventas"
NAMES = ("HUBSPOT_BASE_URL", "HUBSPOT_TOKEN", "HUBSPOT_CLIENT_SECRET", "MANYCHAT_BASE_URL", "MANYCHAT_API_KEY")
KEYS = [
    {"name": "local", "key": LOCAL_KEY, "scopes": ["admin"]},
    {"name": "hooks", "key": "hooks-key", "scopes": ["webhook:manychat", "webhook:hubspot"]},
]


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here; each makes contacts of its own."""
    place: Path = tmp_path_factory.mktemp("hubspot")
    found = app_settings("{sandbox}")
    settings = {name: found[name] for name in NAMES} | {"API_KEYS": json.dumps(KEYS)}
    with running(place, settings) as puente:
        puente.sandbox.configure(f"http://127.0.0.1:{puente.host.port}")
        yield puente


def post(puente: Puente, path: str, body: Any) -> tuple[int, Any]:
    """A request without any header of ours; its status and answer."""
    connection = http.client.HTTPConnection("127.0.0.1", puente.host.port, timeout=30)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_lead_under_the_old_address_becomes_a_contact(puente: Puente) -> None:
    """A bare name opens nothing; a key that opens webhooks only does."""
    lead = {"id": "4711", "first_name": "Ana", "email": "ana@example.com", "tags": ["hot"]}
    assert post(puente, f"{OLD}/leads_manychats_to_hubspot/manychat", lead)[0] == 401
    assert post(puente, f"{OLD}/leads_manychats_to_hubspot/hooks-key", lead)[0] == 202
    wait_until(lambda: bool(puente.items("/api/v1/scored-leads?hubspot_sync_status=success")))
    (row,) = puente.items("/api/v1/scored-leads")
    assert (row["score"], row["priority"], row["email"]) == (38, "medium", "ana@example.com")
    (contact,) = puente.sandbox.records("contacts", vendor="hubspot")
    assert contact["properties"]["lead_score__c"] == "38"
    status, answer = post(
        puente, f"{OLD}/hubspot_update_estado_interes/hooks-key", {"contact_id": contact["id"], "estado": "Interesado"}
    )
    assert (status, answer["success"], answer["message"]) == (200, True, "Éxito")


def test_contact_made_by_a_person_gets_a_message(puente: Puente) -> None:
    """HubSpot signs the address that it calls; our own contact of the test before gets none."""
    properties = {"firstname": "Eva", "interes_producto": "Plan Anual", "manychat_user_id": "123456789"}
    made = puente.sandbox.act("hubspot", "create", properties=properties)
    assert {webhook["state"] for webhook in made["webhooks"]} == {"delivered"}
    wait_until(lambda: bool(puente.items("/api/v1/hubspot/messages?status=sent")))
    (found,) = puente.items("/api/v1/hubspot/messages?status=sent")
    (message,) = puente.sandbox.records("messages", vendor="manychat")
    assert (found["mensaje_enviado"], message["subscriber_id"]) == (message["text"], "123456789")
    skipped = puente.items("/api/v1/hubspot/messages?status=skipped")
    assert {row["skip_reason"] for row in skipped} == {"duplicate", "own_write"}


@pytest.mark.parametrize("name", ["hubspot_lead_to_manychat", "hubspot_lead_to_manychat_improved", "hubspot_to_manychat"])
def test_unsigned_request_is_refused_under_each_old_name(puente: Puente, name: str) -> None:
    """Whatever key stands in the address."""
    assert post(puente, f"{OLD}/{name}/hooks-key", [{"objectId": 1}])[0] == 401
