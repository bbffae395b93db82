"""A vendor of the sandbox behind our own client, without a network; its webhooks are kept, or reach our own functions."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from multidict import MultiDict
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse
from yarl import URL

from sandbox.config import Config
from sandbox.shelf import Shelved
from sandbox.vendor import Call, Reply, Vendor, Webhook
from shared import clock
from shared.settings import get_settings
from shared.vendors import rest_client
from shared.vendors.connection import Connection

APP = "https://puente.example"
HOST = "http://sandbox.invalid"


@dataclass
class Wire:
    """The webhooks of a vendor, in order. `app` answers them; without one they wait in `sent`."""

    vendor: Shelved
    app: Callable[[Webhook, dict[str, str]], Reply] | None = None
    sent: list[Webhook] = field(default_factory=list)

    def take(self, webhook: Webhook) -> None:
        """As the sandbox does: signed when it goes, and the vendor gets the answer."""
        self.sent.append(webhook)

    def deliver(self, *, backwards: bool = False, copies: int = 1) -> int:
        """Have the app answer what waits, and what follows from its answers; how many there were."""
        assert self.app is not None
        count = 0
        while self.sent:
            webhook = self.sent.pop(-1 if backwards else 0)
            for _ in range(1 if webhook.asks else copies):
                reply = self.app(webhook, self.headers(webhook))
            self.vendor.on_reply(webhook, reply)
            count += 1
        return count

    def headers(self, webhook: Webhook) -> dict[str, str]:
        """What it carries, its signature included."""
        return {"Content-Type": webhook.content_type, **webhook.headers, **self.vendor.signature(webhook)}


class SandboxAdapter(BaseAdapter):
    """Takes the place of the network for our HTTP client: every request reaches the vendor.

    What was asked stands in `calls`, what was answered in `answers`, with the request and the status.
    """

    def __init__(self, vendor: Vendor) -> None:
        super().__init__()
        self.vendor = vendor
        self.calls: list[Call] = []
        self.answers: list[tuple[requests.PreparedRequest, int, bytes]] = []
        self.lose_answers = 0

    @property
    def url(self) -> str:
        """An address of the vendor's, for the client's settings."""
        return HOST + self.vendor.prefixes[0]

    @property
    def statuses(self) -> list[int]:
        """The statuses of all answers."""
        return [status for _request, status, _body in self.answers]

    def send(self, request: requests.PreparedRequest, **_more: object) -> requests.Response:
        """One call. While `lose_answers` is above 0 the work is done and the connection breaks."""
        asked = self._call(request)
        self.calls.append(asked)
        answer = self.vendor.answer(asked)
        if self.lose_answers:
            self.lose_answers -= 1
            raise requests.ConnectionError(OSError("Connection reset by peer"))
        self.answers.append((request, answer.status, answer.body))
        response = requests.Response()
        response.status_code, response.raw = answer.status, HTTPResponse(io.BytesIO(answer.body), preload_content=False)
        response.headers.update({"Content-Type": answer.content_type, **answer.headers})
        response.request, response.url = request, str(request.url)
        return response

    def _call(self, request: requests.PreparedRequest) -> Call:
        """The request as the sandbox's server would hand it on."""
        url = URL(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        prefix = next((each for each in self.vendor.prefixes if url.path.startswith(each + "/")), "")
        headers = {**request.headers, "Host": url.authority}
        path, query = url.path.removeprefix(prefix), MultiDict(url.query)
        return Call(method=str(request.method), path=path, headers=headers, query=query, body=bytes(body))

    def close(self) -> None:
        """Nothing is held."""


def call(method: str, path: str, body: Any = None, **headers: str) -> Call:
    """A call with a JSON body (or bytes as they are), for what no client of ours would send."""
    parts = URL(path)
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Call(method=method, path=parts.path, query=MultiDict(parts.query), headers=headers, body=raw)


def wired[V: Shelved](vendor: V) -> tuple[V, SandboxAdapter, Wire]:
    """The vendor on the test's clock, what stands where the network would, and its webhooks."""
    wire = Wire(vendor)
    vendor.now, vendor.courier, vendor.config = _now, wire.take, Config(app_url=APP)
    return vendor, SandboxAdapter(vendor), wire


def _now() -> datetime:
    return clock.now()


class Exchange(BaseAdapter):
    """Several vendors behind one network: each has the requests below its own prefix."""

    def __init__(self, *vendors: Shelved) -> None:
        super().__init__()
        self.adapters = {prefix: SandboxAdapter(vendor) for vendor in vendors for prefix in vendor.prefixes}

    def send(self, request: requests.PreparedRequest, **more: object) -> requests.Response:
        """One call."""
        path = urlsplit(str(request.url)).path
        return next(adapter for prefix, adapter in self.adapters.items() if path.startswith(prefix + "/")).send(request, **more)

    def close(self) -> None:
        """Nothing is held."""


def connect(environment: pytest.MonkeyPatch, vendors: Mapping[str, Vendor]) -> None:
    """Let each client of that name (as people write it) reach its stand-in."""

    def connected(self: rest_client.RestClient, *_more: object, **_named: object) -> Connection:
        settings = get_settings()
        address, key = rest_client.secret(settings, self.address), rest_client.secret(settings, self.key)
        return self.connect(address, key, adapter=SandboxAdapter(vendors[self.name]))

    environment.setattr(rest_client.RestClient, "connected", connected)


def refused(request: requests.PreparedRequest, status: int) -> requests.Response:
    """An answer without content; 429 asks for a minute's wait."""
    response = requests.Response()
    response.status_code, response.request, response.url, response._content = status, request, str(request.url), b""
    response.headers.update({"Retry-After": "60"} if status == 429 else {})
    return response
