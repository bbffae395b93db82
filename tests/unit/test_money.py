"""Money is a whole number of a currency's smallest unit: nothing is lost on the way in, through Stripe, or out."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import Money
from shared.readers import UnreadableError

CURRENCIES = ["MXN", "USD", "CLP", "JPY", "KWD", "UGX", "ISK", "MGA"]


@pytest.mark.parametrize(
    ("written", "currency", "minor", "shown"),
    [
        ("1500.50", "MXN", 150_050, "1500.50"),
        (0.07, "MXN", 7, "0.07"),
        ("$1,500.50", "MXN", 150_050, "1500.50"),
        (1500, "CLP", 1500, "1500"),
        ("1.500", "CLP", 1500, "1500"),
        ("1.234", "KWD", 1234, "1.234"),
        ("-0", "MXN", 0, "0.00"),
        ("999999999999.99", "MXN", 10**14 - 1, "999999999999.99"),
    ],
)
def test_amount_is_counted_in_the_smallest_unit_of_its_currency(written: Any, currency: str, minor: int, shown: str) -> None:
    """Centavos, whole pesos, thousandths; shown with the currency's decimals."""
    money = Money.read(written, currency, source="json" if currency == "KWD" else None)
    assert (money.minor, str(money), money.amount) == (minor, shown, Decimal(shown))


@pytest.mark.parametrize("written", ["10.005", "1e12", 10**12, "-1", True, None, "nan", "ana", [], "1,23,4", "€5"])
def test_what_is_no_amount_of_the_currency_is_refused(written: Any) -> None:
    """Too many decimals, too large, below nought, another currency, nothing at all."""
    with pytest.raises(UnreadableError):
        Money.read(written, "MXN")


@given(st.integers(-(10**11), 10**11), st.sampled_from(CURRENCIES))
def test_the_text_of_an_amount_is_read_as_that_amount(minor: int, currency: str) -> None:
    """What we write, we read."""
    money = Money(abs(minor), currency)
    assert Money.read(str(money), currency, source="json") == money
    assert Money.of(Money(minor, currency).amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("count", "currency", "shown"),
    [(150_050, "mxn", "1500.50"), (1500, "CLP", "1500"), (1234, "KWD", "1.234"), (500, "ISK", "5"), (5, "MGA", "5.00")],
)
def test_stripes_unit_is_not_always_that_of_the_currency(count: int, currency: str, shown: str) -> None:
    """ISK is counted in hundredths, MGA in whole units; and back again."""
    money = Money.from_stripe(count, currency)
    assert (str(money), money.stripe) == (shown, count)


def test_amount_too_small_for_stripe_is_refused() -> None:
    """Stripe has no hundredth of an ariary."""
    with pytest.raises(UnreadableError):
        _ = Money(1, "MGA").stripe


def test_sum_of_a_currency_without_decimals_cannot_have_any() -> None:
    """Half a peso of Chile is no amount."""
    with pytest.raises(UnreadableError):
        Money.of(Decimal("0.5"), "CLP")
    with pytest.raises(UnreadableError):
        Money.from_stripe(550, "ISK")
