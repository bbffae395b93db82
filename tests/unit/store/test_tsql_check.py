"""What the check of compiled statements refuses, and what it lets pass."""

import pytest
from sqlalchemy import false, select

from shared.store.message_models import Suppression
from tests.support import tsql

REFUSED = [
    "SELECT suppressions.id FROM suppressions WHERE suppressions.lifted IS 0",
    "SELECT suppressions.id FROM suppressions WHERE suppressions.lifted IS NOT 1",
    "SELECT suppressions.id FROM suppressions WHERE suppressions.channel = ? LIMIT 1",
    "INSERT INTO suppressions (who) VALUES (?) ON CONFLICT DO NOTHING",
]
TAKEN = [
    "SELECT TOP 1 suppressions.id FROM suppressions WITH (UPDLOCK, READPAST, ROWLOCK) WHERE suppressions.lifted = 0",
    "SELECT journey_versions.definition FROM journey_versions WHERE journey_versions.hash IN (?, ?, ?)",
    "SELECT deliveries.id FROM deliveries WHERE deliveries.error = 'IS 0 LIMIT 1 ?'",
    "SELECT deliveries.id FROM deliveries ORDER BY deliveries.id OFFSET 0 ROWS FETCH FIRST 5 ROWS ONLY",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_only_another_database_takes_is_refused(text: str) -> None:
    """A bit compared by IS, LIMIT and ON CONFLICT."""
    with pytest.raises((AssertionError, ValueError)):
        tsql.check(text)


@pytest.mark.parametrize("text", TAKEN)
def test_what_azure_sql_takes_passes(text: str) -> None:
    """Hints, TOP, FETCH, a column named `definition`, and words of another database inside a text."""
    tsql.check(text)


def test_is_false_of_sqlalchemy_is_the_mistake_meant() -> None:
    """`column.is_(False)` becomes `IS 0`, which no T-SQL server takes; `column == false()` becomes `= 0`."""
    with pytest.raises(AssertionError, match="not by IS"):
        tsql.check(tsql.compiled(select(Suppression.id).where(Suppression.lifted.is_(False))))
    tsql.check(tsql.compiled(select(Suppression.id).where(Suppression.lifted == false())))
