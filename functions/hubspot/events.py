"""One event of HubSpot's, read: which contact, what has changed, by whom; and why it can lead to no message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from functions.hubspot.payloads import id_of
from functions.hubspot.settings import HubSpotSettings
from shared.intake.envelope import fingerprint
from shared.settings import settings_of
from shared.store.types import key_of

INTEREST, SUBSCRIBER, FIRST_NAME, LAST_NAME = "interest", "subscriber", "first_name", "last_name"
MISSING_ID, EMPTY_ID, NO_DATA = "missing_contact_id", "empty_contact_id", "no_contact_data"
INVALID, UNREADABLE = "validation_failed", "schema_validation_failed"
OWN_WRITE, OTHER_PROPERTY, OTHER_EVENT = "own_write", "other_property", "other_event"
CONTACT_TYPE = "0-1"
_NUMBER = re.compile(r"[0-9]{1,20}")
CHANGES = ("creation", "propertyChange")
LATEST_MS = 2**43  # in the year 2248


@dataclass(frozen=True, kw_only=True)
class ContactEvent:
    """An event as it counts. `refusal` is why nothing follows from it; `properties` are what it tells of the contact.

    `merged`: the contacts that were merged into `contact_id`. `is_dated`: HubSpot says when it happened.
    """

    key: str
    contact_id: str | None
    kind: str
    occurred_at: datetime
    property_name: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    refusal: str | None = None
    merged: tuple[str, ...] = ()
    is_cleared: bool = False


def of(event: Mapping[str, Any], position: int, batch_key: str, received: datetime) -> ContactEvent:
    """The event. One that HubSpot dates has a key of its own, by which it is one however often it comes in whatever batch."""
    kind = str(event.get("subscriptionType") or event.get("eventType") or "contact")[:60]
    at = _at(event.get("occurredAt"))
    name = str(event.get("propertyName") or "")[:100] or None
    contact_id, merged = _ids(event)
    facts = _facts(event)
    return ContactEvent(
        key=_key(event) if at else key_of(batch_key, str(position), fingerprint(event)),
        contact_id=contact_id,
        kind=kind,
        occurred_at=at or received,
        property_name=name,
        properties=facts,
        refusal=_refusal(event, kind, name, facts),
        merged=merged,
        is_cleared=fact_of(name or "") == INTEREST and "propertyValue" in event and not facts.get(INTEREST),
    )


def fact_of(name: str) -> str | None:
    """Which of the facts a property is, in all spellings that the replaced flows took; None for any other."""
    settings = settings_of(HubSpotSettings)
    names = {
        INTEREST: (settings.hubspot_prop_interes_producto, "interes_producto", "interés_producto"),
        SUBSCRIBER: (settings.hubspot_prop_manychat_user_id, "manychat_user_id", "manychat_userid", "manychat user id"),
        FIRST_NAME: ("firstname", "nombre"),
        LAST_NAME: ("lastname", "apellido"),
    }
    folded = name.strip().casefold()
    return next((fact for fact, known in names.items() if folded in known), None)


def facts_of(properties: Any) -> dict[str, str]:
    """The facts among HubSpot's properties, which are texts, or objects with `value`; empty ones are left out."""
    found: dict[str, str] = {}
    for name, value in properties.items() if isinstance(properties, Mapping) else ():
        fact, text = fact_of(str(name)), _text(value)
        if fact is not None and text:
            found.setdefault(fact, text)
    return found


def _facts(event: Mapping[str, Any]) -> dict[str, str]:
    """What the event tells. A change counts before what stands beside it."""
    changes = event.get("propertyChanges")
    listed = [one for one in changes if isinstance(one, Mapping)] if isinstance(changes, list) else []
    changed = {str(one.get("property") or one.get("propertyName")): one.get("value") for one in listed}
    if event.get("propertyName"):
        changed[str(event["propertyName"])] = event.get("propertyValue")
    cleared = {fact_of(name) for name, value in changed.items() if not _text(value)}
    known = facts_of(event.get("properties")) | facts_of(event if "subscriptionType" not in event else {})
    return {
        fact: text for fact, text in (known | facts_of(changed)).items() if fact not in cleared or fact in facts_of(changed)
    }


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("value")
    return "" if value is None or isinstance(value, bool | list) else str(value).strip()


def _ids(event: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """The contact's id, and those that were merged into it; after a merge it is the new one."""
    merged = event.get("mergedObjectIds")
    if event.get("newObjectId") is None or not isinstance(merged, list):
        found = str(id_of(event) or "").strip()
        return (found if _NUMBER.fullmatch(found) else None), ()
    new = str(event["newObjectId"])
    old = [str(one) for one in (event.get("primaryObjectId"), id_of(event), *merged) if one is not None]
    known = [one for one in dict.fromkeys(old) if _NUMBER.fullmatch(one) and one != new]
    return (new, tuple(known)) if _NUMBER.fullmatch(new) else (None, ())


def _refusal(event: Mapping[str, Any], kind: str, name: str | None, facts: Mapping[str, str]) -> str | None:
    """Why no message can follow; None where one may."""
    if "unreadable" in event:
        return UNREADABLE
    if (fault := _id_fault(event, facts)) is not None:
        return fault
    if not _is_change(event, kind):
        return OTHER_EVENT
    if not settings_of(HubSpotSettings).hubspot_own_writes and is_own(event):
        return OWN_WRITE
    return OTHER_PROPERTY if name is not None and fact_of(name) not in (INTEREST, SUBSCRIBER) else None


def _id_fault(event: Mapping[str, Any], facts: Mapping[str, str]) -> str | None:
    found = id_of(event)
    if found is None:
        return MISSING_ID if facts or "subscriptionType" in event or "properties" in event else NO_DATA
    if not str(found).strip():
        return EMPTY_ID
    return None if _NUMBER.fullmatch(str(found).strip()) else INVALID


def _is_change(event: Mapping[str, Any], kind: str) -> bool:
    """Whether a contact is new or was changed; what does not say what it is may be."""
    what, _, change = kind.rpartition(".")
    if not what:
        return kind == "contact"
    return change in CHANGES and (what == "contact" or (what == "object" and event.get("objectTypeId") == CONTACT_TYPE))


def is_own(event: Mapping[str, Any]) -> bool:
    """Whether the change was made by us: by the app whose webhook it is, or one of HUBSPOT_APP_IDS.

    HubSpot names the app as the source of an integration's changes; where it does not, nobody else is known to be it.
    """
    if str(event.get("changeSource") or "").upper() not in ("INTEGRATION", "API"):
        return False
    source = str(event.get("sourceId") or "").strip()
    return not source or source in (str(event.get("appId")), *settings_of(HubSpotSettings).hubspot_app_ids)


def _at(value: Any) -> datetime | None:
    text = str(value if value is not None else "").strip()
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) < LATEST_MS:
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def _key(event: Mapping[str, Any]) -> str:
    """What makes an event one: HubSpot's own id of it is not unique."""
    names = ("subscriptionId", "occurredAt", "propertyName", "propertyValue")
    kind = str(event.get("subscriptionType") or event.get("eventType") or "")
    return key_of("hubspot", kind, str(id_of(event)), *(str(event.get(name) or "") for name in names))
