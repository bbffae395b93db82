"""What is wrong with a field, in the reader's language.

A fault that names its pattern is translated by it (`FieldError.of`). Others come as one English sentence: of pydantic, or of a
check which the REST API shares. `SENTENCES` knows each of them by its shape and says it in plain words.
"""

import re
from functools import cache

from shared.console import phrases, words
from shared.console.words import mark
from shared.errors import FieldError

VALUE_ERROR = re.compile(r"^(Value error|Assertion failed), ")
LINE = re.compile(r"line (?P<number>\d+)")
SENTENCES: tuple[tuple[str, str], ...] = (
    # pydantic's
    (r"Field required|Missing required .*", mark("is missing")),
    (r"Extra inputs are not permitted|Unexpected .*argument", mark("is not known here")),
    (r"(String|Value|Data) should have at least 1 (character|item|byte).*", mark("must not be empty")),
    (r"String should have at least (?P<least>\d+) characters?", mark("must have at least %(least)s characters")),
    (r"String should have at most (?P<most>\d+) characters?", mark("has more than %(most)s characters")),
    (r"\w+ should have at least (?P<least>\d+) items? after validation.*", mark("must have at least %(least)s entries")),
    (r"\w+ should have at most (?P<most>\d+) items? after validation.*", mark("has more than %(most)s entries")),
    (r"Input should be greater than or equal to (?P<least>\S+)", mark("must be %(least)s or more")),
    (r"Input should be less than or equal to (?P<most>\S+)", mark("must be %(most)s or less")),
    (r"Input should be greater than (?P<least>\S+)", mark("must be more than %(least)s")),
    (r"Input should be less than (?P<most>\S+)", mark("must be less than %(most)s")),
    (r"Input should be a multiple of (?P<step>\S+)", mark("must be a multiple of %(step)s")),
    (r"Decimal input should have no more than (?P<most>\d+) decimal places?", mark("has more than %(most)s decimal places")),
    (r"Decimal input should have no more than (?P<most>\d+) digits?.*", mark("has more than %(most)s digits")),
    (r"String should match pattern .*", mark("is not written as it must be")),
    (r"String should contain only ASCII characters", mark("must have no accents and no special characters")),
    (r"Input should be None", mark("must be empty")),
    (r"Input should be (?P<known>'.*')", mark("must be one of these: %(known)s")),
    (
        r"Input tag '.*' found using .* does not match any of the expected tags: (?P<known>.*)",
        mark("must be one of these: %(known)s"),
    ),
    (r"Unable to extract tag using discriminator '?(?P<name>\w+)'?.*", mark("needs %(name)s")),
    (r"(Input should be a valid|Unable to parse input string as an) integer.*", mark("must be a whole number")),
    (
        r"Input should be a (valid|finite) number.*|Input should be a valid decimal|Decimal input should be .*",
        mark("must be a number"),
    ),
    (r"Input should be a valid boolean.*", mark("must be yes or no")),
    (r"Input should be a valid string.*", mark("must be a text")),
    (r"(Input should be a valid date\b(?!time).*|Datetimes provided to dates .*)", mark("must be a date such as 2026-12-31")),
    (r"Input should be a valid (datetime|time)\b.*", mark("must be a date and a time such as 2026-12-31T09:00")),
    (r"Input should have timezone info", mark("must name its time zone")),
    (r"Input should not have timezone info", mark("must not name a time zone")),
    (r"(Date|Input) should be in the future", mark("must be in the future")),
    (r"(Date|Input) should be in the past", mark("must be in the past")),
    (r"Input should be a valid (list|tuple|set|frozenset)", mark("must be a list")),
    (r"Input should be (a valid dictionary|an object|an instance of).*", mark("must be an object")),
    (r"(Input should be a valid|URL input should be) .*URL.*|URL should have at most .*", mark("must be a web address")),
    (r"URL scheme should be (?P<known>.*)", mark("must be a web address that begins with %(known)s")),
    (r"(Input should be a valid UUID|UUID (version|input)).*|must be a UUID", mark("must be a UUID")),
    (r"Invalid JSON: .*|JSON (input|decode).*|(it )?is no JSON.*|it is no JSON.*", mark("is no JSON")),
    (r"value is not a valid email address.*|is no e-mail address|it is no e-mail address.*", mark("is no e-mail address")),
    # Those of checks that the REST API shares.
    (r"is no telephone number|it is no phone number.*", mark("is no telephone number")),
    (r"give your address, your number, or both", mark("give your address, your number, or both")),
    (r"must be in the future", mark("must be in the future")),
    (r"is missing( or blank)?", mark("is missing")),
    (r"is not UTF-8", mark("has letters that cannot be read; save it as UTF-8")),
    (r"it holds no row", mark("it holds no row")),
    (r"it holds more than (?P<most>\d+) rows", mark("it holds more than %(most)s rows")),
    (r"it must be a list of objects", mark("it must be a list of objects")),
    (r"the first line must hold names of (?P<known>.*)", mark("the first line must hold names of these columns: %(known)s")),
    (r"the same as in line (?P<line>\d+)", mark("the same as in line %(line)s")),
    (r"there is no such chatbot", mark("there is no such chatbot")),
    (r"the chatbot (?P<name>.*) has no such flow", mark("the chatbot %(name)s has no such flow")),
    (r"is not known; known are (?P<known>.*)", mark("is not known; known are %(known)s")),
    (r"there is no operator (?P<name>'.*'); there are (?P<known>.*)", mark("is not known; known are %(known)s")),
    (r"in takes a list of 1 to (?P<most>\d+) values", mark("“one of” takes 1 to %(most)s values")),
    (r"(?P<name>\w+) takes a text, a number or true or false", mark("must be a text, a number, yes or no")),
    (r"(?P<name>\w+) does not go with (?P<what>.*)", mark("this comparison does not go with this field")),
    (r"must be a date or time in ISO 8601", mark("must be a date such as 2026-12-31")),
    (r"takes eq or ne, and true or false", mark("must be yes or no")),
    (r"takes a name or an id", mark("takes a name or an id")),
    (r"an object such as .*|must be an object of operators, such as .*", mark("must be an object")),
    (
        r"a cron expression has five fields: .*",
        mark("a cron expression has five fields: minute, hour, day, month, day of the week"),
    ),
    (
        r"(?P<name>.+): '(?P<text>.*)' is not from (?P<least>\d+) to (?P<most>\d+)",
        mark("“%(text)s” is not from %(least)s to %(most)s"),
    ),
    (
        r"(?P<name>.+): a step is a whole number from 1 on, not '(?P<text>.*)'",
        mark("a step is a whole number from 1 on, not “%(text)s”"),
    ),
)
"""Each sentence by its whole shape, and how it is said; the first that fits counts."""


@cache
def _shapes() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(shape, re.DOTALL), text) for shape, text in SENTENCES)


def in_words(language: str, fault: FieldError) -> str | None:
    """What is wrong, in that language; None: only the English sentence of the fault is known."""
    if fault.pattern:
        return words.translations(language).gettext(fault.pattern) % fault.values
    return _in_words(language, VALUE_ERROR.sub("", fault.message))


def _in_words(language: str, message: str) -> str | None:
    known = words.translations(language)
    for shape, text in _shapes():
        if found := shape.fullmatch(message):
            return known.gettext(text) % found.groupdict()
    if (sentence := phrases.in_words(language, message)) is not None:
        return sentence
    column, colon, rest = message.partition(": ")
    words_of_rest = _in_words(language, VALUE_ERROR.sub("", rest)) if colon and (column.isidentifier() or not column) else None
    return f"{column}: {words_of_rest}" if words_of_rest and column else words_of_rest


def field_in_words(language: str, fault: FieldError) -> str:
    """Where it stands, as the reader is told: a line of a file by its number, else the field's own name."""
    line = LINE.fullmatch(fault.field)
    return words.translations(language).gettext(mark("line %(number)s")) % line.groupdict() if line else fault.field
