"""Webhook endpoint: turn an HTTP request into an event on a queue, or refuse it. Uses no SQL and calls no outside system."""

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

import azure.functions as func
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from shared import clock, logs, problems, queues, references, telemetry
from shared.errors import FieldError, PuenteError, RefusedError
from shared.intake import auth, body, lenient
from shared.intake.envelope import Envelope, fingerprint
from shared.intake.lenient import LeftOut
from shared.settings import Settings, get_settings
from shared.warming import warming

log = logging.getLogger("puente.intake")

MAX_EVENT_ID = 200
MAX_ERRORS_LISTED = 50
TRACE_PARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C "Trace Context", section 3.2
UNDATED_STEP_SECONDS = 600
BY_HAND = "started_by_hand_with"
"""The part of an address in which `read` finds the name of the key of whoever starts by hand; no route has such a part."""


class Payload(BaseModel):
    """A webhook's body. What intake must know of it beyond its fields: who it is about and when it happened."""

    # Built at the first event and not at the import, where every instance would wait for the models of all flows.
    model_config = ConfigDict(defer_build=True)

    not_kept: ClassVar[frozenset[str]] = frozenset()
    """Members of the body that the inbox does not keep, because the handler keeps them in a table with a rule of its own."""

    _left_out: tuple[LeftOut, ...] = PrivateAttr(default=())

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The optional fields that could not be read, with the reason; the event's data keeps what was sent."""
        return self._left_out

    def subject(self) -> str:
        """The person or thing the event is about, as the sender names it."""
        raise NotImplementedError

    def occurred_at(self) -> datetime | None:
        """When it happened by the sender's own clock, in UTC; None where the sender does not say."""
        raise NotImplementedError

    def event_id(self) -> str | None:
        """The event's key, where it follows from the payload; None: the sender's key is used, or one made from the content."""
        return None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a request, as far as its event's key depends on it.

    `key_name`: the API key with which the request came; only then its header `Idempotency-Key` counts, for no signature covers
    that header. `signs`: the sender has signed the request, so whoever holds a copy of it can send it again at any time; the
    same content is then the same event for ever.
    """

    key_name: str | None = None
    signs: bool = False


SIGNED = Sender(signs=True)
BEARER = Sender()
"""Somebody who knows a secret, or anybody at all."""

type Authenticate = Callable[[func.HttpRequest, bytes, Settings], Sender]
type Read = Callable[[func.HttpRequest, bytes], dict[str, Any]]


def by_api_key(request: func.HttpRequest, _raw: bytes, settings: Settings, *, sender: str) -> Sender:
    """The caller has a key with the scope `webhook:<sender>`. Raises RefusedError, 401 or 403."""
    return Sender(key_name=auth.caller(request.headers, settings.api_keys, auth.of_sender(sender)).name)


def by_key_in_address(request: func.HttpRequest, raw: bytes, settings: Settings, *, sender: str) -> Sender:
    """The caller has a key with the scope `webhook:<sender>`, in the header, or else as `{key}` in the address.

    Addresses are written down in many logs, so that a key that opens more than webhooks is refused there.

    Raises:
        RefusedError: 401 or 403.
    """
    in_address = request.route_params.get("key")
    if not in_address or request.headers.get(auth.HEADER):
        return by_api_key(request, raw, settings, sender=sender)
    key = auth.caller({auth.HEADER: in_address}, settings.api_keys, auth.of_sender(sender))
    auth.require_webhooks_only(key)
    return Sender(key_name=key.name)


def json_object(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The JSON object in the body. Raises RefusedError: 415, 400 or 422."""
    body.check_content_type(request.headers)
    return body.parse_object(raw, lenient=True)


@dataclass(frozen=True)
class Webhook:
    """A webhook's declaration.

    `answer` adds members to the 202 body; `name` becomes CloudEvents' `type`, and the first part of it the `source`: the
    sender, whose API key has the scope `webhook:<source>`.

    A request is looked at in this order: its size (`max_bytes`, else MAX_BODY_BYTES), then its sender (`authenticate`, which
    sees the raw bytes, because vendors sign those; without one an API key is asked for), and only then its content (`read`
    makes the event's data of the bytes).
    `payload`, `authenticate` and `read` are named as texts, `"package.module:attribute"`, and imported at the first event: no
    instance waits at its start for what is read of other flows' bodies. What is at hand anyway is given itself.
    `variant` may hand data of another form on to another webhook on the same queue.
    `example` is a body as its sender would send it, with which the console fills in the form of "Try it".
    `reply` makes the answer to an event that was taken, where the sender expects another one than our 202.
    """

    name: str
    queue: str
    payload: type[Payload] | str
    answer: Callable[[Any], dict[str, Any]] = lambda _payload: {}
    authenticate: Authenticate | str | None = None
    read: Read | str = json_object
    max_bytes: int | None = None
    variant: Callable[[func.HttpRequest, dict[str, Any]], "Webhook | None"] = lambda _request, _data: None
    reply: Callable[[], func.HttpResponse] | None = None
    example: Mapping[str, Any] | None = None

    async def accept(self, request: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
        """Take the request in: 202 once the event is on its queue, else a problem document.

        The message goes through the host's output binding, which is written before the answer leaves: when the queue cannot
        be written, the sender gets a 5xx, after which most send again. That is harmless: the same body is the same event.
        """
        with (
            warming.under_way(),
            telemetry.span(self.name, parent=_trace(request.headers)) as here,
            logs.bound(flow=self.name),
        ):
            return await self._taken_in(request, message, here)

    async def _taken_in(self, request: func.HttpRequest, message: func.Out[bytes], traceparent: str) -> func.HttpResponse:
        try:
            chosen, envelope, payload = self._read(request, traceparent)
            message.set(await _to_message(envelope))
        except RefusedError as error:
            log.warning("%s refused: %s %s", self.name, error.status, error.reason)
            return problems.response(error)
        except PuenteError as error:
            log.error("%s not taken: %s", self.name, error)  # noqa: TRY400  # the trace tells nothing that the words do not
            return problems.response(RefusedError(503, "not-stored", "The event could not be stored; send it again."))
        log.debug("%s accepted as %s", self.name, envelope.id)  # the handler logs a line about the event; one is enough
        if self.reply is not None:
            return self.reply()
        answer = {"status": "accepted", "event_id": envelope.id} | chosen.answer(payload) | {"queue": self.queue}
        if payload.left_out:
            answer["left_out"] = [field.as_json() for field in payload.left_out]
        return func.HttpResponse(json.dumps(answer), status_code=202, mimetype="application/json")

    def _read(self, request: func.HttpRequest, traceparent: str) -> tuple["Webhook", Envelope, Payload]:
        settings = get_settings()
        raw = request.get_body()
        body.check_size(raw, min(self.max_bytes or settings.max_body_bytes, settings.max_body_bytes))
        sender = self._sender(request, raw, settings)
        data = references.function(self.read)(request, raw)
        chosen = self.variant(request, data) or self
        payload = taken(chosen.payload, data)
        return chosen, chosen._envelope(data, payload, sender, request.headers, traceparent), payload  # noqa: SLF001  # of this class

    async def start_by_hand(
        self, inputs: Mapping[str, Any], caller: str, headers: Mapping[str, str]
    ) -> tuple[Envelope, Payload]:
        """Queue the event that a request with this body would be, for somebody whose API key `caller` has been checked.

        No sender is asked for a signature. The same inputs are the same event, whether they come this way or over the webhook.

        Raises:
            RefusedError: 413, or 422 with each wrong field.
            UnavailableError: the event could not be put on its queue.
        """
        with telemetry.span(self.name, parent=_trace(headers)) as here, logs.bound(flow=self.name):
            raw = json.dumps(inputs).encode()
            body.check_size(raw, self.max_bytes or len(raw))
            request = func.HttpRequest(method="POST", url="/", route_params={BY_HAND: caller}, body=raw)
            data = references.function(self.read)(request, raw)
            payload = taken(self.payload, data)
            envelope = self._envelope(data, payload, Sender(key_name=caller), headers, here)
            await asyncio.to_thread(queues.send, self.queue, await _to_message(envelope))
            return envelope, payload

    def test_event(self, inputs: Mapping[str, Any], caller: str) -> tuple[Envelope, Payload]:
        """The event that a request with this body would be, marked as a test; nothing is queued.

        It has an id of its own, so that it is another event than any real one, and than the same test made again.

        Raises:
            RefusedError: 413, or 422 with each wrong field.
        """
        raw = json.dumps(inputs).encode()
        body.check_size(raw, self.max_bytes or len(raw))
        request = func.HttpRequest(method="POST", url="/", route_params={BY_HAND: caller}, body=raw)
        data = references.function(self.read)(request, raw)
        chosen = self.variant(request, data) or self
        payload = taken(chosen.payload, data)
        with telemetry.span(self.name) as here:
            envelope = chosen._envelope(data, payload, Sender(key_name=caller), {}, here)  # noqa: SLF001  # of this class
        return replace(envelope, id=f"test-{secrets.token_hex(8)}", sender=None, test=True), payload

    async def queue_test(self, envelope: Envelope) -> None:
        """Put a test event on its queue. Raises UnavailableError: it cannot be put there."""
        await asyncio.to_thread(queues.send, self.queue, await _to_message(envelope))

    @property
    def source(self) -> str:
        """The sender, as events and scopes name it."""
        return self.name.partition(".")[0]

    @property
    def model(self) -> type[Payload]:
        """The model of its bodies."""
        return references.class_of(self.payload)

    def references(self) -> tuple[str, ...]:
        """Every `module:attribute` that the declaration names."""
        return tuple(part for part in (self.payload, self.authenticate, self.read) if isinstance(part, str))

    @property
    def about_senders(self) -> str:
        """How a sender is known, in the words of `authenticate`; empty where an API key is asked for."""
        return "" if self.authenticate is None else references.function(self.authenticate).__doc__ or ""

    def _sender(self, request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
        if self.authenticate is None:
            return by_api_key(request, raw, settings, sender=self.source)
        sender: Sender = references.function(self.authenticate)(request, raw, settings)
        return sender

    def _envelope(self, data: dict[str, Any], payload: Payload, sender: Sender, headers: Any, traceparent: str) -> Envelope:
        received, named = clock.now(), payload.event_id()
        key = _idempotency_key(headers) if named is None and sender.key_name is not None else None
        return Envelope(
            id=named or key or _content_key(data, payload, sender, received),
            sender=sender.key_name if key is not None else None,
            source=self.source,
            type=self.name,
            time=payload.occurred_at() or received,
            received=received,
            subject=payload.subject(),
            traceparent=traceparent,
            data=data,
        )


def validate[P: BaseModel](model: type[P], data: Any) -> P:
    """`data` as `model`.

    Raises:
        RefusedError: 422 with each wrong field and why.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _refusal(error) from error


def taken[P: Payload](model: type[P] | str, data: Any) -> P:
    """`data` as `model` (itself, or its name); an optional field that cannot be read is left out and named in `left_out`.

    Raises:
        RefusedError: 422 with each field that is needed and wrong, and why.
    """
    try:
        payload, left_out = lenient.read(references.class_of(model), data)
    except ValidationError as error:
        raise _refusal(error) from error
    payload._left_out = left_out  # noqa: SLF001  # a field of that name would be the sender's
    return payload


def _refusal(error: ValidationError) -> RefusedError:
    faults = [
        FieldError(".".join(map(str, fault["loc"])) or "(body)", fault["msg"].removeprefix("Value error, "))
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    title = "The body has fields that are not as they must be."
    return RefusedError(422, "invalid-fields", title, errors=faults[:MAX_ERRORS_LISTED])


def _idempotency_key(headers: Any) -> str | None:
    """The sender's own key of the event, where it sends one (IETF draft "The Idempotency-Key HTTP Header Field")."""
    key = headers.get("idempotency-key", "").strip().strip('"')
    if not key.isprintable() or len(key.encode("utf-16-le")) // 2 > MAX_EVENT_ID:  # as Azure SQL counts
        raise RefusedError(400, "bad-idempotency-key", f"Idempotency-Key takes up to {MAX_EVENT_ID} printable characters.")
    return key or None


def _trace(headers: Any) -> str | None:
    """The caller's place in its own trace, if the header is one; it travels with the event, so nothing else may."""
    parent = headers.get("traceparent", "")
    return parent if TRACE_PARENT.fullmatch(parent) else None


def _content_key(data: dict[str, Any], payload: Payload, sender: Sender, received: datetime) -> str:
    """The key of an event whose sender gives it none: its content, so that the same body sent again is the same event.

    A body without a date may well mean something new when it comes again an hour later (a stage left and entered again), so
    there the key holds the time as well, in steps long enough for a sender's own repetitions to fall into one. Not so where
    the sender signs: an hour later a copy comes from whoever kept one.
    """
    if payload.occurred_at() is not None or sender.signs:
        return fingerprint(data)
    return _undated_key(data, received)


def _undated_key(data: Any, received: datetime) -> str:
    return fingerprint({"data": data, "received": int(received.timestamp() // UNDATED_STEP_SECONDS)})


def has_undated_key(envelope: Envelope) -> bool:
    """Whether the event's key is made of its content and of the minutes in which it came: nobody says that it is the same."""
    return envelope.sender is None and envelope.id == _undated_key(envelope.data, envelope.received)


async def _to_message(envelope: Envelope) -> bytes:
    """The message for `envelope`; a large body is left in a blob first, and the message carries the reference."""
    message = envelope.to_bytes()
    if len(message) <= queues.MESSAGE_LIMIT_BYTES - queues.HEADROOM_BYTES:
        return message
    # The SDK's call blocks, and this is the event loop that serves all webhooks.
    reference = await asyncio.to_thread(queues.put_blob, *claim_check(envelope))
    return envelope.checked_in(reference).to_bytes()


def claim_check(envelope: Envelope) -> tuple[str, bytes]:
    """Name and bytes of the blob in which the data of a large event is left; an erasure finds it by this name."""
    data = json.dumps(envelope.data, ensure_ascii=False, separators=(",", ":")).encode()
    return f"{envelope.received:%Y/%m/%d}/{envelope.type}/{fingerprint([envelope.id, envelope.data])}.json", data
