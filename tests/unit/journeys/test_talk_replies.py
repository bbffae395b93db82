"""Which question of which talking flow a reply belongs to."""

from datetime import timedelta

from shared import clock
from shared.journeys import listeners
from shared.messages import numbers
from shared.store.message_models import ReceivedMessage
from shared.store.session import reading, transact
from tests.support.journeys import SETTINGS, dispatch
from tests.support.talks import (
    SURVEY,
    begin,
    data,
    receive,
    says,
    talk,
    vendor_id,
)


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
