"""HubSpot in the running host: a lead that is scored, a contact that gets a message, a state of interest; old addresses."""

import base64
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


class TestRequestsOfTheCatalogue:
    """What the replaced system's own page has its users send, with another host, key and password."""

    def call(self, puente: Puente, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        """A request with a name and a key as user and password; its status and answer."""
        user = base64.b64encode(f"admin:{LOCAL_KEY}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {user}"}
        connection = http.client.HTTPConnection("127.0.0.1", puente.host.port, timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    def trigger(self, puente: Puente, namespace: str, flow_id: str, inputs: dict[str, Any]) -> tuple[int, Any]:
        """A flow is started by hand."""
        body = json.dumps({"namespace": namespace, "flowId": flow_id, "inputs": inputs}).encode()
        return self.call(puente, "POST", "/api/v1/executions/trigger", body)

    def test_state_of_interest_by_hand(self, puente: Puente) -> None:
        """The documented answers of a success and of a contact that is not there; the token is a setting, and said to be."""
        contact = puente.sandbox.act("hubspot", "create", properties={"firstname": "Luz"})["result"]["id"]
        inputs = {"hubspot_token": "xxx", "hubspot_contact_id": contact, "nuevo_estado": "calificado"}
        status, answer = self.trigger(puente, "workflows", "hubspot_update_estado_interes", inputs)
        (warning,) = answer.pop("warnings")
        assert "hubspot_token" in warning
        done = {"success": True, "status_code": 200, "contact_id": contact, "nuevo_estado": "calificado", "message": "Éxito"}
        assert (status, answer) == (200, done)
        status, answer = self.trigger(
            puente, "workflows", "hubspot_update_estado_interes", inputs | {"hubspot_contact_id": "12345678"}
        )
        answer.pop("warnings")
        assert answer.pop("message").startswith("404: ")
        failed = {"success": False, "status_code": 404, "contact_id": "12345678", "nuevo_estado": "calificado"}
        assert (status, answer) == (404, failed)

    def test_state_of_interest_by_webhook(self, puente: Puente) -> None:
        """The same answer, with a key where the trigger's name stood."""
        contact = puente.sandbox.act("hubspot", "create", properties={"firstname": "Luz"})["result"]["id"]
        body = {"hubspot_contact_id": contact, "nuevo_estado": "calificado"}
        found = post(puente, "/api/v1/executions/webhook/workflows/hubspot_update_estado_interes/hooks-key", body)
        done = {"success": True, "status_code": 200, "contact_id": contact, "nuevo_estado": "calificado", "message": "Éxito"}
        assert found == (200, done)

    def test_message_and_what_was_left_out(self, puente: Puente) -> None:
        """At the flow's own list, with the documented fields and texts."""
        interest = {"firstname": "Juan", "lastname": "Pérez", "interes_producto": "Producto X", "manychat_user_id": "67890"}
        contact = puente.sandbox.act("hubspot", "create", properties=interest)["result"]["id"]
        address = f"/api/v1/hubspot/messages?contact_id={contact}"
        wait_until(lambda: bool(puente.items(f"{address}&status=sent")))
        (sent,) = puente.items(f"{address}&status=sent")
        assert sent.pop("mensaje_enviado").startswith(
            "Hola Juan Pérez, gracias por tu interés en Producto X. ¿Te gustaría agendar una demo?"
        )
        documented = {
            "status": "sent",
            "message": "Mensaje enviado exitosamente",
            "contact_id": contact,
            "contact_name": "Juan Pérez",
            "manychat_user_id": "67890",
            "interes_producto": "Producto X",
            "manychat_response": {"status": "success"},
        }
        assert {name: sent[name] for name in documented} == documented
        other = puente.sandbox.act("hubspot", "create", properties={"firstname": "Luz", "manychat_user_id": "67891"})["result"][
            "id"
        ]
        wait_until(lambda: bool(puente.items(f"/api/v1/hubspot/messages?contact_id={other}&status=skipped")))
        skipped = puente.items(f"/api/v1/hubspot/messages?contact_id={other}&status=skipped")
        documented = {"status": "skipped", "reason": "no_interes_producto", "contact_id": other}
        assert documented in [{name: row[name] for name in documented} for row in skipped]

    def test_lead_without_anything_is_refused(self, puente: Puente) -> None:
        """The page starts the flow with secrets alone, which are no lead: the answer says what is missing."""
        inputs = {"hubspot_token": "xxx", "jdbc_url": "jdbc:postgresql://..."}
        status, answer = self.trigger(puente, "production", "leads_manychats_to_hubspot", inputs)
        assert (status, answer["type"]) == (422, "urn:puente:problem:invalid-fields")
        assert "xxx" not in json.dumps(answer)

    @pytest.mark.parametrize("flow_id", ["leads_manychats_to_hubspot", "hubspot_update_estado_interes", "hubspot_to_manychat"])
    def test_flow_is_shown(self, puente: Puente, flow_id: str) -> None:
        """In whatever namespace."""
        status, answer = self.call(puente, "GET", f"/api/v1/flows/production/{flow_id}")
        assert (status, flow_id in answer["replaces"] + answer["by_hand"]) == (200, True)

    def test_variables_are_listed_without_values(self, puente: Puente) -> None:
        """The namespace counts for nothing."""
        status, answer = self.call(puente, "GET", "/api/v1/variables?namespace=production")
        assert status == 200
        assert {"key", "is_set", "description"} == set(answer["items"][0])

    def test_flows_and_variables_are_not_made_over_the_api(self, puente: Puente) -> None:
        """405, and where they live instead."""
        status, answer = self.call(puente, "POST", "/api/v1/flows", b"id: leads_manychats_to_hubspot\nnamespace: workflows\n")
        assert (status, "functions/" in answer["detail"]) == (405, True)
        status, answer = self.call(puente, "PUT", "/api/v1/variables/hubspot_token", b'{"value": "xxx"}')
        assert (status, "environment" in answer["detail"]) == (405, True)
