"""Every word of the console is there in every language, and says the same things."""

import ast
import re
from collections import Counter
from functools import cache

import pytest

from local import words as in_step
from local.words import folders, key, texts_of
from shared.console import words
from shared.console.words import catalogue
from shared.errors import RefusedError

NAMED = re.compile(r"%\((\w+)\)s")
TYPED = re.compile(
    r"`[^`]*`|\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\]\([^)]*\)|https?://[^\s,);`]*|\{[^}]*\}|\bX-[\w-]+|\b(?:true|false)\b|\d+"
)
"""What the meaning of a setting gives as it is typed."""


@pytest.mark.parametrize("language", sorted(words.LANGUAGES))
def test_every_text_is_translated(language):
    """With all forms where it counts something; `python -m local.words` adds what is lacking, empty."""
    translated = {one for one, string in messages(language).items() if all([string, *string])}
    lacking = {one: where for where, one in everything(language) if one not in translated}
    assert lacking == {}


@pytest.mark.parametrize("language", sorted(words.LANGUAGES))
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


@pytest.mark.parametrize("language", sorted(words.LANGUAGES))
def test_no_translation_is_left_over(language):
    """Of a text that nobody says any more."""
    assert sorted(set(messages(language)) - {one for _where, one in everything(language)}, key=str) == []


def test_meaning_in_spanish_keeps_what_is_typed():
    """Values between backticks, names of settings, numbers, addresses, links into the documents: none of it is translated."""
    wrong = []
    for message in catalogue("es"):
        if message.context == words.SETTING:
            wrong += [message.id] if Counter(TYPED.findall(message.id)) != Counter(TYPED.findall(str(message.string))) else []
    assert wrong == []


@pytest.mark.parametrize(
    ("error", "spanish"),
    [
        (RefusedError(404, "no-such-target", "There is no target x."), "No existe ese sistema."),
        (RefusedError(403, "needs-role", "This needs the role operator."), "Esto necesita el rol de operación."),
        (RefusedError(409, "of-nobody", "Nobody says this."), "Nobody says this."),
    ],
    ids=["by its reason", "by its own sentence", "known to no catalogue"],
)
def test_refusal_is_in_the_language_of_the_reader(error, spanish):
    """The sentences of the API name what they are about and are English; the catalogue knows their reasons."""
    assert words.of_refusal("es", error) == spanish
    assert words.of_refusal("en", error) == error.title


@pytest.mark.parametrize(
    ("language", "count", "words_of_it"),
    [
        ("es", 1, "1 ticket necesita a una persona"),
        ("es", 2, "2 tickets necesitan a una persona"),
        ("en", 1, "1 ticket needs a person"),
        ("en", 0, "0 tickets need a person"),
    ],
)
def test_counted_sentence_has_a_form_for_one(language, count, words_of_it):
    """In each language by its own rule."""
    sentence = words.Counted("%(count)s ticket needs a person", "%(count)s tickets need a person")
    assert words.in_words(language, sentence, {"count": count}) == words_of_it


def test_every_sentence_that_counts_has_a_form_for_one():
    """No text with `%(count)s` is said without its form for one."""
    assert [(where, text) for code in folders() for where, text in texts_of(code) if is_counted(text)] == []


def is_counted(text):
    return isinstance(text, str) and "%(count)s" in text


def messages(language):
    """What a catalogue has: each text (its context, and the text or the reason of a refusal) with its translation."""
    return {(one.context, key(one.id)): one.string for one in catalogue(language) if one.id}


@cache
def everything(language):
    """Every text, every reason of a refusal and what is declared, with where it stands."""
    return [(where, (context, key(text))) for code in folders() for where, context, text in in_step.everything(code, language)]


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


def test_every_fault_of_a_field_is_translated():
    """Whatever `FieldError.of` says of a field in a flow with pages, or of a text, stands in the catalogue."""
    known = {message.id for message in catalogue("es")}
    patterns = set()
    for folder in folders():
        for path in folder.glob("*.py"):
            calls = (one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Call))
            for call in calls:
                if ast.unparse(call.func) == "FieldError.of" and isinstance(call.args[1], ast.Constant):
                    patterns.add(call.args[1].value)
    assert len(patterns) > 10
    assert patterns <= known
