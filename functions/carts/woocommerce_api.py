"""WooCommerce's API: makes coupons, tells how our webhooks stand, and lists orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.carts.settings import CartSettings
from shared.errors import PermanentError, RetryableError
from shared.outbox.policy import TargetPolicy
from shared.settings import Settings, settings_of
from shared.vendors import answers
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    from shared.vendors.connection import Connection

TARGET = "woocommerce"
PATH = "/wp-json/wc/v3"
EXISTS = "woocommerce-coupon-code-already-exists"
PAGE_SIZE = 100
WATCHED = "/api/v1/carts/woocommerce"


@dataclass(frozen=True, kw_only=True, eq=False)
class WooCommerceClient(RestClient):
    """WooCommerce takes key and secret as name and password (over https alone)."""

    def connected(self, settings: Settings | None = None, read_seconds: float | None = None) -> Connection:
        """The process's connection. Raises PermanentError `not-configured`."""
        given = settings_of(CartSettings, settings)
        self.require(given)
        pair = tuple(
            one.get_secret_value() for one in (given.woocommerce_consumer_key, given.woocommerce_consumer_secret) if one
        )
        return kept(_connect, given.woocommerce_base_url, pair, read_seconds or self.read_seconds)


def _connect(address: str, pair: tuple[str, str], read_seconds: float) -> Connection:
    return WOOCOMMERCE_API.connect(address, auth=pair, read_seconds=read_seconds)


def _code_and_message(body: Mapping[str, Any]) -> tuple[object, object]:
    """WordPress's codes without what they all begin with."""
    code = str(body.get("code") or "")
    return code.removeprefix("woocommerce_").removeprefix("rest_"), body.get("message")


WOOCOMMERCE_API = WooCommerceClient(
    name="WooCommerce",
    address="woocommerce_base_url",
    needs=("woocommerce_consumer_key", "woocommerce_consumer_secret"),
    ping_by=f"{PATH}/system_status?_fields=environment.version",
    shows="environment",
    error=_code_and_message,
    account_codes=frozenset({"no_route", "cannot_view", "cannot_create"}),
    read_seconds=15,
    calls=10,  # five codes are tried at most, each may be asked for
)


def make(code: str, title: str, percent: int, starts: datetime, ends: datetime) -> bool:
    """Make a coupon for one use; False where somebody else has it. The same code with the same title again is no other one.

    Raises PuenteError. A coupon that would never end is refused (`woocommerce-no-end`): WooCommerce leaves out a date that it
    cannot read.
    """
    del starts  # it is good at once
    coupon = {
        "code": code,
        "description": title,
        "discount_type": "percent",
        "amount": str(percent),
        "usage_limit": 1,
        "usage_limit_per_user": 1,
        "date_expires": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
    }
    try:
        made = WOOCOMMERCE_API.call("POST", f"{PATH}/coupons", repeatable=True, what="making a coupon", json=coupon)
    except PermanentError as error:
        if error.reason != EXISTS:
            raise
        return _title_of(code) == title
    if not made.get("date_expires_gmt"):
        raise PermanentError("woocommerce-no-end", f"WooCommerce: coupon {made.get('id')} has no end; delete it in the shop")
    return True


def _title_of(code: str) -> str | None:
    found = _listed("coupons", {"code": code.lower()}, "looking for a coupon")
    return next((str(one.get("description")) for one in found if str(one.get("code")).upper() == code.upper()), None)


def webhooks() -> list[Mapping[str, Any]]:
    """Our webhooks for orders, whatever their state. Raises PuenteError."""
    found = _listed("webhooks", {"per_page": str(PAGE_SIZE)}, "listing webhooks")
    orders = [one for one in found if str(one.get("topic")).startswith("order.")]
    return [
        one for one in orders if WATCHED in str(one.get("delivery_url")) or "abandoned_cart" in str(one.get("delivery_url"))
    ]


def switch_on(number: int) -> None:
    """Set a webhook to active. Twice is as once. Raises PuenteError."""
    path = f"{PATH}/webhooks/{number}"
    WOOCOMMERCE_API.call("PUT", path, repeatable=True, what="switching a webhook on", json={"status": "active"})


def orders(since: datetime, page: int) -> tuple[list[Mapping[str, Any]], bool]:
    """A page of the orders that were changed from then on, the oldest first; whether it is the last. Raises PuenteError."""
    asked = {"modified_after": f"{since:%Y-%m-%dT%H:%M:%S}", "dates_are_gmt": "true", "per_page": str(PAGE_SIZE)}
    asked |= {"orderby": "modified", "order": "asc", "page": str(page)}
    found = _listed("orders", asked, "listing orders")
    return found, len(found) < PAGE_SIZE


def _listed(kind: str, params: Mapping[str, str], what: str) -> list[Mapping[str, Any]]:
    connection = WOOCOMMERCE_API.connected()
    response = connection.answer("GET", f"{PATH}/{kind}", what, repeatable=True, params=params)
    found = answers.parsed(response)
    if not isinstance(found, list):
        raise RetryableError(f"WooCommerce: {what}: the answer is no list")
    return [one for one in found if isinstance(one, dict)]


def policy() -> TargetPolicy:
    """A coupon at a time: shops run on small machines."""
    return TargetPolicy(slots=1, batches_per_second=1)
