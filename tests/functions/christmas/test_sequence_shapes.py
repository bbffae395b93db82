"""Our values in whatever type a customer's database has."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.christmas.notion_shape import UnfitError, equals, shaped

AT = datetime(2026, 3, 2, 17, tzinfo=UTC)
OPTIONS = {"type": "status", "status": {"options": [{"name": "sent"}]}}


def text(words: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"content": words}}]


@pytest.mark.parametrize(
    ("value", "of", "found"),
    [
        ("Ana", {"type": "title"}, {"title": text("Ana")}),
        (None, {"type": "rich_text"}, {"rich_text": []}),
        (AT, {"type": "rich_text"}, {"rich_text": text("2026-03-02T17:00:00+00:00")}),
        (["a", "b"], {"type": "rich_text"}, {"rich_text": text("a, b")}),
        (55.0, {"type": "rich_text"}, {"rich_text": text("55")}),
        (True, {"type": "rich_text"}, {"rich_text": text("true")}),
        (3, {"type": "number"}, {"number": 3.0}),
        ("3", {"type": "number"}, {"number": 3.0}),
        (None, {"type": "number"}, {"number": None}),
        ("a,b", {"type": "select"}, {"select": {"name": "a b"}}),
        (None, {"type": "select"}, {"select": None}),
        ("sent", OPTIONS, {"status": {"name": "sent"}}),
        (None, OPTIONS, {"status": None}),
        (["a", "b"], {"type": "multi_select"}, {"multi_select": [{"name": "a"}, {"name": "b"}]}),
        ("a", {"type": "multi_select"}, {"multi_select": [{"name": "a"}]}),
        (None, {"type": "multi_select"}, {"multi_select": []}),
        (AT, {"type": "date"}, {"date": {"start": "2026-03-02T17:00:00+00:00"}}),
        (None, {"type": "date"}, {"date": None}),
        ("a@b.mx", {"type": "email"}, {"email": "a@b.mx"}),
        ("+52", {"type": "phone_number"}, {"phone_number": "+52"}),
        ("https://x", {"type": "url"}, {"url": "https://x"}),
        (AT, {"type": "checkbox"}, {"checkbox": True}),
        (None, {"type": "checkbox"}, {"checkbox": False}),
    ],
)
def test_shapes(value: Any, of: dict[str, Any], found: dict[str, Any]) -> None:
    """As Notion wants it."""
    assert shaped(value, of) == found


@pytest.mark.parametrize(
    ("value", "of"),
    [("x", {"type": "number"}), ("x", {"type": "date"}), ("delivered", OPTIONS), ("x", {"type": "formula"}), ("x", {})],
)
def test_what_does_not_fit(value: Any, of: dict[str, Any]) -> None:
    """Is said, and not forced."""
    with pytest.raises(UnfitError):
        shaped(value, of)


def test_long_texts_are_cut() -> None:
    """Notion takes 100 pieces of 2000."""
    assert len(shaped("x" * 500_000, {"type": "rich_text"})["rich_text"]) == 10


@pytest.mark.parametrize("kind", ["title", "rich_text", "email", "select", "status", "url"])
def test_looking_up(kind: str) -> None:
    """By the type that the property has."""
    assert equals("Correo", "x", {"type": kind}) == {"property": "Correo", kind: {"equals": "x"}}


def test_what_cannot_be_looked_up() -> None:
    """A date, for one."""
    with pytest.raises(UnfitError):
        equals("Correo", "x", {"type": "date"})
