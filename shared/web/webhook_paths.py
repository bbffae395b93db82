"""The webhooks in the API's description. They are native functions and no routes of FastAPI, so they are described here."""

from collections.abc import Iterable, Iterator
from typing import Any

from shared.errors import ConfigurationError
from shared.intake.endpoint import WebhookRoute
from shared.intake.webhook import Webhook, json_object
from shared.problems import documented

TAG = "Webhooks"
REFUSALS = (400, 401, 403, 413, 415, 422, 503)
REFERENCE = "#/components/schemas/{model}"


def describe(document: dict[str, Any], routes: Iterable[WebhookRoute]) -> None:
    """Add an operation for each webhook to an OpenAPI document, and the schemas of the bodies that it takes."""
    for route in routes:
        for part, webhook in route.webhooks.items():
            document["paths"].setdefault(_path(route.route, part), {})["post"] = _operation(route, part, webhook)
            if webhook.read is json_object:
                _add(document["components"]["schemas"], _schemas(webhook))


def paths_of(route: WebhookRoute) -> list[str]:
    """The addresses of a route's webhooks, in their order."""
    return [_path(route.route, part) for part in route.webhooks]


def _add(known: dict[str, Any], more: dict[str, Any]) -> None:
    """Add schemas by their names. Raises ConfigurationError: a name that would stand for two."""
    for name, schema in more.items():
        if known.setdefault(name, schema) != schema:
            raise ConfigurationError(f"two models that the API describes are called {name}: rename that of the webhook")


def _path(route: str, part: str) -> str:
    """The address of one webhook. A part that may be left out is a key for senders that can set no header: not shown.

    Where a route has several webhooks, the part that varies names one of them; else it may be any word.
    """
    kept = [piece for piece in route.split("/") if not piece.endswith("?}")]
    return "/" + "/".join(part if part and piece.startswith("{") else piece for piece in kept)


def _parameters(path: str) -> list[dict[str, Any]]:
    names = [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _operation(route: WebhookRoute, part: str, webhook: Webhook) -> dict[str, Any]:
    own = webhook.authenticate is None
    name = f"{route.name}_{part.replace('-', '_')}" if part else route.name
    return {
        "tags": [TAG],
        "operationId": name,
        "summary": f"Take in `{webhook.name}`",
        "description": "\n\n".join(_sentences(webhook)),
        "security": [{"ApiKey": ["webhook"]}] if own else [],
        "parameters": _parameters(_path(route.route, part)),
        "requestBody": {"required": True, "content": _content(webhook)},
        "responses": _answers(route, webhook) | {str(status): answer for status, answer in documented(*REFUSALS).items()},
    }


def _sentences(webhook: Webhook) -> Iterator[str]:
    yield " ".join((webhook.model.__doc__ or "").split())
    most = f"{webhook.max_bytes:,} bytes" if webhook.max_bytes else "the bytes of the setting MAX_BODY_BYTES"
    yield f"The body may have up to {most}. Sending it again is harmless: the same event is applied once."
    if webhook.authenticate is None:
        yield "The key needs the scope `webhook`."
    elif webhook.about_senders:
        yield "Who sends it: " + " ".join(webhook.about_senders.split())
    if webhook.read is json_object:
        yield "Optional fields that cannot be read are left out and named in the answer (`left_out`); unknown ones are kept."


def _content(webhook: Webhook) -> dict[str, Any]:
    if webhook.read is json_object:
        return {"application/json": {"schema": {"$ref": REFERENCE.format(model=webhook.model.__name__)}}}
    return {"*/*": {"schema": {"description": "As the sender's own documentation describes it."}}}


def _answers(route: WebhookRoute, webhook: Webhook) -> dict[str, Any]:
    """The answers to the sender: our 202, or the answer that this kind of sender expects."""
    if route.answers:
        return {str(status): {"description": meaning} for status, meaning in route.answers.items()}
    return {"200": {"description": "It is on its queue."}} if webhook.reply is not None else {"202": _taken()}


def _taken() -> dict[str, Any]:
    members = {name: {"type": "string"} for name in ("status", "event_id", "queue")}
    schema = {"type": "object", "properties": members, "required": list(members)}
    return {"description": "It is on its queue.", "content": {"application/json": {"schema": schema}}}


def _schemas(webhook: Webhook) -> dict[str, Any]:
    schema = webhook.model.model_json_schema(ref_template=REFERENCE)
    inner: dict[str, Any] = schema.pop("$defs", {})
    return inner | {webhook.model.__name__: schema}
