"""What senders send: `tests/payloads/<webhook>/<event>.json`, a file for each event; the fields of a form as an object."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "payloads"


def payload(webhook: str, event: str, /, **changes: Any) -> dict[str, Any]:
    """The body that is in the file, as the reader's own, with other values where they matter to a test."""
    whole: dict[str, Any] = json.loads(_text(webhook, event))
    return whole | changes


@cache
def _text(webhook: str, event: str) -> str:
    return (FOLDER / webhook / f"{event}.json").read_text(encoding="utf-8")
