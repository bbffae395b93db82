"""What a call's address carries: readable by us alone, and only as we wrote it."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.messages import call_cards
from shared.messages.call_cards import LONGEST, Card

ONE, TWO, THREE = (SecretStr(name) for name in ("uno", "dos", "tres"))
VALUES = st.dictionaries(st.text(max_size=20), st.text(max_size=60) | st.integers() | st.none(), max_size=4)


def card(**more: Any) -> Card:
    """A call to Ana."""
    values: dict[str, Any] = {"delivery_id": 7, "template": "lead_call", "locale": None, "variables": {"first_name": "Ana Ñ"}}
    return Card(**(values | more))


SEALED = call_cards.sealed(card(), [ONE])  # never the same twice


@given(VALUES, st.integers(min_value=1, max_value=2**62))
def test_what_is_sealed_is_opened_as_it_was(variables: dict[str, Any], number: int) -> None:
    """Whatever the values are, and fit for an address as it is."""
    text = call_cards.sealed(card(variables=variables, delivery_id=number), [ONE])
    assert set(text) <= set(string.ascii_letters + string.digits + "-_")
    assert call_cards.opened(text, [ONE]) == card(variables=variables, delivery_id=number) or not text


def test_nobody_reads_a_name_in_it() -> None:
    """Addresses end up in logs."""
    assert "Ana" not in call_cards.sealed(card(), [ONE])


@given(st.data())
def test_altered_in_any_place_it_is_nothing(data: st.DataObject) -> None:
    """One sign more, less or other."""
    text = SEALED
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([sign for sign in string.ascii_letters if sign != text[at]]))
    for bad in (text[:at] + other + text[at + 1 :], text[:at] + text[at + 1 :], text[:at] + other + text[at:]):
        found = call_cards.opened(bad, [ONE])
        assert found is None or found == card()  # the last sign of base64 has bits that mean nothing


@given(st.text(max_size=50))
def test_anything_else_is_nothing(text: str) -> None:
    """No text of a stranger breaks it."""
    assert call_cards.opened(text, [ONE]) is None


def test_secrets_can_be_changed() -> None:
    """What the old one sealed is read while it is listed."""
    text = call_cards.sealed(card(), [ONE])
    assert call_cards.opened(text, [TWO, ONE]) == card()
    assert call_cards.opened(text, [TWO, THREE]) is None


@pytest.mark.parametrize(("secrets", "variables"), [([], {"a": "b"}), ([ONE], {"a": "x" * LONGEST})])
def test_without_a_secret_or_too_long_there_is_none(secrets: list[SecretStr], variables: dict[str, str]) -> None:
    """Then our record is asked."""
    assert call_cards.sealed(card(variables=variables), secrets) == ""
    assert call_cards.opened("", secrets) is None
