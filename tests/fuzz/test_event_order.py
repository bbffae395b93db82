"""Law 2 as a property: any order, repetition and failure on the way ends in the same record, and in the same lead in Odoo."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from shared import faults
from shared.store.models import Base, Contact, Delivery, InboxEvent, Opportunity, StageChange, StageMapping
from shared.store.session import reading, transact
from tests.support.examples import examples
from tests.support.vendors import LeadSync, lead_sync
from tests.support.world import World, contact, opportunity

pytestmark = pytest.mark.slow

DAY = datetime(2026, 3, 1, tzinfo=UTC)
POINTS = ["inbox.before_commit", "inbox.after_commit", "inbox.after_nudge", "outbox.after_claim", "outbox.after_call"]
# What a row is about; the others say when we did something, or number the rows.
OURS = {
    "id",
    "created_at",
    "updated_at",
    "contact_id",
    "channel_id",
    "odoo_id",
    "odoo_sync_at",
    "odoo_synced_at",
    "odoo_linked",
}

# Few instants, so that events often share one; and few people.
instants = st.integers(0, 3).map(lambda hours: (DAY + timedelta(hours=hours)).isoformat())
people = st.sampled_from(["m1", "m2"])
names = st.none() | st.sampled_from(["Ana", "Eva", "ana"])


@st.composite
def contact_event(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Something about a person."""
    more = {
        "apellido_lead": draw(names),
        "whatsapp": draw(st.none() | st.sampled_from(["5512345678", "+34 600 000 000", "ninguno"])),
        "email_lead": draw(st.none() | st.just("ana@example.com")),
        "canal_entrada": draw(st.none() | st.sampled_from(["Instagram", "WHATSAPP", "whatsapp"])),
        "datetime_suscripcion": draw(st.none() | instants),
    }
    return "contact", contact(draw(people), draw(instants), nombre_lead=draw(names) or "Ana", **more)


@st.composite
def opportunity_event(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A stage reached."""
    more = {
        "first_name": draw(names),
        "phone": draw(st.none() | st.just("5587654321")),
        "channel": draw(st.none() | st.just("Instagram")),
        "commercial_advisor_id": draw(st.none() | st.integers(0, 2)),
        "medical_advisor_id": draw(st.none() | st.integers(0, 2)),
        "state": {"summary": draw(names)},
    }
    return "opportunity", opportunity(draw(people), draw(st.sampled_from([16, 17, "Comienza AC", 26])), draw(instants), **more)


events = st.lists(contact_event() | opportunity_event(), min_size=1, max_size=7)


@dataclass(frozen=True)
class Way:
    """One way in which the events may arrive: in what order, with what going wrong, and when handlers get to run."""

    order: list[int]
    faults: list[str]
    handled_after: list[bool]


@st.composite
def ways(draw: st.DrawFn, count: int) -> Way:
    """Any order, each event at least once."""
    order = draw(st.permutations(range(count)))
    again = draw(st.lists(st.integers(0, count - 1), max_size=4))
    order = [*order, *again]
    trouble = st.sampled_from(["", "", *(f"{point}=raise:1x1" for point in POINTS)])
    size = {"min_size": len(order), "max_size": len(order)}
    return Way(order, draw(st.lists(trouble, **size)), draw(st.lists(st.booleans(), **size)))


@pytest.fixture
def odoo():
    """Odoo, in the test's hand."""
    with lead_sync() as odoo:
        yield odoo


def arrive(world: World, test_clock: Any, found: list[tuple[str, dict[str, Any]]], way: Way) -> None:
    """Let the events arrive in this way, and everything settle."""
    for index, trouble, now in zip(way.order, way.faults, way.handled_after, strict=True):
        hook, body = found[index]
        assert world.post(hook, body).status_code == 202
        faults.inject(trouble)
        if now:
            world.run(swallow=(faults.InjectedFault,))
    faults.inject("")
    settle(world, test_clock)


def settle(world: World, test_clock: Any) -> None:
    """Let time pass until nothing is left to do."""
    for _ in range(100):
        world.timers()
        world.run()
        with reading() as session:
            open_delivery = session.scalars(select(Delivery.id).where(Delivery.state.in_(["pending", "sending"]))).first()
        if open_delivery is None and not any(world.storage.queues.values()):
            return
        test_clock.advance(seconds=20)
    pytest.fail("it did not come to rest")


def outcome(odoo: LeadSync) -> dict[str, Any]:
    """Everything that must not depend on the way."""
    with reading() as session:
        contacts = {row.manychat_id: facts_of(row) | {"channel": channel(row)} for row in session.scalars(select(Contact))}
        opportunities = {row.manychat_id: facts_of(row) for row in session.scalars(select(Opportunity)).unique()}
        changes = session.scalars(select(StageChange)).all()
        history = {(row.stage_id, row.state_date, row.summary, row.event_key) for row in changes}
        assert len(history) == len(changes)
        check_applied(session, changes)
        keys = sorted(session.scalars(select(InboxEvent.key)))
        assert set(session.scalars(select(Delivery.state))) <= {"done"}
    return {"contacts": contacts, "opportunities": opportunities, "history": history, "keys": keys, "leads": dict(odoo.leads)}


def facts_of(row: Any) -> dict[str, Any]:
    """The row's own facts, with the times from which they hold."""
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key not in OURS}


def channel(row: Contact) -> str | None:
    """The channel's key; its name is spelled as it was first mentioned."""
    return row.channel.key if row.channel else None


def check_applied(session: Any, changes: Any) -> None:
    """The change that an opportunity's stage is from is marked as applied."""
    for row in session.scalars(select(Opportunity)).unique():
        [winner] = [change for change in changes if change.event_key == row.fact_times["stage"][1]]
        assert winner.applied
        assert (winner.stage_id, winner.state_date) == (row.stage_id, row.state_date)


def forget(world: World, odoo: LeadSync, test_clock: Any, start: datetime) -> None:
    """Begin again with nothing."""

    def work(session: Any) -> None:
        for table in reversed(Base.metadata.sorted_tables):
            if table is not StageMapping.__table__:
                session.execute(table.delete())

    transact(work)
    world.storage.queues.clear()
    odoo.leads.clear()
    test_clock.moment = start


def test_every_way_leads_to_the_same_record(world, odoo, test_clock):
    """Events in the order of their dates, each once and undisturbed, and the same events in any other way: one outcome."""
    start = test_clock.moment

    @settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(st.data())
    def holds(data):
        found = data.draw(events)
        way = data.draw(ways(len(found)))
        straight = sorted(range(len(found)), key=lambda index: json.dumps(found[index][1].get("datetime_actual", "")))
        forget(world, odoo, test_clock, start)
        arrive(world, test_clock, found, Way(straight, [""] * len(found), [True] * len(found)))
        expected = outcome(odoo)
        forget(world, odoo, test_clock, start)
        arrive(world, test_clock, found, way)
        assert outcome(odoo) == expected
        assert odoo.leads == {name: row["stage_id"] for name, row in expected["opportunities"].items()}

    holds()
