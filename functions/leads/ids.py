"""Our number for a lead, made of what they sent, so that the answer to the form needs no database; and its signed form.

A number alone proves nothing: forms, answers and outside systems show it. Whoever books through a public page is a stranger,
so from there only the signed form counts, which the booking link carries (`signed`, `verified`).
"""

import base64
import hashlib
import hmac
import re
from datetime import date
from typing import Any

from shared.readers import name_key
from shared.readers.email import key as address_key
from shared.settings import get_settings

KEY = "lead:"
BITS = 53  # JavaScript, which booking pages are made of, keeps whole numbers up to here exactly
SIGNATURE_BYTES = 16
_SIGNED = re.compile(r"([1-9][0-9]{0,18})\.([A-Za-z0-9_-]{22})")


def lead_id(email: str, service: str, day: date) -> int:
    """The number of the lead who asked for `service` on that day: the same form sent twice on one day is one lead.

    That an address asks for the same service twice in a day is one wish is our decision (docs/decisions/0014); spellings that
    read the same are the same. The number is a keyed hash, so that nobody who knows the facts can work it out; after a change
    of the key a repeat on that day gets another one. Between 1 and 2**53 - 1. Two of a million leads get the same number with a
    chance of 1 in 18,000; whoever stores a lead checks that the number is not somebody else's.
    """
    address = address_key(email)
    text = "\n".join((address, name_key.key(service) or service.strip(), day.isoformat()))
    made = int.from_bytes(_mac(_keys()[0], "number", text)[:8]) >> (64 - BITS)
    return made or 1


def key(lead_id: int) -> str:
    """The name of a lead, by which journeys, messages, events and deliveries know it."""
    return f"{KEY}{lead_id}"


def number(name: str) -> int | None:
    """The lead of that name; None where it names something else."""
    digits = name.removeprefix(KEY)
    return int(digits) if name.startswith(KEY) and digits.isdecimal() else None


def signed(lead_id: int) -> str:
    """The number as only we can have written it, `17.<signature>`, for links that come back through somebody else's system."""
    return f"{lead_id}.{_signature(_keys()[0], lead_id)}"


def verified(text: Any) -> int | None:
    """The number in a text that `signed` has made, under any of today's keys; None for anything else, a bare number too."""
    found = _SIGNED.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    given = int(found[1])
    good = [hmac.compare_digest(_signature(one, given), found[2]) for one in _keys()]
    return given if any(good) else None


def _signature(secret: bytes, lead_id: int) -> str:
    return base64.urlsafe_b64encode(_mac(secret, "link", str(lead_id))[:SIGNATURE_BYTES]).rstrip(b"=").decode()


def _mac(secret: bytes, purpose: str, text: str) -> bytes:
    return hmac.new(secret, f"lead-{purpose}:{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def _keys() -> list[bytes]:
    """LINK_SIGNING_SECRETS, the first signs. Where there is none yet, the API keys' digests: every app has those."""
    settings = get_settings()
    secrets = [secret.get_secret_value().encode() for secret in settings.link_signing_secrets]
    return [one for one in secrets if one] or [one.digest for one in settings.api_keys]
