"""Effects as facts: what a delivery does, or would do, outside; comparable with another system's, and free of personal data.

A value stands as a digest (keyed with the first of DIGEST_SECRETS), so that two can be compared and none read; beside it a
masked form for people. Addresses are folded as the readers spell them, so that one person's spellings are one.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from shared import clock
from shared.outbox.actions import Action
from shared.readers import UnreadableError, email, phone

SECRETS = "DIGEST_SECRETS"
LENGTH = 20
# Of what is described: by which fields the person is known whom it concerns.
WHOM = ("to", "email", "email_from", "phone", "manychat_id")
ITSELF = ("person",)  # not a value that another system has
LONGEST_SHOWN = 60


def of(action: Action, described: Mapping[str, Any]) -> dict[str, Any]:
    """The effect of a delivery, as it is kept: of what kind, about whom, and each value as a digest and masked."""
    fields = {str(name): value for name, value in described.items() if value is not None and name not in ITSELF}
    return {
        "effect": kind_of(action.target, action.name, fields),
        "who": whom(described),
        "name": fields.get("template"),
        "digest": digest_of(fields),
        "fields": {name: digest_of(value, name) for name, value in sorted(fields.items())},
        "shown": {name: masked(value, name) for name, value in sorted(fields.items())},
        "at": clock.now().isoformat(),
    }


def kind_of(target: str, action: str, fields: Mapping[str, Any]) -> str:
    """What an effect is called: the channel of a message, whoever carries it; else target and action (`kommo.lead`)."""
    return str(fields["channel"]) if "channel" in fields else f"{target}.{action}"


def whom(values: Mapping[str, Any]) -> list[str]:
    """The digests of the addresses by which a person is known there, the first one first."""
    known = [folded(str(values[name])) for name in WHOM if values.get(name) not in (None, "", False)]
    return list(dict.fromkeys(digest_of_text(f"who:{one}") for one in known))


def folded(address: str) -> str:
    """An address in its one spelling; what is none (a vendor's id) as it stands."""
    text = address.strip()
    try:
        return email.key(text) if "@" in text else phone.read(text).line if text.startswith("+") else text
    except UnreadableError:
        return text.casefold()


def digest_of(value: Any, name: str = "") -> str:
    """The digest of a value. Equal values have equal digests, in whatever order a mapping has its names."""
    if name in WHOM:
        value = folded(str(value))
    return digest_of_text(canonical(value))


def digest_of_text(text: str) -> str:
    """The keyed digest of a text."""
    return hmac.new(_secret(os.environ.get(SECRETS, "")), text.encode(), hashlib.sha256).hexdigest()[:LENGTH]


def canonical(value: Any) -> str:
    """A value as JSON in one form: names in order, no spaces, dates in UTC, whole numbers without a fraction."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def masked(value: Any, name: str = "") -> Any:
    """A value for people to see: numbers, flags and dates as they are, of a text its first letter and its length."""
    if isinstance(value, bool | int | float) and name not in WHOM:
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if name in ("channel", "template", "locale", "status", "state", "stage"):
        return str(value)[:LONGEST_SHOWN]
    if isinstance(value, Mapping):
        return {str(key): masked(one) for key, one in value.items()}
    text = str(value)
    return f"{text[:1]}*** ({len(text)})"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, datetime):
        return clock.as_utc(value).isoformat()
    if isinstance(value, str | bool | int | None):
        return value.strip() if isinstance(value, str) else value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return [_plain(one) for one in value] if isinstance(value, Iterable) else str(value)


@lru_cache(maxsize=4)
def _secret(setting: str) -> bytes:
    return next((part.strip().encode() for part in setting.split(",") if part.strip()), b"puente")
