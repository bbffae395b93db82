"""Assertions that we sign: what they claim, for whom, and what is said where the other side does not believe them."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from sandbox import keys
from sandbox.tokens import AssertionFaultError, claims_of
from shared import clock
from shared.errors import PermanentError, ThrottledError, UnavailableError
from shared.settings import load
from shared.vendors import tokens
from shared.vendors.connection import Connection
from shared.vendors.google import google_client
from shared.vendors.microsoft import graph_client
from shared.vendors.rest_client import RestClient
from shared.vendors.token_sources import PrivateKeyAssertion
from tests.unit.vendors.network import NOW, Answer, FakeNetwork

DIRECTORY = google_client(
    name="Directory",
    address="kommo_base_url",
    scopes=("https://scope.example/a", "https://scope.example/b"),
    subject="odoo_username",
)
GOOGLE = {
    "google_token_base_url": "https://oauth2.invalid",
    "google_service_account": keys.google_account(),
    "odoo_username": "admin@acme.example",
}
IDENTITY = RestClient(
    name="Identity",
    address="kommo_base_url",
    key="kommo_access_token",
    authorize=lambda key: {"Authorization": f"SSWS {key}"},
    authorize_token=lambda token: {"Authorization": f"Bearer {token}"},
    credentials=PrivateKeyAssertion(
        path="/oauth2/v1/token",
        client_id="odoo_username",
        private_key="odoo_password",
        key_id="booking_url",
        scope="okta.users.manage",
    ),
)
OKTA = {"odoo_username": "0oa1", "odoo_password": keys.pem(), "booking_url": keys.KEY_ID}
ENTRA = {
    "entra_tenant": "acme.example",
    "entra_login_base_url": "https://login.invalid",
    "entra_client_id": "an-id",
    "entra_client_secret": "s3cret",
}
OTHERS = rsa.generate_private_key(65537, 2048)


def token(name: str) -> Answer:
    """A token for an hour."""
    return Answer(200, {"access_token": name, "expires_in": 3600})


def connected(client: RestClient, values: dict[str, str], *script: Any) -> tuple[Connection, FakeNetwork]:
    """A connection through a network that answers so."""
    network = FakeNetwork(*script)
    return client.connect("https://system.invalid/api", adapter=network, known_as=values), network


def form(network: FakeNetwork, number: int = 0) -> dict[str, str]:
    """The form of one request."""
    return {name: values[0] for name, values in parse_qs(str(network.requests[number].body)).items()}


def test_service_account_signs_for_the_person_in_the_settings() -> None:
    """To Google's own address for tokens, for five minutes, with the key's number and all scopes."""
    directory, network = connected(DIRECTORY, GOOGLE, token("t1"), Answer(200, {"a": 1}))
    assert directory.call("GET", "/users", repeatable=True) == {"a": 1}
    assert network.requests[0].url == "https://oauth2.invalid/token"
    sent = form(network)
    assert sent["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = claims_of(sent["assertion"], "/token", NOW)
    assert claims["iss"] == keys.ACCOUNT
    assert claims["aud"] == "https://oauth2.invalid/token"
    assert claims["sub"] == "admin@acme.example"
    assert claims["scope"] == "https://scope.example/a https://scope.example/b"
    assert claims["exp"] - claims["iat"] == 300
    assert network.requests[1].headers["Authorization"] == "Bearer t1"


def test_each_person_has_a_token_of_their_own() -> None:
    """And it is fetched once for each."""
    people = ["ana@acme.example", "", "luis@acme.example", "ana@acme.example", ""]
    directory, network = connected(
        DIRECTORY, GOOGLE, token("ana"), Answer(200), token("admin"), Answer(200), token("luis"), Answer(200, {})
    )
    for person in people:
        directory.request("GET", "/users", repeatable=True, subject=person)
    used = [request.headers["Authorization"] for request in network.requests if "/users" in str(request.url)]
    assert used == ["Bearer ana", "Bearer admin", "Bearer luis", "Bearer ana", "Bearer admin"]
    asked = [str(jwt.decode(form(network, at)["assertion"], options={"verify_signature": False})["sub"]) for at in (0, 2, 4)]
    assert asked == ["ana@acme.example", "admin@acme.example", "luis@acme.example"]


def test_few_people_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of many is asked for again, the last is not."""
    monkeypatch.setattr(tokens, "MOST_PEOPLE", 3)
    directory, network = connected(DIRECTORY, GOOGLE, token("t"))
    for number in range(4):
        directory.request("GET", "/a", repeatable=True, subject=f"p{number}@acme.example")
    before = len(network.requests)
    directory.request("GET", "/a", repeatable=True, subject="p3@acme.example")
    assert len(network.requests) == before + 1
    directory.request("GET", "/a", repeatable=True, subject="p0@acme.example")
    assert len(network.requests) == before + 3


def test_refused_token_is_renewed_for_that_person_only() -> None:
    """A 401 to one costs the others nothing."""
    directory, network = connected(
        DIRECTORY, GOOGLE, token("t1"), Answer(200), token("t2"), Answer(401), token("t3"), Answer(200), Answer(200)
    )
    directory.request("GET", "/a", repeatable=True)
    directory.request("GET", "/a", repeatable=True, subject="ana@acme.example")
    directory.request("GET", "/a", repeatable=True)
    assert [request.headers.get("Authorization") for request in network.requests] == [
        None,
        "Bearer t1",
        None,
        "Bearer t2",
        None,
        "Bearer t3",
        "Bearer t1",
    ]


def test_unknown_person_is_not_our_account() -> None:
    """Google lets us in without them: only what is asked for them fails, and nothing else waits."""
    refused = Answer(400, {"error": "invalid_grant", "error_description": "Invalid email or User ID"})
    directory, network = connected(DIRECTORY, GOOGLE, refused, token("t1"), Answer(200, {"a": 1}))
    with pytest.raises(PermanentError) as caught:
        directory.call("GET", "/a", repeatable=True, subject="nobody@acme.example")
    assert caught.value.reason == "directory-unknown-subject"
    assert "nobody" not in str(caught.value)
    assert directory.call("GET", "/a", repeatable=True) == {"a": 1}
    assert len(network.requests) == 3


def test_refused_account_is_ours_whoever_is_acted_for() -> None:
    """The clock or the key is not good: everything waits, and the text says what to look at."""
    directory, _network = connected(DIRECTORY, GOOGLE, Answer(400, {"error": "invalid_grant"}))
    for person in ("", "ana@acme.example"):
        with pytest.raises(UnavailableError, match="the clock, the key") as caught:
            directory.call("GET", "/a", repeatable=True, subject=person)
        assert caught.value.account


@pytest.mark.parametrize("account", ["", "{}", "no JSON", '{"client_email": "a@b", "private_key": "none"}', '["a"]'])
def test_unreadable_key_file_is_named_and_not_shown(account: str) -> None:
    """Nothing is called with it."""
    directory, network = connected(DIRECTORY, {**GOOGLE, "google_service_account": account}, token("t1"))
    with pytest.raises(UnavailableError, match="GOOGLE_SERVICE_ACCOUNT") as caught:
        directory.call("GET", "/a", repeatable=True)
    assert caught.value.account
    assert network.requests == []


def test_private_key_assertion_names_the_client() -> None:
    """As Okta wants it: issuer and subject are the client, the audience is the whole address, and no two are the same."""
    identity, network = connected(IDENTITY, OKTA, token("t1"), Answer(401), token("t2"), Answer(200, {}))
    identity.call("GET", "/users", repeatable=True)
    first, second = form(network, 0), form(network, 2)
    assert first["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert (first["grant_type"], first["scope"]) == ("client_credentials", "okta.users.manage")
    claims, again = (claims_of(one["client_assertion"], "/api/oauth2/v1/token", NOW) for one in (first, second))
    assert (claims["iss"], claims["sub"]) == ("0oa1", "0oa1")
    assert claims["aud"] == "https://system.invalid/api/oauth2/v1/token"
    assert claims["jti"] != again["jti"]
    assert network.requests[3].headers["Authorization"] == "Bearer t2"


def test_key_is_read_as_jwk_and_as_one_line() -> None:
    """A JWK brings its own number; a PEM on one line is how app settings hold it."""
    jwk = json.dumps({**jwt.algorithms.RSAAlgorithm.to_jwk(keys.private_key(), as_dict=True), "kid": keys.KEY_ID})
    for values in ({"odoo_password": jwk, "booking_url": ""}, {"odoo_password": keys.pem().replace("\n", "\\n")}):
        identity, network = connected(IDENTITY, {**OKTA, **values}, token("t1"), Answer(200, {}))
        identity.call("GET", "/users", repeatable=True)
        assert claims_of(form(network)["client_assertion"], "/api/oauth2/v1/token", NOW)["iss"] == "0oa1"


def test_a_given_key_stands_in_place_of_tokens() -> None:
    """It goes out as the key does, not as a token."""
    network = FakeNetwork(Answer(200, {}))
    IDENTITY.connect("https://system.invalid", "an-api-key", adapter=network).call("GET", "/users", repeatable=True)
    assert network.requests[0].headers["Authorization"] == "SSWS an-api-key"
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [("use_dpop_nonce", "DPoP"), ("invalid_scope", "scope"), ("invalid_client", "public half"), ("x", "secret")],
)
def test_refusals_tell_what_to_do(code: str, words: str) -> None:
    """Each of them is a matter of the account; the assertion is not in the text."""
    identity, network = connected(IDENTITY, OKTA, Answer(400, {"error": code, "error_description": "DPoP proof is needed"}))
    with pytest.raises(UnavailableError, match=words) as caught:
        identity.call("GET", "/users", repeatable=True)
    assert caught.value.account
    assert form(network)["client_assertion"] not in str(caught.value)


def test_microsoft_is_asked_at_the_tenants_address() -> None:
    """With the scope of all that was consented to."""
    graph, network = connected(graph_client(name="Graph"), ENTRA, token("t1"), Answer(200, {"id": 1}))
    assert graph.call("GET", "/users/ana@acme.example", repeatable=True) == {"id": 1}
    assert network.requests[0].url == "https://login.invalid/acme.example/oauth2/v2.0/token"
    assert form(network) == {
        "grant_type": "client_credentials",
        "client_id": "an-id",
        "client_secret": "s3cret",
        "scope": "https://graph.microsoft.com/.default",
    }


def test_missing_settings_are_named(environment: pytest.MonkeyPatch) -> None:
    """All that a token needs; those with a value of their own are not."""
    client = google_client(name="Directory", address="google_token_base_url", scopes=(), subject="booking_url")
    assert not client.is_used(load())
    with pytest.raises(PermanentError, match="GOOGLE_SERVICE_ACCOUNT, BOOKING_URL missing"):
        client.require(load())
    assert client.is_used(load(google_service_account=keys.google_account()))
    client.require(load(google_service_account=keys.google_account(), booking_url="admin@acme.example"))
    with pytest.raises(PermanentError, match="ENTRA_CLIENT_SECRET, ENTRA_TENANT missing"):
        graph_client(name="Graph").require(load(entra_client_id="an-id"))


@pytest.mark.parametrize(
    ("reason", "error", "account"),
    [
        ("rateLimitExceeded", ThrottledError, False),
        ("userRateLimitExceeded", ThrottledError, False),
        ("quotaExceeded", UnavailableError, True),
        ("dailyLimitExceeded", UnavailableError, True),
        ("forbiddenForNonOrganizer", PermanentError, False),
    ],
)
def test_googles_403_is_judged_by_its_reason(reason: str, error: type[Exception], account: bool) -> None:  # noqa: FBT001  # a table
    """Too many calls are no refusal of the one call."""
    body = {"error": {"code": 403, "message": "no", "errors": [{"domain": "usageLimits", "reason": reason, "message": "no"}]}}
    directory, _network = connected(DIRECTORY, GOOGLE, token("t1"), Answer(403, body))
    with pytest.raises(error) as caught:
        directory.call("POST", "/users", repeatable=False)
    assert getattr(caught.value, "account", False) is account


@given(late=st.integers(-100_000, 100_000), life=st.integers(0, 10_000))
def test_stand_ins_take_an_assertion_within_its_times_only(late: int, life: int) -> None:
    """From five minutes before its beginning to its end, and for an hour at most."""
    claims = {"iss": "a", "aud": "https://x.example/token", "iat": NOW, "exp": NOW + timedelta(seconds=life)}
    signed = jwt.encode(claims, keys.private_key(), "RS256", {"kid": keys.KEY_ID})
    good = -300 <= late < life <= 3600
    if good:
        assert claims_of(signed, "/token", NOW + timedelta(seconds=late))["iss"] == "a"
    else:
        with pytest.raises(AssertionFaultError):
            claims_of(signed, "/token", NOW + timedelta(seconds=late))


@pytest.mark.parametrize(
    ("key", "algorithm", "headers", "path"),
    [
        (OTHERS, "RS256", {"kid": keys.KEY_ID}, "/token"),
        ("a secret of thirty-two characters", "HS256", {"kid": keys.KEY_ID}, "/token"),
        (None, "none", {"kid": keys.KEY_ID}, "/token"),
        (keys.private_key(), "RS256", {"kid": "another"}, "/token"),
        (keys.private_key(), "RS256", {"kid": keys.KEY_ID}, "/other"),
    ],
)
def test_stand_ins_check_the_signature(key: Any, algorithm: str, headers: dict[str, str], path: str) -> None:
    """Another key, another algorithm, no signature, another number, another address: none of them is taken."""
    claims = {"iss": "a", "aud": f"https://x.example{path}", "iat": clock.now(), "exp": clock.now() + timedelta(minutes=1)}
    with pytest.raises(AssertionFaultError):
        claims_of(jwt.encode(claims, key, algorithm, headers), "/token", clock.now())
