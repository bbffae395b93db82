"""The figures of the record: counts, lateness, speed, at the cost of a few seeks."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, insert
from sqlalchemy.orm import Session

from shared import clock
from shared.store.elapsed import LONGEST_MS
from shared.store.models import ActionLog, Contact, Delivery, InboxEvent, Opportunity, Target
from shared.store.session import transact
from shared.watch import record
from tests.support.world import contact, opportunity


def test_empty_record_has_nothing_to_tell(database, test_clock) -> None:
    """A fresh system has nothing due, has lost nothing and has done nothing."""
    assert record.figures() == {
        "dead_letters": 0,
        "errored_syncs": 0,
        "deliveries": {"pending": 0, "sending": 0, "dead": 0, "uncertain": 0},
        "shadow": {"targets": [], "shadowed": 0},
        "targets": {},
        "paused_flows": {},
        "handled": {"events": {}, "p50_ms": 0, "p95_ms": 0, "p99_ms": 0},
        "carried_out": {"attempts": {}, "p50_ms": 0, "p95_ms": 0, "p99_ms": 0},
    }


def test_events_of_the_last_minute_are_counted_with_their_lag(world, test_clock) -> None:
    """What was handled counts by type and outcome, with the time from the door; what is older than a minute does not."""
    world.post("contact", contact("m1"))
    world.run()
    test_clock.advance(seconds=61)
    world.post("contact", contact("m2"))
    test_clock.advance(seconds=3)
    world.run()
    handled = record.figures()["handled"]
    assert handled == {"events": {"manychat.contact applied": 1}, "p50_ms": 3000, "p95_ms": 3000, "p99_ms": 3000}


def test_dead_letters_are_counted_until_they_are_replayed(world, test_clock) -> None:
    """An event with an unknown stage is one parked dead letter."""
    world.post("opportunity", opportunity("m1", stage="Etapa desconocida"))
    world.run()
    assert record.figures()["dead_letters"] == 1


def test_errored_syncs_are_counted_on_contacts_and_opportunities(database, test_clock) -> None:
    """A row whose sync is in error counts, one that is pending does not."""

    def work(session: Session) -> None:
        people = [Contact(manychat_id=f"m{n}", odoo_sync_status=status) for n, status in enumerate(("error", "pending"))]
        session.add_all(people)
        session.flush()
        session.add(Opportunity(manychat_id="m0", contact_id=people[0].id, odoo_sync_status="error"))

    transact(work)
    assert record.figures()["errored_syncs"] == 2


def test_a_target_tells_its_circuit_and_how_late_it_is(world, test_clock) -> None:
    """What is due and not done shows with the age of the first of it; what is due later does not."""

    def work(session: Session) -> None:
        session.add(Target(name="odoo", circuit="open"))
        for due in (clock.now() - timedelta(minutes=20), clock.now() - timedelta(minutes=5), clock.now() + timedelta(hours=1)):
            session.add(Delivery(kind="sync", target="odoo", action="opportunity", subject="m1", due_at=due))

    transact(work)
    assert record.figures()["targets"] == {"odoo": {"circuit": "open", "due": 2, "late_seconds": 1200}}


def test_attempts_of_the_last_minute_are_counted_by_result(world, test_clock) -> None:
    """The action log of the last minute, by action and result, with the time from owing to done."""
    world.post("opportunity", opportunity("m1"))
    world.run()
    attempts = record.figures()["carried_out"]["attempts"]
    assert list(attempts) == ["odoo.opportunity unavailable"]


def test_counting_stops_at_a_bound(database, test_clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with millions of open rows costs no more to look at than one with the bound's number."""
    monkeypatch.setattr(record, "COUNTED_TO", 3)
    transact(lambda session: session.add_all([Contact(manychat_id=f"m{n}", odoo_sync_status="error") for n in range(5)]))
    assert record.figures()["errored_syncs"] == 3


def test_every_query_uses_an_index(database, test_clock) -> None:
    """No query of the watch reads a whole table, except the small ones `targets` and `flow_holds` and what a bound cuts off."""
    if database.dialect.name != "sqlite":
        pytest.skip("asks SQLite's planner")
    waiting = Delivery(kind="sync", target="odoo", action="opportunity", subject="m1", due_at=clock.now())
    transact(lambda session: session.add_all([Target(name="odoo"), waiting]))
    seen: list[tuple[str, tuple[object, ...]]] = []
    event.listen(database, "before_cursor_execute", lambda *call: seen.append((call[2], call[3])))
    record.figures()
    with database.connect() as connection:
        for statement, values in [one for one in seen if one[0].startswith("SELECT")]:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            scans = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
            allowed = ("SCAN targets", "SCAN flow_holds", "SCAN anon_1", "SCAN action_log")  # the last: newest first, bounded
            assert [step for step in scans if step not in allowed] == [], statement


@given(st.dictionaries(st.integers(min_value=0, max_value=LONGEST_MS), st.integers(min_value=1, max_value=50), max_size=40))
def test_percentiles_are_those_of_every_single_value(durations: dict[int, int]) -> None:
    """Each is one of the values (never an invented one): that of the nearest rank, as if all were written out in order."""
    ordered = sorted(value for value, count in durations.items() for _ in range(count))
    expected = {f"p{share}_ms": ordered[-(-share * len(ordered) // 100) - 1] if ordered else 0 for share in (50, 95, 99)}
    assert record.spread(durations) == expected


@pytest.mark.slow
def test_figures_are_right_at_500_events_a_second(database, test_clock) -> None:
    """30,000 events and as many syncs within the minute, each second slower than the last: none is left out."""
    minute, rate = 60, 500
    took = [second * 100 + number for second in range(minute) for number in range(rate)]
    begun = clock.now()
    done = [begun + timedelta(seconds=1 + number // rate) for number in range(minute * rate)]
    test_clock.advance(seconds=minute)
    since = [at - timedelta(milliseconds=milliseconds) for at, milliseconds in zip(done, took, strict=True)]
    event = {"source": "s", "type": "t", "outcome": "applied", "data": {}}
    sync = {"kind": "sync", "target": "odoo", "action": "opportunity", "state": "done"}
    line = {"actor": "system", "action": "odoo.opportunity", "result": "done"}
    events, syncs, lines = [], [], []
    for number, (start, end) in enumerate(zip(since, done, strict=True)):
        name = str(number)
        events.append(event | {"key": name, "event_id": name, "occurred_at": start, "received_at": start, "handled_at": end})
        syncs.append(sync | {"id": number + 1, "subject": name, "due_at": start, "created_at": start, "finished_at": end})
        lines.append(line | {"delivery_id": number + 1, "at": end})
    for table, rows in ((InboxEvent, events), (Delivery, syncs), (ActionLog, lines)):
        transact(lambda session, table=table, rows=rows: session.execute(insert(table), rows))
    figures, ordered = record.figures(), sorted(took)
    handled, carried_out = figures["handled"], figures["carried_out"]
    assert handled["events"] == {"t applied": len(took)}
    assert carried_out["attempts"] == {"odoo.opportunity done": len(took)}
    for share in (50, 95, 99):
        exact = ordered[len(ordered) * share // 100 - 1]
        assert handled[f"p{share}_ms"] == carried_out[f"p{share}_ms"] == pytest.approx(exact, rel=0.01)


def test_open_deliveries_are_counted_by_state(database, test_clock) -> None:
    """What is finished is not counted: there will be millions of it."""
    states = ("pending", "sending", "sending", "dead", "uncertain", "done", "done", "cancelled")
    rows = [
        Delivery(kind="sync", target="odoo", action="opportunity", subject="m1", due_at=clock.now(), state=state)
        for state in states
    ]
    transact(lambda session: session.add_all(rows))
    assert record.figures()["deliveries"] == {"pending": 1, "sending": 2, "dead": 1, "uncertain": 1}
