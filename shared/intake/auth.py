"""Authenticate callers by API key: compared in constant time; several are valid at once, so one is replaced without a gap."""

import hashlib
import hmac
import logging
from collections.abc import Iterable, Mapping

from shared.errors import RefusedError
from shared.settings import ApiKey, Scope

log = logging.getLogger("puente.intake")

HEADER, AUTHORIZATION = "x-api-key", "authorization"
WEBHOOK = "webhook"
"""The scope of before there was one for each sender. It still opens every webhook, with a warning."""

_warned: set[str] = set()


def of_sender(sender: str) -> Scope:
    """The scope that opens the webhooks of one sender."""
    return f"{WEBHOOK}:{sender}"


def caller(headers: Mapping[str, str], keys: Iterable[ApiKey], scope: Scope) -> ApiKey:
    """The key in `X-API-KEY`, else in `Authorization: Bearer`, if it is one of `keys` and has `scope`.

    `admin` has all scopes, `webhook` those of all senders.

    Every key is compared whatever the others said, so that the time taken tells nothing.

    Raises:
        RefusedError: 401 without a valid key, 403 where the key may not do this.
    """
    presented = hashlib.sha256(_presented(headers).encode("utf-8", "surrogatepass")).digest()
    found = None
    for key in keys:
        if hmac.compare_digest(presented, key.digest):
            found = key
    if found is None:
        raise RefusedError(
            401, "unauthorized", "A valid API key is needed in the header X-API-KEY, or as Authorization: Bearer."
        )
    if not _has(found, scope):
        raise RefusedError(403, "forbidden", f"The API key {found.name!r} does not have the scope {scope!r}.")
    return found


def _presented(headers: Mapping[str, str]) -> str:
    """The key that a request carries; that in `X-API-KEY` counts where there are two."""
    if given := headers.get(HEADER, ""):
        return given
    scheme, _, token = headers.get(AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _has(key: ApiKey, scope: Scope) -> bool:
    if scope in key.scopes or "admin" in key.scopes:
        return True
    if not scope.startswith(of_sender("")) or WEBHOOK not in key.scopes:
        return False
    if key.name not in _warned:  # once for each process
        _warned.add(key.name)
        log.warning(
            "the API key %s has the scope webhook, which opens the webhooks of every sender: %s is enough", key.name, scope
        )
    return True


def require_webhooks_only(key: ApiKey) -> None:
    """Nothing where the key opens webhooks only: addresses are written down in many logs.

    Raises:
        RefusedError: 403, it opens more.
    """
    if not all(scope.startswith(WEBHOOK) for scope in key.scopes):
        raise RefusedError(
            403, "forbidden", f"The API key {key.name!r} opens more than webhooks: it may not stand in an address."
        )
