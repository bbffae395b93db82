"""Authenticate callers by API key: compared in constant time; several are valid at once, so one is replaced without a gap."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from shared.errors import RefusedError
from shared.settings import ApiKey, Scope

HEADER = "x-api-key"


def caller(headers: Mapping[str, str], keys: Iterable[ApiKey], scope: Scope) -> ApiKey:
    """The key in `X-API-KEY`, if it is one of `keys` and has `scope` (`admin` has all).

    Every key is compared whatever the others said, so that the time taken tells nothing.

    Raises:
        RefusedError: 401 without a valid key, 403 where the key may not do this.
    """
    presented = hashlib.sha256(headers.get(HEADER, "").encode("utf-8", "surrogatepass")).digest()
    found = None
    for key in keys:
        if hmac.compare_digest(presented, key.digest):
            found = key
    if found is None:
        raise RefusedError(401, "unauthorized", "A valid API key is needed in the header X-API-KEY.")
    if scope not in found.scopes and "admin" not in found.scopes:
        raise RefusedError(403, "forbidden", f"The API key {found.name!r} does not have the scope {scope!r}.")
    return found
