"""Messages into a Discord channel through its webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from shared import clock
from shared.errors import PermanentError, PuenteError
from shared.vendors import waits
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    import requests
    from requests.adapters import BaseAdapter

    from shared.settings import Settings
    from shared.vendors.connection import Connection

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

    def __init__(self, url: str, adapter: BaseAdapter | None = None) -> None:
        parts = urlsplit(url)
        self._query = dict(parse_qsl(parts.query))
        token = parts.path.rpartition("/")[2]
        address = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self._http = DISCORD.connect(address, adapter=adapter, secrets=[token])

    @staticmethod
    def from_settings(settings: Settings) -> Discord:
        """The process's client. Raises PermanentError `not-configured`."""
        DISCORD.require(settings)
        return kept(Discord, settings.discord_webhook_url.get_secret_value() if settings.discord_webhook_url else "")

    def ping(self) -> str:
        """The webhook's name, as a sign that it is there.

        Raises:
            PermanentError: `discord-gone` when the webhook was deleted.
        """
        return self._http.ping()

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
        return str(self._http.call("POST", "", "posting", repeatable=False, params=params, json=body).get("id", ""))


def _deleted(
    response: requests.Response,
    _body: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    if response.status_code != HTTPStatus.NOT_FOUND:
        return None
    return PermanentError("discord-gone", f"{what}: there is no such webhook any more")


def _asked(http: Connection) -> str:
    """The webhook's name (GET on its own address, developers/resources/webhook)."""
    return str(http.call("GET", "", "asking for the webhook", repeatable=True).get("name") or "")


# Its address is its key: the last part of the path is secret.
DISCORD = RestClient(
    name="Discord",
    address="discord_webhook_url",
    ping_by=_asked,
    read_seconds=READ_SECONDS,
    named_wait=waits.in_body("retry_after"),
    verdict=_deleted,
)


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
