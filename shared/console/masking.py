"""Personal data as those see it who may not see all of it: enough to tell two apart, too little to write to anybody."""

import re
from collections.abc import Mapping
from typing import Any

DOTS = "••••"
_EMAIL = re.compile(r"([A-Za-z0-9])[A-Za-z0-9._%+'-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
_PHONE = re.compile(r"(?<![\w-])(\+?\d[\d ().-]{5,}\d)(?![\w-])")
_NUMBER = re.compile(r"\+\d{8,15}(?!\d)")
_SHOWN_DIGITS = 4
_FEWEST_DIGITS = 8


def masked(value: Any) -> Any:
    """`value` (JSON) with its e-mail addresses and telephone numbers masked: `a••••@example.com`, `•••• 0147`."""
    if isinstance(value, Mapping):
        return {key: masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return masked_text(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """The same for a text; what is a date, an amount or a short number is left as it is."""
    return _PHONE.sub(_masked_phone, _EMAIL.sub(rf"\1{DOTS}@\2", text))


def masked_name(name: str) -> str:
    """The same for a name by which events and deliveries call somebody: ids are numbers too, and stay as they are."""
    return _NUMBER.sub(lambda found: f"{DOTS} {found[0][-_SHOWN_DIGITS:]}", _EMAIL.sub(rf"\1{DOTS}@\2", name))


def _masked_phone(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[1])
    if len(digits) < _FEWEST_DIGITS or re.match(r"\d{4}-\d\d-\d\d", found[1]):
        return found[1]
    return f"{DOTS} {digits[-_SHOWN_DIGITS:]}"
