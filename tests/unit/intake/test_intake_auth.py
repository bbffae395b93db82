"""Who may call: several keys at once, plain or hashed, compared without telling anything by the time it takes."""

import contextlib
import hashlib
import hmac

import pytest

from shared.errors import RefusedError
from shared.intake import auth
from shared.settings import ApiKey

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
