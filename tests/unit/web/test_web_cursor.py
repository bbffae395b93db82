"""One cursor for every list: what `next` says leads back to the same place, and nothing else is taken for one."""

from contextlib import suppress
from datetime import UTC, datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RefusedError
from shared.web.cursor import BY_ID, Cursor

KINDS: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(0, 10**18 - 1),
    datetime: st.datetimes(timezones=st.just(UTC)),
    str: st.text().filter(lambda text: "\0" not in text),
}
PLACES = st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=4).flatmap(
    lambda kinds: st.tuples(st.just(tuple(kinds)), st.tuples(*(KINDS[kind] for kind in kinds)))
)


@given(PLACES, st.none() | st.sampled_from(["name", "-updated_at"]))
def test_text_leads_back_to_its_place(place: tuple[tuple[type, ...], tuple[Any, ...]], order: str | None) -> None:
    """Any numbers, moments and letters come back as they were, through a text that a URL takes."""
    kinds, values = place
    cursor = Cursor(*kinds, order=order)
    text = cursor.text(*values)
    assert cursor.place(text) == values
    assert text.isascii()
    assert not set(text) & set(" &?#%+/")


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    """Whatever somebody sends is a place or its refusal."""
    for cursor in (BY_ID, Cursor(str, int, order="name"), Cursor(datetime, int, int)):
        with suppress(RefusedError):
            assert len(cursor.place(text)) >= 1


@pytest.mark.parametrize("text", ["name~YQ~1", "1~2", "-1", "9" * 19, "9" * 25, "٣", "²", "1.0", "", "~"])
def test_cursor_of_another_list_is_refused(text: str) -> None:
    """A list of ids takes one number that the databases can hold."""
    with pytest.raises(RefusedError) as refused:
        BY_ID.place(text)
    assert (refused.value.status, refused.value.errors[0].field) == (422, "after")


def test_moment_with_an_offset_beyond_the_calendar_is_refused() -> None:
    """The first day of the year 1, moved before it by its offset, is no place in a list."""
    early = datetime(1, 1, 1, tzinfo=timezone.max)
    with pytest.raises(RefusedError):
        Cursor(datetime).place(early.isoformat())
