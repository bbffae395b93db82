"""Payments in the running host: webhooks that Stripe has signed, under both addresses, to the sheet and the analysis."""

import base64
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devhost.testing import wait_until
from sandbox.settings import app_settings
from tests.support import stripe
from tests.support.puente import Puente, running
from tests.support.stripe import charge, event
from tests.support.world import LOCAL_KEY

pytestmark = [pytest.mark.host, pytest.mark.slow]

OLD = "/api/v1/executions/webhook/ventas/stripe_payments_to_sheets_db_ai/stripe"
NAMES = (
    "STRIPE_SIGNING_SECRET",
    "SHEETS_WEBHOOK_URL",
    "SHEETS_TOKEN",
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "SLACK_WEBHOOK_URL",
)


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here; each makes payments of its own."""
    place: Path = tmp_path_factory.mktemp("payments")
    found = app_settings("{sandbox}")
    settings = {name: found[name] for name in NAMES} | {"PAYMENTS_ALERT_ABOVE": '{"MXN": "1000"}'}
    with running(place, settings) as puente:
        puente.sandbox.configure(f"http://127.0.0.1:{puente.host.port}")
        yield puente


def payment(puente: Puente, number: str) -> dict[str, Any]:
    """A payment as the API shows it; empty where there is none."""
    status, _headers, body = puente.ask("GET", f"/api/v1/payments/{number}")
    return dict(json.loads(body)) if status == 200 else {}


def test_payment_goes_all_the_way(puente: Puente) -> None:
    """From Stripe's page to the row in the sheet, the analysis and the alert; then a part of it goes back."""
    made = puente.sandbox.act("stripe", "subscribe", email="ana@example.com", order="881")
    assert [webhook["state"] for webhook in made["webhooks"]] == ["delivered"] * 4
    number = made["result"]["id"]
    wait_until(lambda: bool(payment(puente, number).get("analysis")))
    wait_until(lambda: payment(puente, number)["sheet_sync_status"] == "success")
    wait_until(lambda: len(puente.sandbox.records("messages", vendor="slack")) == 1)
    found = payment(puente, number)
    assert (found["status"], found["amount"], found["currency"], found["order_ref"]) == ("succeeded", "1299.00", "MXN", "881")
    puente.sandbox.act("stripe", "refund", id=number, amount=29_900)
    wait_until(lambda: [row["net"] for row in puente.sandbox.records("rows", vendor="sheets")] == ["1000.00"])
    _status, _headers, body = puente.ask("GET", "/api/v1/payments/revenue")
    assert [(day["currency"], day["net"]) for day in json.loads(body)["days"]] == [("MXN", "1000.00")]


def test_old_address_takes_what_stripe_has_signed(puente: Puente) -> None:
    """With the secret of the sandbox; unsigned it is refused, whatever the key in the address."""
    raw = stripe.body(event("charge.succeeded", charge("ch_old", payment_intent=None)))
    sent = {}
    for name, header in (("signed", stripe.signature(raw, "whsec_sandbox")), ("unsigned", "")):
        connection = http.client.HTTPConnection("127.0.0.1", puente.host.port, timeout=30)
        connection.request("POST", OLD, raw, {"Content-Type": "application/json", "Stripe-Signature": header})
        sent[name] = connection.getresponse().status
        connection.close()
    assert sent == {"signed": 202, "unsigned": 401}
    wait_until(lambda: payment(puente, "ch_old").get("status") == "succeeded")


def test_started_by_hand_with_a_password(puente: Puente) -> None:
    """An event that never came, at the address and with the authentication of the replaced system."""
    inputs = event("charge.succeeded", charge("ch_hand", payment_intent=None)) | {"openai_api_key": "never to be seen"}
    body = {"namespace": "ventas", "flowId": "stripe_payments_to_sheets_db_ai", "inputs": inputs}
    password = base64.b64encode(f"admin@example.com:{LOCAL_KEY}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {password}"}
    connection = http.client.HTTPConnection("127.0.0.1", puente.host.port, timeout=30)
    connection.request("POST", "/api/v1/executions/trigger", json.dumps(body), headers)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    assert (answer.status, found["id"], found["state"]) == (202, inputs["id"], {"current": "CREATED"}), found
    assert "openai_api_key" in found["warnings"][0]
    wait_until(lambda: payment(puente, "ch_hand").get("status") == "succeeded")
    assert "never to be seen" not in puente.host.log


def test_test_mode_is_listed_apart(puente: Puente) -> None:
    """With `counted=false` alone."""
    number = puente.sandbox.act("stripe", "pay", test=True)["result"]["id"]
    wait_until(lambda: bool(puente.items("/api/v1/payments?counted=false")))
    assert number in [row["payment_id"] for row in puente.items("/api/v1/payments?counted=false")]
    assert number not in [row["payment_id"] for row in puente.items("/api/v1/payments")]
