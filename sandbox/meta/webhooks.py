"""The bodies of Meta's webhooks, in the bytes that Meta writes: ASCII alone, with `@` and `/` escaped as well."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

ACCOUNT = "102290129340398"
PATH = "/api/meta/webhook"

type Parts = Mapping[str, Any]


def written(body: Any) -> bytes:
    """As Meta writes JSON; whoever parses and writes it again gets other bytes, and another signature."""
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    return text.replace("@", "\\u0040").replace("/", "\\/").encode()


def changes(*values: tuple[str, Parts]) -> dict[str, Any]:
    """One request with a change for each (field, value)."""
    listed = [{"value": dict(value), "field": field} for field, value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": listed}]}


def value(number_id: str, phone: str, **parts: Sequence[Any]) -> dict[str, Any]:
    """The value of a change of the field `messages`, for a number of ours."""
    metadata = {"display_phone_number": phone.removeprefix("+"), "phone_number_id": number_id}
    return {"messaging_product": "whatsapp", "metadata": metadata} | {name: list(part) for name, part in parts.items() if part}
