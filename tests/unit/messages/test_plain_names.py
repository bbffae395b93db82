"""Names in messages: the words of a name, and nothing that was put there for somebody else to read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages import plain_names
from shared.messages.plain_names import in_message, plain


@pytest.mark.parametrize(
    "name",
    [
        "Ana López", "María José de la Peña y Ruiz", "O'Brien", "D\u2019Angelo", "Jean-Luc", "Dr. Juan Pérez", "Ñandú",
        "José Mª", "안녕", "安娜", "Анна", "आन्या", "Nguyễn Thị Ánh", "Null", "Li",
    ],
)  # fmt: skip
def test_names_of_people_stay(name: str) -> None:
    """In any script, with what belongs to names."""
    assert plain(name) == unicodedata.normalize("NFKC", name)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("https://malo.example/x", None),
        ("Ana www.malo.example", "Ana"),
        ("Ana malo.example", "Ana"),
        ("Ana @malo", "Ana"),
        ("ana@example.com", None),
        ("Ana 5512345678", "Ana"),
        ("Ana 55 12", "Ana"),
        ("call +1-900-555", "call"),
        ("9 0 0 1 2 3", None),
        ("Ana<script>alert(1)</script>", "Ana alert"),
        ("{{ 7*7 }} {% x %} Ana", "Ana"),
        ("*Ana* _López_ ~x~", "Ana López x"),
        ("[Ana](http://x.example)", None),
        ("Ana\u202e\u200b López", "Ana López"),
        ("🌸 Ana 🌸", "Ana"),
        ("Ma.Elena", "Ma. Elena"),
        ("a" * 200, None),
        ("uno dos tres cuatro cinco seis siete ocho nueve diez", "uno dos tres cuatro cinco seis siete ocho"),
        ("\uff41\uff4e\uff41", "ana"),
        ("", None),
        ("---", None),
    ],
)
def test_what_is_no_name_is_left_out(name: str, left: str | None) -> None:
    """Links, addresses, numbers, mark-up, signs that nobody sees, and whatever is too long for a name."""
    assert plain(name) == left


@given(st.text())
def test_what_is_left_is_letters(name: str) -> None:
    """Whatever comes in; and what is left stays as it is."""
    clean = plain(name)
    if clean is not None:
        assert all(sign in " '\u2019-." or unicodedata.category(sign)[0] in "LM" for sign in clean)
        assert len(clean) <= 9 * plain_names.LONGEST_WORD
        assert "://" not in clean


def test_only_names_are_touched() -> None:
    """Other variables hold links and dates; a family name of which nothing is left is left out, a first name replaced."""
    names = {"first_name": "www.x.example", "last_name": "123", "name": "Ana 5512345678"}
    others = {"url": "https://x.example", "n": 1}
    assert in_message(names | others, "es") == {"first_name": "buen día", "name": "Ana"} | others
    assert in_message({"first_name": None}, "es") == {"first_name": None}


@pytest.mark.parametrize(
    ("locale", "word"),
    [
        ("es", "buen día"),
        ("es-MX", "buen día"),
        ("en", "there"),
        ("fr", "buen día"),
        ("../../etc", "buen día"),
        ("", "buen día"),
    ],
)
def test_every_language_has_the_neutral_words(locale: str, word: str) -> None:
    """Its own, else the Spanish ones; a name of a language that is none leads nowhere."""
    assert plain_names.neutral(locale)["no_name"] == word
