"""A message with tickets, as Twilio, Meta, or a program of the company sends it. Light: imports no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import azure.functions as func
from pydantic import BaseModel, Field, model_validator

from shared.intake import signatures
from shared.intake.webhook import SIGNED, Payload, Sender, by_key_in_address, json_object
from shared.messages.providers import twilio_events
from shared.readers import phone
from shared.settings import Settings, get_settings

SENDER = "tickets"
MOST_MESSAGES = 100
MOST_MEDIA = 10
LONGEST_URL = 1000
_FORM = "application/x-www-form-urlencoded"


class TicketMedia(BaseModel):
    """A file: where it is (`url`), or the provider's `id` of it; `type` is the sender's word, which counts for nothing."""

    type: str = Field(default="", max_length=100)
    url: str = Field(default="", max_length=LONGEST_URL)
    id: str = Field(default="", max_length=200)
    name: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _is_somewhere(self) -> TicketMedia:
        if not self.id and not self.url.startswith(("https://", "http://")):
            raise ValueError("must have an address with https, or the provider's id")
        return self


class TicketMessage(BaseModel):
    """One message: its files, each of which is a ticket, or words that may answer a question about one."""

    source: Literal["twilio", "meta", "api"] = "api"
    message_id: str | None = Field(default=None, min_length=1, max_length=200)
    sender: str | None = Field(default=None, max_length=100)
    sender_name: str | None = Field(default=None, max_length=200)
    text: str = Field(default="", max_length=5000)
    sent_at: datetime | None = None
    media: list[TicketMedia] = Field(default_factory=list, max_length=MOST_MEDIA)

    @model_validator(mode="after")
    def _says_something(self) -> TicketMessage:
        if not self.media and not self.text.strip():
            raise ValueError("has neither the address of a file nor words")
        return self


class TicketMessages(Payload):
    """What one request brings: one message; of Meta, which sends them in batches, perhaps several or none."""

    not_kept = frozenset({"messages"})

    messages: list[TicketMessage] = Field(max_length=MOST_MESSAGES)
    about: str | None = Field(default=None, max_length=100)
    named: str | None = Field(default=None, max_length=200)

    def subject(self) -> str:
        """Who sent it, by their number, so that timeline and erasure find the event."""
        return self.about or "tickets"

    def occurred_at(self) -> datetime | None:
        """When the newest of them was written, where the provider says so."""
        return max((one.sent_at for one in self.messages if one.sent_at), default=None)

    def event_id(self) -> str | None:
        """The provider's id of the message: no signature of these has a time, so a copy can come at any time."""
        return self.named


def authenticate(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """Signed by Twilio or Meta, or sent with a key of the scope `webhook:tickets`, in the header or in the old address.

    Raises:
        RefusedError: neither.
    """
    if request.headers.get("X-Twilio-Signature"):
        secrets = [settings.twilio_auth_token] if settings.twilio_auth_token else []
        signatures.twilio(request.headers, raw, secrets, url=signatures.public_url(settings.public_base_url, request.url))
        return SIGNED
    if request.headers.get("X-Hub-Signature-256"):
        signatures.meta(request.headers, raw, settings.meta_app_secrets)
        return SIGNED
    return by_key_in_address(request, raw, settings, sender=SENDER)


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The messages of a request: Twilio's form, Meta's batch, or an object with `media.url`, `image_url` or `media_url`."""
    if request.headers.get("Content-Type", "").startswith(_FORM):
        return _whole(_with_content([_of_twilio(twilio_events.read_reply(request, raw))]))
    body = json_object(request, raw)
    if isinstance(body.get("messages"), list) and "entry" not in body:
        return body
    if isinstance(body.get("entry"), list):
        return _whole(_with_content(_of_meta(body)))
    return _whole([_of_object(body)])


def _whole(messages: list[dict[str, Any]]) -> dict[str, Any]:
    first = messages[0] if messages else {}
    number = first.get("message_id") if len(messages) == 1 else None
    named = f"{first['source']}:{number}"[:200] if number else None
    return {"messages": messages, "about": first.get("sender"), "named": named}


def _with_content(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with files or words; a place or a reaction is nothing to us."""
    return [one for one in messages if one["media"] or one["text"].strip()]


def _of_twilio(reply: Mapping[str, Any]) -> dict[str, Any]:
    same = {"sender": reply["sender"], "sender_name": reply["sender_name"], "text": reply["text"], "media": reply["media"]}
    return same | {"source": "twilio", "message_id": reply["vendor_id"] or None}


def _of_meta(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each message of each change of each entry; statuses are none."""
    found: list[dict[str, Any]] = []
    for entry in _dicts(body.get("entry")):
        for change in _dicts(entry.get("changes")):
            value = change.get("value")
            if isinstance(value, dict):
                names = {one.get("wa_id"): (one.get("profile") or {}).get("name") for one in _dicts(value.get("contacts"))}
                found += [_meta_message(one, names) for one in _dicts(value.get("messages"))]
    return found


def _meta_message(message: Mapping[str, Any], names: Mapping[Any, Any]) -> dict[str, Any]:
    part = next((message[kind] for kind in ("image", "document") if isinstance(message.get(kind), dict)), None)
    text, sender = message.get("text"), message.get("from")
    words = part.get("caption") if part else text.get("body") if isinstance(text, dict) else None
    media = [{"id": part.get("id") or "", "url": part.get("url") or "", "type": part.get("mime_type") or ""}] if part else []
    stamp = str(message.get("timestamp") or "")
    return {
        "source": "meta",
        "message_id": message.get("id"),
        "sender": _number(sender),
        "sender_name": names.get(sender),
        "text": words or "",
        "sent_at": datetime.fromtimestamp(int(stamp), UTC).isoformat() if stamp.isdecimal() and len(stamp) <= 10 else None,  # noqa: PLR2004
        "media": media,
    }


def _of_object(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a program sends, under the names of the replaced flow."""
    media = body.get("media")
    urls = (body.get("MediaUrl0"), media.get("url") if isinstance(media, dict) else None, body.get("image_url"))
    url = next((one for one in (*urls, body.get("media_url")) if isinstance(one, str) and one.strip()), "")
    words = next((body[name] for name in ("Body", "message", "text") if isinstance(body.get(name), str)), "")
    sender = next((body[name] for name in ("From", "from", "WaId") if isinstance(body.get(name), str)), None)
    number = next((body[name] for name in ("MessageSid", "id") if isinstance(body.get(name), str | int)), None)
    return {
        "source": "api",
        "message_id": None if number in (None, "") else str(number),
        "sender": _number(sender),
        "text": words,
        "media": [{"url": url.strip()}] if url else [],
    }


def _number(sender: Any) -> str | None:
    """A phone in E.164; another name as it is."""
    if not isinstance(sender, str) or not sender.strip():
        return None
    plain = sender.strip().removeprefix("whatsapp:").strip()
    return phone.e164_or_none(plain, default=get_settings().default_phone_region, channel="whatsapp") or plain[:100]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
