"""Reports: effectiveness and cost from figures of days, on the page and as files."""

import csv
import io
from datetime import timedelta

import pytest

from deploy.capacity import Constants
from functions.console import costs
from shared import clock
from shared.settings import get_settings
from shared.store.figure_models import DayFigure, EventHour, ModelDay
from shared.store.models import Reconciliation
from shared.store.session import transact
from shared.watch import day_figures


@pytest.fixture
def counted(console, environment):
    """Three days of meetings, a journey, carts, messages, tokens and events."""
    environment.setenv("REPORT_PRICES", '{"whatsapp": "0.05", "queue-operations": "0.4"}')
    environment.setenv("REPORT_MODEL_PRICES", '{"gpt-4o": {"input": "9"}, "gpt-4o-mini": {"input": "0.15", "output": "0.60"}}')
    get_settings.cache_clear()
    now = clock.now()
    _since, today = day_figures.last_days(1, now)
    rows = [
        ("booking", "reminded", "ended", 9),
        ("booking", "reminded", "no-show", 1),
        ("booking", "reminded", "booked", 4),
        ("booking", "not reminded", "ended", 1),
        ("booking", "not reminded", "no-show", 1),
        ("booking", "not reminded", "cancelled", 7),
        ("journey-began", "lead_followup", "", 8),
        ("journey-left", "lead_followup", "exited:booking.created", 2),
        ("journey-left", "lead_followup", "finished:", 3),
        ("journey-left", "lead_followup", "active:", 3),
        ("cart-reminded", "", "", 4),
        ("cart-recovered", "", "", 1),
        ("message-sent", "lead_followup", "whatsapp", 20),
        ("message-sent", "", "email", 2),
    ]
    found = [DayFigure(day=today, name=name, owner=owner, part=part, number=number) for name, owner, part, number in rows]
    long_ago = DayFigure(day=today - timedelta(days=10), name="cart-reminded", number=96)
    facts = {"day": today, "flow": "tickets", "calls": 3, "input_tokens": 2_000_000, "output_tokens": 500_000}
    tokens = ModelDay(key="k", model="gpt-4o-mini-2024-07-18", **facts)
    hour = now.replace(minute=0, second=0, microsecond=0)
    events = EventHour(type="manychat.contact", hour=hour, handled=999_990, failed=10)
    transact(lambda session: session.add_all([*found, long_ago, tokens, events]))


def table(browser, name, days=7):
    """The rows of a file."""
    shown = browser.get(f"/console/reports/{name}.csv?days={days}")
    assert shown.status == 200
    assert shown.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(shown.text)))


def test_meetings_are_compared_by_their_reminder(counted, viewer):
    """A share is of those that were held or missed: what nobody said and what was cancelled stand beside it."""
    with_one, without = table(viewer, "meetings")
    assert with_one == {
        "reminder": "reminded",
        "held": "9",
        "missed": "1",
        "share_held": "0.9",
        "cancelled": "0",
        "unknown": "4",
    }
    assert (without["share_held"], without["cancelled"], without["unknown"]) == ("0.5", "7", "0")


def test_no_share_of_nothing(console, viewer):
    """Without a meeting there is no share, and no error."""
    assert [row["share_held"] for row in table(viewer, "meetings")] == ["", ""]
    assert viewer.get("/console/reports").status == 200


def test_journeys_say_what_ended_them(counted, viewer):
    """Shares are of all who entered, those who are still in it too."""
    found = {row["outcome"]: (row["people"], row["share"]) for row in table(viewer, "journeys")}
    assert found == {
        "": ("8", ""),
        "still in it": ("3", "0.375"),
        "came to its end": ("3", "0.375"),
        "booking.created": ("2", "0.25"),
    }


def test_recovered_carts_are_of_those_of_the_same_days(counted, viewer):
    """What was reminded of ten days ago counts in the month and not in the week."""
    assert table(viewer, "carts") == [{"reminded": "4", "recovered": "1", "share": "0.25"}]
    assert table(viewer, "carts", 30) == [{"reminded": "100", "recovered": "1", "share": "0.01"}]


def test_costs_are_counted_or_estimated_and_say_which(counted, viewer):
    """By flow and campaign; what has no price is a number without a cost; a model has the price of its longest known name."""
    found = {(row["flow"], row["campaign"], row["what"]): row for row in table(viewer, "costs")}
    costs_of = {key: (row["number"], row["is"], row["cost"], row["currency"]) for key, row in found.items()}
    assert costs_of == {
        ("leads", "lead_followup", "whatsapp"): ("20", "counted", "1.0000", "USD"),
        ("", "", "email"): ("2", "counted", "", ""),
        ("tickets", "", "gpt-4o-mini-2024-07-18 input"): ("2000000", "counted", "0.3000", "USD"),
        ("tickets", "", "gpt-4o-mini-2024-07-18 output"): ("500000", "counted", "0.3000", "USD"),
        ("contacts", "", "queue-operations"): ("3300000", "estimated", "1.3200", "USD"),
        ("contacts", "", "statements"): ("10200000", "estimated", "", ""),
    }


def test_page_shows_each_table_in_words(counted, viewer):
    """With its share in percent, its numbers as the reader writes them, and a link to the file."""
    shown = viewer.get("/console/reports?days=7")
    assert "with a reminder" in shown.words
    assert "90%" in shown.words
    assert "messages by WhatsApp" in shown.words
    assert "10,200,000" in shown.words
    for name in ("meetings", "journeys", "carts", "costs"):
        assert f"/console/reports/{name}.csv?days=7" in shown.links()


def test_no_such_table(viewer):
    """Is a page that says so."""
    assert viewer.get("/console/reports/nothing.csv").status == 404


def test_constants_are_those_of_the_bench():
    """Those that capacity is reckoned with."""
    used = Constants()
    assert (float(costs.STATEMENTS), float(costs.QUEUE_OPERATIONS)) == (used.statements, used.queue_operations)


def test_lag_and_comparisons_are_files_as_well(console, viewer):
    """The lag is one row; each comparison of the period is one, newest first, and its error is no formula."""
    now = clock.now()
    known = {"asked_by": "timer", "dry_run": True}
    rows = [
        Reconciliation(system="odoo", asked_at=now - timedelta(days=40), state="done", compared=1, **known),
        Reconciliation(system="odoo", asked_at=now - timedelta(hours=2), state="done", compared=9, in_step=8, **known),
        Reconciliation(system="hubspot", asked_at=now, state="failed", error="=cmd()", **known),
    ]
    transact(lambda session: session.add_all(rows))
    (lag,) = table(viewer, "sync_lag")
    assert lag["syncs"] == "0"
    newest, before = table(viewer, "comparisons")
    assert (newest["system"], newest["state"], newest["error"]) == ("hubspot", "failed", "'=cmd()")
    assert (before["system"], before["compared"], before["in_step"]) == ("odoo", "9", "8")
    page = viewer.get("/console/reports").text
    assert {f'href="/console/reports/{name}.csv?days=7"' in page for name in ("sync_lag", "comparisons")} == {True}
