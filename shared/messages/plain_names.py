"""What of a name may stand in a message: its words, and nothing that a stranger could have put there for somebody else to read.

Names come from public forms and booking pages, and what is typed there is mailed and spoken to whatever address is typed beside
it. So links, addresses, runs of digits and mark-up are left out of it; the record and the CRM keep the text as it was sent.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from shared.readers.signs import one_line
from shared.settings import get_settings

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
NAMES = ("first_name", "last_name", "name")
NEEDED = ("first_name", "name")  # a text has a gap without them
MOST_WORDS, LONGEST_WORD = 8, 30

_MARKUP = re.compile(r"<[^<>]*>|\{\{.*?\}\}|\{%.*?%\}|&#?\w+;")
_LINK = re.compile(r"://|www\.|[/\\@]|[^\W\d_]{3,}\.[^\W\d_]{2,}", re.IGNORECASE)
_DIGITS = re.compile(r"\d{3,}|\d\D{0,2}\d\D{0,2}\d")
_INSIDE = "'\u2019-"  # apostrophes and hyphens belong to names, but do not begin or end them
_INITIALS = re.compile(r"(?<=\w)\.(?=\w)")


def plain(text: str) -> str | None:
    """The words of a name, at most eight; None where nothing is left of it.

    A word is left out that holds a link, an address or a run of digits; of the others the letters count, with apostrophes,
    hyphens and the dot of an abbreviation.
    """
    words = one_line(_MARKUP.sub(" ", text)).split()
    kept = [clean for word in words if not (_LINK.search(word) or _DIGITS.search(word)) for clean in _letters(word)]
    return " ".join(kept[:MOST_WORDS]) or None


def in_message(variables: Mapping[str, Any], locale: str | None) -> dict[str, Any]:
    """`variables` with the names in them as a message may say them; where nothing is left of one, a neutral word stands for it.

    The neutral words are in `shared/templates/<locale>/_words.yaml`.
    """
    values = dict(variables)
    for name in NAMES:
        if not isinstance(text := values.get(name), str):
            continue
        if (clean := plain(text)) is None and name in NEEDED:
            clean = neutral(locale or get_settings().default_locale)["no_name"]
        if clean is None:
            del values[name]
        else:
            values[name] = clean
    return values


@lru_cache(maxsize=8)
def neutral(locale: str) -> Mapping[str, str]:
    """The words of a language that stand where nothing else can be said; the Spanish ones where it has none."""
    path = TEMPLATES / re.split("[-_]", locale)[0] / "_words.yaml"
    found = yaml.safe_load((path if path.is_file() else TEMPLATES / "es" / "_words.yaml").read_text(encoding="utf-8"))
    return {str(name): str(word) for name, word in found.items()}


def _letters(word: str) -> list[str]:
    """The parts of a word that are letters: initials written without blanks are several."""
    parts = _INITIALS.sub(". ", word).split()
    clean = ["".join(sign for sign in part if _belongs(sign)).strip(_INSIDE) for part in parts]
    return [part for part in clean if len(part) <= LONGEST_WORD and any(sign.isalpha() for sign in part)]


def _belongs(sign: str) -> bool:
    return sign in _INSIDE or sign == "." or unicodedata.category(sign)[0] in "LM"
