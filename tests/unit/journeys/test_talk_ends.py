"""How talking flows end by what is not in their definition."""

from datetime import timedelta

from sqlalchemy import select

from shared.journeys import talking
from shared.journeys.outcomes import close_steps
from shared.messages import consent
from shared.outbox import operator_actions
from shared.privacy.erase import erase_only
from shared.privacy.holdings import ENGINE
from shared.privacy.person import Person
from shared.store.journey_models import Enrolment, JourneyTalk
from shared.store.session import reading, transact
from tests.support.journeys import dispatch
from tests.support.listeners import listen
from tests.support.talks import (
    SURVEY,
    begin,
    data,
    says,
    stop,
    talk,
)


class TestEnd:
    """Ways out that are not in the definition."""

    def test_stop_ends_it(self, define, vendors, others) -> None:
        """BAJA ends the talk, whether or not the file says so, and is no answer; nothing more is sent."""
        define(SURVEY)
        begin()
        says("BAJA", wish="stop")
        assert (talk().node, talk().tries, "first_name" in data()) == ("name", 0, False)
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
