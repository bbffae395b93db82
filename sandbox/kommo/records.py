"""Contacts, leads and notes as Kommo keeps and shows them. Times are unix seconds."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.kommo import checks, finding, seed
from sandbox.shelf import Shelf

FIRST_ID = 20_000_000
DISTINCTIVE_DIGITS = 10
HIDDEN = ("tags", "leads", "contacts", "notes")
"""What rows hold for us and Kommo shows elsewhere or not at all."""

type Row = dict[str, Any]


class Records:
    """The account's records on their shelf. Ids are given in the order of creation, one row of numbers for all kinds."""

    def __init__(self, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self.shelf, self.now = shelf, now
        self._last_id = FIRST_ID
        self._texts: dict[int, str] = {}

    def rows(self, kind: str) -> list[Row]:
        """All of a kind, oldest first."""
        return self.shelf.rows(kind)

    def find(self, kind: str, number: Any) -> Row | None:
        """The one with this id."""
        return self.shelf.get(kind, str(number))

    def text(self, row: Row) -> str:
        """What a search looks into, made once for each state of a row."""
        if row["id"] not in self._texts:
            self._texts[row["id"]] = finding.text(row)
        return self._texts[row["id"]]

    def create(self, kind: str, given: Mapping[str, Any]) -> Row:
        """A new contact or lead of what was sent, which must have passed the checks."""
        number, now = self._next_id(), int(self.now().timestamp())
        row: Row = {"id": number, "name": "", "responsible_user_id": seed.USER, "created_by": seed.USER}
        row |= {"updated_by": seed.USER, "created_at": given.get("created_at", now), "updated_at": now}
        row |= {
            "is_deleted": False,
            "custom_fields_values": None,
            "account_id": seed.ACCOUNT,
            "tags": [],
            "leads": [],
            "notes": [],
        }
        if kind == "leads":
            stage = given.get("status_id", seed.INICIAL)
            row |= {"name": f"Lead #{number}", "price": 0, "status_id": stage, "pipeline_id": seed.PIPELINE}
            row |= {"closed_at": None, "loss_reason_id": None, "contacts": []}
        else:
            row |= {"first_name": "", "last_name": ""}
        self.shelf.put(kind, str(number), row)
        self.change(kind, row, given)
        return row

    def change(self, kind: str, row: Row, given: Mapping[str, Any]) -> None:
        """Give a contact or lead what was sent; what was not sent stays, also among the custom fields."""
        row |= {name: value for name, value in given.items() if name in checks.MEMBERS[kind] and name != "id"}
        row["updated_at"] = given.get("updated_at", int(self.now().timestamp()))
        if kind == "contacts" and not row["name"]:
            row["name"] = f"{row['first_name']} {row['last_name']}".strip()
        self._texts.pop(row["id"], None)
        self._change_values(kind, row, given.get("custom_fields_values") or [])
        tags = (given.get("_embedded") or {}).get("tags")
        if tags is not None:
            row["tags"] = [str(tag.get("name") or tag.get("id")) for tag in tags]
        if kind == "leads":
            closed = row["status_id"] in (seed.WON, seed.LOST)
            row["closed_at"] = (row["closed_at"] or row["updated_at"]) if closed else None
        self.shelf.touch()

    def link(self, lead: Row, contact: Row) -> None:
        """Tie the contact to the lead; once, however often it is asked for."""
        if contact["id"] not in lead["contacts"]:
            lead["contacts"].append(contact["id"])
            contact["leads"].append(lead["id"])
        self.shelf.touch()

    def add_note(self, entity: str, entity_id: int, given: Mapping[str, Any]) -> Row:
        """A note on a lead or contact."""
        number, now = self._next_id(), int(self.now().timestamp())
        row: Row = {"id": number, "entity": entity, "entity_id": entity_id, "created_by": seed.USER, "updated_by": seed.USER}
        row |= {"created_at": now, "updated_at": now, "responsible_user_id": seed.USER, "group_id": 0}
        row |= {"note_type": given["note_type"], "params": given["params"], "account_id": seed.ACCOUNT}
        self.find(entity, entity_id)["notes"].append(number)  # type: ignore[index]  # the caller has looked
        return self.shelf.put("notes", str(number), row)

    def notes(self, entity: str, entity_id: Any = None) -> list[Row]:
        """The notes on leads or contacts, or on one of them; oldest first."""
        if entity_id is None:
            return [row for row in self.rows("notes") if row["entity"] == entity]
        owner = self.find(entity, entity_id) or {"notes": []}
        return [row for number in owner["notes"] if (row := self.find("notes", number))]

    def duplicate(self, contact: Mapping[str, Any]) -> tuple[Row, Row] | None:
        """The newest open lead, with its contact, of somebody with the same address or number; what duplicate control finds."""
        wanted = _tokens(contact)
        for lead in reversed(self.rows("leads")):
            for number in lead["contacts"] if lead["closed_at"] is None else ():
                own = self.find("contacts", number)
                if own and wanted & _tokens(own):
                    return lead, own
        return None

    def _change_values(self, kind: str, row: Row, given: Sequence[Mapping[str, Any]]) -> None:
        kept = {value["field_id"]: value for value in row["custom_fields_values"] or []}
        for one in given:
            field = checks.field_of(kind, one)
            if field is None:
                continue
            kept.pop(field.id, None)
            values = [_value(field, value) for value in one["values"] or [] if str(value["value"]).strip()]
            if values:
                head = {"field_id": field.id, "field_name": field.name, "field_code": field.code, "field_type": field.type}
                kept[field.id] = head | {"values": values}
        row["custom_fields_values"] = list(kept.values()) or None

    def count_on(self) -> None:
        """After a restore: give ids beyond those that are there."""
        self._texts.clear()
        numbers = [row["id"] for kind in ("contacts", "leads", "notes") for row in self.rows(kind)]
        self._last_id = max([FIRST_ID, *numbers])

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _value(field: seed.CustomField, given: Mapping[str, Any]) -> dict[str, Any]:
    if not field.enums:
        return {"value": str(given["value"])}
    by_id = {field.enum_id(code): code for code in field.enums}
    code = given.get("enum_code") or by_id.get(given.get("enum_id", 0)) or field.enums[0]
    return {"value": str(given["value"]), "enum_id": field.enum_id(code), "enum_code": code}


def _tokens(contact: Mapping[str, Any]) -> set[str]:
    """What a contact is recognised by: addresses, and the last digits of numbers."""
    found = set()
    for field in contact.get("custom_fields_values") or []:
        chosen = checks.field_of("contacts", field)
        for value in field["values"] or []:
            text = str(value["value"]).strip().casefold()
            digits = "".join(sign for sign in text if sign.isdigit())
            if chosen and chosen.code == "EMAIL" and text:
                found.add(text)
            if chosen and chosen.code == "PHONE" and digits:
                found.add(digits[-DISTINCTIVE_DIGITS:])
    return found
