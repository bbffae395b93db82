"""What HubSpot's API takes and answers, and the account that the sandbox stands in for."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
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
LARGEST_BATCH, MOST_FOUND, MOST_GROUPS, MOST_PAGED = 100, 200, 6, 10_000
MOST_WITH_HISTORY = 50
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
    """The rows of a batch, of which there are fewer where their history is wanted. Raises RefusedError."""
    inputs, most = body.get("inputs"), MOST_WITH_HISTORY if body.get("propertiesWithHistory") else LARGEST_BATCH
    if not isinstance(inputs, list) or not inputs or len(inputs) > most:
        raise RefusedError(refusal(400, "VALIDATION_ERROR", f"Between 1 and {most} inputs are taken."))
    return inputs


def strings(properties: Any) -> dict[str, str]:
    """Properties, whose values are texts. Raises RefusedError."""
    if not isinstance(properties, dict) or not all(isinstance(value, str) for value in properties.values()):
        raise RefusedError(refusal(400, "VALIDATION_ERROR", "Invalid input JSON: properties are texts"))
    return properties


def strings_in(value: Any) -> list[str]:
    """A list of texts, empty where there is none. Raises RefusedError."""
    if not isinstance(value or [], list) or not all(isinstance(one, str) for one in value or ()):
        raise RefusedError(refusal(400, "VALIDATION_ERROR", "Invalid input JSON: a list of texts is needed"))
    return list(value or ())


def matches(row: Row, group: Mapping[str, Any]) -> bool:
    """Whether a contact matches all filters of a group."""
    return all(_holds(row, one) for one in group.get("filters") or ())


def value_of(row: Row, name: str) -> str:
    """A property as the search sees it: HubSpot's own of id and times among them."""
    own = {"hs_object_id": "id", "lastmodifieddate": "written", "createdate": "made"}
    return str(row[own[name]]) if name in own else str(row["properties"].get(name, ""))


def sort_key(row: Row, name: str) -> tuple[float, str]:
    """By what contacts are sorted and compared: numbers and times by their size, texts as they are."""
    value = value_of(row, name)
    number = _number(value)
    return (0.0, value) if number is None else (number, "")


def _number(value: str) -> float | None:
    """A number, or a moment in milliseconds, as which filters name it; None for any other text."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(value).timestamp() * 1000
    except ValueError:
        return None


def _holds(row: Row, one: Mapping[str, Any]) -> bool:
    value = value_of(row, str(one.get("propertyName")))
    mine, wanted = sort_key(row, str(one.get("propertyName"))), _number(str(one.get("value", ""))) or 0.0
    operators: dict[str, Callable[[], bool]] = {
        "EQ": lambda: value == one.get("value"),
        "IN": lambda: value in (one.get("values") or ()),
        "HAS_PROPERTY": lambda: bool(value),
        "GT": lambda: bool(value) and mine[0] > wanted,
        "GTE": lambda: bool(value) and mine[0] >= wanted,
    }
    operator = operators.get(str(one.get("operator")))
    if operator is None:
        raise RefusedError(refusal(400, "VALIDATION_ERROR", f"The sandbox knows no operator {one.get('operator')!r}"))
    return operator()


def shown(row: Row, properties: Sequence[str], history: Sequence[str] = ()) -> dict[str, Any]:
    """A contact as the API shows it, with these properties or the usual ones, and of some what they were before."""
    names = [name for name in properties if name] or ["email", "firstname", "lastname"]
    known = {name: row["properties"].get(name) for name in names}
    shown = {"properties": {name: value for name, value in known.items() if value is not None}}
    if history:
        kept = row.get("history", {})
        shown["propertiesWithHistory"] = {name: kept.get(name, []) for name in history}
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
