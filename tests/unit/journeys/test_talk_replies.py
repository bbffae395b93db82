"""Which question of which talking flow a reply belongs to."""

from datetime import timedelta

import pytest

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


def at_staff() -> None:
    """Somebody who has answered the first two questions; the messages of both are known by the vendor's ids."""
    begin()
    vendor_id(1)
    says("Ana")
    says("Ventas", quoted_id=vendor_id(2), option_id="ventas", kind="button")


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

    def test_button_of_an_earlier_question(self, define, vendors) -> None:
        """It is never the answer to the question that is out, and costs no retry; that one is still waited for."""
        define(SURVEY)
        at_staff()
        assert says("Soporte", quoted_id=vendor_id(2), option_id="soporte", kind="button").state == "unread"
        assert (talk().node, talk().tries, data()["topic"]) == ("staff", 0, "ventas")
        assert says("3").state == "answered"
        assert data()["staff"] == 3

    def test_flow_goes_back_to_where_the_earlier_button_leads(self, define, vendors) -> None:
        """Where the flow has it so: the answer is changed, and the flow goes on from there; the same word twice is once."""
        define(SURVEY.replace("re_enrol", "earlier_button: go_back\nre_enrol"))
        at_staff()
        quoted = vendor_id(2)
        pressed = says("Soporte", quoted_id=quoted, option_id="soporte", kind="button")
        assert (pressed.state, data()["topic"]) == ("answered", "soporte")
        assert talk().outcome == "support"
        transact(lambda session: listeners.take_reply(session, pressed.id))
        assert says("Ventas", quoted_id=quoted, option_id="ventas", kind="button").state == "unread"  # the flow is over

    def test_question_that_the_way_leads_to_again_is_asked_anew(self, define, vendors) -> None:
        """An earlier answer is changed and its branch leads to the same question: it is put once more, and read."""
        define(SURVEY.replace("re_enrol", "earlier_button: go_back\nre_enrol").replace("{soporte: help}", "{soporte: staff}"))
        at_staff()
        sent = len(vendors.sent)
        assert says("Soporte", quoted_id=vendor_id(2), option_id="soporte", kind="button").state == "answered"
        assert (talk().node, talk().way, len(vendors.sent)) == ("staff", ["name", "topic"], sent + 1)
        assert says("3").state == "answered"
        assert (data()["topic"], data()["staff"]) == ("soporte", 3)

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

    @pytest.mark.parametrize(("kind", "text"), [("reaction", "👍"), ("sticker", "")])
    def test_reaction_is_no_answer(self, define, vendors, kind, text) -> None:
        """A thumb on our question, or a sticker, says nothing that could be read."""
        define(SURVEY)
        begin()
        assert says(text, kind=kind).state == "unread"
        assert (talk().tries, talk().node, len(vendors.sent)) == (0, "name", 1)

    @pytest.mark.parametrize("kind", ["audio", "unsupported"])
    def test_voice_message_costs_a_retry(self, define, vendors, kind) -> None:
        """Whoever answers in a form that cannot be read is asked once more, and has one try less."""
        define(SURVEY)
        begin()
        says("", kind=kind)
        dispatch()
        assert (talk().tries, talk().node, len(vendors.sent)) == (1, "name", 2)
        says("Ana")
        assert (talk().node, data()["first_name"]) == ("topic", "Ana")

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
