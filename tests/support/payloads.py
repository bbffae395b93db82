"""What senders send: `tests/payloads/<webhook>/<event>.json`, a file for each event; the fields of a form as an object."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

FOLDER = Path(__file__).resolve().parents[1] / "payloads"
TOKEN = "{token-of-calendar-1}"


def payload(webhook: str, event: str, /, **changes: Any) -> dict[str, Any]:
    """The body that is in the file, as the reader's own, with other values where they matter to a test."""
    whole: dict[str, Any] = json.loads(_text(webhook, event))
    return whole | changes


@cache
def _text(webhook: str, event: str) -> str:
    return (FOLDER / webhook / f"{event}.json").read_text(encoding="utf-8")


def as_sent(webhook: str, data: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Body and headers as their sender writes them: Twilio sends forms, Google's calendar headers alone.

    TOKEN becomes the token that is valid with the settings of the moment.
    """
    text = json.dumps(data)
    if TOKEN in text:
        from functions.meetings import tokens  # an optional flow: only its own payloads need it

        text = text.replace(TOKEN, tokens.token_of(1))
    if webhook == "meetings.google":
        return b"", json.loads(text)
    if webhook.startswith("twilio."):
        return urlencode(data).encode(), {"content-type": "application/x-www-form-urlencoded"}
    return text.encode(), {"content-type": "application/json"}
