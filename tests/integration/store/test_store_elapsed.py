"""Durations as each database works them out."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import mssql

from shared import clock
from shared.store.elapsed import LONGEST_MS, step_of
from shared.store.models import InboxEvent
from shared.store.session import reading, transact

STEPS = {
    -5: 0,
    0: 0,
    1: 1,
    999: 999,
    1_000: 1_000,
    1_009: 1_000,
    9_999: 9_990,
    12_345: 12_300,
    999_999: 999_000,
    86_400_000: 86_400_000,
    99_999_998: 99_900_000,
    10**9: LONGEST_MS,
}


@pytest.mark.parametrize("milliseconds", STEPS)
def test_a_duration_lies_in_its_step(database: Engine, test_clock, milliseconds: int) -> None:
    """To the millisecond below a second, to 1 % above; never negative, never more than the longest."""
    end = clock.now()
    start = end - timedelta(milliseconds=milliseconds)
    event = InboxEvent(
        key="k", event_id="1", source="s", type="t", occurred_at=start, received_at=start, handled_at=end, data={}
    )
    transact(lambda session: session.add(event))
    with reading() as session:
        inner = select(step_of(InboxEvent.received_at, InboxEvent.handled_at).label("step")).subquery()
        found = session.execute(select(inner.c.step, func.count()).group_by(inner.c.step)).all()
    assert [tuple(row) for row in found] == [(STEPS[milliseconds], 1)]


def test_azure_sql_counts_beyond_a_month() -> None:
    """DATEDIFF would overflow after 24 days of milliseconds."""
    text = str(select(step_of(InboxEvent.received_at, InboxEvent.handled_at)).compile(dialect=mssql.dialect()))
    assert "DATEDIFF_BIG(millisecond, inbox.received_at, inbox.handled_at)" in text
