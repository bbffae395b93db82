"""The API as Azure Functions calls it: a request goes into `zz_web`, an answer comes out. No server, no network."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

import azure.functions as func

from functions import contacts, opportunities, web
from shared.web import webhook_paths
from tests.support import loops
from tests.support.described import openapi
from tests.support.world import LOCAL_KEY

FLOWS = (contacts, opportunities)  # a queue is one of ours once its flow is imported

KEYS = [
    {"name": "local", "key": LOCAL_KEY, "scopes": ["webhook"]},
    {"name": "ops", "key": "ops-key", "scopes": ["admin"]},
    {"name": "viewer", "key": "read-key", "scopes": ["read"]},
    {"name": "robot", "key": "write-key", "scopes": ["write"]},
    {"name": "manychat", "key": "hook-key", "scopes": ["webhook"]},
    {"name": "clínica", "key": "llave-ñandú-🔑", "scopes": ["read"]},
]


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """Calls the API. The key is the administrator's unless another, or None, is given."""

    def __call__(
        self, method: str, path: str, *, key: str | None = "ops-key", body: Any = None, headers: Any = None, **query: Any
    ) -> Answer:
        sent = ({"x-api-key": key} if key is not None else {}) | (headers or {})
        if body is not None:
            sent = {"content-type": "application/json"} | sent
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:7071{path}" + (f"?{urlencode(query)}" if query else "")
        request = func.HttpRequest(method=method, url=url, headers=sent, body=raw)
        returned = loops.run(web.zz_web(request, None))
        answer = Answer(returned.status_code, {k.lower(): v for k, v in returned.headers.items()}, returned.get_body())
        _check_description(method, path, answer)
        return answer

    def get(self, path: str, **more: Any) -> Answer:
        return self("GET", path, **more)

    def post(self, path: str, **more: Any) -> Answer:
        return self("POST", path, **more)


@cache
def description() -> dict[str, Any]:
    """The API's description of itself, without the webhooks: they are functions of their own, which other tests ask."""
    document = openapi()
    return document | {"paths": {path: _without_webhooks(operations) for path, operations in document["paths"].items()}}


@cache
def _templates() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """The described addresses, as what a request's path must look like, and their operations."""
    paths = description()["paths"].items()
    return [(re.compile(re.sub(r"{\w+}", "[0-9]{1,18}", template)), operations) for template, operations in paths]


def _without_webhooks(operations: dict[str, Any]) -> dict[str, Any]:
    return {method: one for method, one in operations.items() if webhook_paths.TAG not in one["tags"]}


def _check_description(method: str, path: str, answer: Answer) -> None:
    """Whatever a test does: an operation that is described gives no answer that is not described."""
    plain = path.partition("?")[0].removesuffix("/")
    for template, operations in _templates():
        if method.lower() in operations and template.fullmatch(plain):
            responses = operations[method.lower()]["responses"]
            assert str(answer.status) in responses, f"{method} {path} answered {answer.status}, which is not described"
            described = responses[str(answer.status)]
            content, kind = described.get("content", {}), answer.headers.get("content-type", "")
            assert {kind, kind.partition(";")[0]} & set(content) if content else not answer.body
            if len(content) == 1:
                assert {name.lower() for name in described.get("headers", {})} <= set(answer.headers)
