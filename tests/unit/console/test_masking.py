"""Personal data as those see it who may not see all of it: enough to tell two apart, too little to write to anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.console.masking import DOTS, masked, masked_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ana.robles@example.com", f"a{DOTS}@example.com"),
        ("de <ana+x@correo.example.mx>, y", f"de <a{DOTS}@correo.example.mx>, y"),
        ("O'Brien%x@example.com", f"O{DOTS}@example.com"),
        ("+52 55 1234 0147", f"{DOTS} 0147"),
        ("+525512340147", f"{DOTS} 0147"),
        ("(55) 1234-0147", f"({DOTS} 0147"),
        ("llámame al 55.1234.0147 mañana", f"llámame al {DOTS} 0147 mañana"),
        ("12345678", f"{DOTS} 5678"),
        ("+1 202-555-0100 y ana@x.mx", f"{DOTS} 0100 y a{DOTS}@x.mx"),
    ],
)
def test_addresses_and_numbers_are_masked(text, shown):
    """The first letter of a mailbox with its host; the last four digits of a number of eight or more."""
    assert masked_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "pedido 1234567",
        "2026-11-29",
        "2026-11-29 10:00:00",
        "2026-11-29T10:00:00Z",
        "1,250.00 MXN",
        "16",
        "3f0e6c5e-0000-4000-8000-0000000000b1",
        "HX12345678901234567890123456789012",
        "",
    ],
)
def test_what_is_no_address_stays(text):
    """An order's number of seven digits, dates, amounts, ids."""
    assert masked_text(text) == text


def test_data_is_masked_wherever_it_stands():
    """In lists and objects within it; keys, numbers and what is no text stay as they are."""
    given_data = {"a": ["ana@example.com", {"b": "+52 55 1234 0147"}], "c": 5512340147, "d": None, "e": True, "f": ("x@y.mx",)}
    shown = {
        "a": [f"a{DOTS}@example.com", {"b": f"{DOTS} 0147"}],
        "c": 5512340147,
        "d": None,
        "e": True,
        "f": [f"x{DOTS}@y.mx"],
    }
    assert masked(given_data) == shown


@given(st.integers(10**7, 10**14))
def test_no_number_of_a_telephone_is_shown_whole(number):
    """Whatever its digits are: at most the last four."""
    shown = masked_text(f"tel {number}")
    assert str(number) not in shown
    assert shown.endswith(str(number)[-4:])


@given(st.text("0123456789 -()+.", max_size=30))
def test_masking_again_changes_nothing(text):
    """What is masked holds nothing more to mask."""
    assert masked_text(masked_text(text)) == masked_text(text)
