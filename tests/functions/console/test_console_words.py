"""Every word of the console is there in every language, and says the same things."""

import re

import pytest

from local.words import folders, key, said
from shared.console import words
from shared.console.words import catalogue

NAMED = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize("language", sorted(set(words.LANGUAGES) - {"en"}))
def test_every_text_is_translated(language):
    """With all forms where it counts something; `python -m local.words` adds what is lacking, empty."""
    translated = {key(message.id) for message in catalogue(language) if all([message.string, *message.string])}
    lacking = {key(text): where for code in folders() for where, text in said(code) if key(text) not in translated}
    assert lacking == {}


@pytest.mark.parametrize("language", sorted(set(words.LANGUAGES) - {"en"}))
def test_translation_names_what_its_text_names(language):
    """A name that the text does not give would be an error on the page."""
    wrong = []
    for message in catalogue(language):
        if not message.id:
            continue
        ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
        given = {name for one in ids for name in NAMED.findall(one)}
        forms = (message.string,) if isinstance(message.string, str) else tuple(message.string)
        wrong += [ids[0] for form in forms if not set(NAMED.findall(form)) <= given]
    assert wrong == []


def test_no_translation_is_left_over():
    """Of a text that nobody says any more."""
    texts = {key(text) for code in folders() for _where, text in said(code)}
    assert [key(message.id) for message in catalogue("es") if message.id and key(message.id) not in texts] == []


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "es"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "en;q=0.3, es-MX", "es"),
        (None, "fr, de;q=0.5, en;q=0.1", "en"),
        (None, "en;q=0", "es"),
        (None, "en;q=x", "es"),
        ("en", "es", "en"),
        ("xx", "en", "en"),
    ],
)
def test_language_of_the_reader(cookie, accepted, language):
    """As they chose, else as their browser says, else Spanish."""
    assert words.chosen(cookie, accepted) == language
