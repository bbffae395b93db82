"""Nothing: how tools and people write that a field has no value, and which texts only look like it.

Unfilled placeholders of templates, programs' words for nothing (`null`, `NaN`, `[object Object]`, a sheet's `#N/A`) and
what people type (`N/A`, `-`, `sin apellido`) are nothing. Names in the spelling of names are names (Null, Nan, No); in the
answer to a question "Ninguna" is the answer. An id that is nothing, or that a sheet has spoilt, is refused: it would make
one person of everybody who has it.
"""

import re
from enum import StrEnum
from html import unescape
from typing import Any
from urllib.parse import unquote

from shared.readers import UnreadableError
from shared.readers.nothing_words import NAMES_OF_PEOPLE, NO_COUNTRY, PLACEHOLDER, PROGRAM, PROGRAM_NAMES, TYPED, TYPED_WITH
from shared.readers.regex import regex
from shared.readers.signs import folded, is_pictograph, one_line, visible


class FieldKind(StrEnum):
    """What a field holds, as far as it decides what counts as nothing there."""

    NAME = "name"  # a family name, or one of several names of a person
    GIVEN_NAME = "given-name"
    FULL_NAME = "full-name"
    LABEL = "label"  # a channel, a source, an advisor, a company: a short name of a thing
    ADDRESS = "address"  # a phone number or an e-mail address
    COUNTRY = "country"
    NUMBER = "number"
    ANSWER = "answer"  # to a question of ours: "Ninguna" answers it
    TEXT = "text"  # free text: a message, a summary


LONGEST = 500  # characters; whatever is longer says something

_NAMES = (FieldKind.NAME, FieldKind.GIVEN_NAME, FieldKind.FULL_NAME)
_FREE = (FieldKind.ANSWER, FieldKind.TEXT)

_OBJECT = regex(
    r"\[object \w+\]|\{\s*\}|\[\s*(?:null|None|undefined)?\s*\]|\{\s*\"?value\"?\s*:\s*(?:null|None|\"\"|'')\s*\}",
    re.IGNORECASE,
)
_SHEET_ERROR = regex(
    r"#(?:n/?[ad]|n/disp|¡?(?:ref|valor|value|num|null|nulo|div/0|¿?nombre|name|spill|calc|desbordamiento)[!?]?|nome\?|¿nombre\?|error!?)",
    re.IGNORECASE,
)
_LOST_DIGITS = regex(r"#{2,}")
_SCIENTIFIC = regex(r"(\d)(?:[.,](\d+)[eE]\+?|[eE]\+)(\d{1,3})")
_FLOAT_TEXT = regex(r"(\d+)[.,]0+")
_NULL_OF_A_DUMP = r"\N"  # MySQL's and PostgreSQL's, in a file for loading
_ZEROS = regex(r"[0\-]*0[0\-]*")


def is_placeholder(text: str) -> bool:
    """Whether a text holds nothing but unfilled placeholders, also percent-encoded on their way or escaped for HTML."""
    plain = one_line(text)
    forms = {plain, unquote(plain), unescape(plain)}
    return any(form and not PLACEHOLDER.sub("", form).strip(" ,-") and PLACEHOLDER.search(form) is not None for form in forms)


def is_nothing(value: Any, kind: FieldKind, *, other_name: str | None = None) -> bool:
    """Whether a field of this kind is as if it had been left out.

    `other_name` is the person's family name, where one came: beside it "None" is a given name (a Norwegian one), else
    Python's word.
    """
    if not isinstance(value, str):
        return value is None or (value is False and kind is not FieldKind.NUMBER)
    plain = one_line(value[: LONGEST + 1])
    if not plain or len(plain) > LONGEST:
        return not visible(value).strip()
    if is_placeholder(plain) or _OBJECT.fullmatch(plain) or plain == _NULL_OF_A_DUMP:
        return True
    return _is_unset(plain, kind, other_name)


def _is_unset(plain: str, kind: FieldKind, other_name: str | None) -> bool:
    if kind in _FREE:
        return plain.casefold() in ("null", "undefined", "<nil>", "(null)") or plain in ("NaN", "nan")
    if _SHEET_ERROR.fullmatch(plain) or _LOST_DIGITS.fullmatch(plain) or not _has_meaning(plain):
        return True
    if kind in _NAMES:
        return _is_no_name(plain, kind, other_name)
    unset = PROGRAM | NO_COUNTRY if kind is FieldKind.COUNTRY else PROGRAM
    return plain.casefold() in unset or (kind is not FieldKind.COUNTRY and _is_typed(plain))


def read(value: Any, kind: FieldKind, *, other_name: str | None = None) -> Any:
    """The value without space around it, or None where it is nothing; of a name that is filled in part, the filled part.

    Never raises; a value that is no text comes back as it is.
    """
    if is_nothing(value, kind, other_name=other_name):
        return None
    if not isinstance(value, str):
        return value
    if kind not in _NAMES:
        return value if kind in _FREE else value.strip()
    left = PLACEHOLDER.sub(" ", visible(value)).split()
    words = [word for word in left if word not in PROGRAM_NAMES] if len(left) > 1 else left
    while len(words) > 1 and words[-1] == "None":
        words.pop()
    if words == value.split():
        return value.strip()
    return None if not words or is_nothing(" ".join(words), kind, other_name=other_name) else " ".join(words)


def read_id(value: Any) -> str:
    """An id as text. The text of a float ("7000000001.0") loses nothing, and leading zeros belong to an id.

    Raises:
        UnreadableError: `nothing`, or `digits-lost` for what a sheet has rounded: two people would become one.
    """
    if isinstance(value, bool):
        raise UnreadableError("not an id")
    if isinstance(value, float):
        value = _whole(value)
    text = _unwrapped(one_line(str(value))) if value is not None else ""
    if _LOST_DIGITS.fullmatch(text):
        raise UnreadableError("digits-lost")
    if is_nothing(text, FieldKind.LABEL) or _ZEROS.fullmatch(text):
        raise UnreadableError("nothing")
    if found := _FLOAT_TEXT.fullmatch(text):
        return found[1]
    return _from_scientific(text)


def rounded(digits: str) -> bool:
    """Whether a float's digits are what a sheet shows of a longer number: ten or more, at most seven of them significant."""
    return len(digits) >= 10 and len(digits.rstrip("0")) <= 7  # noqa: PLR2004


def _whole(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")) or not value.is_integer() or abs(value) >= 2**53:  # noqa: PLR0124
        raise UnreadableError("digits-lost")
    digits = str(int(value))
    if rounded(digits):
        raise UnreadableError("digits-lost")
    return digits


def _unwrapped(text: str) -> str:
    """Without what keeps a number a text in a sheet: a leading apostrophe, or a formula around it."""
    if len(text) > 3 and text.startswith('="') and text.endswith('"'):  # noqa: PLR2004
        text = text[2:-1]
    return text.removeprefix("'").strip()


def _from_scientific(text: str) -> str:
    found = _SCIENTIFIC.fullmatch(text)
    if found is None:
        return text
    rest, exponent = found[2] or "", int(found[3])
    if len(rest) != exponent:
        raise UnreadableError("digits-lost")
    return found[1] + rest


def _is_no_name(plain: str, kind: FieldKind, other_name: str | None) -> bool:
    if plain == "None":
        return not (
            kind is FieldKind.GIVEN_NAME and other_name and one_line(other_name) and not is_nothing(other_name, FieldKind.NAME)
        )
    if plain in PROGRAM_NAMES or plain in ("NA", "na", "ND", "FALSE", "False", "false") or plain.startswith("<"):
        return True
    return folded(plain) not in NAMES_OF_PEOPLE and _is_typed(plain)


def _is_typed(plain: str) -> bool:
    text = folded(plain)
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    bare = text.rstrip(".!")
    return text in TYPED or bare in TYPED or TYPED_WITH.fullmatch(bare) is not None


def _has_meaning(plain: str) -> bool:
    """Whether a text holds a letter, a digit or a picture: signs alone say nothing."""
    return any(sign.isalnum() or is_pictograph(sign) for sign in plain)
