"""Messages into a Discord channel through its webhook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from shared import clock
from shared.errors import PermanentError
from shared.settings import Settings
from shared.vendors import answers, waits
from shared.vendors.http import HttpClient

READ_SECONDS = 10.0
RED = 0xFF0000

# Discord's limits, in characters (developers/resources: webhook, message).
_CONTENT, _TITLE, _DESCRIPTION, _NAME, _VALUE, _FOOTER = 2000, 256, 4096, 256, 1024, 2048
_FIELDS, _EMBED = 25, 6000
# A field without a name or a value is refused.
_BLANK = "\u200b"


@dataclass(frozen=True, kw_only=True)
class Embed:
    """A box with a title, a text and named values. Whatever is too long for Discord is cut."""

    title: str
    description: str = ""
    color: int = RED
    fields: Sequence[tuple[str, str]] = ()
    footer: str = ""
    timestamp: datetime | None = None


class Discord:
    """One webhook. Shared by the process's threads."""

    def __init__(self, url: str, adapter: BaseAdapter | None = None, read_seconds: float = READ_SECONDS) -> None:
        parts = urlsplit(url)
        self._path, self._query = parts.path, dict(parse_qsl(parts.query))
        token = parts.path.rpartition("/")[2]
        base = f"{parts.scheme}://{parts.netloc}"
        self._http = HttpClient(
            "Discord",
            base,
            read_seconds=read_seconds,
            secrets=[token],
            adapter=adapter,
            named_wait=waits.in_body("retry_after"),
        )

    @staticmethod
    def from_settings(settings: Settings, read_seconds: float = READ_SECONDS) -> "Discord":
        """The process's client for that patience. Raises PermanentError `not-configured`."""
        if settings.discord_webhook_url is None:
            raise answers.not_configured("Discord", "DISCORD_WEBHOOK_URL")
        return _client(settings.discord_webhook_url.get_secret_value(), read_seconds)

    def ping(self) -> str:
        """The webhook's name, as a sign that it is there (GET on its own address, developers/resources/webhook).

        Raises:
            PermanentError: `discord-gone` when the webhook was deleted.
        """
        response = self._http.request("GET", self._path)
        return str(_content(response, "Discord: asking for the webhook", repeatable=True).get("name") or "")

    def post(self, content: str = "", embed: Embed | None = None) -> str:
        """Post a message and wait until Discord has kept it; its id. Nobody is pinged, whatever the text says.

        Discord has no idempotency key and a webhook cannot look at what it posted: an UncertainError stays one.

        Raises:
            PermanentError: `discord-gone` when the webhook was deleted, `discord-refused`, ...
        """
        body: dict[str, Any] = {"allowed_mentions": {"parse": []}}
        if content:
            body["content"] = _cut(content, _CONTENT)
        if embed:
            body["embeds"] = [_embed(embed)]
        params = self._query | {"wait": "true"}
        response = self._http.request("POST", self._path, params=params, json=body, repeatable=False)
        return str(_content(response, "Discord: posting", repeatable=False).get("id", ""))


def _content(response: requests.Response, what: str, *, repeatable: bool) -> Mapping[str, Any]:
    if response.ok:
        return answers.mapping(response, what, repeatable=repeatable)
    if response.status_code == 404:  # noqa: PLR2004  # the status is the name
        raise PermanentError("discord-gone", f"{what}: there is no such webhook any more")
    error = answers.parsed(response)
    message = error.get("message") if isinstance(error, dict) else None
    raise answers.failure(response, "discord", what, repeatable=repeatable, message=message)


def _embed(embed: Embed) -> dict[str, Any]:
    box: dict[str, Any] = {"title": _cut(embed.title, _TITLE), "color": embed.color}
    left = _EMBED - _length(box["title"])
    if embed.footer:
        box["footer"] = {"text": _cut(embed.footer, _FOOTER)}
        left -= _length(box["footer"]["text"])
    if embed.description:
        box["description"] = _cut(embed.description, min(_DESCRIPTION, left))
        left -= _length(box["description"])
    fields = []
    for name, value in embed.fields[:_FIELDS]:
        one = {"name": _cut(name, _NAME) or _BLANK, "value": _cut(value, _VALUE) or _BLANK, "inline": True}
        left -= _length(str(one["name"])) + _length(str(one["value"]))
        if left < 0:
            break
        fields.append(one)
    if fields:
        box["fields"] = fields
    if embed.timestamp:
        box["timestamp"] = clock.as_utc(embed.timestamp).isoformat()
    return box


def _length(text: str) -> int:
    """Characters as Discord's JavaScript counts them, at worst."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, limit: int) -> str:
    text = text.strip()
    if _length(text) <= limit:
        return text
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)]
    return units.decode("utf-16-le", "ignore") + "…"


@lru_cache(maxsize=4)
def _client(url: str, read_seconds: float) -> Discord:
    return Discord(url, read_seconds=read_seconds)
