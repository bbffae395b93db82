"""The link of somebody who was asked for an approval: the number of their invitation, signed. Opening it changes nothing."""

from collections.abc import Sequence

from pydantic import SecretStr

from shared.errors import RefusedError
from shared.messages import signed
from shared.store.limits import LONGEST_ID

PATH = "/api/approvals"
PURPOSE = "approval"


def token(invitation_id: int, secrets: Sequence[SecretStr]) -> str:
    """The token of an invitation. Raises ConfigurationError where LINK_SIGNING_SECRETS is not set."""
    return signed.sign(PURPOSE, str(invitation_id), secrets)


def read(text: str, secrets: Sequence[SecretStr]) -> int:
    """The invitation that a token of ours names.

    Raises:
        RefusedError: 403, it was not made by us, or was altered; 503, no secret is configured.
    """
    number = signed.read(PURPOSE, text, secrets)
    if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_ID):
        raise RefusedError(403, "bad-link", "The link is incomplete or was altered.")
    return int(number)


def url(base_url: str, signed_token: str) -> str:
    """The address of the page."""
    return f"{base_url}{PATH}?t={signed_token}"
