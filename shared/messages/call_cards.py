"""What a call needs in order to speak, carried in the URL from which Twilio fetches the script of the call.

A call must speak even while our database is down. So the URL of the call holds the names of template and
language and the few values they need, sealed: encrypted and authenticated (Fernet) with LINK_SIGNING_SECRETS, because URLs
end up in logs. Twilio's own signature over the URL proves who asks; the seal proves that the content is ours. The seal does not
expire: a request with Twilio's signature could get the same text from our database as well.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

LONGEST = 1200  # characters; with what Twilio adds the address stays under 2,048, which every server takes


@dataclass(frozen=True, kw_only=True)
class Card:
    """The template of one call, with the values to fill it in."""

    delivery_id: int
    template: str
    locale: str | None
    variables: Mapping[str, Any]


def sealed(card: Card, secrets: Sequence[SecretStr]) -> str:
    """`card` for an address; "" where no secret is set or it would be too long, and then our record is asked."""
    if not secrets:
        return ""
    content = [card.delivery_id, card.template, card.locale, dict(card.variables)]
    text = _box(secrets).encrypt(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()).decode().rstrip("=")
    return text if len(text) <= LONGEST else ""


def opened(text: str, secrets: Sequence[SecretStr]) -> Card | None:
    """The card of an address; None where it is none of ours, was altered, or is that of a secret no longer listed."""
    if not text or not secrets or not text.isascii():
        return None
    try:
        content = _box(secrets).decrypt(text + "=" * (-len(text) % 4))
    except InvalidToken:
        return None
    delivery_id, template, locale, variables = json.loads(content)
    return Card(delivery_id=delivery_id, template=template, locale=locale, variables=variables)


def _box(secrets: Sequence[SecretStr]) -> MultiFernet:
    """The first secret seals, all of them open."""
    keys = [hashlib.sha256(b"call-card:" + secret.get_secret_value().encode()).digest() for secret in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
