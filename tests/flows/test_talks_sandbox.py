"""A flow with three questions through the sandbox's vendor: what we ask is shown there, and what Ana answers comes back."""

import pytest
from sqlalchemy import select

from shared.journeys import talking
from shared.journeys.talks import waits
from shared.store.journey_models import Enrolment
from shared.store.message_models import MessageStatus, ReceivedMessage
from shared.store.session import reading, transact
from tests.flows.test_messages_sandbox import Town, town  # noqa: F401  # fixture
from tests.support.messages import ANA_PHONE, carry_out

FLOW = "encuesta_de_interes"


def says(town: Town, text: str, **more: str) -> None:  # noqa: F811
    """Ana writes by WhatsApp, and whatever follows from it happens."""
    town.vendors["twilio"].act("reply", {"from": ANA_PHONE, "text": text, "channel": "whatsapp", **more})
    town.settle()


def begin(town: Town, key: str = "k1") -> int:  # noqa: F811
    """Ana is in the conversation, and the flow begins."""
    says(town, "Hola")
    number = transact(lambda session: talking.begin(session, FLOW, "contact:1", {"phone": ANA_PHONE}, key=key))
    assert number is not None
    carry_out()
    town.settle()
    return number


def shown(town: Town) -> list[str]:  # noqa: F811
    """What Ana has on her phone from us, oldest first."""
    texts = {item.id: str(item.text) for item in town.vendors["twilio"].inbox() if not item.incoming}
    with reading() as session:
        ids = session.scalars(select(MessageStatus.vendor_id).order_by(MessageStatus.delivery_id))
        return [texts[number] for number in ids if number in texts]


def standing(number: int) -> tuple[str | None, str | None, bool]:
    """Where she stands."""
    with reading() as session:
        found = talking.progress(session, [number])[number]
    return found.node, found.outcome, found.completed


def states() -> list[tuple[str, str]]:
    """What she wrote, and what has become of it."""
    with reading() as session:
        return [(row.text, row.state) for row in session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id))]


def test_three_questions(town: Town) -> None:  # noqa: F811
    """Options are numbers in the text, as Twilio has no buttons; each answer leads on, the last one to the outcome."""
    number = begin(town)
    for text in ("2", "somos 12", "Ahora no"):
        says(town, text)
    first, second, third, last = shown(town)
    assert first.endswith("1. Ventas\n2. Atención\n3. Facturación")
    assert second == "¿Cuántas personas trabajan contigo?"
    assert third.startswith("¿Quieres que un asesor te llame para platicar de atencion?")
    assert last == "Gracias por tu tiempo. Aquí estamos cuando nos necesites."
    assert standing(number) == ("sin_interes", "not_interested", True)
    assert states() == [("Hola", "unread"), ("2", "answered"), ("somos 12", "answered"), ("Ahora no", "answered")]


def test_every_webhook_twice_and_backwards(town: Town) -> None:  # noqa: F811
    """Statuses and answers repeated and out of order change nothing: the same questions, once."""
    number = begin(town)
    for text in ("Ventas", "12", "Sí, llámenme"):
        town.vendors["twilio"].act("reply", {"from": ANA_PHONE, "text": text, "channel": "whatsapp"})
        town.settle(backwards=True, copies=3)
    assert len(shown(town)) == 4
    assert standing(number) == ("convertido", "converted", True)


def test_stop_in_the_middle(town: Town) -> None:  # noqa: F811
    """BAJA is a stop and no answer: nothing more comes, not even the retry text."""
    number = begin(town)
    says(town, "BAJA")
    assert standing(number) == ("tema", "stopped", False)
    assert len(shown(town)) == 1
    assert states()[-1] == ("BAJA", "no-answer-needed")


def test_at_night_the_conversation_goes_on(town: Town, test_clock, environment: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Ana answers at eleven at night: the next question comes at once, though it is quiet; and the cap does not count it."""
    number = begin(town)
    test_clock.advance(hours=11)
    says(town, "Ventas")
    assert standing(number)[0] == "personas"
    assert len(shown(town)) == 2


def test_nobody_answers(town: Town, test_clock) -> None:  # noqa: F811
    """After a day without an answer the flow ends as `no_response`; what is written then is for a person."""
    number = begin(town)
    test_clock.advance(hours=25)
    assert waits.end_waits() == 1
    says(town, "Ventas")
    assert standing(number) == ("tema", "no_response", False)
    assert states()[-1] == ("Ventas", "unread")
    with reading() as session:
        assert session.get_one(Enrolment, number).state == "finished"
