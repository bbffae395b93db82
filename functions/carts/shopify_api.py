"""Shopify's Admin API: makes discount codes. Whether a code was made is asked of Shopify where the answer got lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.carts.settings import CartSettings
from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError
from shared.outbox.policy import TargetPolicy
from shared.settings import settings_of
from shared.vendors import answers
from shared.vendors.rest_client import RestClient
from shared.vendors.token_sources import ClientCredentials

if TYPE_CHECKING:
    from shared.vendors.connection import Connection

TARGET = "shopify"
TAKEN = "TAKEN"
_LATER = frozenset({"THROTTLED", "INTERNAL_SERVER_ERROR", "TIMEOUT"})
_ACCOUNT = frozenset({"ACCESS_DENIED", "SHOP_INACTIVE"})
CREATE = """mutation make($discount: DiscountCodeBasicInput!) {
  discountCodeBasicCreate(basicCodeDiscount: $discount) { codeDiscountNode { id } userErrors { field code message } }
}"""
FIND = """query find($code: String!) {
  codeDiscountNodeByCode(code: $code) { id codeDiscount { ... on DiscountCodeBasic { title } } }
}"""
NAME = "{ shop { name } }"


def _named(connection: Connection) -> str:
    """The shop's name, as a sign that it is there and lets us in."""
    found = _asked(connection, NAME, {}, "asking whether it is there")
    return str(_member(found, "shop").get("name") or "there")


SHOPIFY_API = RestClient(
    name="Shopify",
    address="shopify_base_url",
    key="shopify_access_token",
    used_by="shopify_base_url",
    authorize=lambda token: {"X-Shopify-Access-Token": token} if token else {},
    credentials=ClientCredentials(
        path="/admin/oauth/access_token",
        client_id="shopify_client_id",
        client_secret="shopify_client_secret",  # noqa: S106  # the name of a setting
    ),
    ping_by=_named,
    account_statuses=frozenset({403, 404, 423}),
    read_seconds=10,
    calls=12,  # five codes are tried at most, each may be asked for; a token before it, and once more after a refusal
)


def make(code: str, title: str, percent: int, starts: datetime, ends: datetime) -> bool:
    """Make a code for one use; False where somebody else has it. The same code with the same title again is no other one.

    Raises PuenteError.
    """
    discount = {
        "title": title,
        "code": code,
        "startsAt": _moment(starts),
        "endsAt": _moment(ends),
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
        "context": {"all": "ALL"},
        "customerGets": {"value": {"percentage": percent / 100}, "items": {"all": True}},  # 1 is all of it, here
    }
    answer = _asked(SHOPIFY_API.connected(), CREATE, {"discount": discount}, "making a discount code")
    faults = _member(answer, "discountCodeBasicCreate").get("userErrors") or []
    codes = [str(fault.get("code")) for fault in faults if isinstance(fault, dict)]
    if not codes:
        return True
    if codes == [TAKEN]:
        return title_of(code) == title
    raise PermanentError(f"shopify-{answers.slug(codes[0]) or 'refused'}", f"Shopify: making a discount code: {codes[0]}")


def title_of(code: str) -> str | None:
    """The title of the discount with that code; None where there is none. Raises PuenteError."""
    found = _asked(SHOPIFY_API.connected(), FIND, {"code": code}, "looking for a discount code")
    title = _member(_member(found, "codeDiscountNodeByCode"), "codeDiscount").get("title")
    return str(title) if title else None


def _asked(connection: Connection, query: str, variables: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """The data of a query. Its errors come with status 200. Asking again is harmless: a code that is there is found."""
    path = f"/admin/api/{settings_of(CartSettings).shopify_api_version}/graphql.json"
    body = connection.call("POST", path, what, repeatable=True, json={"query": query, "variables": variables})
    if body.get("errors"):
        raise _error(body, f"Shopify: {what}")
    data = body.get("data")
    if not isinstance(data, dict):
        raise RetryableError(f"Shopify: {what}: the answer has no data")
    return data


def _error(body: Mapping[str, Any], what: str) -> PuenteError:
    errors = body["errors"] if isinstance(body["errors"], list) else []
    found = [one for one in errors if isinstance(one, dict)]
    code = next((str(_member(one, "extensions").get("code")) for one in found), "unknown")
    words = f"{what}: {answers.clean(code)}"
    if code in _LATER:
        return ThrottledError(words, after_seconds=_wait(body))
    if code in _ACCOUNT:
        return UnavailableError(words, account=True)
    return PermanentError(f"shopify-{answers.slug(code) or 'refused'}", words)


def _wait(body: Mapping[str, Any]) -> float | None:
    """How long until the account has as many points again as the query costs."""
    cost = _member(_member(body, "extensions"), "cost")
    status = _member(cost, "throttleStatus")
    try:
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(missing / float(status["restoreRate"]), 0.0)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def policy() -> TargetPolicy:
    """A code at a time; the account takes far more."""
    return TargetPolicy(slots=1, batches_per_second=2)
