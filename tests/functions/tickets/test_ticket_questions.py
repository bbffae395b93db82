"""A ticket's question is one of the talking flows: its answer, its wait, and whose reply it is follow their rules."""

from typing import Any

from sqlalchemy import select

from functions.tickets import services
from shared import clock
from shared.journeys import talking
from shared.privacy.erase import erase, person
from shared.store.journey_models import Enrolment, JourneyTalk
from shared.store.message_models import ReceivedMessage
from shared.store.session import reading, transact
from tests.functions.tickets.conftest import Till
from tests.support.messages import ANA_PHONE

DOUBTFUL: dict[str, Any] = {"items": [], "subtotal": None, "impuestos": None, "total": "1,250.00"}


def talks() -> list[tuple[str, str | None]]:
    """Each question that was asked: its state and outcome."""
    with reading() as session:
        return [(row.state, row.outcome) for row in session.scalars(select(JourneyTalk).order_by(JourneyTalk.enrolment_id))]


def messages() -> list[tuple[str, str]]:
    """What people have written, with the state of each message."""
    with reading() as session:
        return [(row.text, row.state) for row in session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id))]


def test_answer_is_a_message_that_its_question_has_taken(till: Till) -> None:
    """It is kept like any other, as answered; the question has come to its end."""
    till.photo(printed=DOUBTFUL)
    assert talks() == [("asked", None)]
    till.says("sí")
    assert (talks(), messages()) == ([("ended", "completed")], [("sí", "answered")])


def test_same_answer_again_is_taken_once(till: Till) -> None:
    """Whoever tells us of it twice: the next question is not answered by it."""
    till.photo(printed=DOUBTFUL | {"fecha": None})
    for _ in range(2):
        till.post({"Body": "sí", "From": f"whatsapp:{ANA_PHONE}", "MessageSid": "SMtwice"})
    assert (till.templates(), messages()) == (["ticket_total", "ticket_day_missing"], [("sí", "answered")])


def test_last_answer_that_nobody_understands_waits_in_the_inbox(till: Till) -> None:
    """The person who looks at the ticket finds there what was written."""
    till.photo(printed=DOUBTFUL)
    till.says("¿qué?")
    till.says("no sé de qué hablas")
    assert messages() == [("¿qué?", "answered"), ("no sé de qué hablas", "unread")]


def test_words_of_somebody_who_is_asked_nothing_are_not_kept(till: Till) -> None:
    """The flow's own address takes tickets and answers, and nothing else."""
    till.says("hola")
    assert messages() == []


def test_correction_takes_the_question_back(till: Till) -> None:
    """Somebody has said what is right: a late yes answers nothing."""
    till.photo(printed=DOUBTFUL)
    till.ask("PATCH", f"/{till.ticket.id}", body={"total": "1200.00"})
    assert (talks(), till.ticket.status) == ([("ended", "cancelled")], "booked")
    till.says("sí")
    assert str(till.ticket.total) == "1200.00"


def test_ticket_that_is_thrown_away_lets_the_next_one_be_asked(till: Till) -> None:
    """Its question is taken back, and the sender's next doubt comes."""
    till.photo(printed=DOUBTFUL | {"nro_ticket": "1"})
    till.photo(printed=DOUBTFUL | {"nro_ticket": "2"})
    till.ask("POST", f"/{till.tickets[0].id}/discard")
    till.settle()
    assert talks() == [("ended", "cancelled"), ("asked", None)]


def test_stop_ends_the_question(till: Till) -> None:
    """Who wants no more messages is asked no more; a person looks at the ticket."""
    till.photo(printed=DOUBTFUL)
    till.says("BAJA")
    assert (till.ticket.status, till.ticket.reason, talks()) == ("person", "stopped", [("ended", "stopped")])


def test_question_of_another_flow_that_came_later_gets_the_answer(till: Till) -> None:
    """The flow that asked last; the ticket waits on."""
    till.photo(printed=DOUBTFUL)
    till.clock.advance(minutes=1)
    other: dict[str, Any] = {"key": "other", "options": ["Sí", "No"], "window": "ignore"}
    transact(lambda session: talking.ask(session, "contact:1", ANA_PHONE, "¿Vienes mañana?", **other))
    till.settle()
    till.says("sí")
    assert talks() == [("asked", None), ("ended", "completed")]
    till.says("sí")
    assert till.ticket.status == "booked"


def test_question_that_got_lost_is_found_by_the_job(till: Till) -> None:
    """Of an earlier release, or after a failure that was alerted: a day after its time a person has to look, once."""
    till.photo(printed=DOUBTFUL)
    with reading() as session:
        numbers = session.scalars(select(Enrolment.id)).all()
    transact(lambda session: [session.delete(session.get_one(JourneyTalk, number)) for number in numbers])
    till.clock.moment = clock.now().replace(microsecond=0)
    till.clock.advance(hours=47)
    assert services.give_up_waiting() == 0
    till.clock.advance(hours=2)
    assert (services.give_up_waiting(), services.give_up_waiting()) == (1, 0)
    assert (till.ticket.status, till.ticket.reason) == ("person", "no-answer")


def test_erasure_takes_the_question_too(till: Till) -> None:
    """What was asked and answered goes with the person."""
    till.photo(printed=DOUBTFUL)
    till.says("sí")
    erase(person(row=("tickets", till.ticket.id)), way="skip", actor="dpo")
    with reading() as session:
        assert [session.scalars(select(table)).all() for table in (Enrolment, JourneyTalk)] == [[], []]
