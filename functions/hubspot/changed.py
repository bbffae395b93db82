"""Contacts of HubSpot that changed lately: found by its search, and read with what their properties were before.

HubSpot's search finds at most 10,000 contacts of one query, so a walk goes on behind the last id and not behind a page.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from functions.hubspot import batches
from functions.hubspot.batches import MERGED_IDS, Budget, Found
from functions.hubspot.client import CONTACTS, HUBSPOT

AT_ONCE = 50
"""So many contacts HubSpot reads in a call that asks what their properties were before."""
ID, CHANGED_AT = "hs_object_id", "lastmodifieddate"


@dataclass(frozen=True)
class Version:
    """What a property has become: when, and by whom."""

    value: str
    at: datetime
    source: str
    source_id: str


@dataclass(frozen=True)
class Changed:
    """A contact, the ids that it had before, and the newest version of each property that was asked for and has one."""

    found: Found
    former: tuple[str, ...]
    newest: Mapping[str, Version]


def since(moment: datetime, behind: int, having: str, properties: Sequence[str]) -> list[Changed]:
    """The next contacts behind an id that have changed since a moment and have the property `having`; empty at the end.

    `properties`: of which the newest version is wanted. Raises PuenteError: HubSpot cannot be asked now.
    """
    body = {
        "filterGroups": [{"filters": _filters(moment, behind, having)}],
        "sorts": [ID],
        "properties": [],
        "limit": AT_ONCE,
        "after": "0",
    }
    answer = HUBSPOT.call("POST", f"{CONTACTS}/search", repeatable=True, what="searching what has changed", json=body)
    numbers = [one.contact_id for one in batches.contacts_in(answer)]
    if not numbers:
        return []
    found = _with_history(numbers, properties)
    return [found.get(number) or Changed(Found(number), (), {}) for number in numbers]


def _filters(moment: datetime, behind: int, having: str) -> list[dict[str, str]]:
    return [
        {"propertyName": CHANGED_AT, "operator": "GTE", "value": str(int(moment.timestamp() * 1000))},
        {"propertyName": ID, "operator": "GT", "value": str(behind)},
        {"propertyName": having, "operator": "HAS_PROPERTY"},
    ]


def _with_history(ids: Collection[str], properties: Sequence[str]) -> dict[str, Changed]:
    """These contacts by their ids; whoever was deleted meanwhile is missing."""
    wanted = [*dict.fromkeys(("firstname", "lastname", *properties)), MERGED_IDS]
    answer = batches.read_answer(ids, wanted, Budget(), history=properties)
    rows = {
        str(row.get("id")): row.get("propertiesWithHistory") for row in answer.get("results") or () if isinstance(row, dict)
    }
    return {one.contact_id: _changed(one, rows.get(one.contact_id), properties) for one in batches.contacts_in(answer)}


def _changed(one: Found, history: Any, properties: Sequence[str]) -> Changed:
    former = tuple(filter(None, str(one.properties.get(MERGED_IDS) or "").split(";")))
    kept = history if isinstance(history, Mapping) else {}
    newest = {name: version for name in properties if (version := _newest(kept.get(name))) is not None}
    return Changed(one, former, newest)


def _newest(versions: Any) -> Version | None:
    """The newest of a property's versions, in whatever order they come; None where there is none that can be read."""
    read = [_version(one) for one in (versions if isinstance(versions, list) else []) if isinstance(one, Mapping)]
    return max((one for one in read if one is not None), key=lambda one: one.at, default=None)


def _version(one: Mapping[str, Any]) -> Version | None:
    try:
        at = datetime.fromisoformat(str(one.get("timestamp")))
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return Version(str(one.get("value") or ""), at, str(one.get("sourceType") or ""), str(one.get("sourceId") or ""))
