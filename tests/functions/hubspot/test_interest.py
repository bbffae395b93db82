"""The state of interest: written while the caller waits, with the answer of the replaced flow."""

from typing import Any

import pytest
import requests
from sqlalchemy import select

from functions.hubspot.tables import HubSpotInterest
from shared.settings import get_settings
from shared.store.session import reading
from tests.support.hubspot import Account
from tests.unit.web.calls import Answer, Api

OWN, OLD = "/api/v1/hubspot/interest", "/api/v1/executions/webhook/ventas/hubspot_update_estado_interes"


def ask(api: Api, contact: str = "50", state: str = "Interesado", **more: Any) -> Answer:
    """The state is to be written."""
    return api.post(OWN, body={"hubspot_contact_id": contact, "nuevo_estado": state} | more)


def state_of(account: Account) -> str | None:
    """What the contact has in HubSpot."""
    found: str | None = account.hubspot.records("contacts", {}, None)[0][0]["properties"].get("estado_interes")
    return found


def test_answer_of_a_success(account: Account, api: Api) -> None:
    """Status, body and the property in HubSpot."""
    account.person()
    answer = ask(api)
    assert (answer.status, answer.json) == (
        200,
        {"success": True, "status_code": 200, "contact_id": "50", "nuevo_estado": "Interesado", "message": "Éxito"},
    )
    assert state_of(account) == "Interesado"


@pytest.mark.parametrize("contact", ["hubspot_contact_id", "contact_id"])
@pytest.mark.parametrize("state", ["nuevo_estado", "estado_interes", "estado_interés", "estado"])
def test_aliases_of_the_fields(account: Account, api: Api, contact: str, state: str) -> None:
    """A number may come as one; a word that means nothing elsewhere may be a state."""
    account.person()
    assert api.post(OWN, body={contact: 50, state: " Ninguno "}).json["nuevo_estado"] == "Ninguno"
    assert state_of(account) == "Ninguno"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"nuevo_estado": "x"}, "hubspot_contact_id"),
        ({"hubspot_contact_id": "50", "nuevo_estado": " "}, "nuevo_estado"),
        ({"hubspot_contact_id": "50/../9", "nuevo_estado": "x"}, "hubspot_contact_id"),
        ({}, "hubspot_contact_id, nuevo_estado"),
    ],
)
def test_what_is_missing_fails_before_any_call(account: Account, api: Api, body: dict[str, Any], named: str) -> None:
    """With the documented body."""
    answer = api.post(OWN, body=body)
    assert (answer.status, answer.json["success"], answer.json["status_code"]) == (422, False, 0)
    assert named in answer.json["message"]
    assert account.calls.calls == []


def test_refusal_of_hubspot_is_answered_with_its_words(account: Account, api: Api) -> None:
    """The replaced flow ended here without any answer."""
    answer = ask(api, contact="999")
    assert (answer.status, answer.json["status_code"], answer.json["message"]) == (404, 404, "404: resource not found")


@pytest.mark.parametrize(("mode", "status"), [("scopes", (502, 403)), ("ten_seconds", (503, 429)), ("locked", (423, 423))])
def test_failures_of_the_account(
    account: Account, api: Api, environment: pytest.MonkeyPatch, mode: str, status: tuple[int, int]
) -> None:
    """Whether the caller may try again is said by the status."""
    environment.setattr(account.hubspot, "answer", lambda call: account.hubspot.fail(mode, call))
    answer = ask(api)
    assert (answer.status, answer.json["status_code"]) == status
    assert answer.json["message"].startswith(f"{status[1]}: ")


class TestAway:
    """HubSpot does not answer."""

    @pytest.fixture(autouse=True)
    def _away(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        account.person()
        send = account.calls.send

        def down(request: requests.PreparedRequest, **more: Any) -> requests.Response:
            if account.away:
                raise requests.ConnectTimeout
            return send(request, **more)

        account.away = True
        environment.setattr(account.calls, "send", down)

    def test_transport_error_is_said(self, api: Api) -> None:
        """Status 0, and nothing is queued that nobody asked for."""
        answer = ask(api)
        assert (answer.status, answer.json["success"], answer.json["status_code"]) == (503, False, 0)
        assert answer.json["message"].startswith("ERROR_REQUEST: ")
        with reading() as session:
            assert session.scalars(select(HubSpotInterest)).all() == []

    def test_asked_for_it_is_written_when_hubspot_is_back(self, account: Account, api: Api) -> None:
        """The newest state, once."""
        for state in ("Uno", "Dos"):
            answer = ask(api, state=state, **{"async": True})
            assert (answer.status, answer.json["success"], answer.json["queued"]) == (202, False, True)
        account.away = False
        account.settle(minutes=10)
        assert state_of(account) == "Dos"

    def test_state_that_was_written_since_is_not_undone(self, account: Account, api: Api) -> None:
        """A later call that reaches HubSpot counts more than what waits."""
        ask(api, state="Uno", **{"async": "true"})
        account.away = False
        assert ask(api, state="Dos").status == 200
        account.settle(minutes=10)
        assert state_of(account) == "Dos"


def test_without_a_token_nothing_is_queued(account: Account, api: Api, environment: pytest.MonkeyPatch) -> None:
    """It would never be written."""
    environment.delenv("HUBSPOT_TOKEN")
    get_settings.cache_clear()
    environment.setattr("shared.vendors.rest_client.RestClient.connected", _as_declared)
    answer = ask(api, **{"async": True})
    assert (answer.status, answer.json["status_code"]) == (503, 0)
    assert "HUBSPOT_TOKEN" in answer.json["message"]


def _as_declared(self: Any, *_more: Any, **_named: Any) -> Any:
    self.require(get_settings())
    raise AssertionError("it is not set up")


class TestDoors:
    """Under which addresses, and with which keys."""

    def test_old_address_takes_a_key_of_webhooks_at_its_end(self, account: Account, api: Api) -> None:
        """In any namespace; without a header."""
        account.person()
        body = {"contact_id": "50", "estado": "x"}
        assert api.post(f"{OLD}/hubspot-hook-key", key=None, body=body).status == 200
        assert api.post(OLD, key="hubspot-hook-key", body=body).status == 200
        assert api.post(OWN, key="hubspot-hook-key", body=body).status == 200

    @pytest.mark.parametrize(
        ("path", "key", "status"), [("/estado", None, 401), ("/ops-key", None, 403), ("", "read-key", 403)]
    )
    def test_other_keys_open_nothing(self, account: Account, api: Api, path: str, key: str | None, status: int) -> None:
        """A bare name, a key that opens more than webhooks in an address, a key that only reads."""
        answer = api.post(OLD + path, key=key, body={"contact_id": "50", "estado": "x"})
        assert (answer.status, account.calls.calls) == (status, [])

    def test_started_by_hand_it_answers_the_same(self, account: Account, api: Api) -> None:
        """With the documented body; a secret among the inputs is named and not used."""
        account.person()
        inputs = {"hubspot_contact_id": "50", "nuevo_estado": "A mano", "hubspot_token": "never to be seen"}
        body = {"namespace": "ventas", "flowId": "hubspot_update_estado_interes", "inputs": inputs}
        answer = api.post("/api/v1/executions/trigger", body=body)
        assert (answer.status, answer.json["success"], answer.json["message"]) == (200, True, "Éxito")
        assert "hubspot_token" in answer.json["warnings"][0]
        assert state_of(account) == "A mano"

    def test_flow_is_listed_with_its_old_names(self, api: Api) -> None:
        """All four of them, with their addresses."""
        found = api.get("/api/v1/flows/ventas/hubspot_update_estado_interes").json
        names = ["hubspot_lead_to_manychat", "hubspot_lead_to_manychat_improved", "hubspot_to_manychat"]
        assert (found["id"], found["replaces"]) == ("hubspot", [*names, "hubspot_update_estado_interes"])
        assert "/api/v1/hubspot/interest" in found["webhooks"]
