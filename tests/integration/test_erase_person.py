"""Erasing a person: no table, blob or record in Odoo knows them afterwards; everybody else is untouched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.azurite import Azurite
from sandbox import testing
from shared import clock, flows
from shared.errors import PermanentError
from shared.flow import FlowError
from shared.messages import received
from shared.messages.events import InboundMessage
from shared.privacy import blobs, holdings
from shared.privacy.__main__ import main
from shared.privacy.erase import erase, look, person
from shared.store.models import ActionLog, Base, Contact, DeadLetter, Delivery, InboxEvent, Reconciliation
from shared.store.session import get_engine, transact
from tests.support.world import World, contact, opportunity

ANA = "7001234"
TRACES = (ANA, "Anastasia", "Quiroga", "5512345678", "quiroga@example.com", "Prefiere llamadas")
OTHER = "7009999"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[testing.InProcessSandbox]:
    """An Odoo of this module's own."""
    with testing.InProcessSandbox() as running:
        yield running


@pytest.fixture
def clinic(environment: pytest.MonkeyPatch, sandbox: testing.InProcessSandbox, request: pytest.FixtureRequest) -> World:
    """Ana and somebody else, each with contact, opportunity, lead and partner in Odoo, a dead letter and a large event."""
    for name, value in {
        "ODOO_URL": sandbox.odoo_url,
        "ODOO_DB": testing.ODOO_DATABASE,
        "ODOO_USERNAME": testing.ODOO_LOGIN,
        "ODOO_PASSWORD": testing.ODOO_PASSWORD,
        "ODOO_SYNC_MODE": "both",
        "ODOO_CALLS_PER_SECOND": "100",
    }.items():
        environment.setenv(name, value)
    sandbox.reset()
    world: World = request.getfixturevalue("world")
    environment.setattr(blobs, "delete", lambda names: sum(world.storage.blobs.pop(name, None) is not None for name in names))
    for who in (ANA, OTHER):
        facts = {"apellido_lead": "Quiroga", "whatsapp": "+5215512345678", "email_lead": "quiroga@example.com"}
        world.post("contact", contact(who, nombre_lead="Anastasia", **facts))
        world.post("opportunity", opportunity(who, state={"summary": "Prefiere llamadas. " + "x" * 60_000}))
        world.post("opportunity", opportunity(who, stage="Etapa que no existe", state={"summary": "Prefiere llamadas"}))
    world.run()
    world.run_for(request.getfixturevalue("test_clock"), minutes=2)
    assert len(world.storage.blobs) >= 2
    return world


def everything() -> str:
    """All rows of all tables as one text."""
    with Session(get_engine()) as session:
        return "\n".join(str(tuple(row)) for table in Base.metadata.sorted_tables for row in session.execute(select(table)))


def in_odoo(sandbox: testing.InProcessSandbox, who: str) -> list[Any]:
    """Leads and partners of a person."""
    return [*sandbox.leads(x_manychat_id=who), *sandbox.records("res.partner", x_manychat_id=who)]


def test_looking_changes_nothing(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """Without --apply the command only tells what there is."""
    before = everything()
    lines: list[str] = []
    assert main(["--manychat-id", ANA], lines.append) == 0
    assert everything() == before
    text = "".join(lines)
    assert "1 rows of contacts" in text
    assert "1 of crm.lead in Odoo" in text
    assert "Nothing was changed" in text


def test_nothing_is_left_of_an_erased_person(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """No row, no blob and no record in Odoo holds their id, name, number, address or what was written about them."""
    assert main(["--manychat-id", ANA, "--apply", "--actor", "dpo"], lambda _text: None) == 0
    mine = everything()
    other_parts = [trace for trace in TRACES if trace != ANA]
    assert ANA not in mine
    with Session(get_engine()) as session:
        for table in (InboxEvent, Delivery, DeadLetter, ActionLog):
            rows = session.scalars(select(table).where(table.subject.like("erased:%"))).all()
            assert rows, table.__tablename__
            for row in rows:
                text = str({column.key: getattr(row, column.key) for column in table.__table__.columns})
                assert [trace for trace in other_parts if trace in text] == []
    assert [name for name, data in clinic.storage.blobs.items() if ANA.encode() in data] == []
    assert in_odoo(sandbox, ANA) == []


def test_everybody_else_stays_as_they_were(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """The other person's rows, blobs and records in Odoo are what they were; what both had typed is theirs alone now."""
    before = look(person(OTHER))
    odoo_before, blobs_before = in_odoo(sandbox, OTHER), len(clinic.storage.blobs)
    erase(person(ANA), way="delete", actor="dpo")
    after = look(person(OTHER))
    of_both = {table: before.rows[table] for table in ("identities", "identity_links")}
    assert replace(after, rows=after.rows | of_both, probable=before.probable) == before
    assert in_odoo(sandbox, OTHER) == odoo_before
    assert len(clinic.storage.blobs) == blobs_before // 2


def test_erasing_again_finds_nothing(clinic: World) -> None:
    """The command may be run as often as one likes; the second time it says that there is nothing."""
    assert main(["--manychat-id", ANA, "--apply"], lambda _text: None) == 0
    assert main(["--manychat-id", ANA, "--apply"], lambda _text: None) == 2


def test_event_that_was_handled_stays_handled(clinic: World) -> None:
    """An old event of theirs that arrives once more is still known by its key, and does not bring them back."""
    erase(person(ANA), way="delete", actor="dpo")
    facts = {"apellido_lead": "Quiroga", "whatsapp": "+5215512345678", "email_lead": "quiroga@example.com"}
    clinic.post("contact", contact(ANA, nombre_lead="Anastasia", **facts))
    clinic.run()
    assert look(person(ANA)).rows["contacts"] == 0


def test_two_people_cannot_be_told_to_be_one(clinic: World) -> None:
    """The pseudonym is new for every erasure and says nothing of the id: nobody can look up who it was."""
    first, second = person(ANA), person(ANA)
    assert first.pseudonym != second.pseudonym
    assert ANA not in first.pseudonym


def test_erasure_is_in_the_action_log_without_the_person(clinic: World) -> None:
    """Who did it, when, and how much; not about whom."""
    erase(person(ANA), way="delete", actor="dpo")
    with Session(get_engine()) as session:
        entry = session.scalars(select(ActionLog).where(ActionLog.action == "person.erase")).one()
    assert entry.actor == "dpo"
    assert "contacts 1" in entry.detail
    assert "crm.lead 1" in entry.detail
    assert entry.subject.startswith("erased:")


def test_nothing_is_sent_about_them_any_more(clinic: World) -> None:
    """What was planned is taken back, so that no later attempt writes them anew."""
    delivery = Delivery(
        kind="message", target="alerts", action="webhook", subject=ANA, due_at=clock.now(), payload={"to": "Anastasia"}
    )
    transact(lambda session: session.add(delivery))
    erase(person(ANA), way="delete", actor="dpo")
    with Session(get_engine()) as session:
        row = session.get(Delivery, delivery.id)
    assert (row.state, row.payload, row.reason) == ("cancelled", None, "erased")


def test_erasing_waits_for_what_is_under_way(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """A call that is being made now would write the person to Odoo again: the command says so and touches nothing."""
    held = Delivery(kind="sync", target="odoo", action="opportunity", subject=ANA, due_at=clock.now(), state="sending")
    transact(lambda session: session.add(held))
    with pytest.raises(PermanentError, match="try again in a few minutes"):
        erase(person(ANA), way="delete", actor="dpo")
    assert len(in_odoo(sandbox, ANA)) == 2
    assert look(person(ANA)).rows["contacts"] == 1


def test_odoo_that_is_down_costs_nothing(clinic: World, sandbox: testing.InProcessSandbox, capsys) -> None:
    """Odoo comes first: if it does not answer our record is whole, and the same command works later."""
    sandbox.fault("down")
    lines: list[str] = []
    assert main(["--manychat-id", ANA, "--apply"], lines.append) == 1
    assert "Nothing was erased from our record" in lines[0]
    sandbox.fault("none")
    assert main(["--manychat-id", ANA, "--apply"], lines.append) == 0


def test_person_can_be_made_unrecognisable_in_odoo_instead(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """Where Odoo may not delete (invoices), the record stays without the person."""
    erase(person(ANA), way="anonymise", actor="dpo")
    assert in_odoo(sandbox, ANA) == []
    erased = [lead for lead in sandbox.leads() if lead["name"] == "Erased"]
    assert len(erased) == 1
    assert not any(trace in str(erased[0]) for trace in TRACES)


def test_odoo_can_be_left_alone(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """With --odoo skip only our own record is erased, and Odoo is not even asked."""
    calls = sandbox.call_count("odoo")
    assert main(["--manychat-id", ANA, "--apply", "--odoo", "skip"], lambda _text: None) == 0
    assert sandbox.call_count("odoo") == calls
    assert len(in_odoo(sandbox, ANA)) == 2


def test_reports_forget_their_examples(clinic: World) -> None:
    """A reconciliation that names them as an example keeps its figures and loses its examples."""
    report = Reconciliation(asked_by="timer", dry_run=True, compared=9, examples={"missing": [{"manychat_id": ANA}]})
    transact(lambda session: session.add(report))
    erase(person(ANA), way="delete", actor="dpo")
    with Session(get_engine()) as session:
        row = session.get(Reconciliation, report.id)
    assert (row.compared, row.examples) == (9, None)


def test_what_they_wrote_is_erased(clinic: World) -> None:
    """Their messages, in whichever spelling of their number, the event, its dead letter, and who has read it."""
    words = InboundMessage(vendor_id="SM1", who="0" * 32, channel="whatsapp", sender="+525512345678", text="Soy Anastasia")

    def work(session: Session) -> None:
        row = received.record(session, "twilio", words, clock.now())
        received.set_state(session, row.id, "read", "key:ops")
        session.add(DeadLetter(key="k", original_queue="message-reply-queue", original_event="Anastasia", subject=words.sender,
                               reason="bug", error_message="e", error_time=clock.now()))  # fmt: skip

    transact(work)
    assert look(person(ANA)).rows["inbound_messages"] == 1
    erase(person(ANA), way="skip", actor="dpo")
    assert "Soy Anastasia" not in everything()
    with Session(get_engine()) as session:
        assert session.scalars(select(ActionLog).where(ActionLog.subject == words.sender)).all() == []
        assert session.scalars(select(DeadLetter).where(DeadLetter.subject == words.sender)).all() == []


def test_empty_id_is_refused(clinic: World) -> None:
    """An empty id would mean everybody without one."""
    assert main(["--manychat-id", "  ", "--apply"], lambda _text: None) == 1


def test_every_table_is_accounted_for() -> None:
    """A table is in a flow's `privacy` (what of a person is in it, what erasing does), or said to hold nothing of one."""
    held = {holding.table.__tablename__ for holding in holdings.holdings()}
    impersonal = {name for flow in flows.installed() for name in flow.impersonal_tables}
    assert held | impersonal == set(Base.metadata.tables)
    assert held & impersonal == set()


def test_table_that_nobody_speaks_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence that says where to add it."""
    monkeypatch.setattr(flows, "parts", lambda _kind: ())
    with pytest.raises(FlowError, match="`privacy`"):
        holdings.holdings()


def test_every_row_that_points_to_a_contact_goes_before_it() -> None:
    """Deletion is in the order of the foreign keys, whatever the database checks."""
    order = [holding.table.__tablename__ for holding in holdings.holdings() if holding.instead is None]
    for place, name in enumerate(order):
        for key in Base.metadata.tables[name].foreign_keys:
            if key.column.table.name in order:
                assert order.index(key.column.table.name) > place


@pytest.mark.azurite
def test_blobs_are_deleted_from_the_real_service(azurite: Azurite, environment: pytest.MonkeyPatch) -> None:
    """A blob that is there is deleted; one that is not does no harm."""
    from shared import queues
    from tests.conftest import forget

    environment.setenv("AzureWebJobsStorage", azurite.connection_string)
    forget()
    reference = queues.put_blob("2026/03/02/manychat.contact/x.json", b"{}")
    assert blobs.delete(["2026/03/02/manychat.contact/x.json", "2026/03/02/never.json"]) == 1
    with pytest.raises(PermanentError, match=r"."):
        queues.get_blob(reference)


def test_contact_without_anything_else_is_erased(world: World, environment: pytest.MonkeyPatch) -> None:
    """The simplest case: one contact, nothing in Odoo, nothing else."""
    environment.setattr(blobs, "delete", len)
    transact(lambda session: session.add(Contact(manychat_id="1", first_name="Eva")))
    erase(person("1"), way="skip", actor="dpo")
    assert "Eva" not in everything()
