"""Talking flows: they ask, read the answer, branch by it, and end with an outcome of which whoever began them is notified."""

from datetime import timedelta

from shared import clock
from shared.journeys import pauses, talking
from shared.journeys.talks import waits
from shared.store.session import transact
from tests.support.journeys import dispatch
from tests.support.talks import (
    PHONE,
    SURVEY,
    begin,
    data,
    options,
    receive,
    says,
    talk,
    talking_progress,
    texts,
)


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
