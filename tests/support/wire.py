"""The sandbox's stand-ins behind the real clients, without a network."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter

from sandbox.vendor import Call, Vendor
from shared.settings import get_settings
from shared.vendors import rest_client
from shared.vendors.connection import Connection


class Wire(BaseAdapter):
    """Carries requests to the stand-in without a network."""

    def __init__(self, vendor: Vendor) -> None:
        super().__init__()
        self.vendor = vendor

    def send(self, request: requests.PreparedRequest, **_more: Any) -> requests.Response:
        """Its answer."""
        parts = urlsplit(str(request.url))
        call = Call(
            method=str(request.method),
            path=parts.path.removeprefix(self.vendor.prefixes[0]),
            headers=dict(request.headers),
            query=dict(parse_qsl(parts.query)),
        )
        found, answer = requests.Response(), self.vendor.answer(call)
        found.status_code, found._content, found.request = answer.status, answer.body, request
        found.headers["Content-Type"], found.url = answer.content_type, str(request.url)
        return found

    def close(self) -> None:
        """Nothing is open."""


def connect(environment: pytest.MonkeyPatch, vendors: dict[str, Vendor]) -> None:
    """Let each client of that name (as people write it) reach its stand-in."""

    def connected(self: rest_client.RestClient, *_more: Any, **_named: Any) -> Connection:
        settings = get_settings()
        address, key = rest_client.secret(settings, self.address), rest_client.secret(settings, self.key)
        return self.connect(address, key, adapter=Wire(vendors[self.name]))

    environment.setattr(rest_client.RestClient, "connected", connected)
