"""The form of "Try it": a field for each member of a webhook's body, from the schema of its payload."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared import clock
from shared.console.words import mark
from shared.errors import FieldError, RefusedError
from shared.intake import endpoint
from shared.intake.webhook import Webhook

Kind = Literal["text", "email", "tel", "number", "choice", "json"]
WRONG = mark("The request has values that are not as they must be.")
WHOLE = "body"
"""The one field of a body whose members are the sender's own, such as a form or a signed report."""
MOST_FIELDS = 40
OF_FORM = "field."


@dataclass(frozen=True)
class Field:
    """A field of the form: a value as it stands in it, and what may stand there. `json`: a text of JSON."""

    name: str
    kind: Kind
    value: str
    hint: str = ""
    is_required: bool = False
    choices: tuple[str, ...] = ()


def webhooks(flow: str) -> Mapping[str, Webhook]:
    """The kinds of events that a flow takes in, by their types."""
    routes = endpoint.routes_by_flow().get(flow, ())
    found = [webhook for route in routes for webhook in (*route.webhooks.values(), *route.also)]
    return {webhook.name: webhook for webhook in found}


def fields(webhook: Webhook) -> list[Field]:
    """The form of a webhook, filled in with its example, else with what its schema asks for."""
    schema = webhook.model.model_json_schema(by_alias=True)
    found = list(_fields(schema, webhook.example))[:MOST_FIELDS]
    if not found:
        return [Field(WHOLE, "json", _written(webhook.example or {}), "the whole body as JSON", is_required=True)]
    return found


def hints(flow: str) -> list[str]:
    """What the fields of a flow's forms are, as its payloads describe them."""
    return [one.hint for webhook in webhooks(flow).values() for one in fields(webhook) if one.hint]


def _fields(schema: Mapping[str, Any], example: Mapping[str, Any] | None) -> Iterator[Field]:
    needed = set(schema.get("required", ()))
    known: Mapping[str, Any] = schema.get("properties", {})
    for name in (*known, *(one for one in example or {} if one not in known)):
        part = _resolved(schema, known.get(name, {}))
        value = (example or {}).get(name)
        if value is None and example is None and name in needed:
            value = _made_up(name, part)
        yield _field(name, part, value, is_required=name in needed)


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a member may be: the first thing that is not null, with its reference followed."""
    for one in part.get("anyOf", ()):
        if one.get("type") != "null":
            return {"description": part.get("description", ""), **_resolved(schema, one)}
    if reference := part.get("$ref"):
        return {**schema["$defs"][reference.rpartition("/")[2]], **{k: v for k, v in part.items() if k != "$ref"}}
    return part


def _field(name: str, part: Mapping[str, Any], value: Any, *, is_required: bool) -> Field:
    hint = str(part.get("description", ""))[:200]
    if choices := tuple(map(str, part.get("enum", ()))):
        return Field(name, "choice", str(value or ""), hint, is_required, choices)
    if isinstance(value, Mapping | list) or part.get("type") in ("object", "array", "boolean"):
        return Field(name, "json", "" if value is None else _written(value), hint, is_required)
    kind: Kind = "text"
    if part.get("type") in ("integer", "number") and not isinstance(value, str):
        kind = "number"
    elif part.get("format") == "email" or "mail" in name.lower():
        kind = "email"
    return Field(name, kind, "" if value is None else str(value), hint, is_required)


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _made_up(name: str, part: Mapping[str, Any]) -> Any:
    """Something that fits, for whoever tries to put their own in its place."""
    if "mail" in name.lower():
        return "prueba@example.com"
    if part.get("format") in ("date-time", "date") or any(word in name.lower() for word in ("date", "fecha", "_at", "time")):
        return clock.now().isoformat(timespec="seconds")
    if part.get("type") in ("integer", "number"):
        return part.get("minimum", 1)
    return {"object": {}, "array": [], "boolean": True}.get(str(part.get("type")), "prueba")


def data(webhook: Webhook, given: Mapping[str, str]) -> dict[str, Any]:
    """The body that a filled form means: empty fields are left out, texts of JSON are read.

    Raises:
        RefusedError: 422, a text is no JSON.
    """
    found: dict[str, Any] = {}
    for field in fields(webhook):
        text = given.get(OF_FORM + field.name, "").strip()
        if text:
            found[field.name] = _value(field, text)
    return found.get(WHOLE, found) if list(found) == [WHOLE] else found


def _value(field: Field, text: str) -> Any:
    if field.kind not in ("json", "number"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        fault = FieldError(field.name, "is no JSON")
        raise RefusedError(422, "invalid-fields", WRONG, errors=[fault]) from None


def filled(webhook: Webhook, given: Mapping[str, str]) -> list[Field]:
    """The form as somebody has filled it in."""
    return [
        Field(one.name, one.kind, given.get(OF_FORM + one.name, one.value), one.hint, one.is_required, one.choices)
        for one in fields(webhook)
    ]
