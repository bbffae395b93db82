"""Money: a whole number of the smallest units of a currency. No amount is ever a binary fraction."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from shared.readers import UnreadableError, money
from shared.readers.money_words import STRIPE_WHOLE, THREE_DECIMALS

LARGEST = Decimal(10) ** 12
"""Amounts stay below this: a column of two decimals holds fourteen digits."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of `currency` (ISO 4217) in its smallest unit: centavos of MXN, whole pesos of CLP, thousandths of KWD."""

    minor: int
    currency: str

    @classmethod
    def read(cls, value: Any, currency: str, *, locale: str | None = None, source: money.Source | None = None) -> Self:
        """What a person, a program or a document has written, in whichever way has one meaning.

        Raises:
            UnreadableError: no such amount of that currency, below zero, too large; or `ask`, it has two readings.
        """
        return cls.of(money.read(value, currency, locale=locale, source=source), currency)

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Self:
        """An exact amount. Raises UnreadableError where the currency has no unit that small, or it is too large."""
        scaled = amount.scaleb(money.decimals(currency))
        if not abs(amount) < LARGEST:
            raise UnreadableError("too large")
        if scaled != scaled.to_integral_value():
            raise UnreadableError("more decimals than the currency")
        return cls(int(scaled), currency)

    @classmethod
    def from_stripe(cls, count: Any, currency: str) -> Self:
        """What Stripe calls an amount: a count of the unit that Stripe has for that currency. Raises UnreadableError."""
        return cls.of(money.from_stripe(count, currency.upper()), currency.upper())

    @property
    def stripe(self) -> int:
        """The same for Stripe. Its unit is not always ISO's: ISK and UGX count in hundredths there, MGA in whole units.

        Raises:
            UnreadableError: Stripe has no unit that small (hundredths of MGA).
        """
        digits = 0 if self.currency in STRIPE_WHOLE else 3 if self.currency in THREE_DECIMALS else 2
        count = self.amount.scaleb(digits)
        if count != count.to_integral_value():
            raise UnreadableError("more decimals than Stripe takes")
        return int(count)

    @property
    def amount(self) -> Decimal:
        """The exact amount, with the currency's decimals."""
        return Decimal(self.minor).scaleb(-money.decimals(self.currency))

    def __str__(self) -> str:
        """The amount as plain decimal text, `1500.50`; the currency stands beside it where it matters."""
        return money.text(self.amount)
