"""What somebody writes to us stands in Odoo, in the chatter of their lead or partner, once."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import testing
from shared import clock
from shared.messages import received
from shared.messages.events import InboundMessage
from shared.messages.outcomes import notify_received
from shared.outbox import plan
from shared.settings import get_settings
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.world import World, contact, opportunity

ANA = "+525512345678"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[testing.InProcessSandbox]:
    """An Odoo of this module's own."""
    with testing.InProcessSandbox() as running:
        yield running


@pytest.fixture
def clinic(environment: pytest.MonkeyPatch, sandbox: testing.InProcessSandbox, world: World) -> World:
    """Odoo is set up, in the mode that most use."""
    for name, value in {
        "ODOO_URL": sandbox.odoo_url,
        "ODOO_DB": testing.ODOO_DATABASE,
        "ODOO_USERNAME": testing.ODOO_LOGIN,
        "ODOO_PASSWORD": testing.ODOO_PASSWORD,
        "ODOO_CALLS_PER_SECOND": "100",
    }.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    sandbox.reset()
    return world


def known(world: World, *manychat_ids: str) -> None:
    """Contacts with an opportunity and Ana's number."""
    for manychat_id in manychat_ids:
        world.post("contact", contact(manychat_id, whatsapp=ANA))
        world.post("opportunity", opportunity(manychat_id))
    world.run()


def writes(text: str, sid: str = "SM1", **more: Any) -> int:
    """Ana writes to us; the number of the row."""
    facts = {"vendor_id": sid, "who": "0" * 32, "channel": "whatsapp", "sender": ANA, "text": text} | more

    def work(session: Any) -> tuple[int, set[str]]:
        row = received.record(session, "twilio", InboundMessage.model_validate(facts), clock.now())
        notify_received(session, row.id)
        return row.id, plan.newly_due(session)

    number, targets = transact(work)
    plan.nudge(targets)
    return number


def notes(sandbox: testing.InProcessSandbox, model: str = "crm.lead") -> list[str]:
    """The notes in the chatter, oldest first."""
    found = sandbox.records("mail.message", model=model)
    return [row["body"] for row in sorted(found, key=lambda row: row["id"]) if "Escribió" in row["body"]]


def notes_planned() -> list[tuple[str, str | None]]:
    """State and reason of the notes' deliveries."""
    with reading() as session:
        rows = session.query(Delivery).filter(Delivery.action == "note").order_by(Delivery.id)
        return [(row.state, row.reason) for row in rows]


def test_a_question_stands_on_the_lead(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """With when and how it came; what looks like HTML in it is shown, not obeyed."""
    known(clinic, "m1")
    writes("¿qué precio tiene? <b>ya</b>")
    clinic.run()
    (note,) = notes(sandbox)
    assert "Escribió por WhatsApp" in note
    assert "&lt;b&gt;ya&lt;/b&gt;" in note
    (where,) = [row["res_id"] for row in sandbox.records("mail.message") if row["body"] == note]
    assert [lead["id"] for lead in sandbox.leads()] == [where]


def test_each_contact_of_the_number_gets_it_once(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """Relatives share a number, and nobody knows who of them wrote; a repetition of the event adds nothing."""
    known(clinic, "m1", "m2")
    for _again in range(2):
        writes("hola")
    clinic.run()
    assert len(notes(sandbox)) == 2


@pytest.mark.slow
def test_a_note_waits_for_its_record(clinic: World, sandbox: testing.InProcessSandbox, test_clock: clock.TestClock) -> None:
    """Odoo is down when they write: the note follows the lead once that is there."""
    sandbox.fault("down")
    known(clinic, "m1")
    writes("hola")
    clinic.run()
    assert [state for state, _reason in notes_planned()] == ["pending"]
    sandbox.fault("none")
    clinic.run_for(test_clock, hours=2, step_seconds=120)
    assert len(notes(sandbox)) == 1


def test_a_note_whose_answer_is_lost_is_written_once(
    clinic: World, sandbox: testing.InProcessSandbox, test_clock: clock.TestClock
) -> None:
    """It is looked for before it is written again."""
    known(clinic, "m1")
    sandbox.fault("accept_then_drop", count=1, only="message_post")
    writes("hola")
    clinic.run_for(test_clock, hours=2, step_seconds=120)
    assert len(notes(sandbox)) == 1
    assert notes_planned() == [("done", None)]


def test_words_that_are_gone_are_not_noted(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """Erased before the note was written."""
    known(clinic, "m1")
    number = writes("hola")
    transact(lambda session: session.delete(session.get(ReceivedMessage, number)))
    clinic.run()
    assert (notes(sandbox), notes_planned()) == ([], [("skipped", "no-such-record")])


def test_nobody_we_know_is_noted_nowhere(clinic: World, sandbox: testing.InProcessSandbox) -> None:
    """A number that no contact has, and one whose contact Odoo is not to have, leave no delivery."""
    writes("hola")
    clinic.post("contact", contact("m1", whatsapp=ANA))
    clinic.run()
    writes("hola", "SM2")
    assert notes_planned() == []


def test_a_partner_gets_it_where_only_contacts_are_in_odoo(
    clinic: World, sandbox: testing.InProcessSandbox, environment: pytest.MonkeyPatch
) -> None:
    """By ODOO_SYNC_MODE."""
    environment.setenv("ODOO_SYNC_MODE", "contacts")
    get_settings.cache_clear()
    known(clinic, "m1")
    writes("hola", channel="sms", media=[{"type": "image/png", "url": "https://x"}])
    clinic.run()
    (note,) = notes(sandbox, "res.partner")
    assert "por SMS" in note
    assert "1 archivo en Twilio" in note
