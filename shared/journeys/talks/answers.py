"""Read a reply as what was asked for: an option, words, a number, a date, an e-mail address; or say why it does not fit."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared import flows
from shared.journeys.talks.asking import MOST_OPTIONS, Ask, Option, is_wish, option_id
from shared.readers import UnreadableError, dates, email, money
from shared.readers.signs import one_line, visible, words_of

LONGEST_ANSWER = 1000
LONGEST_TITLE = 24
NUMBER_WORDS = ("uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez")
_FIGURES = re.compile(r"-?\d[\d.,']*")
_NUMBERED = re.compile(r"(?:(?:la|el|opcion|numero|num|no|n|#)[ .:]*)*(\d{1,2})\s*[.)]?")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody has answered, for a flow's own reader: when it was written, and in which zone the person lives.

    `choice` is the id of a button or row that was pressed, `files` how many came with the words, `data` what the enrolment
    knows.
    """

    text: str
    choice: str | None
    files: int
    zone: str
    at: datetime
    data: Mapping[str, Any]


type Reader = Callable[[Answer], str | int | float]
"""A flow's own reader of answers: what is stored.

Raises UnreadableError where the answer does not fit; NoAnswerError where the message was not meant as one.
"""


class NoAnswerError(Exception):
    """The message is no answer at all: it costs no retry, and whoever else takes such messages may."""


def options_of(ask: Ask, data: Mapping[str, Any]) -> tuple[Option, ...]:
    """The options of a question: those of the definition, or those that stand in the data.

    What stands there is a list of titles, or of mappings with `id` and `title`; what cannot be shown is left out, and so is
    what would unsubscribe whoever chooses it (`wishes_among`).
    """
    return (
        ask.options
        if ask.options_from is None
        else tuple(one for one in _listed(ask, data) if not _is_wish(one))[:MOST_OPTIONS]
    )


def wishes_among(ask: Ask, data: Mapping[str, Any]) -> int:
    """How many options of the data are left out because they would be taken for a stop or a start ("Baja", "Alta")."""
    return 0 if ask.options_from is None else sum(_is_wish(one) for one in _listed(ask, data))


def _listed(ask: Ask, data: Mapping[str, Any]) -> list[Option]:
    listed = data.get(ask.options_from or "")
    made = [_made(value) for value in listed] if isinstance(listed, Sequence) and not isinstance(listed, str) else []
    return list({one.id: one for one in made if one is not None}.values())


def _is_wish(option: Option) -> bool:
    return is_wish(option.title) or is_wish(option.id)


def read(
    ask: Ask, data: Mapping[str, Any], text: str, *, choice: str | None, zone: str, at: datetime, files: int = 0
) -> str | int | float:
    """What the reply says, to be stored. `choice` is the id of a button or row that was pressed, `at` when it was written.

    Raises:
        UnreadableError: it does not fit; the reason is safe to show. NoAnswerError: as the flow's own reader has it.
    """
    if ask.reader is not None:
        return _by_reader(ask.reader, Answer(text=text, choice=choice, files=files, zone=zone, at=at, data=data))
    match ask.kind:
        case "option":
            return _option(options_of(ask, data), text, choice).id
        case "number":
            return _number(ask, text)
        case "date":
            return dates.read(text, wanted="day", zone=zone, sent_at=at).isoformat()
        case "email":
            return email.read(text).deliver
    words = visible(text).strip()
    if not words:
        raise UnreadableError("no words")
    if len(words) > LONGEST_ANSWER:
        raise UnreadableError("too long")
    return words


def _by_reader(name: str, answer: Answer) -> str | int | float:
    """What the reader of a flow makes of an answer. Where that flow was removed nobody can read it, and a person does."""
    reader: Reader | None = flows.answer_readers().get(name)
    if reader is None:
        raise UnreadableError(f"no reader {name}")
    return reader(answer)


def _made(value: Any) -> Option | None:
    title, name = (value.get("title"), value.get("id")) if isinstance(value, Mapping) else (value, None)
    words = " ".join(str(title).split())[:LONGEST_TITLE] if title is not None else ""
    if not words:
        return None
    return Option(id=option_id(str(name) if name is not None else words), title=words)


def _option(options: Sequence[Option], text: str, choice: str | None) -> Option:
    """The one option that a reply means: the pressed one, its number, its title, or the only one whose words stand in it."""
    if choice is not None and (pressed := [one for one in options if one.id == choice]):
        return pressed[0]
    words = words_of(text)
    if (number := _number_of(words)) is not None and 1 <= number <= len(options):
        return options[number - 1]
    titles = {one.id: words_of(one.title) for one in options}
    for matches in (
        [one for one in options if words == titles[one.id]],
        [one for one in options if words and f" {titles[one.id]} " in f" {words} "],
    ):
        if len(found := _longest(matches, titles)) == 1:
            return found[0]
    raise UnreadableError("no option", ask=True)


def _longest(matches: Sequence[Option], titles: Mapping[str, str]) -> list[Option]:
    """Those whose title is no part of another's that matches as well: who says "no, gracias" does not also say "no"."""
    return [one for one in matches if not any(other is not one and titles[one.id] in titles[other.id] for other in matches)]


def _amount(text: str) -> Decimal:
    """The number of a reply: the whole of it, a word up to ten, or the only number in a sentence ("somos 12")."""
    try:
        return money.read_count(text, whole=False)
    except UnreadableError:
        words, found = words_of(text), _FIGURES.findall(one_line(text))
        if words in NUMBER_WORDS:
            return Decimal(NUMBER_WORDS.index(words) + 1)
        if len(found) != 1:
            raise
        return money.read_count(found[0].rstrip(".,"), whole=False)


def _number_of(words: str) -> int | None:
    if words in NUMBER_WORDS:
        return NUMBER_WORDS.index(words) + 1
    found = _NUMBERED.fullmatch(words)
    return int(found[1]) if found else None


def _number(ask: Ask, text: str) -> int | float:
    amount = _amount(text)
    value = int(amount) if amount == amount.to_integral_value() else float(amount)
    if (ask.least is not None and value < ask.least) or (ask.most is not None and value > ask.most):
        raise UnreadableError("out of range")
    return value
