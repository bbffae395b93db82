"""The old numbers of people."""

from hypothesis import given
from hypothesis import strategies as st

from shared.importer.numbers import OldNumbers

# Letters, digits and signs, as ids have them: none that cannot be seen.
IDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1)


@given(st.lists(st.tuples(st.integers(1, 2**31 - 1), IDS)))
def test_numbers_are_remembered_as_in_a_dictionary(entries: list[tuple[int, str]]) -> None:
    """The last word on a number counts; a number that nobody has is nobody's."""
    numbers = OldNumbers()
    for number, manychat_id in entries:
        numbers[number] = manychat_id
    known = dict(entries)
    assert {number: numbers.get(number) for number in known} == known
    assert numbers.get(0) is None
