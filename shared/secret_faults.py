"""Which secrets the app does not start with: those that anybody could guess.

Azure puts a reference to Key Vault into the environment as it stands where it cannot be resolved (no right, no such secret, a
network that is closed). Its text is no secret at all: whoever knows the vault's name could sign with it.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

UNRESOLVED = "@microsoft.keyvault("
OF_NOTHING = hashlib.sha256(b"").hexdigest()
LOCAL_KEYS = ("local-dev-key", "local-webhook-key", "local-approver-key")
LOCAL_HASHES = frozenset(hashlib.sha256(key.encode()).hexdigest() for key in LOCAL_KEYS)
SHORTEST, SHORTEST_OF_OURS = 8, 16
"""Characters, in Azure. Ours are those that somebody signs with or sends to us; the other ones a vendor has made."""

AZURE = ("WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME", "WEBSITE_SKU", "LEGION_SERVICE_HOST")
"""Variables of the platform. Core Tools set none of them, nor does devhost."""


def in_azure(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this process runs in Azure."""
    present = os.environ if environment is None else environment
    return any(present.get(name) for name in AZURE)


def faults(name: str, value: Any) -> Iterator[str]:
    """What is wrong with the value of a setting, a sentence each, which never holds the value."""
    if isinstance(value, str) and value.strip().lower().startswith(UNRESOLVED):
        yield f"{name}: the reference to Key Vault is not resolved; the app may not read that secret, or there is none"
    elif isinstance(value, SecretStr):
        yield from _faults(name, value.get_secret_value(), SHORTEST)
    elif isinstance(value, tuple):
        for one in value:
            if isinstance(one, SecretStr):
                yield from _faults(name, one.get_secret_value(), SHORTEST_OF_OURS)


def key_faults(name: str, key: SecretStr | None, sha256: str | None) -> Iterator[str]:
    """What is wrong with an API key, given in plain or as a hash."""
    if key is not None:
        yield from _faults(name, key.get_secret_value(), SHORTEST_OF_OURS)
    if sha256 is not None and sha256.lower() == OF_NOTHING:
        yield f"{name}: `sha256` is that of an empty text"
    digest = (sha256 or "").lower() if key is None else hashlib.sha256(key.get_secret_value().encode()).hexdigest()
    if digest in LOCAL_HASHES and in_azure():
        yield f"{name}: it is a key of the local installation, which everybody knows"


def _faults(name: str, secret: str, shortest: int) -> Iterator[str]:
    if not secret.strip():
        yield f"{name}: it is empty"
    elif secret.strip().lower().startswith(UNRESOLVED):
        yield f"{name}: the reference to Key Vault is not resolved; the app may not read that secret, or there is none"
    elif in_azure() and len(secret) < shortest:
        yield f"{name}: it has {len(secret)} characters; at least {shortest} are needed"
