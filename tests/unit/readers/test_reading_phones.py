"""Phone numbers as people, vendors and sheets write them."""

import random
import re
from typing import Any

import phonenumbers
import pytest

from shared.readers import UnreadableError, phone, phone_plans
from tests.support.truth import each_row, table


def outcome(row: dict[str, Any]) -> phone.Phone:
    """What the reader makes of a row, the refusals of a first contact included."""
    context = row["context"]
    number = phone.read(row["input"], default=context["default"], channel=context["channel"])
    if context.get("use") == "first-contact" and (reason := phone.refusal_of_first_contact(number.e164)):
        raise UnreadableError(reason)
    return number


@each_row("phones")
def test_a_number_is_read_or_refused(row: dict[str, Any]) -> None:
    """Every row has the number that is dialled and its extension, or no number at all."""
    right = row["right"]
    if isinstance(right, str):
        number = outcome(row)
        assert (number.e164, number.ext) == (right, row.get("ext"))
        return
    with pytest.raises(UnreadableError) as refused:
        outcome(row)
    if "found" in right:
        assert list(refused.value.found) == right["found"]


def test_one_line_is_one_line_in_every_spelling() -> None:
    """Rows of the same line have one key, and no two lines share one."""
    lines: dict[str, set[str]] = {}
    for row in table("phones"):
        if "same_as" in row:
            lines.setdefault(row["same_as"], set()).add(outcome(row).line)
    assert all(len(keys) == 1 for keys in lines.values())
    assert len({next(iter(keys)) for keys in lines.values()}) == len(lines)


@pytest.mark.parametrize(
    ("written", "default", "channel", "right"),
    [
        ("01 (33) 8102-0304", "MX", "form", "+523381020304"),
        ("[33] 8102·0304", "MX", "form", "+523381020304"),
        ("tel:3381020304;phone-context=+52", "MX", "form", "+523381020304"),
        ("+00 52 33 8102 0304", "MX", "form", "+523381020304"),
        ("5213381020304:7@s.whatsapp.net", "MX", "whatsapp", "+523381020304"),
        ("3381020304 3381020304", "MX", "form", "+523381020304"),
        ("(33) 8102-0304, horario 9 a 18", "MX", "form", "+523381020304"),
        ("+54 9 351 15 612 3456", "AR", "form", "+5493516123456"),
        ("551187654321", "BR", "whatsapp", "+5511987654321"),
        ("031 234 5678", "CO", "form", "+576012345678"),
        ("+56 09 8765 4321", "CL", "form", "+56987654321"),
        ("+229 97 12 34 56", "MX", "form", "+2290197123456"),
        ("5491123456789", "MX", "form", "+5491123456789"),
    ],
)
def test_other_spellings_of_the_same_kinds(written: str, default: str, channel: phone.Channel, right: str) -> None:
    """The kinds are read, not the rows."""
    assert phone.read(written, default=default, channel=channel).e164 == right


@pytest.mark.parametrize(
    "written", ["34612345678", "999 999 9999", "5512345678/79", float("nan"), float("inf"), -5512345678, True, "9" * 10_000]
)
def test_what_is_no_number(written: Any) -> None:
    """Another country without its plus, filler, halves and what programs write."""
    with pytest.raises(UnreadableError):
        phone.read(written)


@pytest.mark.parametrize(
    ("number", "others"),
    [
        ("+525512345678", {"+5215512345678"}),
        ("+5531987654321", {"+553187654321"}),
        ("+5491123456789", {"+541123456789"}),
        ("+541123456789", {"+5491123456789"}),
        ("+576012345678", {"+5712345678"}),
    ],
)
def test_a_line_is_known_under_every_spelling(number: str, others: set[str]) -> None:
    """What was filed under an older spelling is found; the dialled form comes first."""
    found = phone.spellings(number)
    assert found[0] == number
    assert others <= set(found)


def _written() -> list[str]:
    """Texts that are nothing but a plus and digits: likely numbers, the same digits twice, one digit only, too many zeros."""
    some = random.Random(14)  # noqa: S311  # texts to read, no secrets

    def digits(number: int) -> str:
        return "".join(some.choice("0123456789") for _ in range(number))

    twice = [f"+{half}{half}" for half in (digits(size) for size in range(4, 8) for _ in range(20))]
    plain = [f"+{code}{digits(size)}" for code in (52, 54, 55, 1, 34, 7) for size in range(7, 12) for _ in range(60)]
    odd = [f"+{first}{rest * size}" for first in "159" for rest in "05" for size in range(6, 15)]
    return [*plain, *twice, *odd]


def test_a_complete_number_is_read_as_if_something_stood_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way for a plus and digits comes to what the long way comes to, refusals included."""
    short = [_read(text) for text in _written()]
    monkeypatch.setattr(phone, "_COMPLETE", re.compile("(?!)"))
    assert short == [_read(text) for text in _written()]
    assert sum(isinstance(one, phone.Phone) for one in short) > 80


def _read(text: str) -> Any:
    phone._read.cache_clear()
    try:
        return phone.read(text)
    except UnreadableError as error:
        return error.reason, tuple(error.found or ()), error.ask


def test_valid_is_what_the_library_calls_valid() -> None:
    """For numbers of every country, right ones and made-up ones."""
    texts = _written()
    for region in phonenumbers.SUPPORTED_REGIONS:
        known = phonenumbers.example_number(region)
        texts += [phonenumbers.format_number(known, phonenumbers.PhoneNumberFormat.E164)] if known else []
    for text in texts:
        number = phone_plans.international(text)
        is_valid = number is not None and phonenumbers.is_valid_number(number)
        assert (phone_plans._parsed(text) is not None) == is_valid, text
