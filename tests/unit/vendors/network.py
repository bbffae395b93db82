"""A network that a test holds in its hand: what it was asked, and what it answers."""

import io
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from requests.adapters import BaseAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError, ReadTimeoutError
from urllib3.response import HTTPResponse

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class Answer:
    """One HTTP answer."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    def to(self, request: requests.PreparedRequest) -> requests.Response:
        """As requests would return it."""
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        response = requests.Response()
        response.status_code, response.request, response.url = self.status, request, str(request.url)
        response.headers.update(self.headers)
        response.raw = HTTPResponse(io.BytesIO(content), preload_content=False)
        return response


class FakeNetwork(BaseAdapter):
    """Gives the scripted answers in turn (the last one for ever); an exception among them is raised."""

    def __init__(self, *script: Answer | Exception) -> None:
        super().__init__()
        self.script = list(script)
        self.requests: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []
        self.closed = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """One exchange."""
        self.requests.append(request)
        self.timeouts.append(options["timeout"])
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step.to(request)

    def close(self) -> None:
        """Forget pooled connections."""
        self.closed += 1

    @property
    def bodies(self) -> list[Any]:
        """The JSON bodies that were sent."""
        return [json.loads(request.body or b"null") for request in self.requests]


def html(status: int = 200) -> Answer:
    """A page, as a proxy or a server in trouble gives it."""
    return Answer(status, b"<html><h1>One moment</h1></html>", {"Content-Type": "text/html; charset=utf-8"})


# --- failures, wrapped as requests and urllib3 wrap them ---

_CONNECTION = HTTPConnection("vendor.invalid")


def refused() -> requests.ConnectionError:
    """Nobody listens."""
    return requests.ConnectionError(MaxRetryError(None, "/?token=secret", NewConnectionError(_CONNECTION, "refused")))  # type: ignore[arg-type]


def unknown_host() -> requests.ConnectionError:
    """The name is not known."""
    reason = NewConnectionError(_CONNECTION, "name")
    reason.__cause__ = socket.gaierror()
    return requests.ConnectionError(MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


def cut() -> requests.ConnectionError:
    """The other side hung up while we waited for its answer."""
    return requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")))


def cut_in_body() -> requests.exceptions.ChunkedEncodingError:
    """The answer began and did not end."""
    return requests.exceptions.ChunkedEncodingError(ProtocolError("IncompleteRead"))


def slow_body() -> requests.ConnectionError:
    """The answer began and then stood still."""
    return requests.ConnectionError(ReadTimeoutError(None, "/", "Read timed out."))  # type: ignore[arg-type]
