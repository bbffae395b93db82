"""Systems: what goes wrong with each; the report of an outage, and what it proves."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from shared import clock
from shared.outbox.actions import State
from shared.store.models import ActionLog, Delivery
from shared.store.session import transact
from shared.store.wait_models import DeliveryWait, Outage
from shared.web import paging
from tests.functions.console.browser import Browser

HELD_UP = 3


def attempt(at: datetime, result: str, delivery: int | None = None, action: str = "odoo.contact") -> ActionLog:
    return ActionLog(at=at, actor="system", action=action, attempt=1, result=result, delivery_id=delivery)


def test_errors_of_a_system_are_told_by_their_kind(viewer: Browser) -> None:
    """Of the last day, the most frequent first; what went well is none, nor is what another system said."""
    now = clock.now()
    rows = [attempt(now, result) for result in ("retryable", "wrong-field", "retryable", "done", "skipped", "late retryable")]
    rows += [attempt(now, "wrong-field", action="odoo_sheets.row"), attempt(now - timedelta(hours=25), "not-found")]
    transact(lambda session: session.add_all(rows))
    shown = viewer.get("/console/systems/odoo")
    words = shown.words.partition("Errors by kind")[2].partition("Outages")[0]
    assert "retryable 3" in words
    assert "wrong-field 1" in words
    assert words.index("retryable") < words.index("wrong-field")
    assert "not-found" not in words
    assert "No attempt failed" in viewer.get("/console/systems/discord").words


def test_people_whom_a_system_keeps_waiting_are_counted_once(viewer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many deliveries are about them; where only some were looked at, the page says so."""
    facts = {"kind": "sync", "target": "odoo", "due_at": clock.now() - timedelta(minutes=1)}
    rows = [Delivery(action=f"a{number}", subject=f"manychat:{number % 3}", **facts) for number in range(5)]
    transact(lambda session: session.add_all(rows))
    assert "3 people or records" in viewer.get("/console/systems/odoo").words
    monkeypatch.setattr(paging, "COUNTED_TO", 2)
    assert "at least: 2 people or records" in viewer.get("/console/systems/odoo").words


@pytest.fixture
def outage(console: None) -> int:
    """Odoo was away for an hour; three deliveries waited, each was done once afterwards."""
    now = clock.now()
    row = Outage(target="odoo", error="503", held_up=HELD_UP, done=HELD_UP, started_at=now - timedelta(hours=2))
    row.ended_at = now - timedelta(hours=1)

    def work(session: Session) -> None:
        session.add(row)
        session.flush()
        for number in range(HELD_UP):
            who = f"manychat:{number % 2}"
            facts = {"kind": "sync", "target": "odoo", "action": "contact", "subject": who, "due_at": now}
            one = Delivery(state=State.DONE, finished_at=now, **facts)
            session.add(one)
            session.flush()
            waited = {"started_at": now - timedelta(minutes=100 + number), "ended_at": now - timedelta(minutes=60)}
            session.add(DeliveryWait(delivery_id=one.id, reason="outage", outage_id=row.id, **waited))
            session.add(attempt(now, "retryable", one.id))
            session.add(attempt(now, "done", one.id))

    transact(work)
    return row.id


def test_report_of_an_outage_proves_that_nothing_was_doubled(outage: int, viewer: Browser) -> None:
    """From when to when, how many people, the longest wait, each delivery that waited done once."""
    shown = viewer.get(f"/console/outages/{outage}")
    assert shown.heading == "odoo did not answer for 1 h"
    assert "It touched 2 people or records. The longest wait was 42 min." in shown.words
    assert "Nothing was lost and nothing was done twice." in shown.words
    assert "Held up 3 Done once 3 Ended otherwise 0 Still open 0 Done twice 0" in shown.words
    assert shown.words.count("manychat:") == HELD_UP


def test_report_of_an_outage_claims_nothing_that_is_not_so(outage: int, viewer: Browser) -> None:
    """One that took effect twice, and one that is still open, are told."""
    transact(lambda session: session.add(attempt(clock.now(), "done", 1)))
    shown = viewer.get(f"/console/outages/{outage}").words
    assert "Done twice 1" in shown
    assert "Nothing was lost" not in shown
    transact(lambda session: session.query(ActionLog).delete())
    transact(lambda session: session.query(Outage).update({"done": HELD_UP - 1}))
    shown = viewer.get(f"/console/outages/{outage}").words
    assert "Still open 1 Done twice 0" in shown
    assert "Nothing was lost" not in shown
