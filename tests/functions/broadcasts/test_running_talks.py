"""Executions of flows that talk: begun when they are due, one slot for the first message, and ended with the conversation."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from functions.broadcasts import running, running_control, running_outcomes, text_preview
from functions.broadcasts.running_tables import RecentFailure
from functions.broadcasts.tables import Recipient
from shared import clock
from shared.errors import UncertainError
from shared.journeys import chatbots
from shared.journeys.enrolment_records import lock_record
from shared.journeys.talks import run, waits
from shared.journeys.talks.definition import TalkingFlow
from shared.messages import moves, statuses
from shared.messages.digests import digests_of_address
from shared.messages.events import ProviderEvent
from shared.store.journey_models import JourneyTalk
from shared.store.message_models import MessageStatus, ReceivedMessage
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.functions.broadcasts.posting import Post, opened
from tests.support.messages import LEAD
from tests.support.world import FakeStorage

SURVEY = chatbots.flow_id("encuesta_de_interes")


@pytest.fixture
def talks(
    database: Engine, storage: FakeStorage, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> Iterator[Post]:
    """A broadcast whose flow is found by its id."""
    with opened(environment, test_clock, flow=None) as found:
        yield found


def test_values_of_the_step_stand_in_a_flow_of_one_message(
    database: Engine, storage: FakeStorage, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> None:
    """Over those of the recipient, as in every journey; and the console shows them before the start."""
    step = {"id": "m", "channel": "whatsapp", "template": "lead_day_3", "variables": {"service": "panadería"}}
    flow = TalkingFlow.model_validate({"name": "navidad", "title": "Navidad", "steps": [step]})
    with opened(environment, test_clock, flow=flow) as found:
        found.begin(1, rate_limit_per_hour=60)
        found.go(120)
        assert [letter.rendered.content_variables["2"] for letter in found.office.sent] == ["panadería"]
        with reading() as session:
            assert "panadería" in text_preview.filled(session, flow, LEAD)[0]


def people() -> list[Recipient]:
    """The recipients, in their order."""
    with reading() as session:
        return list(session.scalars(select(Recipient).order_by(Recipient.id)))


def test_conversations_begin_at_the_rate_and_end_by_themselves(talks: Post) -> None:
    """Each is begun when it is due; whoever does not answer within the flow's time has ended with `no_response`."""
    execution_id = talks.begin(4, flow_id=SURVEY, rate_limit_per_hour=60)
    talks.step()
    assert talks.recipients() == {"sent": 1, "pending": 3}
    talks.go(300)
    assert talks.recipients() == {"sent": 4}
    assert {row.flow_current_node for row in people()} == {"tema"}
    assert talks.most_in_an_hour() == 4
    with reading() as session:
        assert set(session.scalars(select(Delivery.lane))) == {"bulk:broadcast-1"}
    assert talks.execution(execution_id).status == "running"
    talks.clock.advance(hours=25)
    waits.end_waits()
    talks.step()
    assert [(row.status, row.flow_outcome, row.flow_completed) for row in people()] == [("completed", "no_response", False)] * 4
    assert talks.execution(execution_id).status == "completed"


def test_paused_before_its_first_message_it_waits(talks: Post) -> None:
    """A conversation that was begun and whose message waits is held by a pause, and goes out after resuming, once."""
    execution_id = talks.begin(1, flow_id=SURVEY, rate_limit_per_hour=60)
    running.run_all()
    transact(lambda session: running_control.pause(session, execution_id, "ana", None))
    talks.go(300)
    assert talks.phones() == []
    transact(lambda session: running_control.resume(session, execution_id, "ana"))
    talks.go(300)
    assert len(talks.phones()) == 1
    assert talks.recipients() == {"sent": 1}


def test_cancelled_conversations_say_nothing_more(talks: Post) -> None:
    """Those under way are taken back with the outcome `cancelled`."""
    execution_id = talks.begin(2, flow_id=SURVEY, rate_limit_per_hour=600)
    talks.go(120)
    transact(lambda session: running_control.cancel(session, execution_id, "ana", None))
    talks.go(120)
    assert [(row.status, row.flow_outcome) for row in people()] == [("completed", "cancelled")] * 2
    assert len(talks.phones()) == 2


def in_doubt(talks: Post) -> int:
    """A conversation that was begun, and nobody knows whether its first message arrived; the execution."""
    execution_id = talks.begin(1, flow_id=SURVEY, rate_limit_per_hour=60)
    talks.office.refusals = [UncertainError("no answer")] * 30
    talks.go(2 * 3600, step=600)
    (row,) = people()
    with reading() as session:
        assert session.get_one(Delivery, row.delivery_id).state == "uncertain"
        assert len(session.scalars(select(RecentFailure)).all()) == 1
    assert (row.status, row.error_code, row.flow_current_node) == ("queued", "outcome-unknown", "tema")
    assert talks.execution(execution_id).status == "running"
    return execution_id


def test_first_message_in_doubt_that_has_arrived_is_none_that_failed(talks: Post) -> None:
    """The conversation goes on, and the recipient with it: a status clears the doubt, and the end is that of the flow."""
    execution_id = in_doubt(talks)
    (row,) = people()
    values = {"provider": "twilio", "vendor_id": "SMlate", "status": "delivered", "delivery_id": row.delivery_id}
    event = ProviderEvent.model_validate(values | {"at": clock.now()})
    transact(lambda session: statuses.status(session, event))
    talks.step()
    (row,) = people()
    assert (row.status, row.error_code, talks.execution(execution_id).status) == ("delivered", None, "running")
    talks.clock.advance(hours=25)
    waits.end_waits()
    talks.step()
    assert [(row.status, row.flow_outcome, row.error_code) for row in people()] == [("completed", "no_response", None)]
    assert "failed" not in talks.counted(execution_id)
    assert talks.execution(execution_id).status == "completed"


@pytest.mark.parametrize(("outcome", "status"), [("no_response", "failed"), ("not_understood", "completed")])
def test_first_message_that_stays_in_doubt_ends_with_its_flow(talks: Post, outcome: str, status: str) -> None:
    """Whoever has answered has had it; where nobody has, it has failed, with its code."""
    execution_id = in_doubt(talks)

    def end(session: Session) -> None:
        record = lock_record(session, people()[0].enrolment_id or 0)
        talk = session.scalars(select(JourneyTalk)).one()
        assert record is not None
        run.end(record, talk, outcome)

    transact(end)
    talks.step()
    code = "outcome-unknown" if status == "failed" else None
    assert [(row.status, row.flow_outcome, row.error_code) for row in people()] == [(status, outcome, code)]
    assert talks.counted(execution_id)[status] == 1
    assert talks.execution(execution_id).status == "completed"


def inbound(sender: str, **more: Any) -> None:
    """A message from a number."""

    def work(session: Session) -> None:
        values: dict[str, Any] = {"provider": "twilio", "vendor_id": f"SM{clock.now()}{sender}", "channel": "whatsapp"}
        row = ReceivedMessage(
            **values, sender=sender, text="¿Cuánto?", media=[], state="unread", received_at=clock.now(), **more
        )
        session.add(row)
        session.flush()
        running_outcomes.note_reply(session, row.id)
        running_outcomes.note_reply(session, row.id)

    transact(work)


def test_reply_counts_once_and_a_reaction_does_not(post: Post) -> None:
    """A reply within a week belongs to what they got last; a reaction or a sticker is none."""
    execution_id = post.begin(2, rate_limit_per_hour=1000)
    post.go(120)
    first = people()[0].phone_number or ""
    inbound(first, kind="reaction")
    assert "replied" not in post.counted(execution_id)
    post.clock.advance(minutes=5)
    inbound(first)
    found = post.counted(execution_id)
    assert (found["replied"], found["read"], found["response_ms"] > 0) == (1, 1, True)
    assert people()[0].replied_at == clock.now()
    post.clock.moment += timedelta(days=8)
    inbound(people()[1].phone_number or "")
    assert post.counted(execution_id)["replied"] == 1


@pytest.mark.parametrize(
    ("now_at", "writes_as"),
    [
        ("+525587654321", {"sender": "+525587654321"}),
        ("MX.1A2B3C4D5E", {"sender": "MX.1A2B3C4D5E", "user_id": "MX.1A2B3C4D5E"}),
        ("MX.1A2B3C4D5E", {"sender": "+525587654321", "user_id": "MX.1A2B3C4D5E"}),
    ],
)
def test_reply_from_where_the_person_has_moved_to_counts(post: Post, now_at: str, writes_as: dict[str, str]) -> None:
    """By WhatsApp's word they have another number, or only its id of them is known; whoever else writes has not replied."""
    execution_id = post.begin(2, rate_limit_per_hour=1000)
    post.go(120)
    first, second = [row.phone_number or "" for row in people()]
    transact(lambda session: moves.move(session, first, "+525587650000", clock.now()))
    post.clock.advance(minutes=1)
    transact(lambda session: moves.move(session, "+525587650000", now_at, clock.now()))
    inbound("+525599999999")
    assert "replied" not in post.counted(execution_id)
    post.clock.advance(minutes=5)
    inbound(**writes_as)
    assert post.counted(execution_id)["replied"] == 1
    assert [row.replied_at == clock.now() for row in people()] == [True, False]
    transact(lambda session: moves.move(session, second, "+525587651111", clock.now()))
    post.clock.advance(minutes=1)
    transact(lambda session: moves.written_from(session, digests_of_address(second), clock.now()))  # it has another owner
    inbound("+525587651111")
    assert post.counted(execution_id)["replied"] == 1


def quotable(number: int, name: str) -> str:
    """A provider's id by which the newest message of a recipient, or any other delivery, can be quoted."""

    def work(session: Session) -> None:
        session.add(MessageStatus(provider="twilio", vendor_id=name, delivery_id=number, history=[]))

    transact(work)
    return name


def test_reply_that_quotes_another_message_is_none_to_the_broadcast(post: Post) -> None:
    """It belongs to the message that it quotes; a quote of the broadcast's own counts, also where a newer one has gone out."""
    first = post.begin(1, rate_limit_per_hour=1000)
    post.go(120)
    phone, own = people()[0].phone_number or "", people()[0].delivery_id or 0
    other = transact(lambda session: _delivery(session, {"to": phone, "context": {"lead": 7}}))
    second = post.begin(1, rate_limit_per_hour=1000)
    post.go(120)
    inbound(phone, quoted_id=quotable(other, "SMother"))
    assert [post.counted(one).get("replied") for one in (first, second)] == [None, None]
    post.clock.advance(seconds=1)
    inbound(phone, quoted_id=quotable(own, "SMown"))
    assert [post.counted(one).get("replied") for one in (first, second)] == [1, None]
    post.clock.advance(seconds=1)
    inbound(phone, quoted_id="SMof-nobody-we-know")
    assert [post.counted(one).get("replied") for one in (first, second)] == [1, 1]


def test_reply_to_a_later_question_of_the_flow_is_one_to_the_broadcast(talks: Post) -> None:
    """Any message of the conversation may be quoted, not only the one that is under way."""
    execution_id = talks.begin(1, flow_id=SURVEY, rate_limit_per_hour=60)
    talks.step()
    (row,) = people()
    with reading() as session:
        context = session.get_one(Delivery, row.delivery_id).payload["context"]
    later = {name: value for name, value in context.items() if name != "opens"}
    number = transact(lambda session: _delivery(session, {"to": row.phone_number, "context": later}))
    inbound(row.phone_number or "", quoted_id=quotable(number, "SMlater"))
    assert talks.counted(execution_id)["replied"] == 1


def _delivery(session: Session, payload: dict[str, Any]) -> int:
    """A message that went out."""
    row = Delivery(target="twilio", action="whatsapp", kind="message", subject="lead:7", dedupe_key=f"k{payload}"[:64])
    row.payload, row.state, row.due_at = payload, "done", clock.now()
    session.add(row)
    session.flush()
    return row.id
