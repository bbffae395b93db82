"""What people write to us: kept once, with a state that only people change."""

import pytest
from sqlalchemy import func, select

from shared import clock, retention
from shared.errors import RefusedError
from shared.messages import received
from shared.messages.events import InboundMessage
from shared.settings import get_settings
from shared.store.message_models import ReceivedMessage
from shared.store.models import ActionLog
from shared.store.session import reading, transact

ANA = "+525512345678"


def written(vendor_id: str = "SM1", **more) -> int:
    """Ana writes; the number of the row."""
    facts = {"vendor_id": vendor_id, "who": "0" * 32, "channel": "whatsapp", "sender": ANA, "text": "¿Qué precio tiene?"}
    payload = InboundMessage.model_validate(facts | more)
    return transact(lambda session: received.record(session, "twilio", payload, clock.now()).id)


def state_of(number: int) -> str:
    """The state of a message."""
    with reading() as session:
        return session.get(ReceivedMessage, number).state


def test_a_message_that_comes_twice_keeps_its_state(database) -> None:
    """Somebody has answered it meanwhile; a repetition does not make it unread again."""
    number = written()
    transact(lambda session: received.set_state(session, number, "answered", "key:ops"))
    assert (written(), state_of(number)) == (number, "answered")


def test_an_event_of_a_release_that_kept_no_words_leaves_no_row(database) -> None:
    """It has no sender, so nobody could be shown."""
    payload = InboundMessage.model_validate({"vendor_id": "SM1", "who": "0" * 32, "channel": "sms"})
    assert transact(lambda session: received.record(session, "twilio", payload, clock.now())) is None


def test_a_state_is_logged_where_it_changes(database) -> None:
    """Once; setting it again is no change. The line is filed under the person, and holds nothing of what they wrote."""
    number = written()
    for _again in range(2):
        transact(lambda session: received.set_state(session, number, "read", "key:ops"))
    with reading() as session:
        (line,) = session.scalars(select(ActionLog)).all()
    assert (line.actor, line.subject, line.detail) == ("key:ops", ANA, f"inbound message {number}: unread, now read")


def test_the_state_of_nothing_cannot_be_set(database) -> None:
    """404."""
    with pytest.raises(RefusedError, match="no inbound message 7"):
        transact(lambda session: received.set_state(session, 7, "read", "key:ops"))


@pytest.mark.parametrize(
    ("contact", "sender"),
    [(ANA, ANA), (ANA, "+5215512345678"), ("+5491123456789", "+541123456789"), ("+541123456789", "+5491123456789")],
)
def test_a_number_is_found_in_every_spelling(database, contact: str, sender: str) -> None:
    """The number of the contact is the one that is dialled; the sender may write from another form of it."""
    number = written(sender=sender)
    with reading() as session:
        found = session.scalars(select(ReceivedMessage.id).where(received.from_numbers([contact, None]))).all()
    assert found == [number]


def test_nobody_without_a_number_has_messages(database) -> None:
    """An unknown number is not everybody's."""
    written()
    with reading() as session:
        assert session.scalars(select(ReceivedMessage.id).where(received.from_numbers([None, ""]))).all() == []


@pytest.mark.parametrize(("days", "left"), [(0, 2), (30, 1), (90, 2)])
def test_words_go_after_their_time(database, environment, test_clock, days: int, left: int) -> None:
    """Whether or not somebody has read them; 0 keeps them."""
    environment.setenv("RETENTION_INBOUND_DAYS", str(days))
    get_settings.cache_clear()
    written()
    test_clock.advance(days=40)
    written("SM2")
    retention.forget()
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(ReceivedMessage)) == left


def test_clear_wishes_need_no_answer(database) -> None:
    """They are obeyed; everything else is unread, also what may be a wish."""
    states = [state_of(written(f"SM{number}", **more)) for number, more in enumerate(({"wish": "stop"}, {"ask": True}, {}))]
    assert states == ["no-answer-needed", "unread", "unread"]
