"""What users of chatbots expect of every question: back, once more, a person, a menu; another try for whoever is silent."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock
from shared.journeys import engine, forecast, history, load
from shared.journeys.talks import picture, run, waits
from shared.journeys.talks.definition import TalkingFlow
from shared.store.journey_models import Enrolment
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.journeys import dispatch
from tests.support.talks import PHONE, begin, data, receive, says, talk, texts, vendor_id

MENU = """
name: survey
title: Menú
re_enrol: each_event
move_on: [person.corrected]
keywords: {atrás: back, "otra vez": repeat, asesor: person, menú: topic}
if_no_reply: silent
if_not_understood: lost
steps:
  - {id: name, ask: "¿Cómo te llamas?", store: first_name, wait_at_most: 12h}
  - {id: greet, set: {greeting: "Hola {{ first_name }}"}}
  - id: topic
    ask: {text: "{{ greeting }}, ¿qué te interesa?", options: [Ventas, Soporte], retry: Elige una., retries: 1}
    next: {soporte: help}
  - {id: staff, ask: {text: "¿Cuántas personas son?", reads: number, repeat_after: 3h, repeat_times: 2}, wait_at_most: 6h}
  - {id: done, end: interested}
  - {id: help, end: support}
  - {id: silent, end: silent}
  - {id: lost, end: lost}
"""


def later(test_clock, **delta: float) -> int:
    """Time passes, waits are ended, and what is due goes out; how many waits."""
    test_clock.moment += timedelta(**delta)
    count = waits.end_waits()
    dispatch()
    return count


def at_staff() -> None:
    """Somebody has come to the third question."""
    begin()
    says("Ana")
    says("Ventas")


class TestKeywords:
    """Words that mean the same at every question."""

    def test_back_asks_the_question_before_again(self, define, vendors) -> None:
        """The new answer replaces the old one, what lies between is done again, and the way on is the same."""
        define(MENU)
        begin()
        says("Anna")
        assert says("¡Atrás!").state == "answered"
        assert (talk().node, texts()[-1]) == ("name", "¿Cómo te llamas?")
        says("Ana")
        assert (data()["first_name"], texts()[-1]) == ("Ana", "Hola Ana, ¿qué te interesa?")

    def test_back_twice_and_at_the_first_question(self, define, vendors) -> None:
        """Each goes one question back; before the first there is nothing, so that one is asked again."""
        define(MENU)
        at_staff()
        says("atras")
        assert talk().node == "topic"
        says("atras")
        says("atras")
        assert (talk().node, vendors.steps()[-3:]) == ("name", ["topic", "name", "name"])

    def test_once_more_costs_no_retry(self, define, vendors) -> None:
        """The question comes again in its own words, and the one retry that it has is left."""
        define(MENU)
        begin()
        says("Ana")
        assert says("otra vez").state == "answered"
        assert (texts()[-1], talk().tries) == ("Hola Ana, ¿qué te interesa?", 0)
        says("hm")
        assert (texts()[-1], talk().node) == ("Elige una.", "topic")

    def test_a_person_gets_the_message_unread(self, define, vendors, others) -> None:
        """The flow ends as `person`, without having come to its end, and somebody reads the message."""
        define(MENU)
        begin()
        assert says("Asesor").state == "unread"
        assert [(event.outcome, event.completed) for event in others.ended] == [("person", False)]
        with reading() as session:
            found = history.story(session, session.get_one(Enrolment, 1))
        assert found.talk is not None
        assert found.talk.answer == "It ended at name as person: the person asked for somebody to read it."

    def test_a_step_such_as_a_menu(self, define, vendors) -> None:
        """The flow goes there from any question."""
        define(MENU)
        at_staff()
        says("menu")
        assert (talk().node, vendors.steps()[-1]) == ("topic", "topic")

    def test_words_in_a_sentence_are_an_answer(self, define, vendors) -> None:
        """Only an answer that is the keyword as a whole means it."""
        define(MENU)
        begin()
        says("Ana Menú")
        assert data()["first_name"] == "Ana Menú"

    def test_option_of_that_name_comes_first(self, define, vendors) -> None:
        """Whoever presses or writes an option called like a keyword chooses the option."""
        define(MENU.replace("[Ventas, Soporte]", "[Ventas, Asesor]").replace("{soporte: help}", "{asesor: help}"))
        begin()
        says("Ana")
        says("asesor")
        assert talk().outcome == "support"


class TestNothingFits:
    """Where an answer leads that does not fit, and how often one is asked."""

    def test_flow_has_one_way_out_for_all_questions(self, define, vendors) -> None:
        """After the retries the flow's own step follows, and a person reads the last answer."""
        define(MENU)
        begin()
        says("Ana")
        says("hm")
        assert says("hm").state == "unread"
        assert talk().outcome == "lost"

    def test_way_of_the_question_comes_before_it(self, define, vendors) -> None:
        """A question that names a step for it goes there."""
        define(MENU.replace("next: {soporte: help}", "if_not_understood: help"))
        begin()
        says("Ana")
        says("hm")
        says("hm")
        assert talk().outcome == "support"

    @pytest.mark.parametrize("how", ["menu", "hm", "otra vez"])
    def test_question_is_put_at_most_so_often(self, define, vendors, how: str) -> None:
        """However somebody comes to it: by a keyword, by answers that do not fit, by asking for it again."""
        define(MENU.replace("retries: 1", "retries: 5, at_most: 3"))
        begin()
        says("Ana")
        for _ in range(2):
            says(how)
        assert (talk().node, vendors.steps().count("topic")) == ("topic", 3)
        says(how)
        assert (talk().outcome, vendors.steps().count("topic")) == ("lost", 3)

    def test_without_a_step_for_it_the_flow_ends(self, define, vendors, others) -> None:
        """Asked as often as it may be, and there is no way out: not understood."""
        define(MENU.replace("retries: 1", "at_most: 1").replace("if_not_understood: lost\n", ""))
        begin()
        says("Ana")
        says("menu")
        (end,) = others.ended
        assert (end.outcome, end.reason) == ("not_understood", "it was asked as often as it may be")

    def test_words_in_a_hurry_cost_one_retry(self, define, vendors) -> None:
        """What fits nothing and was written before the question was put again stays unread; what fits counts."""
        define(MENU)
        begin()
        says("Ana")
        first, second, third = (receive({"text": text}) for text in ("hm", "pues", "soporte"))
        dispatch()
        assert (first < second < third, talk().outcome) == (True, "support")
        assert vendors.steps() == ["name", "topic"]

    def test_button_of_the_first_message_counts_after_a_retry(self, define, vendors) -> None:
        """The question was put twice: either message may be answered."""
        define(MENU)
        begin()
        says("Ana")
        quoted = vendor_id(2)
        says("hm")
        says("Soporte", quoted_id=quoted, option_id="soporte", kind="button")
        assert talk().outcome == "support"


class TestSilence:
    """Whoever does not answer is asked again, a few times."""

    def test_asked_again_so_often_and_then_no_more(self, define, vendors, test_clock) -> None:
        """Three hours apart, twice; then the wait of the step goes by, and the flow's own step follows."""
        define(MENU)
        at_staff()
        asked = vendors.steps().count("staff")
        assert [later(test_clock, hours=3, seconds=1) for _ in range(2)] == [1, 1]
        assert vendors.steps().count("staff") == asked + 2
        assert later(test_clock, hours=5) == 0
        assert later(test_clock, hours=1, seconds=1) == 1
        assert (talk().outcome, vendors.steps().count("staff")) == ("silent", asked + 2)

    def test_sentence_says_that_it_is_asked_again(self, define, vendors) -> None:
        """Until when, and what follows."""
        define(MENU)
        at_staff()
        with reading() as session:
            found = history.story(session, session.get_one(Enrolment, 1))
        assert found.talk is not None
        assert found.talk.answer.endswith("2026-03-02 12:00 UTC; then it is asked again.")

    def test_answer_counts_after_it_and_between(self, define, vendors, test_clock) -> None:
        """Also one that was written before the question came again, and reaches us after."""
        define(MENU)
        at_staff()
        written = clock.now() + timedelta(hours=1)
        later(test_clock, hours=3, seconds=1)
        assert says("12", at=written).state == "answered"
        assert (data()["staff"], talk().outcome) == (12, "interested")

    def test_answer_while_it_is_about_to_come_again(self, define, vendors, test_clock) -> None:
        """The time is over, the question was not put again yet: the answer is not late."""
        define(MENU)
        at_staff()
        test_clock.moment += timedelta(hours=3, minutes=1)
        assert says("12").state == "answered"
        assert waits.end_waits() == 0

    def test_it_keeps_to_the_hours_of_the_person(self, define, vendors, test_clock) -> None:
        """Nobody has written, so that it is no reply: caps and quiet hours count for it."""
        define(MENU)
        at_staff()
        later(test_clock, hours=3, seconds=1)
        with reading() as session:
            replies = [row.payload["reply"] for row in session.scalars(select(Delivery).order_by(Delivery.id))]
        assert replies == [True, True, True, False]

    def test_one_that_cannot_be_delivered_leaves_the_first(self, define, vendors, test_clock) -> None:
        """The question is out all the same: the answer is waited for, and counts."""
        define(MENU)
        at_staff()
        later(test_clock, hours=3, seconds=1)
        vendors.says("staff", "failed", "meta-131047")
        assert talk().state == "asked"
        says("12")
        assert talk().outcome == "interested"

    def test_next_question_begins_anew(self, define, vendors, test_clock) -> None:
        """Going back to the question, it may be repeated as often as before."""
        define(MENU)
        at_staff()
        later(test_clock, hours=3, seconds=1)
        says("menu")
        assert talk().repeats == 0


class TestFacts:
    """`move_on`: an event replaces what is known."""

    def test_newer_facts_stand_in_the_next_text(self, define, vendors) -> None:
        """The question that is out stays; the next message says what is known now."""
        define(MENU)
        begin()
        says("Ana")
        facts = {"greeting": "Buenas tardes"}
        transact(lambda session: engine.signal(session, "person.corrected", ["contact:1"], facts, event_key="e1"))
        assert (talk().node, talk().state) == ("topic", "asked")
        says("otra vez")
        assert texts()[-1] == "Buenas tardes, ¿qué te interesa?"


class TestFile:
    """What a file may say, what a forecast and a picture show of it."""

    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            ("menú: topic", "menú: nowhere", "leads to 'nowhere', which is no step"),
            ("menú: topic", "baja: topic", "whoever writes 'baja' unsubscribes"),
            ("menú: topic", "'?': topic", "has no letters"),
            ("if_no_reply: silent", "if_no_reply: quiet", "leads to 'quiet', which is no step"),
            ("{id: done, end", "{id: back, end", "`back` is what a keyword does, and a step here"),
            ("repeat_after: 3h", "repeat_after: 0m", "`repeat_after` is longer than nothing"),
            ("repeat_after: 3h", "repeat_after: 12h", "gets no text by WhatsApp"),
            ("repeat_after: 3h, ", "", "`repeat_times` belongs to `repeat_after`"),
            ("repeat_times: 2", "repeat_times: 2, at_most: 2", "`at_most` counts the repetitions as well"),
            ("reads: number", "reads: number, reader: x", "`reader` reads in place of `reads`"),
        ],
    )
    def test_mistake_is_named(self, old: str, new: str, fault: str) -> None:
        """What cannot work is refused when the file is read."""
        assert old in MENU
        with pytest.raises(load.DefinitionError) as caught:
            load.parse(MENU.replace(old, new, 1))
        assert fault in str(caught.value)

    def test_forecast_counts_repetitions_and_ways_out(self, define, vendors) -> None:
        """Silence is put again twice and then waited out; what does not fit goes the flow's own way."""
        journey = define(MENU)
        silent = _lines(journey, {"staff": run.NO_RESPONSE})
        assert silent["staff"].reason == "put again 2 times, after 3h each"
        assert silent["silent"].goes_at == START + timedelta(hours=12)
        assert _lines(journey, {"topic": run.NOT_UNDERSTOOD})["lost"].reason == "outcome: lost"

    def test_picture_says_what_holds_at_every_question(self) -> None:
        """The keywords and the flow's own ways out stand under the steps."""
        flow = load.parse(MENU.replace("wait_at_most: 6h", "wait_at_most: 6h, if_no_reply: help"))
        assert isinstance(flow, TalkingFlow)
        drawn = picture.draw(flow, [])
        for sentence in ("no reply → silent", "not understood → lost", "“atrás” → back", "“menú” → topic"):
            assert f"At every question: {sentence}" in drawn
        assert "no reply in 6h, asked again 2 x after 3h" in drawn


def _lines(journey, assume):
    """What somebody new would get, by step."""
    newcomer = forecast.newcomer({"phone": PHONE}, at=START)
    return {line.step: line for line in forecast.forecast(journey, newcomer, assume)}
