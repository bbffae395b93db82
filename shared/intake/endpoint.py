"""Both triggers of a webhook in one call: the HTTP function that takes events in, and the queue function that handles them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, cast

import azure.functions as func

from shared import flows
from shared.errors import PermanentError
from shared.flow import EVENTS_QUEUE
from shared.intake import dead_letter_queue
from shared.intake.envelope import parse
from shared.intake.inbox import Apply, Handler, handle
from shared.intake.webhook import Webhook

CONNECTION = "AzureWebJobsStorage"

__all__ = [
    "CONNECTION",
    "EVENTS_QUEUE",
    "WebhookRoute",
    "accepting",
    "handle_by_type",
    "handler_of",
    "handling",
    "handling_by_type",
    "handling_moved",
    "routes_by_flow",
    "webhook",
    "webhook_routes",
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
    accepting(blueprint, f"{name}_webhook", route, endpoint)
    if endpoint.queue != EVENTS_QUEUE:
        handling(blueprint, f"{name}_handler", handler)
    return handler


@dataclass(frozen=True)
class WebhookRoute:
    """An address at which events come in: the function's name, its route, and the webhook for each last part of the address.

    Where a route has no such part, the one webhook stands under "". `answers`: what each status means where they are not ours.
    `also`: webhooks to which the `variant` of one of them hands data on.
    """

    name: str
    route: str
    webhooks: Mapping[str, Webhook]
    answers: Mapping[int, str] = field(default_factory=dict)
    also: tuple[Webhook, ...] = ()


def webhook_routes(blueprints: Iterable[func.Blueprint]) -> list[WebhookRoute]:
    """Every address at which events come in, in the order of the blueprints."""
    functions = (function.get_user_function() for function in _functions(blueprints))
    return [function.webhook_route for function in functions if hasattr(function, "webhook_route")]


def _functions(blueprints: Iterable[func.Blueprint]) -> list[Any]:
    """All functions of the blueprints."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)  # one of its own: it can be asked only once
    for blueprint in blueprints:
        app.register_functions(blueprint)
    return app.get_functions()


def routes_by_flow() -> Mapping[str, tuple[WebhookRoute, ...]]:
    """Every address at which events come in, by the name of its flow. Worked out once for the flows that are installed."""
    blueprints = {flow.name: list[func.Blueprint]() for flow in flows.installed()}
    for flow, blueprint in flows.parts_by_flow("functions"):
        blueprints[flow.name].append(blueprint)
    return {name: _routes(*found) for name, found in blueprints.items()}


@cache
def _routes(*blueprints: func.Blueprint) -> tuple[WebhookRoute, ...]:
    return tuple(webhook_routes(blueprints))


def accepting(
    blueprint: func.Blueprint,
    name: str,
    route: str,
    webhooks: Webhook | Mapping[str, Webhook],
    accept: Accept | None = None,
    answers: Mapping[int, str] = MappingProxyType({}),
    also: tuple[Webhook, ...] = (),
) -> None:
    """Register the function `name`: POST `route` is taken in by the webhook, or by `accept`, which chooses one of several.

    All of them put their events on one queue. `answers` describes the statuses of an `accept` that does not answer
    with 202; `also` names webhooks to which a `variant` hands data on.
    """
    chosen = WebhookRoute(name, route, {"": webhooks} if isinstance(webhooks, Webhook) else webhooks, answers, also)
    first = next(iter(chosen.webhooks.values()))
    accept = accept or first.accept

    async def take(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
        answer: func.HttpResponse = await accept(req, message)
        return answer

    take.__doc__ = f"Check an event and put it on `{first.queue}`."  # the README's table shows it
    cast("Any", take).webhook_route = chosen
    stored = blueprint.queue_output("message", queue_name=first.queue, connection=CONNECTION)(take)
    routed = blueprint.route(route, methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)(stored)
    blueprint.function_name(name)(routed)


def handling(blueprint: func.Blueprint, name: str, handler: Handler[Any]) -> None:
    """Register the function `name`, which handles the messages of the handler's queue."""

    def apply(message: func.QueueMessage) -> None:
        handle(handler, message)

    apply.__doc__ = handler.apply.__doc__  # the README's table shows its first sentence
    cast("Any", apply).handler_of = (handler.queue, lambda _kind: handler)
    binary = func.DataType.BINARY
    trigger = blueprint.queue_trigger("message", queue_name=handler.queue, connection=CONNECTION, data_type=binary)
    blueprint.function_name(name)(trigger(apply))


def handling_moved(
    blueprint: func.Blueprint, name: str, queue: str, handlers: Callable[[], Mapping[str, Handler[Any]]]
) -> None:
    """Register the function `name`, which handles what still lies on a queue that events no longer go to."""
    handling_by_type(blueprint, name, queue, handlers, f"Handle what still lies on `{queue}`, which events no longer go to.")


def handling_by_type(
    blueprint: func.Blueprint, name: str, queue: str, handlers: Callable[[], Mapping[str, Handler[Any]]], about: str
) -> None:
    """Register the function `name`, which handles the messages of a queue by the types of their events."""

    def apply(message: func.QueueMessage) -> None:
        handle_by_type(queue, handlers(), message)

    apply.__doc__ = about
    cast("Any", apply).handler_of = (queue, lambda kind: _handler_of(kind, queue, handlers()))
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


def handler_of(queue: str, kind: str) -> Handler[Any]:
    """What handles events of that type on that queue.

    Raises:
        PermanentError: `unknown-type`, nothing does.
    """
    if queue == EVENTS_QUEUE:
        return _handler_of(kind, queue, flows.handlers())
    found = _finders(*flows.parts("functions")).get(queue)
    return _handler_of(kind, queue, {}) if found is None else found(kind)


@cache
def _finders(*blueprints: func.Blueprint) -> Mapping[str, Callable[[str], Handler[Any]]]:
    """For each queue of these functions: what finds the handler of a type. Worked out once."""
    functions = (function.get_user_function() for function in _functions(blueprints))
    return dict(function.handler_of for function in functions if hasattr(function, "handler_of"))


def _handler_of(kind: str, queue: str, handlers: Mapping[str, Handler[Any]]) -> Handler[Any]:
    if kind not in handlers:
        raise PermanentError("unknown-type", f"nothing on {queue} handles events of the type {kind[:60]!r}")
    return handlers[kind]
