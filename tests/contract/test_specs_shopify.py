"""Shopify: what our client asks of the Admin API and what the sandbox answers, held against Shopify's own schema."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLSchema, build_schema, graphql_sync, parse, validate

from functions.carts import shopify_api
from sandbox.shopify import CLIENT_ID, SECRET, Shopify
from shared.vendors import rest_client
from tests.support.sandbox import SandboxAdapter

STARTS = datetime(2026, 3, 1, 9, tzinfo=UTC)
KNOWN = {"shopify_client_id": CLIENT_ID, "shopify_client_secret": SECRET}


def make(percent: int = 10) -> bool:
    """A code for a week."""
    return shopify_api.make("VUELVE10", "Cart 1", percent, STARTS, STARTS + timedelta(days=7))


STORIES: dict[str, Callable[[], Any]] = {
    "made": make,
    "all of it": lambda: make(percent=100),
    "taken": lambda: [make(), make()],
    "looked for": lambda: [make(), shopify_api.title_of("VUELVE10")],
    "not there": lambda: shopify_api.title_of("NADIE"),
    "ping": shopify_api.SHOPIFY_API.ping,
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """The part of it that is kept for tests."""
    folder = Path(os.environ["VENDOR_SPECS"])
    return build_schema((folder / "shopify_admin_2026-07_slice.graphql").read_text(encoding="utf-8"))


@pytest.fixture
def adapter(environment: pytest.MonkeyPatch) -> SandboxAdapter:
    """The sandbox behind our client."""
    found = SandboxAdapter(Shopify())
    connection = shopify_api.SHOPIFY_API.connect(found.url, adapter=found, known_as=KNOWN)
    environment.setattr(rest_client.RestClient, "connected", lambda *_more, **_named: connection)
    return found


@pytest.mark.parametrize("story", STORIES)
def test_what_we_ask_is_in_the_schema_and_so_is_the_answer(adapter: SandboxAdapter, schema: GraphQLSchema, story: str) -> None:
    """Every field, argument and variable; and the schema makes of the sandbox's answer what it is."""
    STORIES[story]()
    asked = [(request, raw) for request, _status, raw in adapter.answers if "graphql" in str(request.url)]
    assert asked
    for request, raw in asked:
        body, answer = json.loads(request.body or b""), json.loads(raw)["data"]
        assert validate(schema, parse(body["query"])) == []
        result = graphql_sync(
            schema, body["query"], answer, variable_values=body["variables"], type_resolver=lambda *_more: "DiscountCodeBasic"
        )
        assert (result.errors, result.data) == (None, answer)


def test_error_of_a_taken_code_is_one_of_the_schema(schema: GraphQLSchema) -> None:
    """Our client knows it by its code."""
    kinds = schema.type_map["DiscountErrorCode"]
    assert isinstance(kinds, GraphQLEnumType)
    assert shopify_api.TAKEN in kinds.values
