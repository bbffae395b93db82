"""Links in messages that only we can have made: what they say is followed by its HMAC-SHA256.

They hold digests and numbers, never an address or a name, because links end up in logs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from shared.errors import ConfigurationError, RefusedError
from shared.messages import signed
from shared.messages.digests import PATTERN

UNSUBSCRIBE_PATH = "/api/unsubscribe"
PURPOSE = "unsubscribe"
_SHAPE = re.compile(rf"([0-9]{{1,18}})\.({PATTERN})\.({PATTERN})\.([A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True)
class Unsubscription:
    """Whose mail, and by which delivery they got the link. The digests are those of `shared.messages.digests`."""

    delivery_id: int
    address: str
    person: str

    def _text(self) -> str:
        return f"{self.delivery_id}.{self.address}.{self.person}"


def token(what: Unsubscription, secrets: Sequence[SecretStr]) -> str:
    """`what`, signed with the first of `secrets`.

    Raises:
        ConfigurationError: LINK_SIGNING_SECRETS is not set.
    """
    if not secrets:
        raise ConfigurationError("LINK_SIGNING_SECRETS: needed for the unsubscribe link that marketing mails must carry")
    return signed.sign(PURPOSE, what._text(), secrets)  # noqa: SLF001  # its own module


def read(text: str, secrets: Sequence[SecretStr]) -> Unsubscription:
    """What a token says, if one of `secrets` signed it.

    Raises:
        RefusedError: 403, it was not made by us, or was altered; 503, no secret is configured.
    """
    if not secrets:
        raise RefusedError(503, "not-configured", "No secret is configured for links.")
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise RefusedError(403, "bad-link", "The link is incomplete or was altered.")
    what = Unsubscription(int(found[1]), found[2], found[3])
    signed.read(PURPOSE, f"{what._text()}.{found[4]}", secrets)  # noqa: SLF001  # its own module
    return what


def unsubscribe_url(base_url: str, signed: str) -> str:
    """The address that the token is sent to."""
    return f"{base_url}{UNSUBSCRIBE_PATH}?t={signed}"


def unsubscribe_headers(url: str) -> dict[str, str]:
    """The header fields by which mail programs offer unsubscribing with one click (RFC 2369, RFC 8058)."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
