"""E-mail addresses as people write them."""

from typing import Any

import pytest

from shared.readers import UnreadableError, email
from tests.support.truth import each_row


@each_row("emails")
def test_an_address_is_read_or_refused(row: dict[str, Any]) -> None:
    """Every row has its key and what a carrier is given, or no address; proposals are shown and never used."""
    right = row["right"]
    if "key" in right:
        found = email.read(row["input"])
        assert (found.key, found.deliver, found.propose) == (right["key"], right["deliver"], right.get("propose"))
        return
    with pytest.raises(UnreadableError) as refused:
        email.read(row["input"])
    assert refused.value.reason == right["refuse"]
    assert refused.value.propose == right.get("propose")
    assert list(refused.value.found) == right.get("found", [])


@pytest.mark.parametrize(
    "written", [None, True, 5, [], "", "a" * 100_000, "\ud800@example.com", "ana@\ud800.example", "ana@exa\x00mple.com"]
)
def test_what_is_no_address_is_refused_and_nothing_else(written: Any) -> None:
    """No value makes the reader fail in another way; a lone surrogate is left out, a NUL is refused."""
    assert email.key_or_none(written) in (None, "ana@.example")
