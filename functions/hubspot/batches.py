"""Contacts of HubSpot read and written by the hundred. A row that is refused costs its neighbours nothing.

Each row of a batch has a trace id of its own, by which HubSpot names the rows that it refuses, and its results come in any
order. A batch that is refused whole is halved until the row that causes it is alone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from functions.hubspot.client import (
    CALLS,
    CONTACTS,
    HUBSPOT,
    LARGEST_BATCH,
    SEARCHABLE_AFTER_SECONDS,
    ConflictError,
    existing_id,
)
from shared.errors import DeferredError, PermanentError, PuenteError, RetryableError, UncertainError
from shared.vendors import answers

_LATER = frozenset(("RATE_LIMITS", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT"))


class Way(StrEnum):
    """How contacts are written."""

    UPDATE = "update"  # by HubSpot's id
    UPSERT = "upsert"  # by e-mail address; made where there is none
    CREATE = "create"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one contact is to have. `key` is its id, or for an upsert its e-mail address; "" for one that is made."""

    properties: Mapping[str, str]
    key: str = ""


@dataclass(frozen=True)
class Written:
    """A contact that was written, by HubSpot's id."""

    contact_id: str


@dataclass
class Budget:
    """The calls that one delivery may still make, so that it ends within its time limit."""

    calls: int = CALLS

    def take(self) -> bool:
        """Take one call; False where none is left."""
        self.calls -= 1
        return self.calls >= 0


type Result = Written | PuenteError


@dataclass(frozen=True)
class Found:
    """A contact that was read: its id, and the properties that were asked for as far as it has them."""

    contact_id: str
    properties: Mapping[str, str] = field(default_factory=dict)


def read_by_ids(ids: Collection[str], properties: Sequence[str], budget: Budget) -> dict[str, Found]:
    """The contacts of these ids; whoever was deleted is missing. A merged contact is found by the ids it had before.

    Raises:
        PuenteError: HubSpot cannot be asked now; DeferredError: no call is left.
    """
    wanted = set(ids)
    found: dict[str, Found] = {}
    for one in _read(ids, [*properties, MERGED_IDS], budget):
        former = str(one.properties.get(MERGED_IDS) or "").split(";")
        found |= dict.fromkeys(wanted & {one.contact_id, *former}, one)
    return found


def read_by_emails(emails: Collection[str], properties: Sequence[str], budget: Budget) -> dict[str, Found]:
    """The contacts whose first address is one of these, by the address in lower case. Raises as `read_by_ids`."""
    found = _read(emails, [*properties, EMAIL], budget, EMAIL)
    return {str(one.properties.get(EMAIL) or "").lower(): one for one in found}


def find_by_phones(phones: Collection[str], properties: Sequence[str], budget: Budget) -> dict[str, Found]:
    """The oldest contact with each of these numbers, as they are written there. Raises as `read_by_ids`."""
    if not phones:
        return {}
    _take(budget)
    body = {
        "filterGroups": [{"filters": [{"propertyName": PHONE, "operator": "IN", "values": sorted(phones)}]}],
        "sorts": ["createdate"],
        "properties": [*properties, PHONE],
        "limit": 200,
        "after": "0",
    }
    answer = HUBSPOT.call("POST", f"{CONTACTS}/search", repeatable=True, what="searching by phone", json=body)
    found: dict[str, Found] = {}
    for one in contacts_in(answer):
        found.setdefault(str(one.properties.get(PHONE) or ""), one)
    return found


MERGED_IDS = "hs_merged_object_ids"
EMAIL, PHONE = "email", "phone"


def _read(keys: Collection[str], properties: Sequence[str], budget: Budget, by: str = "") -> list[Found]:
    """The contacts that there are; HubSpot answers 207 where some are unknown, and 404 where all are."""
    return contacts_in(read_answer(keys, properties, budget, by)) if keys else []


def read_answer(
    keys: Collection[str], properties: Sequence[str], budget: Budget, by: str = "", history: Sequence[str] = ()
) -> Mapping[str, Any]:
    """HubSpot's answer about these contacts, empty where it knows none of them. Raises as `read_by_ids`.

    `history`: properties of which it also says what they were before; of so many contacts it takes 50 in a call.
    """
    _take(budget)
    body: dict[str, Any] = {
        "inputs": [{"id": key} for key in sorted(keys)],
        "properties": list(dict.fromkeys(properties)),
        "propertiesWithHistory": list(history),
    }
    body |= {"idProperty": by} if by else {}
    try:
        return HUBSPOT.call("POST", f"{CONTACTS}/batch/read", repeatable=True, what="reading contacts", json=body)
    except PermanentError as error:
        if error.reason == "hubspot-not-found":
            return {}
        raise


def contacts_in(answer: Mapping[str, Any]) -> list[Found]:
    """The contacts in an answer of HubSpot's, with the properties that they have."""
    return [
        Found(str(row["id"]), {name: value for name, value in (row.get("properties") or {}).items() if value is not None})
        for row in dicts(answer.get("results"))
        if row.get("id")
    ]


def _take(budget: Budget) -> None:
    if not budget.take():
        raise DeferredError("no call was left for it in its batch", after_seconds=0)


def write(way: Way, changes: Mapping[str, Change], budget: Budget) -> dict[str, Result]:
    """Write up to 100 contacts; what became of each, by its trace id (the keys of `changes`).

    Doing it twice does no harm for updates and upserts. A contact that is made in a call without an answer is a RetryableError
    with time for the search to find it: look for it before it is made again.
    """
    if not changes:
        return {}
    if len(changes) > LARGEST_BATCH:
        raise ValueError(f"HubSpot takes up to {LARGEST_BATCH} contacts at once")
    try:
        _take(budget)
        answer = _sent(way, changes)
    except (ConflictError, PermanentError) as error:
        return _narrowed(way, changes, error, budget)
    except UncertainError as error:
        again = RetryableError(str(error), after_seconds=SEARCHABLE_AFTER_SECONDS)
        return dict.fromkeys(changes, again)
    except PuenteError as error:
        return dict.fromkeys(changes, error)
    return _by_trace(answer, changes)


def _sent(way: Way, changes: Mapping[str, Change]) -> Mapping[str, Any]:
    body = {"inputs": [_input(way, trace, change) for trace, change in changes.items()]}
    what = f"writing {len(changes)} contacts ({way})"
    return HUBSPOT.call("POST", f"{CONTACTS}/batch/{way}", repeatable=way != Way.CREATE, what=what, json=body)


def _input(way: Way, trace: str, change: Change) -> dict[str, Any]:
    row: dict[str, Any] = {"objectWriteTraceId": trace, "properties": dict(change.properties)}
    if way is Way.CREATE:
        return row | {"associations": []}
    return row | {"id": change.key} | ({"idProperty": EMAIL} if way is Way.UPSERT else {})


def _narrowed(way: Way, changes: Mapping[str, Change], error: PermanentError, budget: Budget) -> dict[str, Result]:
    """The batch was refused whole and nothing of it written: each half by itself, down to the row that is the cause."""
    if len(changes) == 1:
        return dict.fromkeys(changes, error)
    pairs = list(changes.items())
    half = len(pairs) // 2
    return write(way, dict(pairs[:half]), budget) | write(way, dict(pairs[half:]), budget)


def _by_trace(answer: Mapping[str, Any], changes: Mapping[str, Change]) -> dict[str, Result]:
    """Results and errors by their trace ids, never by their place. A row in neither is unknown, and is looked for again."""
    unknown = RetryableError("HubSpot: the answer says nothing of this row", after_seconds=SEARCHABLE_AFTER_SECONDS)
    outcomes: dict[str, Result] = dict.fromkeys(changes, unknown)
    for row in dicts(answer.get("results")):
        trace = str(row.get("objectWriteTraceId") or "") or _alone(changes)
        if trace in outcomes and row.get("id"):
            outcomes[trace] = Written(str(row["id"]))
    for entry in dicts(answer.get("errors")):
        for trace in _traces(entry):
            if trace in outcomes:
                outcomes[trace] = _error(entry)
    return outcomes


def _alone(changes: Mapping[str, Change]) -> str:
    return next(iter(changes)) if len(changes) == 1 else ""


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """The objects in a list; none where it is no list."""
    yield from (one for one in (value if isinstance(value, list) else []) if isinstance(one, dict))


def _traces(entry: Mapping[str, Any]) -> Iterable[str]:
    context = entry.get("context")
    named = context.get("objectWriteTraceId") if isinstance(context, dict) else None
    return [str(one) for one in named] if isinstance(named, list) else []


def _error(entry: Mapping[str, Any]) -> PuenteError:
    category, message = str(entry.get("category") or ""), entry.get("message")
    words = f"HubSpot: {answers.clean(category)} {answers.clean(message)}"
    if category == "CONFLICT":
        return ConflictError(words, existing_id(message))
    if category in _LATER:
        return RetryableError(words)
    reason = "not-found" if category == "OBJECT_NOT_FOUND" else answers.slug(category) or "refused"
    return PermanentError(f"hubspot-{reason}", words)
