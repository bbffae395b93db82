"""The API in the running host: real HTTP, real queues, a sandbox for Odoo. What needs no host is tested in tests/unit/web."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from devhost.testing import wait_until
from shared.messages.digests import digest_of_address
from shared.messages.links import Unsubscription, token
from shared.store.models import StageMapping
from shared.store.session import make_engine, transact
from tests.support.puente import Puente, running
from tests.support.world import opportunity

pytestmark = [pytest.mark.host, pytest.mark.slow]

HOOK = "/api/v1/manychat/webhook/crm-opportunity"


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One for all tests here; each uses people of its own."""
    with running(tmp_path_factory.mktemp("web"), {"LINK_SIGNING_SECRETS": "uno"}) as puente:
        yield puente


def test_addresses_keys_and_refusals_are_as_described(puente: Puente) -> None:
    """Through the catch-all: lists with and without a slash, scopes, and problem documents with their headers."""
    for path in ("/api/v1/contacts", "/api/v1/contacts/", "/api/v1/deliveries/?limit=1"):
        assert puente.ask("GET", path)[0] == 200
    assert puente.ask("GET", "/api/v1/contacts/", key="wrong")[0] == 401
    assert puente.ask("POST", "/api/v1/dead-letters/replay", {}, key="read-key")[0] == 403
    assert puente.ask("GET", "/%ff")[0] == 400
    status, headers, body = puente.ask("DELETE", "/api/v1/contacts/")
    assert (status, headers["allow"], headers["content-type"]) == (405, "GET, POST", "application/problem+json")
    assert json.loads(body)["status"] == 405
    status, headers, _body = puente.ask("GET", "/api/docs", key="")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert puente.ask("GET", "/health", key="")[0] == 200


def test_gateway_that_asks_for_the_head_of_a_link_finds_the_page(puente: Puente) -> None:
    """As for a GET, but without the page; what is signed by nobody is refused alike, and nothing is put on a queue."""
    person = Unsubscription(1, digest_of_address("ana@example.com"), digest_of_address("ana@example.com"))
    good = f"/api/unsubscribe?t={token(person, [SecretStr('uno')])}"
    for path, expected in ((good, 200), *((f"/api/{name}?t=x", 403) for name in ("unsubscribe", "approvals", "meetings"))):
        status, headers, page = puente.ask("GET", path, key="")
        head, of_head, nothing = puente.ask("HEAD", path, key="")
        assert (status, head, nothing) == (expected, expected, b""), path
        assert page.startswith(b"<!DOCTYPE html>" if b"<!DOCTYPE" in page else b"<!doctype html>"), path
        assert of_head["content-type"] == headers["content-type"]
        assert of_head["content-security-policy"] == headers["content-security-policy"]
    assert puente.items("/api/v1/suppressions") == []


def test_event_that_could_not_be_handled_is_replayed_through_its_queue(puente: Puente) -> None:
    """An unknown stage is parked; the stage map learns it; the replay reaches SQL and Odoo, and the letter is resolved."""
    assert puente.ask("POST", HOOK, opportunity("replayed", stage="Alta Nueva"))[0] == 202
    letters = "/api/v1/dead-letters?subject=replayed"
    wait_until(lambda: puente.items(letters))
    assert puente.items(letters)[0]["reason"] == "unknown-stage"

    engine = make_engine(puente.database)
    stage = StageMapping(manychat_key="altanueva", manychat_name="Alta Nueva", odoo_stage_id=26, odoo_name="Alta")
    transact(lambda session: session.add(stage), engine)
    engine.dispose()
    chosen = {"subject": "replayed"}
    status, _headers, plan = puente.ask("POST", "/api/v1/dead-letters/replay", chosen)
    assert (status, json.loads(plan)["count"]) == (200, 1)
    status, _headers, report = puente.ask("POST", "/api/v1/dead-letters/replay", chosen | {"dry_run": False})
    assert (status, json.loads(report)["replayed"]) == (202, 1)

    wait_until(lambda: puente.items(letters)[0]["state"] == "resolved")
    wait_until(lambda: _status_of(puente, "replayed") == "success")
    assert [lead["stage_id"][0] for lead in puente.sandbox.leads(x_manychat_id="replayed")] == [26]


def test_waiting_delivery_is_taken_back_and_asked_for_again(puente: Puente) -> None:
    """While Odoo is down a sync waits; a person cancels it, retries it, and it arrives when Odoo is back."""
    puente.sandbox.fault("down")
    try:
        assert puente.ask("POST", HOOK, opportunity("held", stage=18))[0] == 202
        deliveries = "/api/v1/deliveries?subject=held"
        wait_until(lambda: [item["state"] for item in puente.items(deliveries)] == ["pending"])
        number = puente.items(deliveries)[0]["id"]
        wait_until(lambda: puente.ask("POST", f"/api/v1/deliveries/{number}/cancel")[0] == 200)
        status, headers, body = puente.ask("POST", f"/api/v1/deliveries/{number}/retry")
        assert (status, json.loads(body)["retry_of"]) == (202, number)
        assert headers["location"] == f"/api/v1/deliveries/{json.loads(body)['id']}"
    finally:
        puente.sandbox.fault("none")
    wait_until(lambda: _status_of(puente, "held") == "success", 90)
    assert [item["state"] for item in puente.items(deliveries)] == ["done", "cancelled"]


def _status_of(puente: Puente, manychat_id: str) -> Any:
    return puente.items(f"/api/v1/crm/opportunities/?manychat_id={manychat_id}")[0]["odoo_sync_status"]
