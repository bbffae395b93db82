"""Words of dates in Spanish, Portuguese and English, as `signs.folded` writes them."""

import re

from shared.readers.regex import regex

_SPANISH = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
_PORTUGUESE = "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro"
_ENGLISH = "january february march april may june july august september october november december"
_WEEKDAYS = (
    "lunes martes miercoles jueves viernes sabado domingo",
    "segunda terca quarta quinta sexta sabado domingo",
    "monday tuesday wednesday thursday friday saturday sunday",
)


def _numbered(*lists: str) -> dict[str, int]:
    """Each month's name and its first three letters, by number."""
    months: dict[str, int] = {}
    for names in lists:
        for number, name in enumerate(names.split(), 1):
            months[name], months[name[:3]] = number, number
    return months


MONTHS = _numbered(_SPANISH, _PORTUGUESE, _ENGLISH) | {"set": 9, "sept": 9, "setiembre": 9}
ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "cet": 1, "cest": 2, "wet": 0, "west": 1, "brt": -3, "art": -3, "cot": -5, "pet": -5,
}  # fmt: skip
"""Hours from UTC of the names that RFC 5322 fixes, and of a few that mean one zone; every other name is several zones."""
_UNSET = regex(
    r"(?:nan[/:\-. ]*)+|invalid date(?:time)?|fecha invalida|0000[-/]00[-/]00.*|pendiente|pendente|por (?:definir|confirmar)|tbd|tba",
    re.IGNORECASE,
)
_RELATIVE = (
    ("pasado manana", 2),
    ("depois de amanha", 2),
    ("manana", 1),
    ("amanha", 1),
    ("tomorrow", 1),
    ("hoy", 0),
    ("hoje", 0),
    ("today", 0),
    ("ayer", -1),
    ("ontem", -1),
    ("yesterday", -1),
)


def weekday(word: str) -> int | None:
    """The number of a weekday (Monday is 0) by its name, by its first three letters, or by its Portuguese form in -feira."""
    bare = word.strip(" .,").removesuffix("-feira").removesuffix(" feira")
    for names in _WEEKDAYS:
        for number, name in enumerate(names.split()):
            if bare == name or (len(bare) == 3 and name.startswith(bare)):  # noqa: PLR2004
                return number
    return None


def is_unset(plain: str) -> bool:
    """Whether a text is what programs and people write where a date is not known yet."""
    return _UNSET.fullmatch(plain) is not None


def day_offset(text: str) -> tuple[int, str] | None:
    """How many days from today a text that begins with "mañana", "hoy", "ayer" means, and the rest of the text."""
    for word, days in _RELATIVE:
        if text == word or text.startswith((f"{word} ", f"{word},")):
            return days, text[len(word) :].lstrip(" ,")
    return None
