"""Forecast of talking flows, and "why, and when" of whoever is in one."""

from datetime import timedelta

from shared.journeys import forecast, history, picture
from shared.journeys.talks import waits
from shared.store.journey_models import Enrolment
from shared.store.session import reading
from tests.conftest import START
from tests.support.talks import SURVEY, begin, says

SIZES = """
name: sizes
title: Sizes
re_enrol: each_event
steps:
  - {id: size, ask: {text: "¿Cuántos son?", reads: number}}
  - {id: large, say: Muchos., when: "data.size > 10"}
  - {id: copy, set: {kept: "{{ size }} personas"}}
  - {id: group, tag: grupo}
  - {id: copied, say: Bien., when: "data.kept == '12 personas' or data.kept == '3 personas'"}
  - {id: tagged, say: Listo., when: "'grupo' in data.tags"}
"""


def lines(journey, assume=None):
    """What somebody new would get, by step."""
    return {line.step: line for line in forecast.forecast(journey, forecast.newcomer({}, at=START), assume)}


def story(number: int = 1):
    """Everything about one enrolment."""
    with reading() as session:
        return history.story(session, session.get_one(Enrolment, number))


class TestForecast:
    """What would happen, by assumed answers."""

    def test_first_option_is_assumed(self, define, vendors) -> None:
        """Without assumptions each question gets its first option or a sample; the other branch is not reached."""
        found = lines(define(SURVEY))
        assert [name for name, line in found.items() if line.what == "goes"] == ["name", "topic", "staff", "bye"]
        assert found["done"].reason == "outcome: interested"
        assert "help" not in found

    def test_assumed_answer_takes_its_branch(self, define, vendors) -> None:
        """An answer that leads elsewhere shows that branch's end, and what is not reached then."""
        found = lines(define(SURVEY), {"topic": "soporte"})
        assert found["helped"].reason == "outcome: support"
        assert (found["bye"].what, found["bye"].reason) == ("skipped", "not reached by these answers")

    def test_nobody_answers(self, define, vendors) -> None:
        """`no_response` waits as long as the step says, and goes the way of `if_no_reply`."""
        found = lines(define(SURVEY), {"name": "no_response"})
        assert found["nobody"].goes_at == START + timedelta(hours=12)

    def test_it_is_what_happens(self, define, vendors) -> None:
        """Who answers as it was assumed gets the same messages in the same order."""
        found = lines(define(SURVEY), {"topic": "ventas"})
        begin()
        for text in ("Ana", "Ventas", "3"):
            says(text)
        assert vendors.steps() == [name for name, line in found.items() if line.what == "goes"]

    def test_assumed_answers_are_read_as_real_ones(self, define, vendors) -> None:
        """A number is one in conditions, and what a step sets from it, or tags, is known to the steps below."""
        found = lines(define(SIZES), {"size": "12"})
        assert [name for name, line in found.items() if line.what == "goes"] == ["size", "large", "copied", "tagged"]
        begin(flow="sizes")
        says("somos 12")
        assert vendors.steps() == ["size", "large", "copied", "tagged"]
        small = lines(define(SIZES), {"size": "3"})
        assert [name for name, line in small.items() if line.what == "goes"] == ["size", "copied", "tagged"]

    def test_who_is_in_it_goes_on_from_there(self, define, vendors) -> None:
        """The question that is out is not sent again; the rest follows."""
        define(SURVEY)
        begin()
        says("Ana")
        with reading() as session:
            ((journey, who),) = forecast.enrolled(session, "survey")
        found = {line.step: line.what for line in forecast.forecast(journey, who)}
        assert found == {"name": "sent", "topic": "sent", "staff": "goes", "bye": "goes", "done": "recorded"}

    def test_picture_has_the_times(self, define, vendors) -> None:
        """The steps that are reached are drawn with their times, in the zone of the person."""
        journey = define(SURVEY)
        drawn = picture.picture_of(journey, list(lines(journey).values()))
        assert "topic · Mon 02 Mar 03:00" in drawn
        assert "no reply in 12h" in drawn


class TestWhyAndWhen:
    """The sentence of an enrolment."""

    def test_question_that_is_out(self, define, vendors) -> None:
        """Until when the answer is waited for, and what follows without one."""
        define(SURVEY)
        begin()
        assert story().talk.answer == "The answer to name is waited for until 2026-03-02 21:00 UTC; then nobody follows."

    def test_end_with_its_reason(self, define, vendors, test_clock) -> None:
        """How it ended, and every decision on the way."""
        define(SURVEY)
        begin()
        says("Ana")
        test_clock.moment += timedelta(days=2)
        waits.end_waits()
        found = story()
        assert found.talk.answer == "It ended at topic as no_response: nobody answered in time."
        kinds = [(line.step, line.kind) for line in found.decisions]
        assert kinds == [
            (None, "enrolled"),
            ("name", "planned"),
            ("name", "sent"),
            ("name", "waiting"),
            ("name", "answered"),
            ("topic", "planned"),
            ("topic", "sent"),
            ("topic", "waiting"),
            ("topic", "unanswered"),
            (None, "finished"),
        ]
