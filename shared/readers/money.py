"""Amounts and counts as exact decimals. Nothing is mended here: what has two readings is shown to the sender with both.

Order of proof: the vendor's documented format, the document's arithmetic, the currency's decimals, the form of the number,
the locale.
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, Literal

from shared.readers import UnreadableError
from shared.readers.money_words import DOT_LOCALES, KNOWN, NO_DECIMALS, STRIPE_WHOLE, SYMBOLS, THREE_DECIMALS
from shared.readers.nothing import FieldKind, is_nothing
from shared.readers.regex import regex
from shared.readers.signs import one_line, straight_quotes

Vendor = Literal["stripe", "shopify"]
Source = Literal["json", "sql", "spreadsheet", "ocr"]

_SIGN_BEFORE = regex(r"([^\d\s()\-+.,]+\$?[.]?|[A-Za-z]{1,3}\s?\$|[A-Za-z]/\.?)\s*(?=[\d\-(])")
_SIGN_AFTER = regex(r"(?<=[\d)\-])\s*([^\d\s()\-+,]+)$")
_HUNDREDTHS = regex(r"(\d[\d.,' ]*?)\s+(\d{2})/100")
_NOT_A_NUMBER = regex(r"[+\-]?(?:nan|inf(?:inity)?)|0[xob][0-9a-f]+", re.IGNORECASE)
_SCIENTIFIC = regex(r"[+\-]?\d+(?:[.,]\d+)?e[+\-]?(\d+)", re.IGNORECASE)
_THOUSANDS = regex(r"(\d+(?:[.,]\d{1,2})?) mil")
_UNIT = regex(r"\d[\d.,]* ?(?:k|mm?|mdp|millones|millon|million)", re.IGNORECASE)
_LETTER_INSIDE = regex(r"[\d.,]*(?:\d|[.,])[OolI][\d.,OolI]*|[OolI][\d.,]*\d[\d.,]*")
_BODY = regex(r"\d[\d.,' ]*")
_NOISE = Decimal("1e-9")
_EXPONENT_BOUND = 15
LONGEST = 100  # characters of a text that may be an amount


def decimals(currency: str) -> int:
    """How many decimals amounts of a currency have (ISO 4217)."""
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


def text(amount: Decimal) -> str:
    """The amount as plain decimal text, without an exponent."""
    return format(amount, "f")


def from_stripe(amount: Any, currency: str) -> Decimal:
    """Stripe's count in the currency's smallest unit, as an amount. Raises UnreadableError."""
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise UnreadableError("not a number")
    if currency in STRIPE_WHOLE:
        return Decimal(amount).quantize(Decimal(1))
    shift = 3 if currency in THREE_DECIMALS else 2
    return _fitted(Decimal(amount).scaleb(-shift), currency, reason="not whole")


def read(
    value: Any,
    currency: str,
    *,
    locale: str | None = None,
    vendor: Vendor | None = None,
    source: Source | None = None,
    items: Sequence[str] = (),
    negative: bool = False,
) -> Decimal:
    """An amount of `currency`, with the currency's decimals.

    `items` are the amounts that it must be the sum of, where they are known.

    Raises:
        UnreadableError: with `ask` and the readings in `found` where the sender must choose; else it is no such amount.
    """
    if vendor == "stripe":
        return from_stripe(value, currency)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value, source = repr(value), "json"
    body, minus = _bare(value, currency, source)
    if minus and not negative and body.strip("0.,' "):  # minus nought is nought
        raise UnreadableError("negative")
    exact = vendor == "shopify" or source in ("json", "sql")
    readings = [Decimal(body)] if exact and re.fullmatch(r"\d+(\.\d+)?", body) else _readings(body)
    amount = _chosen(readings, currency, locale, body, _sums(items))
    return _fitted(-amount if minus else amount, currency, noise=source in ("json", "sql"))


def read_unit_price(
    value: Any, currency: str, *, locale: str | None = None, quantity: str = "1", line_total: str | None = None
) -> Decimal:
    """A price per unit, with as many decimals as were written; `line_total` proves the reading, where it is known.

    Raises:
        UnreadableError: as for `read`.
    """
    body, minus = _bare(value, currency, None)
    if minus:
        raise UnreadableError("negative")
    readings = _readings(body)
    if line_total is not None:
        fits = [
            price
            for price in readings
            if any(_is_product(price, q, t, currency) for q in _readings(quantity) for t in _readings(line_total))
        ]
        return _single(fits, readings)
    preferred = _by_locale(readings, body, locale)
    return preferred if preferred is not None else _single(readings, readings)


def readings(value: Any, currency: str, *, per_unit: bool = False) -> list[Decimal]:
    """Every amount of `currency` that a text may mean: one, or both where three digits stand behind a single sign.

    For a caller that proves which of them is meant. An amount that the currency is too coarse for is left out, except of a
    price or measure `per_unit`. An amount below zero is read as one.

    Raises:
        UnreadableError: it is no such amount.
    """
    body, minus = _bare(value, currency, None)
    found = _readings(body)
    unit = Decimal(1).scaleb(-decimals(currency))
    fits = found if per_unit else [one.quantize(unit) for one in found if one == one.quantize(unit)]
    if not fits:
        raise UnreadableError("more decimals than the currency", ask=True)
    return [-one if minus else one for one in fits]


def currencies_of(sign: str) -> frozenset[str]:
    """The currencies that a sign, a code or a word may stand for; none where it is no such sign."""
    return _currencies(one_line(sign))


def signs_of(value: Any) -> list[str]:
    """The currency signs that stand beside an amount."""
    return _without_signs(straight_quotes(one_line(str(value))))[1] if len(str(value)) <= LONGEST else []


def read_count(value: Any, *, whole: bool = True) -> Decimal:
    """A count or measure, a unit behind it left out ("3 pzas"). Raises UnreadableError."""
    if isinstance(value, bool) or value is None or (isinstance(value, str) and is_nothing(value, FieldKind.NUMBER)):
        raise UnreadableError("nothing")
    if len(str(value)) > LONGEST:
        raise UnreadableError("not one number", ask=True)
    found = re.fullmatch(r"([+\-]?\d[\d.,' ]*?)\s*(?:[^\W\d_]+\.?)?", one_line(str(value)))
    if found is None:
        raise UnreadableError("not one number", ask=True)
    amount = _single(_readings(found[1]), ())
    if whole and amount != amount.to_integral_value():
        raise UnreadableError("not whole", ask=True)
    return amount.to_integral_value() if whole else amount


def _bare(value: Any, currency: str, source: Source | None) -> tuple[str, bool]:
    """The digits and separators of an amount, and whether it is negative. Raises UnreadableError."""
    if isinstance(value, bool) or value is None:
        raise UnreadableError("nothing")
    if len(str(value)) > LONGEST:
        raise UnreadableError("not one number", ask=True)
    plain = straight_quotes(one_line(str(value)))
    _refuse_no_number(plain, source)
    plain = _thousands(plain)
    plain = _HUNDREDTHS.sub(lambda found: f"{re.sub("[.,' ]", '', found[1])}.{found[2]}", plain)
    bare, signs = _without_signs(plain)
    for sign in signs:
        if currency not in _currencies(sign):
            raise UnreadableError("another currency")
    bare, minus = _without_minus(bare)
    bare = re.sub(r"[.,]-$", "", bare).strip()
    if not _BODY.fullmatch(bare):
        raise UnreadableError(_fault(plain, bare), ask=True)
    return bare, minus


def _refuse_no_number(plain: str, source: Source | None) -> None:
    if re.fullmatch("#{2,}", plain):
        raise UnreadableError("digits lost")
    if _NOT_A_NUMBER.fullmatch(plain):
        raise UnreadableError("not a number")
    if is_nothing(plain, FieldKind.NUMBER):
        raise UnreadableError("nothing")
    if found := _SCIENTIFIC.fullmatch(plain):
        if len(found[1]) > 2 or int(found[1]) > _EXPONENT_BOUND:  # noqa: PLR2004
            raise UnreadableError("not a number")
        if source != "json":
            raise UnreadableError("digits lost", ask=True)


def _thousands(plain: str) -> str:
    """15000 for "15 mil", as budgets are said; "M" and "k" are asked, since they mean thousand here and million there."""
    if found := _THOUSANDS.match(plain):
        return text(Decimal(found[1].replace(",", ".")) * 1000) + plain[found.end() :]
    return plain


def _without_signs(plain: str) -> tuple[str, list[str]]:
    signs: list[str] = []
    bare = plain
    while (found := _SIGN_AFTER.search(bare)) and _currencies(found[1]):
        signs.append(found[1])
        bare = bare[: found.start()].strip()
    for _ in range(2):
        found = _SIGN_BEFORE.match(bare.lstrip("(-"))
        if found and _currencies(found[1]):
            lead = bare[: len(bare) - len(bare.lstrip("(-"))]
            bare = lead + bare.lstrip("(-")[found.end() :].lstrip()
            signs.append(found[1])
    return bare, signs


def _currencies(sign: str) -> frozenset[str]:
    name = sign.replace(" ", "").upper()
    return SYMBOLS.get(name) or (frozenset({name}) if name in KNOWN or name in NO_DECIMALS | THREE_DECIMALS else frozenset())


def _without_minus(bare: str) -> tuple[str, bool]:
    plain = bare.strip()
    if plain.startswith("(") and plain.endswith(")"):
        return plain[1:-1].strip(), True
    if plain.startswith("-"):
        return plain[1:].strip(), True
    if plain.endswith("-") and not plain.endswith((",-", ".-")):
        return plain[:-1].strip(), True
    return plain.removeprefix("+"), False


def _fault(plain: str, bare: str) -> str:
    if any(_LETTER_INSIDE.fullmatch(word) for word in bare.split()):
        return "letters in it"
    return "unit unclear" if _UNIT.fullmatch(plain) or _UNIT.fullmatch(bare) else "not one number"


def _readings(body: str) -> list[Decimal]:
    """What a number of digits and separators may mean: one amount, or two where three digits stand behind a single sign.

    Raises:
        UnreadableError: `malformed`, no way of writing numbers makes this.
    """
    marked = re.sub("[' ]", "'", body.strip())
    if re.search(r"'(?!\d{3}(?!\d))", marked):
        raise UnreadableError("malformed", ask=True)
    plain = marked.replace("'", "")
    dots, commas = plain.count("."), plain.count(",")
    if dots and commas:
        decimal = max(".,", key=plain.rfind)
        group = "," if decimal == "." else "."
        if plain.count(decimal) > 1 or not _is_grouped(marked.partition(decimal)[0], group):
            raise UnreadableError("malformed", ask=True)
        return [_decimal(plain.replace(group, "").replace(decimal, "."))]
    sign = "." if dots else ","
    if dots + commas > 1:
        if not _is_grouped(marked, sign):
            raise UnreadableError("malformed", ask=True)
        return [_decimal(plain.replace(sign, ""))]
    before, _, behind = plain.partition(sign)
    as_decimal = _decimal(f"{before}.{behind or 0}")
    if len(behind) == 3 and before != "0" and _is_grouped(marked, sign):  # noqa: PLR2004
        return [_decimal(before + behind), as_decimal]
    return [as_decimal]


def _is_grouped(plain: str, sign: str) -> bool:
    first, *rest = plain.replace("'", sign).split(sign)
    return 1 <= len(first) <= 3 and all(len(group) == 3 for group in rest)  # noqa: PLR2004


def _decimal(plain: str) -> Decimal:
    try:
        return Decimal(plain)
    except InvalidOperation as error:
        raise UnreadableError("malformed", ask=True) from error


def _sums(items: Sequence[str]) -> set[Decimal]:
    """Every total that the items may add up to."""
    return (
        {sum(choice, Decimal(0)) for choice in product(*(_readings(one_line(item)) for item in items[:12]))} if items else set()
    )


def _chosen(readings: list[Decimal], currency: str, locale: str | None, body: str, sums: set[Decimal]) -> Decimal:
    if sums:
        fits = [reading for reading in readings if reading in sums]
        if not fits:
            raise UnreadableError("does not add up", found=[text(reading) for reading in readings], ask=True)
        return _single(fits, readings)
    if len(readings) == 1:
        return readings[0]
    group, decimal = readings
    if decimals(currency) == 0:
        return group
    preferred = _by_locale(readings, body, locale)
    if preferred == group or (preferred is not None and decimals(currency) >= 3):  # noqa: PLR2004
        return preferred
    raise UnreadableError("group or decimal", found=[text(group), text(decimal)], ask=True)


def _by_locale(readings: list[Decimal], body: str, locale: str | None) -> Decimal | None:
    if len(readings) == 1:
        return readings[0]
    if not locale or locale == "unknown":
        return None
    decimal_sign = "." if locale in DOT_LOCALES or locale.startswith(("en", "ja", "zh", "ko")) else ","
    return readings[1] if decimal_sign in body else readings[0]


def _single(fits: Sequence[Decimal], readings: Sequence[Decimal]) -> Decimal:
    if len(set(fits)) == 1:
        return fits[0]
    reason = "group or decimal" if fits else "does not add up"
    raise UnreadableError(reason, found=[text(reading) for reading in fits or readings], ask=True)


def _is_product(price: Decimal, quantity: Decimal, total: Decimal, currency: str) -> bool:
    return abs(price * quantity - total) <= Decimal(1).scaleb(-decimals(currency))


def _fitted(amount: Decimal, currency: str, *, noise: bool = False, reason: str = "more decimals than the currency") -> Decimal:
    unit = Decimal(1).scaleb(-decimals(currency))
    try:
        fitted = amount.quantize(unit)
    except InvalidOperation as error:
        raise UnreadableError("not a number") from error
    if fitted != amount and not (noise and abs(fitted - amount) < _NOISE):
        raise UnreadableError(reason, ask=True)
    return fitted
