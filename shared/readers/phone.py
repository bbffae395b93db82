"""Phone numbers: which line is dialled, whose line it is, and why a text is no number.

The numbering plans are those of `phonenumbers`; beyond it stand what people and vendors still write after a plan has
changed (Mexico's 1, 044, 045 and 01, Brazil's ninth digit, Colombia's 60, Chile's 09, Benin's 01), what programs and sheets
make of a number, and unseen signs. The country is never guessed because a number happens to be possible elsewhere, and
digits that a sheet has dropped are never made up.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from shared.readers import UnreadableError, phone_plans
from shared.readers.nothing import FieldKind, is_nothing, rounded
from shared.readers.regex import regex
from shared.readers.signs import folded, one_line

Channel = Literal["form", "whatsapp", "json", "csv", "search"]
LONGEST = 500  # characters of a text that may hold a number: links carry a message behind it
REMEMBERED = 4096  # numbers that were read last
SHORTEST = 7  # digits; less than this beside a complete number is no second number

_LINKS = regex(r"(?:https?://)?(?:www\.)?wa\.me/\+?(?P<path>\d+)(?:[/?#].*)?", re.IGNORECASE)
_SCHEME = regex(r"(?:tel|sms|smsto|callto|whatsapp|phone|fax):(?://)?(?P<rest>.*)", re.IGNORECASE)
_JID = regex(r"\+?(\d{7,15})(?::\d+|\.\d+)?@(?:s\.whatsapp\.net|c\.us)", re.IGNORECASE)
_NO_LINE = regex(r".*@(?:lid|g\.us|broadcast|newsletter)", re.IGNORECASE)
_FLOAT = regex(r"\+?(\d{7,})[.,](\d{1,2})")
_SCIENTIFIC = regex(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_THOUSANDS = regex(r"\d{1,3}(?:,\d{3}){2,}")
_EXTENSION = regex(
    r"(?P<number>.*\d.*?)[\s,;(]*(?:\b(?:ext(?:ension|n)?|interno|int|ramal|anexo|extensao)\b\.?:?\s*|;ext=|#|(?<=[\d\s])x\.?\s*)(?P<ext>\d{1,6})\)?"
)
_ZERO_LIKE = str.maketrans("oOlI|", "00111")
_SEPARATORS = str.maketrans(dict.fromkeys("[]{}\u00b7\u2022*_~'\"", " "))
_TOKEN_WITH_LETTER = regex(r"(?<![^\W\d_])(?=[oOlI|\d]*\d)[\doOlI|]+(?![^\W\d_])")
_CARRIER_MARK = regex(r"\(?0\s*xx\s*", re.IGNORECASE)
_RUN = regex(r"\+?[\d(][\d\s().\-/+]*")
_WORD = regex(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Phone:
    """A readable number."""

    e164: str
    """What is dialled."""
    line: str
    """Whose line it is: the same for every spelling, also where the dialled form differs (Argentina with and without 9)."""
    ext: str | None = None
    """The extension, kept beside the number and never inside it."""


def read(value: Any, *, default: str = "MX", channel: Channel = "form") -> Phone:
    """The one number in a field; the same line twice is one. `default` is the country of numbers without a country code.

    Raises:
        UnreadableError: with the reason; `found` holds the numbers where there are two.
    """
    return _read(_text(value), default, channel)


@lru_cache(maxsize=REMEMBERED)
def _read(text: str, default: str, channel: Channel) -> Phone:
    """`read` of a text. Whoever judges a person reads their number several times in a row, and each reading takes long."""
    if _COMPLETE.fullmatch(text) and _doubled(text) == text:  # nothing around it, so there is nothing to look for
        return _only([text], default, channel)
    if _LOST.fullmatch(text):
        raise UnreadableError("digits-lost")
    if is_nothing(text, FieldKind.ADDRESS):
        raise UnreadableError("nothing")
    bare, international = _unwrapped(text)
    bare, ext = _without_extension(_from_sheet(bare))
    candidates = _candidates(_digits_for_letters(bare))
    if not candidates:
        raise UnreadableError("not-a-number")
    number = _only(candidates, default, "whatsapp" if international else channel)
    return replace(number, ext=ext) if ext else number


def e164_or_none(value: Any, *, default: str = "MX", channel: Channel = "form") -> str | None:
    """What is dialled, or None for what is no number."""
    try:
        return read(value, default=default, channel=channel).e164
    except UnreadableError:
        return None


def searched(text: str, *, default: str = "MX") -> str | None:
    """What is dialled by the number that somebody searches for, or None. A plus in an address bar arrives as a blank."""
    found = e164_or_none(text, default=default)
    return found if found or not text.startswith(" ") else e164_or_none(f"+{text.strip()}", default=default)


def refusal_of_first_contact(number: str) -> str | None:
    """Why a number given by a stranger must not be called or written to: `premium`, `satellite`, `toll-free`, ...

    None where nothing speaks against it, and for what is no number.
    """
    dialled = e164_or_none(number)
    return phone_plans.refusal_of_first_contact(dialled) if dialled else None


def region_and_type(number: str) -> tuple[str | None, str]:
    """The country of a number in E.164 (ISO 3166; None where it has none) and its type: `mobile`, `fixed-line`, `voip`, ...

    Where a plan does not tell the two apart, as Mexico's, the type is `fixed-line-or-mobile`; of what is no number `unknown`.
    """
    dialled = e164_or_none(number)
    return phone_plans.region_and_type(dialled) if dialled else (None, "unknown")


def spellings(number: str) -> tuple[str, ...]:
    """Every form in E.164 style in which vendors and earlier releases have written this line, the dialled one first.

    A stored digest cannot be turned into another spelling, so what is filed under a number is asked for under all of these.
    """
    return phone_plans.spellings(number)


_COMPLETE = regex(r"\+[1-9][0-9]{7,14}")
_LOST = regex(r"#{2,}|#n/?a", re.IGNORECASE)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        raise UnreadableError("not-a-number")
    if isinstance(value, float):
        if not isfinite(value) or value < 0 or not value.is_integer():
            raise UnreadableError("not-a-number")
        value = int(value)
        digits = str(value)
        if rounded(digits):
            raise UnreadableError("digits-lost")
        return digits
    if isinstance(value, int) and value < 0:
        raise UnreadableError("not-a-number")
    if value is None:
        raise UnreadableError("nothing")
    if len(text := str(value)) > LONGEST:
        raise UnreadableError("not-a-number")
    return one_line(text)


def _unwrapped(text: str) -> tuple[str, bool]:
    """The number inside a link or a vendor's id, and whether such a form is international by definition."""
    if found := _JID.fullmatch(text):
        return found[1], True
    if _NO_LINE.fullmatch(text):
        raise UnreadableError("not-a-line")
    if found := _LINKS.fullmatch(text):
        return found["path"], True
    if "whatsapp" in text.lower() and "?" in text:
        wanted = parse_qs(urlsplit(text).query).get("phone")
        if wanted:
            return wanted[0], True
    if found := _SCHEME.fullmatch(text):
        return _from_uri(found["rest"], text)
    if "@" in text or "://" in text:
        raise UnreadableError("not-a-number")
    return text, False


def _from_uri(rest: str, text: str) -> tuple[str, bool]:
    rest = unquote(rest).partition("?")[0].strip()
    if context := re.search(r";phone-context=(\+\d+)", rest):
        rest = context[1] + " " + rest.partition(";")[0]
    number, _, parameters = rest.partition(";")
    ext = re.search(r"ext=(\d+)", parameters)
    return number + (f";ext={ext[1]}" if ext else ""), text.lower().startswith("whatsapp:")


def _from_sheet(text: str) -> str:
    """Without what a sheet adds: an apostrophe or formula around it, a float's `.0`, an exponent, separators of thousands."""
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    text = text.removeprefix("'").strip()
    if found := _FLOAT.fullmatch(text):
        if found[2].strip("0"):
            raise UnreadableError("not-a-number")
        return found[1]
    if found := _SCIENTIFIC.fullmatch(text):
        rest, exponent = found[2] or "", int(found[3])
        if len(rest) != exponent:
            raise UnreadableError("digits-lost")
        return found[1] + rest
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _without_extension(text: str) -> tuple[str, str | None]:
    found = _EXTENSION.fullmatch(folded(text))
    if found is None or sum(sign.isdigit() for sign in found["number"]) < SHORTEST:
        return text, None
    return found["number"], found["ext"]


def _digits_for_letters(text: str) -> str:
    """O between digits can only be zero, l and I only one. The library would read a keypad's digit."""
    return _TOKEN_WITH_LETTER.sub(
        lambda token: token[0].translate(_ZERO_LIKE), _CARRIER_MARK.sub("(0", text.translate(_SEPARATORS))
    )


def _candidates(text: str) -> list[str]:
    """The runs of digits that may be numbers: separated by words, commas, or a slash between two that are complete."""
    runs: list[str] = []
    for part in re.split(r"[,;|\n]", _WORD.sub(",", text)):
        for run in _RUN.findall(part):
            pieces = [piece for piece in _doubled(run).split("/") if piece.strip()]
            whole = [piece for piece in pieces if _count(piece) >= SHORTEST]
            runs.extend(pieces if len(whole) > 1 else [run])
    complete = [run for run in runs if _count(run) >= SHORTEST]
    return complete or [run for run in runs if _count(run)]


def _doubled(run: str) -> str:
    """A run that holds the same digits twice, with a slash between the two."""
    digits = re.sub(r"\D", "", run)
    half = digits[: len(digits) // 2]
    return (
        f"{'+' * run.startswith('+')}{half}/{half}"
        if len(half) >= SHORTEST and half * 2 == digits and len(set(half)) > 1
        else run
    )


def _count(text: str) -> int:
    return sum(sign.isdigit() for sign in text)


def _only(candidates: list[str], default: str, channel: Channel) -> Phone:
    numbers: dict[str, Phone] = {}
    first_error: UnreadableError | None = None
    for candidate in candidates:
        try:
            e164 = phone_plans.parse(candidate, default, international=channel == "whatsapp")
        except UnreadableError as error:
            first_error = first_error or error
            continue
        number = Phone(e164, phone_plans.line(e164))
        numbers.setdefault(number.line, number)
    if len(numbers) > 1:
        raise UnreadableError("two-numbers", found=[number.e164 for number in numbers.values()], ask=True)
    if not numbers:
        raise first_error or UnreadableError("not-a-number")
    return next(iter(numbers.values()))
