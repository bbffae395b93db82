"""Amounts and counts as people, vendors and documents write them."""

from typing import Any

import pytest

from shared.readers import UnreadableError, money
from tests.support.truth import each_row


def read(row: dict[str, Any]) -> str:
    """A row's number as exact decimal text."""
    context = row["context"]
    if context["field"] == "quantity":
        return money.text(money.read_count(row["input"]))
    if context["field"] == "unit_price":
        proof = {name: context[name] for name in ("locale", "quantity", "line_total")}
        return money.text(money.read_unit_price(row["input"], context["currency"], **proof))
    amount = money.read(
        row["input"],
        context["currency"],
        locale=context["locale"],
        vendor=context.get("vendor"),
        source=context.get("source"),
        items=context.get("items", ()),
        negative=context["field"] == "adjustment",
    )
    return money.text(amount)


@each_row("numbers")
def test_an_amount_is_exact_asked_or_refused(row: dict[str, Any]) -> None:
    """Every row has its decimal text, is asked with its readings, or is no such number."""
    right = row["right"]
    if isinstance(right, str):
        assert read(row) == right
        return
    with pytest.raises(UnreadableError) as refused:
        read(row)
    assert refused.value.ask == ("ask" in right)


def test_both_readings_are_shown() -> None:
    """The sender chooses between 1250 and 1.25."""
    with pytest.raises(UnreadableError) as asked:
        money.read("1.250", "MXN")
    assert asked.value.found == ("1250", "1.250")


@pytest.mark.parametrize("written", [float("nan"), float("inf"), 1e300, "9" * 5_000, True, None, [], "\ud800", "1e99999999"])
def test_what_is_no_amount_is_refused_and_nothing_else(written: Any) -> None:
    """No value makes the reader fail in another way."""
    with pytest.raises(UnreadableError):
        money.read(written, "MXN")
