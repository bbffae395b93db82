"""The API's description, worked out once in a process: it takes a second, and the installed flows do not change."""

from functools import cache
from typing import Any


@cache
def openapi() -> dict[str, Any]:
    """The document that is served at `/api/openapi.json`; nobody changes it, for all tests have the same."""
    from shared.web.app import build

    document: dict[str, Any] = build().openapi()
    return document
