"""Names, products and ids as people write them, and the length of the message."""

import pytest

from functions.hubspot import events, wording
from shared.errors import PermanentError
from shared.messages import templates
from shared.settings import get_settings

pytestmark = pytest.mark.usefixtures("environment")
WORDING = templates.in_any_language(wording.TEMPLATE)


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        (" Ana ", " López\n", "Ana López"),
        ("Ana", "", "Ana"),
        ("", "López", "López"),
        ("", "", "Cliente"),
        ("\x00\x07", "\u202e", "Cliente"),
        ("Ana\tMaría", "", "Ana María"),
        ("Ana 🎉", "🎊 López 🎁", "Ana 🎉 López"),
        ("👩‍👩‍👧", "🎁", "👩‍👩‍👧"),
        ("x" * 300, "", "x" * 100),
    ],
)
def test_name_of_a_contact(first: str, last: str, name: str) -> None:
    """On one line, up to 100 characters, without signs that cannot be seen, and with one group of emoji at most."""
    assert wording.contact_name({events.FIRST_NAME: first, events.LAST_NAME: last}) == name


@pytest.mark.parametrize(
    ("written", "product"), [("Plan\r\nAnual ", "Plan Anual"), ("🎁🎁🎁🎁", "🎁🎁🎁"), ("p" * 500, "p" * 200), ("\x01", "")]
)
def test_product(written: str, product: str) -> None:
    """Up to 200 characters and three emoji."""
    assert wording.product({events.INTEREST: written}) == product


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("123456789", "123456789"),
        (" id: 123456789 / page 12 ", "123456789"),
        ("1234", "1234"),
        ("none", "none"),
        ("123456789012345678901", "123456789012345678901"),
        ("", ""),
    ],
)
def test_subscriber(written: str, number: str) -> None:
    """5 to 20 digits, or the first such run; else what is there."""
    assert wording.subscriber({events.SUBSCRIBER: written}) == number


def test_name_is_shortened_before_the_text_is_cut(environment: pytest.MonkeyPatch) -> None:
    """And then three dots say that something is missing."""
    whole = wording.message(WORDING, "A" * 100, "Plan")
    environment.setenv("HUBSPOT_MESSAGE_MAX_LENGTH", str(len(whole) - 60))
    get_settings.cache_clear()
    shorter = wording.message(WORDING, "A" * 100, "Plan")
    assert len(shorter) == len(whole) - 60
    assert shorter.endswith(whole[-20:])
    cut = wording.message(WORDING, "A" * 100, "P" * 200)
    assert (len(cut), cut[-3:]) == (len(whole) - 60, "...")


def test_message_that_says_nothing_is_refused() -> None:
    """A template that somebody has emptied."""
    short = templates.Template(name="x", locale="es", channels=("manychat",), kind="marketing", text="Hola")
    with pytest.raises(PermanentError) as refusal:
        wording.message(short, "Ana", "Plan")
    assert refusal.value.reason == "message_too_short"
