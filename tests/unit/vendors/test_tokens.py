"""Tokens for a client's id and secret: fetched once, renewed early and after a refusal, never shown."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest

from shared import clock
from shared.errors import PuenteError, RetryableError, UnavailableError
from shared.vendors.connection import Connection
from shared.vendors.rest_client import RestClient
from shared.vendors.token_sources import ClientCredentials
from tests.unit.vendors.network import NOW, Answer, FakeNetwork, html

SHOP = RestClient(
    name="Shop",
    address="kommo_base_url",
    authorize=lambda token: {"X-Token": token},
    credentials=ClientCredentials(path="/oauth/token", client_id="odoo_username", client_secret="odoo_password"),
)
DAY = 86_399
KNOWN = {"odoo_username": "an-id", "odoo_password": "s3cret"}


def token(name: str, seconds: Any = DAY) -> Answer:
    """A token."""
    return Answer(200, {"access_token": name, "scope": "write_discounts", "expires_in": seconds})


def connected(*script: Answer | Exception) -> tuple[Connection, FakeNetwork]:
    """A connection through a network that answers so."""
    network = FakeNetwork(*script)
    return SHOP.connect("https://shop.invalid", adapter=network, known_as=KNOWN), network


def test_token_is_fetched_once_and_kept() -> None:
    """As a form; the call presents the token as the system wants it, and the secret stands nowhere else."""
    shop, network = connected(token("t1"), Answer(200, {"a": 1}))
    assert [shop.call("GET", "/a", repeatable=True) for _ in range(3)] == [{"a": 1}] * 3
    asked, *calls = network.requests
    assert asked.url == "https://shop.invalid/oauth/token"
    assert parse_qs(asked.body) == {"grant_type": ["client_credentials"], "client_id": ["an-id"], "client_secret": ["s3cret"]}
    assert [call.headers["X-Token"] for call in calls] == ["t1"] * 3
    assert "Authorization" not in calls[0].headers


def test_token_is_renewed_before_its_end() -> None:
    """Ten minutes early."""
    with clock.frozen(NOW) as frozen:
        shop, network = connected(token("t1"), Answer(200, {}), Answer(200, {}), token("t2"), Answer(200, {}))
        shop.call("GET", "/a", repeatable=True)
        frozen.advance(seconds=DAY - 601)
        shop.call("GET", "/a", repeatable=True)
        frozen.advance(seconds=2)
        shop.call("GET", "/a", repeatable=True)
    assert [request.headers.get("X-Token") for request in network.requests] == [None, "t1", "t1", None, "t2"]


def test_refused_token_is_renewed_once() -> None:
    """Also for a call that must not be repeated, since a refused one has done nothing; a second refusal is the account's."""
    shop, network = connected(token("t1"), Answer(401), token("t2"), Answer(200, {"a": 1}))
    assert shop.call("POST", "/a", repeatable=False) == {"a": 1}
    assert [request.headers.get("X-Token") for request in network.requests] == [None, "t1", None, "t2"]
    shop, _network = connected(token("t1"), Answer(401), token("t2"), Answer(401))
    with pytest.raises(UnavailableError) as caught:
        shop.call("POST", "/a", repeatable=False)
    assert caught.value.account


@pytest.mark.parametrize(
    ("answer", "error", "account"),
    [
        (Answer(400, {"error": "invalid_client"}), UnavailableError, True),
        (Answer(403), UnavailableError, True),
        (Answer(500), RetryableError, False),
        (Answer(503), UnavailableError, False),
        (Answer(200, {"token_type": "x"}), RetryableError, False),
        (html(), RetryableError, False),
    ],
)
def test_no_token_no_call(answer: Answer, error: type[PuenteError], account: bool) -> None:  # noqa: FBT001  # a table's column
    """A refusal is a matter of the account, and everything waits; the secret is not in the text."""
    shop, network = connected(answer)
    with pytest.raises(error) as caught:
        shop.call("GET", "/a", repeatable=True)
    assert getattr(caught.value, "account", False) is account
    assert "s3cret" not in str(caught.value)
    assert {request.url for request in network.requests} == {"https://shop.invalid/oauth/token"}


@pytest.mark.parametrize(("seconds", "later", "fetched"), [(60, 29, 1), (60, 31, 2), (None, 2999, 1), ("x", 3001, 2)])
def test_odd_lengths(seconds: Any, later: float, fetched: int) -> None:
    """Half-way where it is good for less than ten minutes; an hour where that is not said."""
    with clock.frozen(NOW) as frozen:
        shop, network = connected(token("t1", seconds))
        shop.call("GET", "/a", repeatable=True)
        frozen.advance(seconds=later)
        shop.call("GET", "/a", repeatable=True)
    assert sum(request.url.endswith("/oauth/token") for request in network.requests) == fetched


def test_threads_share_one_token() -> None:
    """One fetches, the others wait for it."""
    shop, network = connected(token("t1"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: shop.call("GET", "/a", repeatable=True), range(8)))
    assert sum(request.url.endswith("/oauth/token") for request in network.requests) == 1
