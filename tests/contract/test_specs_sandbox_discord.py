"""What the sandbox's Discord answers, held against Discord's own description; and what our client sends it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import vendor_specs
from vendor_specs import Spec

from sandbox.discord import PATH, Discord
from sandbox.discord import WEBHOOK_ID as WEBHOOK
from shared.vendors.discord import Discord as Client
from shared.vendors.discord import Embed
from tests.support.sandbox import SandboxAdapter, call

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DESCRIBED = f"/webhooks/{WEBHOOK}/token"
POSTS: list[dict[str, Any]] = [
    {"content": "Hola"},
    {"content": "Hola", "username": "Puente", "embeds": None},
    {"embeds": [{"title": "t", "description": "d", "color": 255, "fields": [{"name": "a", "value": "b", "inline": True}]}]},
    {
        "embeds": [
            {"title": "t", "footer": {"text": "f"}, "timestamp": NOW.isoformat(), "fields": [{"name": "a", "value": "b"}]}
        ]
    },
]


@pytest.fixture(scope="module")
def spec() -> Spec:
    return vendor_specs.load("discord_v10.json", prefix="/discord/api")


@pytest.fixture
def vendor() -> Discord:
    return Discord()


@pytest.mark.parametrize("body", POSTS)
def test_its_messages_are_discords(spec: Spec, vendor: Discord, body: dict[str, Any]) -> None:
    """Every member is described, and none that must be there is missing."""
    answer = vendor.answer(call("POST", f"{PATH}?wait=true", body))
    spec.check_answer("POST", DESCRIBED, answer.status, json.loads(answer.body))


def test_what_our_client_sends_it_is_described_and_so_is_the_answer(spec: Spec, vendor: Discord) -> None:
    """One exchange, both ways."""
    adapter = SandboxAdapter(vendor)
    Client(adapter.url + PATH, adapter).post("Hola", Embed(title="t", fields=[("a", "b")], footer="f", timestamp=NOW))
    ((request, status, body),) = adapter.answers
    spec.check_request(request)
    spec.check_answer("POST", DESCRIBED, status, json.loads(body))


def test_what_it_says_of_itself_is_discords(spec: Spec, vendor: Discord) -> None:
    """The request that asks whether the webhook is there, and its answer."""
    adapter = SandboxAdapter(vendor)
    assert Client(adapter.url + PATH, adapter).ping() == "Puente"
    ((request, status, body),) = adapter.answers
    spec.check_request(request)
    spec.check_answer("GET", DESCRIBED, status, json.loads(body))


def test_its_refusals_are_discords(spec: Spec, vendor: Discord) -> None:
    """A code and a message; a limit says how long."""
    described = {"$ref": "#/components/schemas/Error"}
    for sent in ({"content": " "}, b"{"):
        spec.check(json.loads(vendor.answer(call("POST", PATH, sent)).body), described)
    while (answer := vendor.answer(call("POST", PATH, {"content": "x"}))).status != 429:
        pass
    limited = json.loads(answer.body)
    spec.check({name: limited.pop(name) for name in ("code", "message")}, described)
    assert (isinstance(limited["retry_after"], float), limited["global"]) == (True, False)
    vendor.act("delete", {})
    spec.check(json.loads(vendor.answer(call("POST", PATH, {"content": "x"})).body), described)
