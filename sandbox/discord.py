"""Discord's webhook of one channel: what is posted is kept and shown, what is too long is refused."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sandbox.jsonapi import answer_json, body_of
from sandbox.limits import Bucket
from sandbox.recorder import HIDDEN
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Answer, Call, Card, Column

WEBHOOK_ID, TOKEN = "1300000000000000001", "sandbox-discord-token"
CHANNEL = "1300000000000000002"
GUILD = "1300000000000000003"
PATH = f"/api/webhooks/{WEBHOOK_ID}/{TOKEN}"
# As observed: so many in two seconds for a webhook, so many in a minute for its channel.
IN_TWO_SECONDS, IN_A_MINUTE = 5, 30
CARDS = 20
_EPOCH = datetime.fromisoformat("2015-01-01T00:00:00Z")
_CONTENT, _EMBEDS, _EMBED, _FIELDS, _USERNAME = 2000, 10, 6000, 25, 80
_LONGEST = {"title": 256, "description": 4096}
_FIELD_LONGEST = {"name": 256, "value": 1024}
_FOOTER = 2048
_COLORS = 0xFFFFFF

type Errors = dict[str, Any]


def _length(text: str) -> int:
    """Characters as JavaScript counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _one(code: str, message: str) -> Errors:
    return {"_errors": [{"code": code, "message": message}]}


def _too_long(longest: int) -> Errors:
    return _one("BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")


_REQUIRED = _one("BASE_TYPE_REQUIRED", "This field is required")
_NO_TEXT = _one("STRING_TYPE_CONVERT", "Could not interpret as string.")


def _text(given: Any, longest: int) -> Errors:
    if given is None:
        return {}
    if not isinstance(given, str):
        return _NO_TEXT
    return _too_long(longest) if _length(given) > longest else {}


def _several(given: Any, most: int, check: Any) -> Errors:
    if given is None:
        return {}
    if not isinstance(given, list):
        return _one("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    if len(given) > most:
        return _one("BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
    return {str(place): found for place, one in enumerate(given) if (found := check(one))}


def _field(given: Any) -> Errors:
    if not isinstance(given, dict):
        return _one("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    found = {name: _text(given.get(name), longest) for name, longest in _FIELD_LONGEST.items()}
    missing = {name: _REQUIRED for name in _FIELD_LONGEST if not str(given.get(name) or "").strip()}
    return {name: errors for name, errors in (found | missing).items() if errors}


def _embed(given: Any) -> Errors:
    if not isinstance(given, dict):
        return _one("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    found = {name: _text(given.get(name), longest) for name, longest in _LONGEST.items()}
    found["fields"] = _several(given.get("fields"), _FIELDS, _field)
    found["footer"] = _footer(given.get("footer"))
    color = given.get("color")
    if color is not None and (not isinstance(color, int) or not 0 <= color <= _COLORS):
        found["color"] = _one("NUMBER_TYPE_MAX", f"int value should be less than or equal to {_COLORS}.")
    if given.get("timestamp") is not None and not _is_moment(given["timestamp"]):
        found["timestamp"] = _one("DATE_TIME_TYPE_PARSE", "Could not parse the timestamp. Should be ISO8601.")
    return {name: errors for name, errors in found.items() if errors}


def _footer(given: Any) -> Errors:
    if given is None:
        return {}
    errors = _text(given.get("text"), _FOOTER) if isinstance(given, dict) else _NO_TEXT
    return {"text": errors} if errors else {}


def _is_moment(given: Any) -> bool:
    try:
        return isinstance(given, str) and bool(datetime.fromisoformat(given))
    except ValueError:
        return False


def _size(embed: Mapping[str, Any]) -> int:
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts += [field[name] for field in embed.get("fields") or [] for name in _FIELD_LONGEST]
    return sum(_length(text) for text in texts if text)


def errors_of(body: Mapping[str, Any]) -> Errors:
    """What is wrong with a message, by field; empty when nothing is."""
    found = {"content": _text(body.get("content"), _CONTENT), "username": _text(body.get("username"), _USERNAME)}
    found["embeds"] = _several(body.get("embeds"), _EMBEDS, _embed)
    if not found["embeds"] and sum(map(_size, body.get("embeds") or [])) > _EMBED:
        found["embeds"] = {"0": _one("MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {_EMBED}")}
    return {name: errors for name, errors in found.items() if errors}


class Discord(Shelved):
    """One channel with one webhook, which can be deleted and made anew (`POST /_sandbox/discord/delete`, `restore`)."""

    name = "discord"
    title = "Discord"
    prefixes = ("/discord",)
    connection: Mapping[str, str] = {"DISCORD_WEBHOOK_URL": f"/discord{PATH}"}
    board_title = "Channel"
    routes = ("/api/{rest:.*}",)
    kinds = ("messages",)
    actions: Mapping[str, str] = {
        "delete": "Deletes the webhook: from then on it answers 404.",
        "restore": "Makes the webhook anew, with the same address.",
        "limit": "Takes so many messages a second (`per_second`; 0 for any number).",
    }

    def __init__(self) -> None:
        super().__init__()
        self.there = True
        self.buckets = (Bucket(IN_TWO_SECONDS / 2, IN_TWO_SECONDS), Bucket(IN_A_MINUTE / 60, IN_A_MINUTE))

    def answer(self, call: Call) -> Answer:
        """Take one message, or say what the webhook is."""
        path = call.path.replace("/api/v10/", "/api/")
        if not self.there or not path.startswith(f"/api/webhooks/{WEBHOOK_ID}/"):
            return self._refused(404, 10015, "Unknown Webhook")
        if path != PATH:
            return self._refused(401, 50027, "Invalid Webhook Token")
        if call.method == "GET":
            return answer_json(_webhook(), headers=self._headers())
        if call.method != "POST":
            return self._refused(405, 0, "405: Method Not Allowed")
        wait = max(bucket.take() for bucket in self.buckets)
        return self._limited(wait) if wait else self._post(call)

    def _post(self, call: Call) -> Answer:
        try:
            body = body_of(call)
        except ValueError:
            return self._refused(400, 50109, "The request body contains invalid JSON.")
        waits = call.query.get("wait", "").lower() in ("true", "1")
        errors = errors_of(body) if isinstance(body, dict) else _one("MODEL_TYPE_CONVERT", "Only dictionaries may be used")
        if errors:
            return self._refused(400, 50035, "Invalid Form Body", errors=errors)
        if not (body.get("content") or "").strip() and not body.get("embeds"):
            return self._refused(400, 50006, "Cannot send an empty message")
        message = self._message(body)
        self.shelf.put("messages", message["id"], message)
        return answer_json(message, headers=self._headers()) if waits else Answer(status=204, headers=self._headers())

    def _message(self, body: Mapping[str, Any]) -> Row:
        author = {"id": WEBHOOK_ID, "username": body.get("username") or "Puente", "avatar": None, "discriminator": "0000"}
        author |= {"public_flags": 0, "flags": 0, "bot": True, "global_name": None, "primary_guild": None}
        embeds = [_shown(embed) for embed in body.get("embeds") or []]
        message: Row = {"type": 0, "content": body.get("content") or "", "mentions": [], "mention_roles": []}
        message |= {"attachments": [], "embeds": embeds, "timestamp": self.now().isoformat(), "edited_timestamp": None}
        message |= {"flags": 0, "components": [], "id": self._next_id(), "channel_id": CHANNEL, "author": author}
        return message | {"pinned": False, "mention_everyone": False, "tts": False, "webhook_id": WEBHOOK_ID}

    def _next_id(self) -> str:
        """A snowflake: its upper bits are the time, so that a later one is greater."""
        made = (self.now() - _EPOCH) // timedelta(milliseconds=1) << 22
        newest = max((int(row["id"]) for row in self.shelf.rows("messages")[-1:]), default=0)
        return str(max(made, newest + 1))

    def _headers(self) -> dict[str, str]:
        first = self.buckets[0]
        after = 0.0 if first.per_second <= 0 else (first.burst - first.left) / first.per_second
        headers = {"X-RateLimit-Limit": f"{first.burst:g}", "X-RateLimit-Remaining": str(first.left)}
        headers |= {"X-RateLimit-Reset": f"{self.now().timestamp() + after:.3f}", "X-RateLimit-Reset-After": f"{after:.3f}"}
        return headers | {"X-RateLimit-Bucket": "sandbox"}

    def _limited(self, wait: float) -> Answer:
        body = {"message": "You are being rate limited.", "code": 20028, "retry_after": round(wait, 3), "global": False}
        headers = self._headers() | {"Retry-After": str(math.ceil(wait)), "X-RateLimit-Scope": "user"}
        return answer_json(body, 429, outcome="rate limited", headers=headers)

    @staticmethod
    def _refused(status: int, code: int, message: str, **more: Any) -> Answer:
        return answer_json({"message": message, "code": code, **more}, status, outcome=message.lower())

    def what(self, call: Call) -> str:
        """Such as `POST webhook`."""
        return f"{call.method} webhook"

    def shown_path(self, call: Call) -> str:
        """The path without the token."""
        return call.path.replace(TOKEN, HIDDEN)

    def reset(self, options: Mapping[str, bool]) -> None:
        """Forget all messages; the webhook is there, with its usual limits."""
        super().reset(options)
        self.there = True
        self.buckets[0].set(IN_TWO_SECONDS / 2, IN_TWO_SECONDS)
        self.buckets[1].set(IN_A_MINUTE / 60, IN_A_MINUTE)

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`."""
        if action not in self.actions:
            return super().act(action, given)
        if action == "limit":
            for bucket in self.buckets:
                bucket.set(float(given.get("per_second", IN_TWO_SECONDS / 2)))
            return {"per_second": self.buckets[0].per_second}
        self.there = action == "restore"
        self.shelf.touch()
        return {"there": self.there}

    def board(self) -> Sequence[Column]:
        """The messages, newest on top."""
        rows = self.shelf.rows("messages")
        cards = tuple(_card(row) for row in rows[: -CARDS - 1 : -1])
        return (Column(id=1, title="#leads" if self.there else "#leads (webhook deleted)", total=len(rows), cards=cards),)

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Messages": len(self.shelf.rows("messages"))}


def _webhook() -> Row:
    """The webhook as whoever has its address sees it: without the person who made it."""
    known: Row = {"application_id": None, "avatar": None, "channel_id": CHANNEL, "guild_id": GUILD, "id": WEBHOOK_ID}
    return known | {"name": "Puente", "type": 1, "token": TOKEN, "url": f"https://discord.com{PATH}"}


def _shown(embed: Mapping[str, Any]) -> Row:
    """An embed as Discord gives it back: without what is empty, each field saying whether it stands beside others."""
    kept: Row = {"type": "rich"} | {
        name: value for name, value in embed.items() if value not in (None, "", []) and name != "type"
    }
    if "fields" in kept:
        fields = [{"name": one["name"], "value": one["value"], "inline": bool(one.get("inline"))} for one in kept["fields"]]
        kept["fields"] = fields
    return kept


def _card(row: Row) -> Card:
    embed = row["embeds"][0] if row["embeds"] else {}
    lines = [row["content"] if embed else "", embed.get("description", "")]
    lines += [f"{field['name']}: {field['value']}" for field in embed.get("fields", [])]
    title = embed.get("title") or row["content"] or "(embed)"
    return Card(id=row["id"], title=title, lines=tuple(line for line in lines if line), tag=row["author"]["username"])
