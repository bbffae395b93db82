"""Names that are keys: channels, services, stages."""

from typing import Any

from shared.readers import name_key
from tests.support.truth import each_row, table


@each_row("names")
def test_names_compare_as_people_read_them(row: dict[str, Any]) -> None:
    """Every pair is one name, or two."""
    assert name_key.same(*row["input"]) == (row["right"] == "same")


def test_a_key_is_its_own_key() -> None:
    """Made again from itself, a key is the same: stored keys stay valid."""
    keys = [key for row in table("names") for name in row["input"] if (key := name_key.key(name))]
    assert [name_key.key(key) for key in keys] == keys
