"""A message to one person, independent of its carrier."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self, get_args

from shared.errors import RetryableError
from shared.messages.content import Content

type Channel = Literal["email", "whatsapp", "sms", "voice", "manychat"]
CHANNELS: tuple[str, ...] = get_args(Channel.__value__)
EMAIL_PROVIDERS = ("brevo", "resend", "smtp")
WHATSAPP_PROVIDERS = ("twilio", "meta")
PERSON_LENGTH = 100  # the subject of a delivery


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """What is tried when a message did not arrive: another channel, with its own template and the same or other variables."""

    channel: Channel
    to: str
    template: str
    variables: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check_channel(self.channel, self.to)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message to one person, by one channel; `fallback` says what is tried, in order, when it does not arrive.

    `person` is stable (`lead:123`), `to` the address: e-mail, phone in E.164, ManyChat id, or WhatsApp's id of a user without a
    phone (`MX.1a2b...`). What is said is a `template` filled with `variables`, or `text` as it stands (mails and calls need a
    template). `content` is what a WhatsApp message carries besides (`shared.messages.content`), and `whatsapp_number_id` the
    number of ours from which it goes (`shared.messages.numbers`; without one the provider's first). A `dedupe_key` is enqueued
    once for all time. `window` false sends at any hour; `transactional` is not counted against the daily cap and is sent in
    spite of an unsubscription from marketing or a complaint, but not to an address that bounces or after STOP; None takes what
    the template says. `source` is where the template lives: `repo`, `notion`, or `notion:<database id>`. `context` is passed
    to the listeners for the outcome. `reply` is part of a conversation: for 24 hours after the person has written by that
    channel it goes out at any hour, uncounted, as a transactional message does; after that as any other. `answers` is the
    number of the inbound message that a person of ours answers by it (`shared.messages.answering`, and nothing else, sets it):
    a stop that is older than that message does not hold it back.

    Raises:
        ValueError: something in it can never be sent.
    """

    person: str
    channel: Channel
    to: str
    template: str = ""
    dedupe_key: str
    text: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    content: Content | None = None
    whatsapp_number_id: str | None = None
    due_at: datetime | None = None
    not_after: datetime | None = None
    locale: str | None = None
    time_zone: str | None = None
    country: str | None = None
    fallback: tuple[Fallback, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    provider: str | None = None
    window: bool = True
    transactional: bool | None = None
    source: str = "repo"
    reply: bool = False
    answers: int | None = None

    def __post_init__(self) -> None:
        _check_channel(self.channel, self.to)
        if not self.person or len(self.person.encode("utf-16-le")) // 2 > PERSON_LENGTH:
            raise ValueError(f"a person's key has 1 to {PERSON_LENGTH} characters: {self.person[:20]!r}...")
        if not self._has_words() or not self.dedupe_key:
            raise ValueError("a message needs a template, or a text, and a dedupe key")
        if self.provider is not None and self.provider not in _PROVIDERS.get(self.channel, ()):
            raise ValueError(f"no provider {self.provider!r} for {self.channel}")
        if self.channel != "whatsapp" and (self.content is not None or self.whatsapp_number_id is not None):
            raise ValueError(f"a message by {self.channel} has no content and no number of WhatsApp's")
        for moment in (self.due_at, self.not_after):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("a naive datetime says nothing")
        json.dumps([dict(self.variables), dict(self.context)], allow_nan=False)  # raises what cannot be kept

    def _has_words(self) -> bool:
        """Whether it says something, in one way. Mails and calls need a template, which has a subject or a voice."""
        if self.template or self.channel in ("email", "voice"):
            return bool(self.template) and not self.text
        speaks_for_itself = self.content is not None and bool(self.content.template or self.content.file)
        return bool(self.text) or speaks_for_itself

    def payload(self) -> dict[str, Any]:
        """Everything of it that must be known when it is sent, as JSON; `from_payload` makes the same message again."""
        kept = {name: getattr(self, name) for name in _PLAIN}
        steps = [
            {
                "channel": step.channel,
                "to": step.to,
                "template": step.template,
                "variables": None if step.variables is None else dict(step.variables),
            }
            for step in self.fallback
        ]
        not_after = self.not_after.isoformat() if self.not_after else None
        return kept | {
            "version": PAYLOAD_VERSION if self.text or self.content or self.whatsapp_number_id else 1,
            "variables": dict(self.variables),
            "context": dict(self.context),
            "fallback": steps,
            "not_after": not_after,
            "content": None if self.content is None else self.content.payload(),
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """The message that `payload` holds, also one that another release has written. Its due time is the delivery's own.

        What this release does not know is left out, and what the other did not know has its default.

        Raises:
            RetryableError: a newer release has written it in a way that this one cannot read; an instance of that one will.
        """
        if payload.get("version", 0) > PAYLOAD_VERSION:
            raise RetryableError("a newer release has written this message; this instance cannot read it")
        plain = {name: payload[name] for name in (*_PLAIN, "variables", "context") if name in payload}
        steps = tuple(
            Fallback(**{name: value for name, value in step.items() if name in _OF_FALLBACK})
            for step in payload.get("fallback", ())
        )
        not_after = payload.get("not_after")
        return cls(
            **plain,
            fallback=steps,
            not_after=datetime.fromisoformat(not_after) if not_after else None,
            content=Content.from_payload(payload.get("content")),
        )


PAYLOAD_VERSION = 2  # with a text, content or number of its own, which an older release would leave out
"""Of a message's payload. It rises only where an older release could not read the new one, not with each field."""

_PROVIDERS: Mapping[str, tuple[str, ...]] = {"email": EMAIL_PROVIDERS, "whatsapp": WHATSAPP_PROVIDERS}
_OF_FALLBACK = frozenset({"channel", "to", "template", "variables"})
_PLAIN = (
    "person",
    "channel",
    "to",
    "template",
    "dedupe_key",
    "text",
    "whatsapp_number_id",
    "locale",
    "time_zone",
    "country",
    "provider",
    "window",
    "transactional",
    "source",
    "reply",
    "answers",
)


def _check_channel(channel: str, to: str) -> None:
    if channel not in CHANNELS:
        raise ValueError(f"no channel {channel!r}; there are {', '.join(CHANNELS)}")
    if not to.strip():
        raise ValueError(f"nobody to send to by {channel}")
