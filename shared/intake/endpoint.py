"""Both triggers of a webhook in one call: the HTTP function that takes events in, and the queue function that handles them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import azure.functions as func

from shared.errors import PermanentError
from shared.flow import EVENTS_QUEUE
from shared.intake import dead_letter_queue
from shared.intake.envelope import parse
from shared.intake.inbox import Apply, Handler, handle
from shared.intake.webhook import Webhook

CONNECTION = "AzureWebJobsStorage"
_shared_types: set[str] = set()

__all__ = [
    "CONNECTION",
    "EVENTS_QUEUE",
    "accepting",
    "handle_by_type",
    "handling",
    "handling_moved",
    "shared_types",
    "sharing",
    "webhook",
]

type Accept = Callable[[func.HttpRequest, func.Out[bytes]], Any]


def webhook(
    blueprint: func.Blueprint,
    name: str,
    route: str,
    endpoint: Webhook,
    apply: Apply[Any],
    *,
    repeat: Apply[Any] | None = None,
) -> Handler[Any]:
    """Register `<name>_webhook` (POST `route`) and `<name>_handler`, which applies each event; returns the handler.

    A webhook on `events-queue` gets no queue function of its own: the flow names the handler in `handlers`, and the engine's
    one function on that queue finds it by the event's type.
    """
    handler = Handler(queue=endpoint.queue, payload=endpoint.payload, apply=apply, repeat=repeat)
    accepting(blueprint, f"{name}_webhook", route, endpoint.queue, endpoint.accept, types=(endpoint.name,))
    if endpoint.queue != EVENTS_QUEUE:
        handling(blueprint, f"{name}_handler", handler)
    return handler


def shared_types() -> frozenset[str]:
    """The types of the events that webhooks put on `events-queue`."""
    return frozenset(_shared_types)


def sharing(*types: str) -> None:
    """Say that webhooks put events of these types on `events-queue`, so that the start fails where no flow handles them."""
    _shared_types.update(types)


def accepting(blueprint: func.Blueprint, name: str, route: str, queue: str, accept: Accept, types: Iterable[str] = ()) -> None:
    """Register the function `name`: POST `route` is taken in by `accept`, which sets the message for `queue`.

    `types` are those of the events that it puts there; they need be told only where the queue is `events-queue`.
    """
    if queue == EVENTS_QUEUE:
        sharing(*types)

    async def take(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
        answer: func.HttpResponse = await accept(req, message)
        return answer

    take.__doc__ = f"Check an event and put it on `{queue}`."  # the README's table shows it
    stored = blueprint.queue_output("message", queue_name=queue, connection=CONNECTION)(take)
    routed = blueprint.route(route, methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)(stored)
    blueprint.function_name(name)(routed)


def handling(blueprint: func.Blueprint, name: str, handler: Handler[Any]) -> None:
    """Register the function `name`, which handles the messages of the handler's queue."""

    def apply(message: func.QueueMessage) -> None:
        handle(handler, message)

    apply.__doc__ = handler.apply.__doc__  # the README's table shows its first sentence
    binary = func.DataType.BINARY
    trigger = blueprint.queue_trigger("message", queue_name=handler.queue, connection=CONNECTION, data_type=binary)
    blueprint.function_name(name)(trigger(apply))


def handling_moved(
    blueprint: func.Blueprint, name: str, queue: str, handlers: Callable[[], Mapping[str, Handler[Any]]]
) -> None:
    """Register the function `name`, which handles what still lies on a queue that events no longer go to."""

    def apply(message: func.QueueMessage) -> None:
        handle_by_type(queue, handlers(), message)

    apply.__doc__ = f"Handle what still lies on `{queue}`, which events no longer go to."
    binary = func.DataType.BINARY
    trigger = blueprint.queue_trigger("message", queue_name=queue, connection=CONNECTION, data_type=binary)
    blueprint.function_name(name)(trigger(apply))


def handle_by_type(queue: str, handlers: Mapping[str, Handler[Any]], message: func.QueueMessage) -> None:
    """Handle a message with the handler of its event's type. One of no known type, or unreadable, becomes a dead letter."""
    body = message.get_body()
    try:
        handler = _handler_of(parse(body).type, queue, handlers)
    except PermanentError as error:
        dead_letter_queue.send(queue, body.decode(errors="backslashreplace"), error, attempts=1)
        return
    handle(handler, message)


def _handler_of(kind: str, queue: str, handlers: Mapping[str, Handler[Any]]) -> Handler[Any]:
    if kind not in handlers:
        raise PermanentError("unknown-type", f"nothing on {queue} handles events of the type {kind[:60]!r}")
    return handlers[kind]
