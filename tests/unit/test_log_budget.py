"""An event has a budget of log bytes: what our lines take is measured, and what docs/cost.md reckons with is that."""

import pytest

from bench.logs import BUDGET, counted
from bench.passing import pass_events
from deploy.cost import Assumptions, log_bytes_per_event


@pytest.fixture
def measured(environment):
    """Lines and bytes of text for an event, of events that pass through webhook and handler."""
    with counted() as lines:
        events = pass_events(5).events
    return len(lines.bytes) / events, sum(lines.bytes) / len(lines.bytes)


def test_an_event_writes_one_line_of_the_size_that_costs_reckon_with(measured):
    """A line more for each event is a tenth of the day's cap at a million events a day: change the assumption knowingly."""
    lines, text = measured
    assert lines == Assumptions.lines_per_event
    assert text == pytest.approx(Assumptions.bytes_per_text, rel=0.25)


def test_an_event_stays_within_its_budget():
    """At the default level, with the host's own rows by the shares that host.json and TRACE_SHARE give them."""
    assert log_bytes_per_event(Assumptions()) < BUDGET
