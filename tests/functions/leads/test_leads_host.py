"""The lead form in the running host: real HTTP as browsers and old callers send it, real queues, the sandbox's Kommo."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from devhost.testing import wait_until
from sandbox.kommo import seed
from tests.support.kommo import SETTINGS
from tests.support.leads import FORM
from tests.support.puente import Puente, running

pytestmark = [pytest.mark.host, pytest.mark.slow]

ORIGIN = "https://acme.example"


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here; each uses people of its own."""
    place: Path = tmp_path_factory.mktemp("leads")
    settings = SETTINGS | {"KOMMO_BASE_URL": "{sandbox}/kommo", "LEAD_ALLOWED_ORIGINS": ORIGIN}
    with running(place, settings) as puente:
        yield puente


def send(puente: Puente, method: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], Any]:
    """One request without a key; status, headers and what the body says."""
    connection = http.client.HTTPConnection("127.0.0.1", puente.host.port, timeout=30)
    connection.request(method, "/api/lead", body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    try:
        raw = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(raw) if raw else None
    finally:
        connection.close()


def test_a_form_goes_all_the_way(puente: Puente) -> None:
    """From a browser's form to Kommo; list and log tell of it by the number that was answered."""
    form = urlencode(FORM).encode()
    status, headers, body_text = send(puente, "POST", form, Content_Type="application/x-www-form-urlencoded", Origin=ORIGIN)
    assert (status, body_text["ok"], headers["access-control-allow-origin"]) == (200, True, ORIGIN)
    number = body_text["lead_id"]
    wait_until(lambda: puente.ask("GET", f"/api/v1/leads/{number}")[0] == 200)
    wait_until(lambda: json.loads(puente.ask("GET", f"/api/v1/leads/{number}")[2])["kommo_sync_status"] == "success")
    (made,) = puente.sandbox.records("leads", vendor="kommo")
    assert (made["name"], made["status_id"]) == ("Ventas - Ana López", seed.INICIAL)
    status, headers, body = puente.ask("GET", f"/api/v1/leads/{number}/log?format=jsonl")
    channels = {json.loads(line)["channel"] for line in body.decode().splitlines()}
    assert (status, headers["content-type"]) == (200, "application/x-ndjson")
    assert {"form", "journey", "kommo"} <= channels
    assert [item["id"] for item in puente.items("/api/v1/leads/?email=ana@example.com")] == [number]


def test_browsers_are_answered_before_they_post(puente: Puente) -> None:
    """The preflight reaches us through the host; another origin gets no leave."""
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
    status, headers, _body = send(puente, "OPTIONS", Origin=ORIGIN, **asked)
    assert (status, headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert headers["access-control-allow-headers"] == "Content-Type"
    assert "access-control-allow-origin" not in send(puente, "OPTIONS", Origin="https://evil.example", **asked)[1]


def test_a_refusal_is_told_in_both_ways(puente: Puente) -> None:
    """As a problem document, and as old callers read it; a sender without measure is stopped."""
    body = json.dumps(FORM | {"email": "x"}).encode()
    status, headers, body_text = send(puente, "POST", body, Content_Type="application/json", X_Forwarded_For="8.8.8.8:1")
    assert (status, headers["content-type"], body_text["ok"]) == (400, "application/problem+json", False)
    assert body_text["error"].startswith("El correo electrónico")
    statuses = [send(puente, "POST", body, X_Forwarded_For="8.8.4.4:1")[0] for _form in range(11)]
    assert statuses == [400] * 10 + [429]
