"""Texts that only we can have signed, for links: `<text>.<HMAC-SHA256>`, each good for its own purpose alone."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from pydantic import SecretStr

from shared.errors import ConfigurationError, RefusedError


def sign(purpose: str, text: str, secrets: Sequence[SecretStr]) -> str:
    """`text`, signed with the first of `secrets`.

    Raises:
        ConfigurationError: LINK_SIGNING_SECRETS is not set.
    """
    if not secrets:
        raise ConfigurationError("LINK_SIGNING_SECRETS: needed for links that only their recipient may have")
    return f"{text}.{signature(purpose, text, secrets[0])}"


def read(purpose: str, token: str, secrets: Sequence[SecretStr]) -> str:
    """The text of a token, if one of `secrets` signed it for this purpose.

    Raises:
        RefusedError: 403, it was not made by us, or was altered; 503, no secret is configured.
    """
    if not secrets:
        raise RefusedError(503, "not-configured", "No secret is configured for links.")
    text, _, given = token.rpartition(".")
    good = [hmac.compare_digest(signature(purpose, text, secret).encode(), given.encode()) for secret in secrets]
    if not any(good):
        raise RefusedError(403, "bad-link", "The link is incomplete or was altered.")
    return text


def signature(purpose: str, text: str, secret: SecretStr) -> str:
    """The signature of a text, in letters that an address may hold."""
    digest = hmac.new(secret.get_secret_value().encode(), f"{purpose}:{text}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
