"""Every file of tests/payloads is what its webhook takes, whole; every webhook has one."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import azure.functions as func
import pytest

from functions.leads import endpoint, triggers
from shared import flows
from shared.intake.endpoint import webhook_routes
from shared.intake.webhook import Sender, Webhook
from shared.settings import get_settings
from tests.support import loops
from tests.support.payloads import FOLDER, as_sent
from tests.support.world import Out

OUR_OWN = {"link.unsubscribe"}  # nobody sends a body: the link that we have signed says all
FILES = sorted(FOLDER.glob("*/*.json"))


def webhooks() -> dict[str, Webhook]:
    """All webhooks of the app, by name."""
    routes = webhook_routes(flows.parts("functions"))
    found = [webhook for route in routes for webhook in (*route.webhooks.values(), *route.also)]
    return {webhook.name: webhook for webhook in found}


def test_every_webhook_has_a_payload() -> None:
    """One that is added brings what its sender sends; a folder that no webhook takes is left over."""
    assert {path.parent.name for path in FILES} == set(webhooks()) - OUR_OWN


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_payload_is_taken_whole(environment: pytest.MonkeyPatch, path: Path) -> None:
    """The body becomes an event of its webhook, and no field is left out."""
    environment.setenv("LINK_SIGNING_SECRETS", "one")
    get_settings.cache_clear()
    webhook = replace(webhooks()[path.parent.name], authenticate=lambda *_request: Sender())
    body, headers = as_sent(webhook.name, json.loads(path.read_text(encoding="utf-8")))
    request = func.HttpRequest(method="POST", url="http://localhost/hook", headers=headers, body=body)
    out = Out()
    entrance = partial(endpoint.take, webhook) if webhook.name == triggers.WEBHOOK.name else webhook.accept
    answer = loops.run(entrance(request, out))
    assert answer.status_code in (200, 202), answer.get_body()
    assert b"left_out" not in answer.get_body()
    assert json.loads(out.value)["type"] == webhook.name
