"""Carts in the running host: what both shops' stand-ins send, the old address, a cart started by hand."""

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

OLD = "/api/v1/executions/webhook/ventas/abandoned_cart_recovery/"


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here; each leaves carts of its own."""
    place: Path = tmp_path_factory.mktemp("carts")
    found = app_settings("{sandbox}")
    settings = {name: value for name, value in found.items() if name.startswith(("SHOPIFY_", "WOOCOMMERCE_"))}
    with running(place, settings) as puente:
        puente.sandbox.configure(f"http://127.0.0.1:{puente.host.port}")
        yield puente


def cart(puente: Puente, number: str) -> dict[str, Any]:
    """A cart as the API shows it; empty where there is none."""
    found = puente.items(f"/api/v1/carts/?cart_id={number}")
    return dict(found[0]) if found else {}


def posted(puente: Puente, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    """The answer to a request."""
    connection = http.client.HTTPConnection("127.0.0.1", puente.host.port, timeout=30)
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body, sent)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


def test_cart_is_left_and_ordered(puente: Puente) -> None:
    """From Shopify's page to our record, and to the beginning of the series that the order prevents."""
    made = puente.sandbox.act("shopify", "leave", email="ana@example.com", quantity=2)
    assert [webhook["state"] for webhook in made["webhooks"]] == ["delivered"]
    number = made["result"]["id"]
    wait_until(lambda: cart(puente, number).get("state") == "open")
    (waiting,) = puente.items("/api/v1/journeys/cart_recovery/beginnings")
    assert (waiting["person"], waiting["state"]) == ("email:ana@example.com", "waiting")
    puente.sandbox.act("shopify", "order", id=number)
    wait_until(lambda: cart(puente, number)["state"] == "ordered")
    (prevented,) = puente.items("/api/v1/journeys/cart_recovery/beginnings")
    assert (prevented["state"], prevented["reason"]) == ("prevented", "order.placed")


def test_woocommerce_saves_its_webhook_and_orders(puente: Puente) -> None:
    """The ping is answered with 200; the order ends a plugin's cart."""
    made = puente.sandbox.act("woocommerce", "save")
    assert [webhook["state"] for webhook in made["webhooks"]] == ["delivered"]
    body = {"cart_id": "w-1", "email": "eva@example.com", "store_type": "woocommerce", "items": [{"id": 1, "price": "9.00"}]}
    assert posted(puente, "/api/v1/carts/events", json.dumps(body).encode(), X_API_KEY=LOCAL_KEY)[0] == 202
    wait_until(lambda: cart(puente, "w-1").get("state") == "open")
    puente.sandbox.act("woocommerce", "order", email="eva@example.com")
    wait_until(lambda: cart(puente, "w-1")["state"] == "ordered")


def test_old_address(puente: Puente) -> None:
    """A key that opens webhooks alone, the form by which WooCommerce tries it; a bare name opens nothing."""
    body = json.dumps({"token": "old-1", "email": "luz@example.com", "line_items": []}).encode()
    assert posted(puente, f"{OLD}cart_abandonment", body)[0] == 401
    assert posted(puente, f"{OLD}x", b"webhook_id=12", Content_Type="application/x-www-form-urlencoded")[0] == 200
    assert posted(puente, OLD, body, X_API_KEY=LOCAL_KEY)[0] == 202
    wait_until(lambda: cart(puente, "old-1").get("state") == "empty")


def test_started_by_hand(puente: Puente) -> None:
    """With inputs in place of a webhook's body; a secret among them is named and not kept."""
    inputs = {"cart_id": "hand-1", "email": "sol@example.com", "email_service_api_key": "never to be seen"}
    body = {"namespace": "ventas", "flowId": "abandoned_cart_recovery", "inputs": inputs}
    status, answer = posted(puente, "/api/v1/executions/trigger", json.dumps(body).encode(), X_API_KEY=LOCAL_KEY)
    assert (status, "email_service_api_key" in json.loads(answer)["warnings"][0]) == (202, True)
    wait_until(lambda: cart(puente, "hand-1").get("state") == "open")
    assert "never to be seen" not in puente.host.log


def test_results_are_shown(puente: Puente) -> None:
    """Nothing has gone out yet."""
    for path, name in (("recovered", "days"), ("subjects", "messages")):
        status, _headers, body = puente.ask("GET", f"/api/v1/carts/{path}")
        assert (status, json.loads(body)[name]) == (200, [])
    assert puente.items("/api/v1/carts/wishes") == []
