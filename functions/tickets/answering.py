"""What somebody answers to a question about their ticket, in plain notation. Pure.

Choices are named by letters: a number could be an amount as well.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.readers import UnreadableError, dates, money
from shared.readers.signs import folded, visible

YES = frozenset(("si", "yes", "ok", "okay", "correcto", "asi es", "es correcto", "claro", "exacto", "va", "si es", "👍", "✅"))
NO = frozenset(("no", "incorrecto", "no es", "no es correcto", "mal", "ninguno", "ninguna", "👎", "❌"))
ANOTHER = YES | {"otro", "es otro", "es otro ticket", "si es otro"}
THE_SAME = NO | {"el mismo", "es el mismo", "mismo", "repetido", "duplicado"}
LETTERS = "ABCD"
LONGEST_NAME = 200
_EDGES = re.compile(r"^[\s¡¿\"'(]+|[\s.!,;\"')]+$")
_LETTER = re.compile(r"(?:la |opcion |letra )*([a-d])[).]?")


class UnclearError(ValueError):
    """The answer says nothing that the question asks for."""


class RejectedError(ValueError):
    """They say that what was proposed is wrong, and not yet what is right."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What was asked: about what, with which readings to choose from, in which currency, and how days are written here."""

    about: str
    readings: Sequence[str]
    currency: str
    order: dates.Order
    zone: str

    @classmethod
    def of(cls, doubt: Mapping[str, Any], *, currency: str, order: dates.Order, zone: str) -> "Question":
        """The question about a doubt."""
        return cls(about=doubt["about"], readings=tuple(doubt["readings"]), currency=currency, order=order, zone=zone)


def read(question: Question, text: str, at: datetime) -> str:
    """The answer in plain notation: `1250.00`, `2026-03-01`, `MXN`, a name; `yes` or `no` where that is what was asked.

    `at` is when it was written, for "ayer".

    Raises:
        RejectedError: no, and nothing else. UnclearError: it is no answer.
    """
    words = _EDGES.sub("", folded(text))
    if question.about == "another":
        return _another(words)
    if words in NO:
        raise RejectedError
    chosen = _chosen(question, words)
    if chosen is not None:
        return chosen
    readers = {"total": _total, "day": _day, "currency": _currency, "supplier": _supplier}
    try:
        return readers[question.about](question, text, at)
    except UnreadableError as error:
        raise UnclearError from error


def _another(words: str) -> str:
    if words in ANOTHER:
        return "yes"
    if words in THE_SAME:
        return "no"
    raise UnclearError


def _chosen(question: Question, words: str) -> str | None:
    """The reading that a yes or a letter stands for. Raises UnclearError: a yes to several, a letter that is none of them."""
    if words in YES:
        if len(question.readings) == 1:
            return question.readings[0]
        raise UnclearError
    letter = _LETTER.fullmatch(words)
    if letter is None or len(question.readings) < 2:  # noqa: PLR2004
        return None
    place = LETTERS.index(letter[1].upper())
    if place >= len(question.readings):
        raise UnclearError
    return question.readings[place]


def _total(question: Question, text: str, _at: datetime) -> str:
    found = money.readings(_without_words(text), question.currency)
    if len(found) != 1 or found[0] < 0:
        raise UnclearError
    return money.text(found[0])


def _without_words(text: str) -> str:
    """The number in `No, son $1,250.00 pesos`; with two numbers the text stays as it is, and is unclear."""
    found = re.findall(r"-?\d(?:[\d.,' ]*\d)?", text)
    return found[0] if len(found) == 1 else text


def _day(question: Question, text: str, at: datetime) -> str:
    found = dates.read(text, wanted="day", zone=question.zone, order=question.order, sent_at=at)
    day: date = found.date() if isinstance(found, datetime) else found
    return day.isoformat()


def _currency(question: Question, text: str, _at: datetime) -> str:
    found = money.currencies_of(text.strip().rstrip("."))
    if question.currency in found:
        return question.currency
    if len(found) != 1:
        raise UnclearError
    return next(iter(found))


def _supplier(_question: Question, text: str, _at: datetime) -> str:
    name = " ".join(visible(text).split())
    if not any(sign.isalpha() for sign in name) or len(name) > LONGEST_NAME:
        raise UnclearError
    return name
