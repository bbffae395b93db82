"""The action log of the replaced lead automation (`actions_log.json`), read for the comparison of shadow mode.

It is a JSON array of `{timestamp, channel, data}` with the channels `kommo`, `email`, `call`, `message` and `error`. Only the
records of Kommo say who the lead was; later ones name Kommo's number of it, so that is remembered (some dozen bytes a lead).
A record of an attempt that failed is passed over: what did not happen is missing on that side.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.errors import PermanentError

CHUNK = 65_536
EFFECTS = {"kommo": "kommo.lead", "email": "email", "call": "voice"}
FAILED = frozenset(("error", "failed", "failure"))
MADE = ("create_lead", "lead", "create")  # of Kommo's records: the others move a lead or make a contact
ADDRESSES = {"email": ("email", "correo"), "phone": ("telefono", "phone", "tel")}


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """What it says as the lines that shadow mode compares; read piece by piece.

    Raises:
        PermanentError: `unreadable-log`.
    """
    people: dict[str, dict[str, str]] = {}
    for record in _records(path):
        data = record.get("data")
        if not isinstance(data, Mapping):
            continue
        lead_id, whom = str(data.get("lead_id") or ""), _whom(data)
        if lead_id and whom:
            people.setdefault(lead_id, whom)
        whom = whom or people.get(lead_id, {})
        effect = _effect(str(record.get("channel") or ""), data)
        if effect and whom and str(data.get("status") or "").lower() not in FAILED:
            yield {"at": record.get("timestamp"), "effect": effect} | whom


def _effect(channel: str, data: Mapping[str, Any]) -> str | None:
    if channel == "message":
        provider = str(data.get("provider") or data.get("action") or "").lower()
        return "whatsapp" if "whatsapp" in provider else "sms"
    if channel == "kommo" and data.get("action") and str(data["action"]).lower() not in MADE:
        return None
    return EFFECTS.get(channel)


def _whom(data: Mapping[str, Any]) -> dict[str, str]:
    """The addresses that stand somewhere in a record."""
    found: dict[str, str] = {}
    for name, value in _walk(data):
        for kind, names in ADDRESSES.items():
            if name.lower() in names and isinstance(value, str) and value.strip():
                found.setdefault(kind, value.strip())
    return found


def _walk(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _walk(inner)
        else:
            yield str(name), inner


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    """The records of the array, one after the other; never the whole file at once."""
    decoder, text, is_begun = json.JSONDecoder(), "", False
    with path.open(encoding="utf-8-sig") as file:
        while chunk := file.read(CHUNK):
            text += chunk
            if not is_begun:
                text = text.lstrip().removeprefix("[")
                is_begun = True
            while (text := text.lstrip(" \t\r\n,")) and not text.startswith("]"):
                try:
                    record, end = decoder.raw_decode(text)
                except ValueError:
                    break  # the rest of it comes with the next piece
                text = text[end:]
                if isinstance(record, Mapping):
                    yield record
    if text.strip() != "]" and text.strip():
        raise PermanentError("unreadable-log", f"{path.name} breaks off or is no JSON array")
