"""Who may call: several keys at once, plain or hashed, compared without telling anything by the time it takes."""

import contextlib
import hashlib
import hmac

import azure.functions as func
import pytest

from shared import flows
from shared.errors import PuenteError, RefusedError
from shared.intake import auth
from shared.intake.endpoint import routes_by_flow
from shared.settings import ApiKey, get_settings

OLD = ApiKey(name="old", key="old-key")
NEW = ApiKey(name="new", sha256=hashlib.sha256(b"new-key").hexdigest())
READER = ApiKey(name="reader", key="reader-key", scopes=frozenset({"read"}))
ADMIN = ApiKey(name="admin", key="admin-key", scopes=frozenset({"admin"}))
KEYS = (OLD, NEW, READER, ADMIN)


def refused(headers, scope="webhook"):
    """The refusal for a request with these headers."""
    with pytest.raises(RefusedError) as caught:
        auth.caller(headers, KEYS, scope)
    return caught.value


@pytest.mark.parametrize(("presented", "name"), [("old-key", "old"), ("new-key", "new"), ("admin-key", "admin")])
def test_any_of_several_keys_opens(presented, name):
    """While a key is being changed the old and the new one both work; a hashed one works like a plain one."""
    assert auth.caller({"x-api-key": presented}, KEYS, "webhook").name == name


@pytest.mark.parametrize(
    "headers",
    [{}, *({"x-api-key": key} for key in ("", "old-ke", "old-key ", NEW.sha256, "\udcff"))],
    ids=["none", "empty", "prefix", "space", "digest", "odd bytes"],
)
def test_wrong_or_missing_key_is_401(headers):
    """Whatever is wrong with the key, the answer is the same; the stored digest is no key."""
    refusal = refused(headers)
    assert (refusal.status, refusal.reason) == (401, "unauthorized")


def test_a_key_without_the_scope_is_403():
    """A known key that may not do this is told so, by its name and not by its value."""
    refusal = refused({"x-api-key": "reader-key"})
    assert (refusal.status, refusal.reason) == (403, "forbidden")
    assert "reader-key" not in refusal.title


def test_admin_may_do_everything():
    """The scope `admin` has all the others."""
    for scope in ("webhook", "read", "write", "admin"):
        assert auth.caller({"x-api-key": "admin-key"}, KEYS, scope) == ADMIN


@pytest.mark.parametrize("presented", ["old-key", "admin-key", "wrong"])
def test_every_key_is_compared_in_constant_time(monkeypatch, presented):
    """The first match does not end the loop, and each comparison is of two digests of one length."""
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest
    monkeypatch.setattr(auth.hmac, "compare_digest", lambda a, b: (compared.append((len(a), len(b))), real(a, b))[1])
    with contextlib.suppress(RefusedError):
        auth.caller({"x-api-key": presented}, KEYS, "webhook")
    assert compared == [(32, 32)] * len(KEYS)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"authorization": "Bearer admin-key"}, True),
        ({"authorization": "bearer  admin-key "}, True),
        ({"authorization": "Basic admin-key"}, False),
        ({"authorization": "admin-key"}, False),
        ({"authorization": "Bearer wrong"}, False),
        ({"authorization": "Bearer admin-key", "x-api-key": "wrong"}, False),
        ({"authorization": "Bearer wrong", "x-api-key": "admin-key"}, True),
        ({"authorization": "Bearer"}, False),
    ],
)
def test_a_key_may_come_as_a_bearer_token(headers, wanted):
    """Where X-API-KEY is missing; that counts before it."""
    if wanted:
        assert auth.caller(headers, KEYS, "read") == ADMIN
    else:
        with pytest.raises(RefusedError, match="401"):
            auth.caller(headers, KEYS, "read")


def test_a_senders_key_opens_the_webhooks_of_that_sender_alone():
    """Another sender's webhook is 403 to it, and so is everything else."""
    key = ApiKey(name="manychat", key="many-key", scopes=frozenset({"webhook:manychat"}))
    assert auth.caller({"x-api-key": "many-key"}, [key], auth.of_sender("manychat")) == key
    for scope in (auth.of_sender("christmas"), "webhook", "read", "write"):
        with pytest.raises(RefusedError, match="403"):
            auth.caller({"x-api-key": "many-key"}, [key], scope)


def test_the_old_scope_opens_all_webhooks_with_one_warning(caplog, monkeypatch):
    """It is said once which scope would be enough; the key itself is not."""
    monkeypatch.setattr(auth, "_warned", set())
    for _ in range(3):
        assert auth.caller({"x-api-key": "old-key"}, KEYS, auth.of_sender("manychat")) == OLD
    warned = [record.getMessage() for record in caplog.records]
    assert len(warned) == 1
    assert "webhook:manychat" in warned[0]
    assert "old-key" not in warned[0]


def test_every_webhook_that_takes_a_key_is_of_a_declared_sender(environment):
    """Else no key could be given the scope that opens it. Whether one takes a key is seen with one and without."""
    routes = [route for of_flow in routes_by_flow().values() for route in of_flow]
    found = {webhook.name: webhook for route in routes for webhook in (*route.webhooks.values(), *route.also)}
    with_key = {name: webhook for name, webhook in found.items() if opens(webhook, "admin-key") and not opens(webhook, None)}
    assert len(with_key) >= 5
    assert {webhook.source for webhook in with_key.values()} <= flows.senders()


def opens(webhook, key):
    """Whether a request with that key, signed by nobody, is taken for its sender's."""
    settings = get_settings().model_copy(update={"api_keys": [ADMIN]})
    headers = {"content-type": "application/json"} | ({auth.HEADER: key} if key else {})
    request = func.HttpRequest(method="POST", url="http://localhost/hook", headers=headers, body=b"{}")
    with contextlib.suppress(PuenteError):
        webhook._sender(request, b"{}", settings)
        return True
    return False
