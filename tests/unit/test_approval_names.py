"""Who asks for an approval cannot decide it, however their name is written."""

import pytest

from shared.approvals.approval import LENGTHS, same_name

LONG = "a" * 50 + "@una-empresa.example"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [(" Olga ", "olga", True), (LONG, LONG[: LENGTHS["asked_by"]], True), ("olga", "ana", False), ("olga", "olga2", False)],
)
def test_name_that_was_cut_off_to_be_stored_is_the_same(one, other, is_same):
    """Names of Microsoft Entra ID are longer than the column."""
    assert same_name(one, other) is same_name(other, one) is is_same
