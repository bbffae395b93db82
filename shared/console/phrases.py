"""Sentences of the engine (`shared.phrases`) in the language of the reader.

They come as English text, from wherever they were kept, and are known by the pattern that they were made of. What a sentence
is filled in with may be a code or a sentence itself, which is then said in that language too; times are said as the reader
tells time.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from shared.console import terms, words
from shared.console.moments import Reader

PLACE = re.compile(r"%\((\w+)\)s")
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?: at|T)? (\d\d:\d\d) UTC")
HEADED = re.compile(r"([A-Za-z][\w.-]*): (.+)", re.DOTALL)
"""A sentence behind a code, or behind the name of a field: `invalid-day: recurrence_config.day: ...`."""
LONGEST = 2000


@cache
def _shapes() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """Each sentence by its pattern, with its texts (that for one, that for more); the most exact ones first."""
    found = [one.id for one in words.catalogue(words.DEFAULT) if one.id and one.context == words.PHRASE]
    texts = [(one,) if isinstance(one, str) else tuple(one) for one in found]
    texts.sort(key=lambda forms: -len(PLACE.sub("", forms[0])))
    return tuple((re.compile(_shape(form), re.DOTALL), forms) for forms in texts for form in forms)


def _shape(pattern: str) -> str:
    """The regular expression of a pattern; its texts and names take turns."""
    parts = PLACE.split(pattern.replace("%%", "%"))
    return "".join(
        (rf"(?P<{part}>\d+)" if part == "count" else f"(?P<{part}>.+?)") if place % 2 else re.escape(part)
        for place, part in enumerate(parts)
    )


def _parsed(text: str) -> tuple[tuple[str, ...], Mapping[str, str]] | None:
    """What a sentence was made of: its pattern and its values; None where it is none of ours."""
    for shape, forms in _shapes():
        if found := shape.fullmatch(text):
            return forms, found.groupdict()
    return None


def in_words(language: str, text: str, reader: Reader | None = None) -> str | None:
    """A sentence in a language, with its times as `reader` tells them; None where it is none that the catalogue knows."""
    if len(text) > LONGEST:
        return None
    parsed = _parsed(text)
    begins_with_a_value = parsed is not None and PLACE.match(parsed[0][0]) is not None
    if parsed is None or begins_with_a_value:  # a value would take the code along
        behind = _behind_a_code(language, text, reader)
        if parsed is None or behind is not None:
            return behind
    (one, *many), given = parsed
    known, values = words.translations(language), {name: _value(language, value, reader) for name, value in given.items()}
    if many:
        return known.npgettext(words.PHRASE, one, many[0], int(given["count"])) % values
    return known.pgettext(words.PHRASE, one) % values


def _behind_a_code(language: str, text: str, reader: Reader | None) -> str | None:
    found = HEADED.fullmatch(text)
    sentence = None if found is None else in_words(language, found[2], reader)
    return None if found is None or sentence is None else f"{terms.term(language, found[1])}: {sentence}"


def shown(language: str, text: object, reader: Reader | None = None) -> str:
    """The same, or the word of a code; what nobody knows, as it is."""
    return _value(language, str(text), reader)


def _value(language: str, text: str, reader: Reader | None) -> str:
    if reader is not None and (found := MOMENT.fullmatch(text)):
        return reader.when(datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC))
    if text in terms.TERMS:
        return terms.term(language, text)
    return in_words(language, text, reader) or text
