"""Talking flows: they ask, read the answer, branch by it, and end with an outcome of which whoever began them is notified."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock
from shared.journeys import listeners, pauses, talking
from shared.journeys.outcomes import close_steps
from shared.journeys.talks import waits
from shared.journeys.talks.events import TalkAct, TalkEvent
from shared.messages import consent, numbers, statuses
from shared.messages.digests import digest_of_address, digest_of_person
from shared.messages.events import ProviderEvent
from shared.outbox import operator_actions
from shared.privacy.erase import erase_only
from shared.privacy.holdings import ENGINE
from shared.privacy.person import Person
from shared.store.journey_models import Enrolment, JourneyTalk
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.journeys import SETTINGS, dispatch
from tests.support.listeners import listen

PHONE = "+525512345678"
SURVEY = """
name: survey
title: Encuesta
re_enrol: each_event
steps:
  - id: name
    ask: ¿Cómo te llamas?
    store: first_name
    wait_at_most: 12h
    if_no_reply: nobody
  - id: topic
    ask: {text: "¿Qué te interesa, {{ first_name }}?", options: [Ventas, Soporte], retry: Elige una., retries: 1}
    next: {soporte: help}
  - {id: staff, ask: {text: "¿Cuántas personas son?", reads: number, least: 1}}
  - {id: bye, say: "Gracias, {{ first_name }}."}
  - {id: done, end: interested}
  - {id: help, tag: soporte}
  - {id: handed, assign: {advisor: luz@example.com, note: "{{ first_name }} pide ayuda"}}
  - {id: helped, end: support}
  - {id: nobody, end: silent}
"""


class Notified:
    """What other flows were notified of."""

    def __init__(self) -> None:
        self.moved: list[TalkEvent] = []
        self.ended: list[TalkEvent] = []
        self.acts: list[TalkAct] = []


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Notified:
    """Listens to every event of talks."""
    found = Notified()
    listen(monkeypatch, "talk.moved", "test", lambda _session, event: found.moved.append(event))
    listen(monkeypatch, "talk.ended", "test", lambda _session, event: found.ended.append(event))
    for name in ("talk.tagged", "talk.assigned"):
        listen(monkeypatch, name, "test", lambda _session, act: found.acts.append(act))
    return found


def begin(key: str = "k1", person: str = "contact:1", flow: str = "survey", **variables) -> int | None:
    """Somebody enters the flow, and what is due goes out."""
    data = {"phone": PHONE, **variables}
    number = transact(lambda session: talking.begin(session, flow, person, data, key=key, context={"recipient": 7}))
    dispatch()
    return number


def says(text: str, *, at=None, sender: str = PHONE, channel: str = "whatsapp", **more) -> ReceivedMessage:
    """Somebody writes to us; the row of the message afterwards. What is due goes out."""
    values = {"text": text, "sender": sender, "channel": channel} | more
    number = receive(values | ({"received_at": at} if at else {}))
    dispatch()
    with reading() as session:
        return session.get_one(ReceivedMessage, number)


def texts() -> list[str]:
    """The words that went out or wait to, in order."""
    with reading() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.id))
        return [row.payload["text"] for row in rows]


def options() -> list[str]:
    """What the newest message gives to choose from."""
    with reading() as session:
        newest = session.scalars(select(Delivery).order_by(Delivery.id.desc())).first()
        return [one["title"] for one in newest.payload["content"]["options"]]


def talk(number: int = 1) -> JourneyTalk:
    """Where somebody stands."""
    with reading() as session:
        return session.get_one(JourneyTalk, number)


def data(number: int = 1) -> dict:
    """What is known of somebody."""
    with reading() as session:
        return session.get_one(Enrolment, number).data


class TestWay:
    """From question to question."""

    def test_three_questions_to_the_end(self, define, vendors, others) -> None:
        """Each answer is stored and leads on; others are notified of the end, outcome, answers and the caller's context."""
        define(SURVEY)
        assert begin() == 1
        assert says("Ana").state == "answered"
        assert says("1").state == "answered"
        assert says("12 personas").state == "answered"
        assert vendors.steps() == ["name", "topic", "staff", "bye"]
        assert {name: data()[name] for name in ("first_name", "topic", "staff")} == {
            "first_name": "Ana",
            "topic": "ventas",
            "staff": 12,
        }
        (end,) = others.ended
        assert (end.outcome, end.completed, end.context) == ("interested", True, {"recipient": 7})
        assert [event.node for event in others.moved] == ["name", "topic", "staff", "bye"]
        assert talking_progress() == ("done", "interested", True)

    def test_answer_leads_to_its_branch(self, define, vendors, others) -> None:
        """`next` by answer, a tag, an assignment, and the outcome of that branch."""
        define(SURVEY)
        begin()
        says("Ana")
        says("Soporte, por favor")
        assert (talk().outcome, data()["tags"]) == ("support", ["soporte"])
        tagged, assigned = others.acts
        assert (tagged.tags, assigned.advisor, assigned.note) == (("soporte",), "luz@example.com", "Ana pide ayuda")

    def test_retry_text_and_then_not_understood(self, define, vendors, others) -> None:
        """What does not fit is asked again with the options; after the retries it is over, and a person reads the answer."""
        define(SURVEY)
        begin()
        says("Ana")
        assert says("no sé").state == "answered"
        assert texts()[-1] == "Elige una."
        assert options() == ["Ventas", "Soporte"]
        assert says("tampoco").state == "unread"
        assert (talk().outcome, talk().completed) == ("not_understood", False)


def talking_progress(number: int = 1):
    """The step, outcome and completion of somebody."""
    with reading() as session:
        found = talking.progress(session, [number])[number]
    return found.node, found.outcome, found.completed


class TestTime:
    """Waits, timeouts and answers at the same moment."""

    def test_no_reply_goes_its_way(self, define, vendors, test_clock, others) -> None:
        """When the wait is over, the flow goes to `if_no_reply`, or ends."""
        define(SURVEY)
        begin()
        test_clock.moment += timedelta(hours=12)
        assert waits.end_waits() == 0
        test_clock.moment += timedelta(seconds=1)
        assert waits.end_waits() == 1
        assert talk().outcome == "silent"
        assert says("Ana").state == "unread"

    def test_answer_of_the_last_moment_counts(self, define, vendors, test_clock) -> None:
        """Written in time and taken in before the wait was ended: it counts, however late it comes."""
        define(SURVEY)
        begin()
        at = clock.now() + timedelta(hours=12)
        test_clock.moment += timedelta(hours=13)
        says("Ana", at=at)
        assert data()["first_name"] == "Ana"

    def test_pause_puts_the_timeout_off(self, define, vendors, test_clock) -> None:
        """While the flow is paused nobody's time runs out."""
        define(SURVEY)
        begin()
        pauses.pause("survey", "test")
        test_clock.moment += timedelta(hours=20)
        assert waits.end_waits() == 0
        pauses.resume("survey", "test")
        assert waits.end_waits() == 0
        assert talk().until == clock.now() + timedelta(hours=12)

    def test_answer_before_the_status(self, define, vendors, test_clock) -> None:
        """The question is being sent, and its answer comes before the provider's: it counts, and the status moves nothing."""
        define(SURVEY)

        def answer(delivery):
            if delivery.payload["context"]["step"] == "name":
                receive({"text": "Ana"})
            return vendors_answer(delivery)

        vendors_answer, vendors.answer = vendors.answer, answer
        begin()
        assert (data()["first_name"], talk().node, talk().state) == ("Ana", "topic", "asked")


def receive(values: dict) -> int:
    """A message comes in, and nothing is sent yet."""
    with reading() as session:
        count = len(session.scalars(select(ReceivedMessage)).all())
    base = {"provider": "twilio", "vendor_id": f"SM{count}", "channel": "whatsapp", "sender": PHONE, "text": "", "media": []}

    def work(session):
        row = ReceivedMessage(**base | {"state": "unread", "received_at": clock.now()} | values)
        session.add(row)
        session.flush()
        consent.wrote_to_us(session, digest_of_address(row.sender), row.channel, row.received_at)
        listeners.take_reply(session, row.id)
        return row.id

    return transact(work)


def vendor_id(delivery_id: int) -> str:
    """The provider's id of a message that went out, as a status brings it."""
    found = f"SMout{delivery_id}"
    event = ProviderEvent(provider="twilio", vendor_id=found, status="sent", word="sent", delivery_id=delivery_id)
    transact(lambda session: statuses.status(session, event))
    return found


class TestWhose:
    """Which question a reply belongs to."""

    def test_the_flow_that_asked_last(self, define, vendors, test_clock) -> None:
        """Of two flows that wait for an answer, the newest question gets it; the other waits on."""
        define(SURVEY)
        define(SURVEY.replace("name: survey", "name: other"))
        begin("k1")
        test_clock.moment += timedelta(minutes=1)
        begin("k2", flow="other")
        says("Ana")
        assert (talk(1).node, talk(2).node) == ("name", "topic")

    def test_quoted_message_counts_before_that(self, define, vendors, test_clock) -> None:
        """A reply that quotes the older question belongs to it."""
        define(SURVEY)
        define(SURVEY.replace("name: survey", "name: other"))
        begin("k1")
        quoted = vendor_id(1)
        test_clock.moment += timedelta(minutes=1)
        begin("k2", flow="other")
        says("Ana", quoted_id=quoted)
        assert (talk(1).node, talk(2).node) == ("topic", "name")

    def test_quoted_message_of_nobody(self, define, vendors) -> None:
        """Who quotes another message of ours answers that one; a person reads it."""
        define(SURVEY)
        begin()
        vendor_id(1)
        assert says("¿Y esto?", quoted_id="SMelsewhere").state == "unread"
        assert talk().node == "name"

    def test_button_pressed_twice(self, define, vendors) -> None:
        """The second press of the same button is no answer to the next question, and needs none from us."""
        define(SURVEY)
        begin()
        says("Ana")
        quoted = vendor_id(2)
        assert says("Ventas", quoted_id=quoted, option_id="ventas", kind="button").state == "answered"
        assert says("Ventas", quoted_id=quoted, option_id="ventas", kind="button").state == "no-answer-needed"
        assert says("Soporte", quoted_id=quoted, option_id="soporte", kind="button").state == "unread"
        assert (talk().node, data()["topic"]) == ("staff", "ventas")

    def test_quote_of_a_message_whose_sending_is_not_recorded(self, define, vendors) -> None:
        """A button is pressed before the provider's answer came to us: its id is not known yet, and it counts."""
        define(SURVEY)

        def answer(delivery):
            if delivery.payload["context"]["step"] == "topic":
                row = {"quoted_id": "SMnew", "option_id": "ventas", "kind": "button", "text": "Ventas"}
                receive(row)
            return vendors_answer(delivery)

        vendors_answer, vendors.answer = vendors.answer, answer
        begin()
        vendor_id(1)
        says("Ana")
        assert talk().node == "staff"

    def test_words_from_before_the_question(self, define, vendors, test_clock) -> None:
        """What was written before the question went out, and comes late, does not answer it."""
        define(SURVEY)
        written = clock.now() - timedelta(minutes=1)
        begin()
        assert says("Hola", at=written).state == "unread"
        assert talk().node == "name"

    def test_reaction_is_no_answer(self, define, vendors) -> None:
        """A thumb on our question says nothing that could be read."""
        define(SURVEY)
        begin()
        assert says("👍", kind="reaction").state == "unread"
        assert talk().tries == 0

    def test_another_channel(self, define, vendors) -> None:
        """A question by WhatsApp is not answered by SMS."""
        define(SURVEY)
        begin()
        assert says("Ana", channel="sms").state == "unread"

    def test_another_number_of_ours(self, define, vendors) -> None:
        """Who writes to another number of ours does not answer the question of this one."""
        define(SURVEY)
        ours = numbers.id_of(SETTINGS["TWILIO_WHATSAPP_SENDER"])
        begin(whatsapp_number_id=ours)
        assert says("Ana", whatsapp_number_id=numbers.id_of("+525500000000")).state == "unread"
        assert says("Ana", whatsapp_number_id=ours).state == "answered"

    def test_two_answers_at_once(self, define, vendors) -> None:
        """Both were written before the next question went out: the first counts, the second is for a person."""
        define(SURVEY)
        begin()
        first = receive({"text": "Ana"})
        second = receive({"text": "Luisa"})
        dispatch()
        with reading() as session:
            states = [session.get_one(ReceivedMessage, number).state for number in (first, second)]
        assert (states, data()["first_name"], talk().node) == (["answered", "unread"], "Ana", "topic")

    def test_second_run_changes_nothing(self, define, vendors) -> None:
        """The same message taken in again is not the answer to the next question."""
        define(SURVEY)
        begin()
        row = says("Ana")
        transact(lambda session: listeners.take_reply(session, row.id))
        assert talk().node == "topic"


def stop(channels: list[str], cause: str = "stop") -> None:
    """Somebody wants no more by these channels."""
    address = digest_of_address(PHONE) if "sms" in channels else digest_of_person("contact:1")
    transact(lambda session: consent.suppress(session, channels, [address], cause, clock.now()))  # type: ignore[arg-type]


class TestEnd:
    """Ways out that are not in the definition."""

    def test_stop_ends_it(self, define, vendors, others) -> None:
        """BAJA ends the talk, whether or not the file says so, and is no answer; nothing more is sent."""
        define(SURVEY)
        begin()
        assert says("BAJA", wish="stop", state="no-answer-needed").state == "no-answer-needed"
        stop([*consent.PHONE_CHANNELS])
        assert (talk().outcome, [event.outcome for event in others.ended]) == ("stopped", ["stopped"])
        assert says("Ana").state == "unread"
        assert vendors.steps() == ["name"]

    def test_unsubscribing_from_mails_leaves_it_alone(self, define, vendors) -> None:
        """Who wants no more mails goes on talking by WhatsApp."""
        define(SURVEY)
        begin()
        stop(["email"], cause="unsubscribed")
        assert talk().state == "asked"

    def test_stop_while_the_next_question_waits(self, define, vendors, test_clock) -> None:
        """A question that is planned and not sent yet is taken back."""
        define(SURVEY.replace("- id: topic\n", "- id: topic\n    delay: 1h\n"))
        begin()
        says("Ana")
        stop([*consent.PHONE_CHANNELS])
        test_clock.moment += timedelta(hours=2)
        dispatch()
        assert (vendors.steps(), talk().outcome) == (["name"], "stopped")

    def test_message_that_cannot_be_delivered(self, define, vendors, others) -> None:
        """At once or by a later status: the talk ends as undelivered, with the vendor's reason."""
        define(SURVEY)
        begin()
        vendors.says("name", "failed", "twilio-63016")
        assert [(event.outcome, event.reason) for event in others.ended] == [("undelivered", "twilio-63016")]

    def test_message_that_an_operator_takes_back(self, define, vendors, others, test_clock) -> None:
        """Nobody is notified of that; the job that looks for such steps ends the talk."""
        define(SURVEY.replace("- id: topic\n", "- id: topic\n    delay: 1h\n"))
        begin()
        says("Ana")
        operator_actions.cancel(2, "test")
        test_clock.moment += timedelta(hours=3)
        close_steps()
        assert [event.outcome for event in others.ended] == ["undelivered"]

    def test_erasure_leaves_nothing_of_a_talk(self, define, vendors) -> None:
        """With the enrolment goes where they stood, and what they answered."""
        define(SURVEY)
        begin()
        says("Ana")
        whose = Person(pseudonym="gone", names=frozenset({"contact:1"}))
        transact(lambda session: erase_only(session, whose, ENGINE.holdings, "test"))
        with reading() as session:
            assert [session.scalars(select(table)).all() for table in (JourneyTalk, Enrolment)] == [[], []]

    def test_nobody_to_write_to(self, define, vendors, others) -> None:
        """Without a number it ends before it begins."""
        define(SURVEY)
        begin(phone=None)
        assert [event.outcome for event in others.ended] == ["undelivered"]

    def test_missing_variable(self, define, vendors, others) -> None:
        """A text that cannot be filled in ends the talk, and says which variable is missing."""
        define(SURVEY.replace("¿Cómo te llamas?", "Hola {{ nobody }}"))
        begin()
        (end,) = others.ended
        assert end.outcome == "failed"
        assert "'nobody' is undefined" in end.reason

    def test_steps_that_lead_back_for_ever(self, define, vendors, others) -> None:
        """A round without a question ends by itself."""
        define("{name: survey, title: x, steps: [{id: a, set: {x: 1}}, {id: b, set: {y: 2}, next: a}]}")
        begin()
        assert [event.outcome for event in others.ended] == ["went_round"]

    def test_listener_that_raises(self, define, vendors, monkeypatch) -> None:
        """What it did is taken back, and the talk goes on."""
        listen(monkeypatch, "talk.moved", "broken", lambda _session, _event: 1 / 0)
        define(SURVEY)
        begin()
        assert says("Ana").state == "answered"
        assert talk().node == "topic"

    def test_cancel(self, define, vendors, others) -> None:
        """Whoever began it takes it back: nothing more is sent, and a second time changes nothing."""
        define(SURVEY)
        begin()
        assert transact(lambda session: talking.cancel(session, 1, "not wanted"))
        assert not transact(lambda session: talking.cancel(session, 1, "not wanted"))
        assert [event.outcome for event in others.ended] == ["cancelled"]
        assert says("Ana").state == "unread"

    def test_same_key_begins_once(self, define, vendors) -> None:
        """A second begin with the key begins nothing."""
        define(SURVEY)
        assert (begin(), begin(), begin(key="k2")) == (1, None, 2)


class TestAsk:
    """One question of a flow in code."""

    def test_answer_is_an_event(self, define, vendors, others) -> None:
        """The answer comes with `talk.ended`, read as an option; the key asks once."""
        define(SURVEY)

        def work(session):
            return talking.ask(
                session, "advisor:3", PHONE, "¿El total es 1,250.00?", key="t:9", options=["Sí", "No"], context={"ticket": 9}
            )

        assert (transact(work), transact(work)) == (1, None)
        dispatch()
        says("si")
        (end,) = others.ended
        assert (end.variables["answer"], end.completed, end.context) == ("si", True, {"ticket": 9})
