"""A vendor of the sandbox as the network of a client: our real clients talk to it without any server."""

import io
from typing import Any
from urllib.parse import urlsplit

import requests
from multidict import MultiDict
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse
from yarl import URL

from sandbox.vendor import Call, Vendor

HOST = "http://sandbox.invalid"


class Near(BaseAdapter):
    """Every request below the vendor's first prefix is answered by it."""

    def __init__(self, vendor: Vendor) -> None:
        super().__init__()
        self.vendor, self.prefix = vendor, vendor.prefixes[0]
        self.statuses: list[int] = []
        self.answers: list[tuple[requests.PreparedRequest, int, bytes]] = []

    @property
    def url(self) -> str:
        """Its address, for the client's settings."""
        return HOST + self.prefix

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        """One exchange."""
        parts, body = urlsplit(str(request.url)), request.body or b""
        call = Call(
            method=str(request.method),
            path=URL(str(request.url)).path.removeprefix(self.prefix),
            headers={**request.headers, "Host": parts.netloc},
            query=MultiDict(URL(str(request.url)).query),
            body=body.encode() if isinstance(body, str) else body,
        )
        answer = self.vendor.answer(call)
        response = requests.Response()
        response.status_code, response.request, response.url = answer.status, request, str(request.url)
        response.headers.update({"Content-Type": answer.content_type, **answer.headers})
        response.raw = HTTPResponse(io.BytesIO(answer.body), preload_content=False)
        self.statuses.append(answer.status)
        self.answers.append((request, answer.status, answer.body))
        return response

    def close(self) -> None:
        """Nothing is open."""


def call(method: str, path: str, body: Any = None, **headers: str) -> Call:
    """A call with a JSON body (or bytes as they are), for what no client of ours would send."""
    import json

    parts = URL(path)
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Call(method=method, path=parts.path, query=MultiDict(parts.query), headers=headers, body=raw)
