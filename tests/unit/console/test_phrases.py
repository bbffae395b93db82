"""Sentences of the engine are kept in English and said in the language of the reader."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from shared.console import phrases, words
from shared.console.moments import Reader
from shared.phrases import counted_phrase, phrase

AT = datetime(2026, 11, 30, 16, 5, tzinfo=UTC)
READER = Reader("es", ZoneInfo("America/Mexico_City"), AT)
PATTERNS = [one for one in words.catalogue("es") if one.id and one.context == words.PHRASE]


def texts(message):
    """The texts of a message of the catalogue with their translations."""
    if isinstance(message.id, str):
        return [(message.id, message.string)]
    return list(zip(message.id, message.string[:2], strict=True))


@pytest.mark.parametrize("message", PATTERNS, ids=lambda one: str(one.id)[:60])
def test_every_sentence_is_known_again(message):
    """By its own pattern, whatever others begin like it; in English it stays as it is."""
    for place, (english, spanish) in enumerate(texts(message)):
        values = {name: str(place + 1) if name == "count" else f"x{name}7" for name in re.findall(r"%\((\w+)\)s", english)}
        assert phrases.in_words("es", english % values) == spanish % values
        assert phrases.in_words("en", english % values) == english % values


def test_there_are_sentences():
    assert len(PATTERNS) > 70


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        (phrase("It waits: %(reason)s.", reason="quiet-hours"), "Espera: espera a que empiece el día de la persona."),
        (
            phrase("It waits: %(reason)s.", reason=phrase("there is no %(name)s to count from yet", name="end_at")),
            "Espera: aún no hay end_at desde donde contar.",
        ),
        (phrase("It goes out on %(time)s.", time=AT), "Sale: 10:05."),
        ("It waits: the journey is paused since 2026-11-30 16:05 UTC.", "Espera: el recorrido está en pausa desde 10:05."),
        (counted_phrase("and %(count)s more person", "and %(count)s more people", 1), "y 1 persona más"),
        (counted_phrase("and %(count)s more person", "and %(count)s more people", 2), "y 2 personas más"),
        ("quiet-hours", "espera a que empiece el día de la persona"),
        (
            "invalid-day: recurrence_config.day: a day of the month, 1 to 31, is needed",
            "invalid-day: recurrence_config.day: hace falta un día del mes, de 1 a 31",
        ),
        ("Nota: nobody of ours says this", "Nota: nobody of ours says this"),
        ("and many more people", "and many more people"),
        ("nobody of ours says this", "nobody of ours says this"),
    ],
    ids=[
        "code in it",
        "sentence in it",
        "time",
        "time of a kept one",
        "one",
        "more",
        "code",
        "behind codes",
        "behind a word",
        "no number",
        "unknown",
    ],
)
def test_sentence_in_words(english, spanish):
    assert phrases.shown("es", english, READER) == spanish


def test_english_tells_time_as_its_reader_does():
    assert phrases.shown("en", phrase("It goes out on %(time)s.", time=AT), READER) == "It goes out on 10:05."


def test_what_is_very_long_is_not_searched():
    """Nobody's text takes time by its length."""
    assert phrases.in_words("es", "version " + "x" * phrases.LONGEST) is None
