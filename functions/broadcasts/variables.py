"""The variables of a broadcast: texts with `{{contact.name}}` in them, resolved once for each recipient and stored.

What may stand between the braces is listed here (`FIELDS`, `attributes.<name>`, and `row.<name>` for the columns of an uploaded
list); nothing else is looked up. `{{contact.first_name|amigo}}` says what stands for a fact that is not known; without that the
recipient is skipped, because a vendor refuses a message with a blank in it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.errors import FieldError

FIELDS = frozenset(
    (
        "name",
        "first_name",
        "last_name",
        "phone",
        "phone_number",
        "whatsapp_id",
        "email",
        "channel",
        "state",
        "street",
        "city",
        "country",
        "opt_in",
    )
)
ATTRIBUTES = ("attributes", "custom_fields")
MOST, LONGEST = 50, 1000
_NAME = re.compile(r"[A-Za-z_]\w{0,63}")
_PLACE = re.compile(r"\{\{\s*([^{}|]*?)\s*(?:\|([^{}]*))?\}\}")


@dataclass(frozen=True)
class Facts:
    """What is known of one recipient: the contact's fields, its attributes, and the row of the list that names them."""

    contact: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, Any] = field(default_factory=dict)

    def of(self, path: str) -> str | None:
        """The value of an allowed path, as text; None where it is not known or blank."""
        kind, *more = path.split(".")
        if kind == "row":
            value = self.row.get(more[0])
        elif more[0] in ATTRIBUTES:
            value = self.attributes.get(more[1])
        else:
            value = self.contact.get(more[0])
        text = "" if value is None else str(value).strip()
        return text or None


def faults(mapping: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with a mapping of names to texts, named by its variable."""
    found = [FieldError.of("variable_mapping", "at most %(most)s variables", most=MOST)] if len(mapping) > MOST else []
    for name, value in mapping.items():
        where = f"variable_mapping.{name}"[:100]
        if not _NAME.fullmatch(name):
            found.append(FieldError.of(where, "a name has letters, digits and underscores"))
        if not isinstance(value, str | int | float | bool):
            found.append(FieldError.of(where, "must be a text, a number or true or false"))
        elif len(str(value)) > LONGEST:
            found.append(FieldError.of(where, "at most %(most)s characters", most=LONGEST))
        else:
            found += _text_faults(where, str(value))
    return found


def _text_faults(where: str, text: str) -> list[FieldError]:
    rest = _PLACE.sub("", text)
    found = [FieldError.of(where, "braces that do not close")] if "{{" in rest or "}}" in rest else []
    known = f"contact.{{{', '.join(sorted(FIELDS))}}}, contact.attributes.<name>, row.<column>"
    strange = [path for path, _default in _PLACE.findall(text) if not is_allowed(path)]
    return found + [
        FieldError.of(where, "%(path)s is not known; known are %(known)s", path=one[:60], known=known) for one in strange
    ]


def is_allowed(path: str) -> bool:
    """Whether that path may stand between braces."""
    match path.split("."):
        case ["contact", name]:
            return name in FIELDS
        case ["contact", name, attribute]:
            return name in ATTRIBUTES and re.fullmatch(r"[\w-]{1,64}", attribute) is not None
        case ["row", name]:
            return _NAME.fullmatch(name) is not None
    return False


def paths(mapping: Mapping[str, Any]) -> set[str]:
    """Every path that the texts name."""
    return {path for value in mapping.values() for path, _default in _PLACE.findall(str(value))}


def resolve(mapping: Mapping[str, Any], facts: Facts) -> tuple[dict[str, str], str | None]:
    """The variables of one recipient, and the name of the first that is missing (None: none is).

    The columns of the recipient's row are variables as they are; one of the same name in `mapping` goes before.
    """
    values = {name: str(value) for name, value in facts.row.items() if value not in (None, "")}
    missing = None
    for name, text in mapping.items():
        filled, lacks = _filled(str(text), facts)
        missing = missing or lacks
        values[name] = filled
    return values, missing


def _filled(text: str, facts: Facts) -> tuple[str, str | None]:
    missing: list[str] = []

    def value(place: re.Match[str]) -> str:
        path, default = place[1], place[2]
        found = facts.of(path)
        if found is None and default is None:
            missing.append(path.rpartition(".")[2])
        return found if found is not None else (default or "").strip()

    return _PLACE.sub(value, text), missing[0] if missing else None
