"""What an event changes in our record is kept with it, field by field."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import undefer

from shared import clock
from shared.intake.changes import Changes, listed, noted
from shared.store.dialect import insert_if_absent
from shared.store.models import Channel, Contact, Delivery, InboxEvent
from shared.store.session import reading, transact
from tests.support.world import World, contact


def changes(number: int = -1) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Of an event (the newest), by table and field: the value before and after."""
    with reading() as session:
        rows = session.scalars(select(InboxEvent).options(undefer(InboxEvent.changes)).order_by(InboxEvent.id)).all()
    return {(one.table, one.field): (one.before, one.after) for one in listed(rows[number].changes)}


def test_new_row_and_its_change_are_kept(world: World, test_clock: clock.TestClock) -> None:
    """First everything that was given, then the one field that another event has changed; nothing of our bookkeeping."""
    world.post("contact", contact("m1", email_lead="ana@example.com"))
    world.run()
    found = changes()
    assert found["contacts", "email"] == (None, "ana@example.com")
    assert not {table for table, _name in found} & {"inbox", "deliveries", "action_log", "enrolments"}
    assert not {name for _table, name in found} & {"id", "created_at", "updated_at", "fact_times", "odoo_sync_status"}
    world.post("contact", contact("m1", at="2026-03-01T11:00:00Z", email_lead="ana@otra.example"))
    world.run()
    assert changes()["contacts", "email"] == ("ana@example.com", "ana@otra.example")
    assert ("contacts", "first_name") not in changes()


def test_event_that_changes_nothing_keeps_none(world: World, test_clock: clock.TestClock) -> None:
    """A repetition, or what was known already."""
    world.post("contact", contact("m1"))
    world.run()
    world.post("contact", contact("m1", at="2026-02-01T10:00:00Z"))
    world.run()
    assert ("contacts", "first_name") not in changes()


def test_rows_of_core_statements_and_the_first_value_before_are_noted(world: World) -> None:
    """`insert_if_absent` as well as objects; a field that changes twice has the first value before and the last after."""

    def work(session: Any) -> Any:
        session.add(Contact(manychat_id="m1", first_name="Ana"))
        session.flush()
        with noted(session) as found:
            insert_if_absent(session, Channel, "key", {"key": "web", "name": "Web"})
            row = session.scalars(select(Contact)).one()
            for name in ("Eva", "Ida"):
                row.first_name = name
                session.flush()
            session.add(Delivery(kind="sync", target="t", action="a", subject="s", due_at=clock.now()))
        return found.as_json()

    assert transact(work) == {"contacts": {"1": {"first_name": ["Ana", "Ida"]}}, "channels": {"web": {"name": ["Web"]}}}


def test_nothing_is_noted_afterwards(world: World) -> None:
    """A session that goes on does not add to what was noted."""

    def work(session: Any) -> Any:
        with noted(session) as found:
            pass
        session.add(Contact(manychat_id="m1"))
        session.flush()
        return found.as_json()

    assert transact(work) is None


def test_values_are_short_and_secrets_are_left_out() -> None:
    """A long text is cut, money and dates are texts, and a field that looks like a secret is not there at all."""
    found = Changes()
    found.note("t", "1", "summary", None, "x" * 1000)
    found.note("t", "1", "amount", Decimal("1.50"), Decimal("2.50"))
    found.note("t", "1", "reset_token", None, "hush")
    first, second = listed(found.as_json())
    assert (first.field, second.field, second.before, second.after) == ("summary", "amount", "1.50", "2.50")
    assert len(first.after) == 300
    assert found.as_json(names_alone=True) == {"t": {"1": {"summary": [], "amount": []}}}
    assert {(one.before, one.after) for one in listed(found.as_json(names_alone=True))} == {(None, None)}


def test_as_many_fields_as_a_page_can_show() -> None:
    """An event that changes thousands keeps a hundred."""
    found = Changes()
    for number in range(1000):
        found.note("t", str(number), "name", None, "x")
    assert len(list(listed(found.as_json()))) == 100


@pytest.mark.parametrize("after", ["Ana", None])
def test_value_that_comes_back_is_no_change(after: Any) -> None:
    """Changed and changed back within one event."""
    found = Changes()
    found.note("t", "1", "name", after, "Eva")
    found.note("t", "1", "name", "Eva", after)
    assert found.as_json() is None
