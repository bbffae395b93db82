"""What HubSpot's API takes and answers, and the account that the sandbox stands in for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import RefusedError, answer_json, body_of
from sandbox.shelf import Row
from sandbox.vendor import Answer, Call

TOKEN = "pat-sandbox-hubspot"  # noqa: S105  # known to everybody, good for nothing
SECRET = "sandbox-hubspot-client-secret"  # noqa: S105
APP_ID, PORTAL_ID = 1160452, 62515
APP_PATH = "/api/v1/hubspot/webhook"
ROOT = "/crm/v3/objects/contacts"
LARGEST_BATCH, MOST_FOUND, MOST_GROUPS = 100, 200, 6
EVENTS_AT_ONCE = 100
CARDS = 20
STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
TEXT, NUMBER = ("string", "text"), ("number", "number")
OWN = dict.fromkeys(
    ("email", "firstname", "lastname", "phone", "lifecyclestage", "hs_additional_emails", "hs_merged_object_ids", "createdate"),
    TEXT,
)
CUSTOM = {"interes_producto": TEXT, "estado_interes": TEXT, "manychat_user_id": TEXT, "lead_score__c": NUMBER}
CUSTOM |= dict.fromkeys(("lead_source", "lead_priority", "utm_source", "utm_campaign"), TEXT)
TOLD = ("interes_producto", "manychat_user_id", "email")
"""The properties of which the webhook's subscriptions tell; and each new, merged and deleted contact."""


def properties_in(given: Mapping[str, Any]) -> dict[str, str]:
    """The properties that an action is given. Raises ValueError."""
    found = given.get("properties")
    if not isinstance(found, Mapping):
        raise ValueError("properties must be an object of names and values")  # noqa: TRY004  # what an action raises
    return {str(name): str(value) for name, value in found.items()}


def object_in(call: Call) -> Mapping[str, Any]:
    """The object in the call's body. Raises RefusedError."""
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise RefusedError(refusal(400, "VALIDATION_ERROR", "Invalid input JSON"))
    return body


def inputs_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of a batch. Raises RefusedError."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not inputs or len(inputs) > LARGEST_BATCH:
        raise RefusedError(refusal(400, "VALIDATION_ERROR", f"Between 1 and {LARGEST_BATCH} inputs are taken."))
    return inputs


def strings(properties: Any) -> dict[str, str]:
    """Properties, whose values are texts. Raises RefusedError."""
    if not isinstance(properties, dict) or not all(isinstance(value, str) for value in properties.values()):
        raise RefusedError(refusal(400, "VALIDATION_ERROR", "Invalid input JSON: properties are texts"))
    return properties


def matches(row: Row, group: Mapping[str, Any]) -> bool:
    """Whether a contact matches all filters of a group."""
    return all(_holds(row, one) for one in group.get("filters") or ())


def _holds(row: Row, one: Mapping[str, Any]) -> bool:
    value = row["properties"].get(str(one.get("propertyName")), "")
    operators: dict[str, Callable[[], bool]] = {
        "EQ": lambda: value == one.get("value"),
        "IN": lambda: value in (one.get("values") or ()),
        "HAS_PROPERTY": lambda: bool(value),
    }
    operator = operators.get(str(one.get("operator")))
    if operator is None:
        raise RefusedError(refusal(400, "VALIDATION_ERROR", f"The sandbox knows no operator {one.get('operator')!r}"))
    return operator()


def shown(row: Row, properties: Sequence[str]) -> dict[str, Any]:
    """A contact as the API shows it, with these properties or the usual ones."""
    names = [name for name in properties if name] or ["email", "firstname", "lastname"]
    known = {name: row["properties"].get(name) for name in names}
    shown = {"properties": {name: value for name, value in known.items() if value is not None}}
    return {"id": row["id"], **shown, "createdAt": row["made"], "updatedAt": row["written"], "archived": False}


def title(row: Row) -> str:
    """What a contact is called on the board."""
    properties = row["properties"]
    name = " ".join(part for part in (properties.get("firstname"), properties.get("lastname")) if part)
    return name or properties.get("email") or row["id"]


def entry(category: str, message: str, status: int) -> dict[str, Any]:
    """The error of some rows of a batch."""
    return {"status": str(status), "category": category, "message": message, "errors": [], "links": {}, "context": {}}


def refusal(status: int, category: str, message: str, **more: Any) -> Answer:
    """The answer that refuses a call."""
    body = {"status": "error", "category": category, "message": message, "correlationId": str(uuid4())}
    return answer_json(body | more, status, outcome=category.lower())
