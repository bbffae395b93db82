"""Every webhook looks at a request's size first, then at its sender, and only then into its content."""

import json
import tracemalloc
import urllib.parse
from typing import Any

import azure.functions as func
import pytest

from shared import flows
from shared.settings import get_settings
from tests.support import loops
from tests.support.functions import named
from tests.support.world import Out

# Twilio signs the sorted fields of a form, so its (small) forms are read for the check; the public form has no sender to check.
NO_SENDER_BEFORE_THE_FORM = ("twilio_", "lead_")


def webhooks() -> list[str]:
    """The functions that take a POST and put what they take on a queue."""
    blueprints = flows.parts("functions")
    built = (builder._function for blueprint in blueprints for builder in blueprint._function_builders)
    return sorted(one.get_function_name() for one in built if {"http", "queue"} <= {b.type for b in one.get_bindings()})


def asked(name: str, raw: bytes, **headers: str) -> func.HttpResponse:
    """The answer of a webhook to a body from a stranger."""
    route = {"handler": "noshow-recovery-handler"}
    sent = {"content-type": "application/json"} | headers
    request = func.HttpRequest("POST", f"http://127.0.0.1/{name}", headers=sent, body=raw, route_params=route)
    answer: func.HttpResponse = loops.run(named(name)(request, Out()))
    return answer


@pytest.fixture
def parsed(environment: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what was parsed as JSON or as a form."""
    get_settings()  # it reads JSON of its own
    sizes: list[int] = []

    def spied(parse: Any) -> Any:
        def work(text: Any, *arguments: Any, **more: Any) -> Any:
            sizes.append(len(text))
            return parse(text, *arguments, **more)

        return work

    environment.setattr(json, "loads", spied(json.loads))
    for name in ("shared.intake.body", "shared.intake.signatures", "functions.leads.payloads"):
        module = __import__(name, fromlist=["_"])
        for parser in ("parse_qs", "parse_qsl"):
            if hasattr(module, parser):
                environment.setattr(module, parser, spied(getattr(urllib.parse, parser)))
    return sizes


def test_there_are_webhooks() -> None:
    """Of every kind."""
    assert len(webhooks()) >= 11


@pytest.mark.parametrize("name", webhooks())
def test_too_large_a_body_is_refused_unread(name: str, parsed: list[int], environment: pytest.MonkeyPatch) -> None:
    """413 from whomever it comes; no parser sees it, and it costs less than a mebibyte above itself."""
    raw = b"[" + b"[]," * 700_000 + b"[]]"
    asked(name, raw)  # what a process imports once is not what a body costs
    tracemalloc.start()
    answer = asked(name, raw)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 413
    assert [size for size in parsed if size > 100_000] == []
    assert peak < len(raw) + 2**20


@pytest.mark.parametrize("name", [name for name in webhooks() if not name.startswith(NO_SENDER_BEFORE_THE_FORM)])
def test_stranger_is_refused_unread(name: str, parsed: list[int]) -> None:
    """Without a key or a signature nothing of the body is parsed, in whatever form it is."""
    raw = b"[" + b"[]," * 5_000 + b"[]]"
    assert asked(name, raw).status_code in (400, 401, 403, 404, 503)
    assert [size for size in parsed if size > 10_000] == []
