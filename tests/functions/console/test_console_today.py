"""The first page: how its matters are grouped, and the figures of the last day."""

import re
from datetime import timedelta

import pytest

from shared import clock
from shared.store.approval_models import Approval
from shared.store.figure_models import EventHour
from shared.store.models import Delivery
from shared.store.session import transact
from tests.functions.console.browser import Browser
from tests.functions.console.filling import fill, fill_rest


def groups(browser: Browser, by: str) -> dict[str, list[str]]:
    """The headings under which matters stand, each with where its matters lead."""
    card = browser.get(f"/console?by={by}").text.partition('aria-labelledby="waits"')[2].partition("</section>")[0]
    parts = re.split(r'<h3 class="pad">(.*?)</h3>', card)
    return {
        name: re.findall(r'class="btn[^"]*" href="([^"]*)"', part) for name, part in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.mark.parametrize(
    ("by", "heading", "leads_to"),
    [
        ("flow", "Opportunities from ManyChat", "/console/stopped?"),
        ("system", "odoo", "/console/deliveries?state=uncertain&amp;target=odoo"),
        ("system", "odoo", "/console/deliveries?state=dead&amp;target=odoo"),
        ("system", "calcom", "/console/reports/comparison/1"),
        ("system", "The others", "/console/stopped?"),
    ],
)
def test_matters_stand_by_flow_and_by_system(viewer: Browser, by: str, heading: str, leads_to: str) -> None:
    """Each under its flow or its system; what is of none is not left out."""
    fill()
    fill_rest()
    found = groups(viewer, by)
    assert [path for path in found.get(heading, []) if path.startswith(leads_to)] != [], found
    every = groups(viewer, "flow").values()
    assert sum(map(len, found.values())) == sum(map(len, every)) > 5


def test_approval_that_waits_for_a_second_person_stands_there(viewer: Browser) -> None:
    """With whom it touches, who asks and how long is left; not one that was decided, nor one whose time is over."""
    now = clock.now()
    facts = {"kind": "broadcast", "subject": "broadcast:1", "asked_by": "olga", "state": "pending"}
    rows = [
        Approval(
            key="1", title="Broadcast Enero", expires_at=now + timedelta(hours=3), details=[["Recipients", "7214"]], **facts
        ),
        Approval(key="2", title="Decided", expires_at=now + timedelta(hours=3), **facts | {"state": "approved"}),
        Approval(key="3", title="Late", expires_at=now - timedelta(seconds=1), **facts),
    ]
    transact(lambda session: session.add_all(rows))
    shown = viewer.get("/console")
    assert shown.heading == "All systems answer; one matter waits for a person"
    assert "Broadcast Enero Asked for by olga;" in shown.words
    assert "It touches 7214 people or records." in shown.words
    assert re.search(r"records. (2 h 59 min|3 h) left", shown.words)
    assert "/console/approvals/1" in shown.links()


def test_figures_are_of_the_last_day(viewer: Browser) -> None:
    """What was handled and what was not, how long it took to the record, what is due and since when."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    facts = {"type": "manychat.contact", "failed": 1}
    rows = [
        EventHour(hour=hour - timedelta(hours=2), handled=1, milliseconds=2100, **facts),
        EventHour(hour=hour - timedelta(hours=1), handled=9, milliseconds=900, **facts),
        EventHour(hour=hour - timedelta(hours=25), handled=500, milliseconds=10**7, **facts),
    ]
    due = {"kind": "sync", "target": "odoo", "action": "contact", "subject": "manychat:1"}
    due_ones = [Delivery(due_at=clock.now() + timedelta(minutes=each), **due) for each in (-90, -1, 30)]
    transact(lambda session: session.add_all([*rows, *due_ones]))
    shown = viewer.get("/console").words
    assert "24 hours 10 Could not be handled 2 " in shown
    assert re.search(r"Until it stood in the record, on average 300 ms at most 2.1 s, about \d\d:00", shown)
    assert re.search(r"To deliver 2 the first since (\w+ \d+, )?\d\d:\d\d", shown)


def test_figures_of_a_day_without_events(viewer: Browser) -> None:
    """No time is made up."""
    shown = viewer.get("/console").words
    assert "Until it stood in the record, on average \N{EN DASH} " in shown
    assert "To deliver 0 nothing is late" in shown
