"""What HubSpot knows of contacts, and the events that tell of what becomes of them."""

import json
import random
import re
from collections.abc import Mapping
from typing import Any

from sandbox.hubspot.shapes import APP_ID, APP_PATH, EVENTS_AT_ONCE, PORTAL_ID, STAGES, TOLD, refusal
from sandbox.jsonapi import RefusedError
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Webhook

_EMAIL = re.compile(r"[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}")
_NO_DOMAIN = (".cmo", ".con", "@refused.example")


class Contacts:
    """The contacts on the vendor's shelf, by its clock; webhooks go out by the vendor."""

    def __init__(self, vendor: Shelved) -> None:
        self._vendor, self.shelf = vendor, vendor.shelf
        self._dice = random.Random(7)  # an order, no secret

    def found(self, key: str, by: str) -> Row | None:
        """By an id that it has or had, or by its first address."""
        rows = self.shelf.rows("contacts")
        if by == "email":
            return next((row for row in rows if row["properties"].get("email") == key.strip().lower()), None)
        return next((row for row in rows if key in (row["id"], *row["former"])), None)

    def fault(self, properties: Mapping[str, str], row: Row | None) -> tuple[int, str, str] | None:
        """Why a contact (None: a new one) cannot have these, as status, category and message; None where it can."""
        email = properties.get("email", "").strip().lower()
        if email and (not _EMAIL.fullmatch(email) or email.endswith(_NO_DOMAIN)):
            return 400, "VALIDATION_ERROR", f"Property values were not valid: INVALID_EMAIL Email address {email} is invalid"
        others = (one for one in self.shelf.rows("contacts") if row is None or one["id"] != row["id"])
        taken = next((one for one in others if email and email in (one["properties"].get("email"), *one["emails"])), None)
        return (409, "CONFLICT", f"Contact already exists. Existing ID: {taken['id']}") if taken else None

    def refuse_unknown(self, properties: Mapping[str, str]) -> None:
        """Refuse the whole call for a property that there is not. Raises RefusedError."""
        unknown = [name for name in properties if self.shelf.get("properties", name) is None]
        if unknown:
            message = f'Property values were not valid: PROPERTY_DOESNT_EXIST Property "{unknown[0]}" does not exist'
            raise RefusedError(refusal(400, "VALIDATION_ERROR", message))

    def make(self, properties: Mapping[str, str], source: str) -> Row:
        """A new contact, of which webhooks tell; `source` says who made it."""
        number = str(50 + 2 * self._count("made"))  # never one that another had before
        row: Row = {
            "id": number,
            "properties": {},
            "emails": [],
            "former": [],
            "history": {},
            "made": self._vendor.now().isoformat(),
            "written": self._vendor.now().isoformat(),
        }
        self.shelf.put("contacts", number, row)
        self._set(row, properties, source)
        events = [self._event(row, "contact.creation", source, changeFlag="NEW")]
        self._tell(events + self._changes(row, row["properties"], source))
        return row

    def _count(self, what: str) -> int:
        counted = self.shelf.get("state", what) or {"id": what, "number": 0}
        self.shelf.put("state", what, counted | {"number": counted["number"] + 1})
        return int(counted["number"])

    def change(self, row: Row, properties: Mapping[str, str], source: str) -> Row:
        """The contact with these properties; webhooks tell of what is different."""
        before = dict(row["properties"])
        self._set(row, properties, source)
        named = {name: row["properties"].get(name, "") for name in properties}
        self._tell(self._changes(row, {name: new for name, new in named.items() if before.get(name, "") != new}, source))
        return row

    def _set(self, row: Row, properties: Mapping[str, str], source: str) -> None:
        for name, value in properties.items():
            known = row["properties"].get(name, "")
            is_back = name == "lifecyclestage" and {known, value} <= set(STAGES) and STAGES.index(value) < STAGES.index(known)
            if not is_back:
                row["properties"][name] = value.strip().lower() if name == "email" else value
                self._note(row, name, source)
        row["written"] = self._vendor.now().isoformat()
        self.shelf.touch()

    def _note(self, row: Row, name: str, source: str) -> None:
        """Keep what a property has become, when, and by whom; the newest first, and only where it is another one."""
        kept, value = row.setdefault("history", {}).setdefault(name, []), row["properties"][name]
        if not kept or kept[0]["value"] != value:
            version = {"value": value, "timestamp": self._vendor.now().isoformat(), "sourceType": source}
            kept.insert(0, version | {"sourceId": _source_id(source)})

    def add_email(self, row: Row, email: str) -> Row:
        """The contact has a further address."""
        row["emails"] = [*row["emails"], email.strip().lower()]
        row["properties"]["hs_additional_emails"] = ";".join(row["emails"])
        self.shelf.touch()
        return row

    def remove(self, row: Row) -> Row:
        """Delete the contact."""
        self.shelf.drop("contacts", row["id"])
        self._tell([self._event(row, "contact.deletion", "CRM_UI", changeFlag="DELETED")])
        return row

    def merge(self, row: Row, other: Row) -> Row:
        """Both are one contact with a new id, which is found by the old ones as well; then the other one is deleted."""
        for one in (row, other):
            self.shelf.drop("contacts", one["id"])
        properties = {**other["properties"], **row["properties"]}
        number = str(90 + int(self._count("made")))
        emails = [
            *row["emails"],
            *other["emails"],
            *([other["properties"]["email"]] if other["properties"].get("email") else []),
        ]
        former = [*row["former"], *other["former"], row["id"], other["id"]]
        history = {**other.get("history", {}), **row.get("history", {})}
        made: Row = {"id": number, "properties": properties, "emails": emails, "former": former, "history": history}
        made |= {"made": row["made"], "written": self._vendor.now().isoformat()}
        made["properties"] |= {"hs_merged_object_ids": ";".join(former), "hs_additional_emails": ";".join(emails)}
        self.shelf.put("contacts", number, made)
        merge = self._event(row, "contact.merge", "CRM_UI")
        merge |= {"primaryObjectId": int(row["id"]), "mergedObjectIds": [int(other["id"])], "newObjectId": int(number)}
        self._tell([merge, self._event(other, "contact.deletion", "CRM_UI", changeFlag="DELETED")])
        return made

    def _changes(self, row: Row, properties: Mapping[str, str], source: str) -> list[dict[str, Any]]:
        return [
            self._event(row, "contact.propertyChange", source, propertyName=name, propertyValue=value)
            for name, value in properties.items()
            if name in TOLD
        ]

    def _event(self, row: Row, kind: str, source: str, **more: Any) -> dict[str, Any]:
        event: dict[str, Any] = {"eventId": self._dice.randrange(1, 1000), "subscriptionId": 22, "portalId": PORTAL_ID}
        event |= {"appId": APP_ID, "occurredAt": int(self._vendor.now().timestamp() * 1000), "subscriptionType": kind}
        event |= {"attemptNumber": 0, "objectId": int(row["id"]), "changeSource": source}
        return event | {"sourceId": _source_id(source)} | more

    def _tell(self, events: list[dict[str, Any]]) -> None:
        if not self._vendor.secret:
            return  # an app without a secret has no webhooks
        self._dice.shuffle(events)
        for start in range(0, len(events), EVENTS_AT_ONCE):
            part = events[start : start + EVENTS_AT_ONCE]
            raw = json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode()
            self._vendor.send(Webhook(what=part[0]["subscriptionType"], url=APP_PATH, body=raw, about=str(part[0]["objectId"])))


def _source_id(source: str) -> str:
    """Who exactly that source is: the app, or a person."""
    return str(APP_ID) if source == "INTEGRATION" else "userId:9748371"
