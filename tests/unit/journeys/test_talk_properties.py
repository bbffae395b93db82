"""Talks under any order of answers, waits, repeats, refusals and crashes, on the simulated clock."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from shared import clock, faults
from shared.errors import PermanentError, UnavailableError, UncertainError
from shared.journeys import talking
from shared.journeys.talks import replies, run, waits
from shared.messages import consent
from shared.messages.digests import digest_of_address
from shared.outbox.actions import Claimed, Done, Outcome
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyDecision, JourneyTalk
from shared.store.message_models import ReceivedMessage
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.examples import examples
from tests.support.journeys import Post, dispatch
from tests.support.listeners import listen

FLOW = """
name: any_order
title: Any order
re_enrol: each_event
keywords: {atrás: back, otra: repeat, menú: topic, asesor: person}
steps:
  - {id: name, ask: "¿Nombre?", wait_at_most: 2h, if_no_reply: topic}
  - id: topic
    ask: {text: "¿Qué?", options: [Ventas, Soporte], retries: 1, at_most: 5, repeat_after: 1h, repeat_times: 2}
    wait_at_most: 2h
    if_not_understood: staff
    next: {soporte: name}
  - {id: staff, ask: {text: "¿Cuántos?", reads: number, retries: 1}, wait_at_most: 2h}
  - {id: done, end: well}
"""
MOST_TOPICS = 5
TEXTS = ("Ana", "1", "2", "Soporte", "12", "no sé", "", "Atrás", "Otra", "Menú", "Asesor")
FAULTS: dict[str, Callable[[], Exception]] = {
    "unavailable": lambda: UnavailableError("away"),
    "uncertain": lambda: UncertainError("no answer"),
    "refused": lambda: PermanentError("refused", "no"),
}
DEEDS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(TEXTS), st.sampled_from([0, 0, 1, 90])),
    st.tuples(st.just("crash"), st.sampled_from(TEXTS)),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 119, 120, 121])),
    st.tuples(st.just("send")),
    st.tuples(st.just("early"), st.sampled_from(TEXTS)),
    st.tuples(st.just("fault"), st.sampled_from(sorted(FAULTS))),
    st.tuples(st.just("timeouts")),
    st.tuples(st.just("again"), st.integers(0, 5)),
    st.tuples(st.just("word"), st.sampled_from(["delivered", "failed", "opened"])),
)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


class CrashError(RuntimeError):
    """The process dies before it commits."""


class World:
    """One person in the flow, and whatever happens to them."""

    number = 0

    def __init__(self, vendors: Post) -> None:
        World.number += 1
        self.vendors = vendors
        self.phone, self.person = f"+52551234{World.number:04d}", f"contact:{World.number}"
        self.written: list[int] = []
        self.taken: Counter[int] = Counter()
        self.ended: list[Any] = []
        self.early: str | None = None
        self.fault: str | None = None
        vendors.answer = self._answer
        self.enrolment = transact(
            lambda session: talking.begin(session, "any_order", self.person, {"phone": self.phone}, key=self.person)
        )

    def _answer(self, delivery: Claimed) -> Outcome:
        """The vendor's answer; before it an answer of the person's may come in, or the sending fails."""
        if self.early is not None:
            text, self.early = self.early, None
            self.say(text)
        if self.fault is not None:
            name, self.fault = self.fault, None
            return FAULTS[name]()  # type: ignore[return-value]
        return Done({"id": f"V{delivery.id}"})

    def write(self, text: str, at: datetime) -> int:
        """A message of theirs is kept."""
        vendor_id = f"{self.person}:{len(self.written)}"
        values = {"provider": "twilio", "vendor_id": vendor_id, "channel": "whatsapp", "sender": self.phone, "media": []}

        def work(session: Any) -> int:
            row = ReceivedMessage(**values, text=text, state="unread", received_at=at)
            session.add(row)
            session.flush()
            consent.wrote_to_us(session, digest_of_address(self.phone), "whatsapp", at)
            return row.id

        self.written.append(transact(work))
        return self.written[-1]

    def take(self, number: int) -> None:
        """The message is taken in."""
        self.taken[number] += transact(lambda session: replies.take(session, number))

    def say(self, text: str, lag: int = 0) -> None:
        """They write, and we get it `lag` minutes later."""
        self.take(self.write(text, clock.now() - timedelta(minutes=lag)))

    def crash(self, text: str) -> None:
        """They write, the process dies before it commits, and the queue delivers the message again."""
        number = self.write(text, clock.now())

        def work(session: Any) -> None:
            replies.take(session, number)
            raise CrashError

        with suppress(CrashError):
            transact(work)
        self.take(number)

    def do(self, deed: tuple[Any, ...], test_clock: clock.TestClock) -> None:
        """One thing happens."""
        what, *rest = deed
        match what:
            case "say":
                self.say(*rest)
            case "crash":
                self.crash(*rest)
            case "wait":
                test_clock.advance(minutes=rest[0])
            case "send":
                dispatch()
            case "early":
                self.early = rest[0]
            case "fault":
                self.fault = rest[0]
            case "timeouts":
                waits.end_waits()
            case "again" if rest[0] < len(self.written):
                self.take(self.written[rest[0]])
            case "word" if self.steps():
                self.vendors.says(self.steps()[-1], rest[0])

    def steps(self) -> list[str]:
        """What went out to them."""
        return self.vendors.steps(self.person)

    def talk(self) -> JourneyTalk:
        """Where they stand."""
        with reading() as session:
            return session.get_one(JourneyTalk, self.enrolment)


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every end that others are notified of."""
    found: list[Any] = []
    listen(monkeypatch, "talk.ended", "test", lambda _session, event: found.append(event))
    return found


@given(deeds=st.lists(DEEDS, max_size=16))
@settings(max_examples=examples(12), suppress_health_check=SLOW, deadline=None)
def test_any_order_of_things(define, vendors, test_clock, outcomes, deeds) -> None:
    """Each message is taken as one answer at most, each question sent as often as it may be, and every talk ends once."""
    test_clock.moment = START
    define(FLOW)
    world = World(vendors)
    for deed in deeds:
        world.do(deed, test_clock)
        check(world)
    for _ in range(40):
        if world.talk().state == run.ENDED:
            break
        test_clock.advance(hours=6)
        dispatch()
        waits.end_waits()
    check(world)
    talk = world.talk()
    assert talk.state == run.ENDED
    sent = len(world.steps())
    world.say("Ana")
    dispatch()
    assert len(world.steps()) == sent
    # The list keeps what a transaction told it that was rolled back, so it may hold more than happened.
    assert {event.outcome for event in outcomes if event.enrolment_id == world.enrolment} >= {talk.outcome}


def check(world: World) -> None:
    """What holds at any time."""
    assert max(world.taken.values(), default=0) <= 1
    keys = Counter(one.key for one in world.vendors.sent if one.person == world.person)
    assert max(keys.values(), default=0) <= 1
    with reading() as session:
        talk = session.get_one(JourneyTalk, world.enrolment)
        row = session.get_one(Enrolment, world.enrolment)
        kinds = Counter(session.scalars(select(JourneyDecision.kind).where(JourneyDecision.enrolment_id == world.enrolment)))
        open_steps = session.scalars(
            select(EnrolmentStep.step).where(EnrolmentStep.enrolment_id == world.enrolment, EnrolmentStep.state == "owed")
        ).all()
    assert kinds["answered"] + kinds["not-fitting"] + kinds["keyword"] == sum(world.taken.values())
    assert kinds["finished"] == (talk.state == run.ENDED)
    assert (row.state == "finished") == (talk.state == run.ENDED)
    assert (talk.until is not None) == (talk.state == run.ASKED)
    assert world.steps().count("topic") <= MOST_TOPICS
    if talk.state == run.SENDING:
        assert talk.node in open_steps


@pytest.mark.parametrize("point", ["outbox.after_claim", "outbox.after_call", "outbox.after_record"])
def test_worker_that_dies_while_it_sends_a_question(define, vendors, test_clock, outcomes, point) -> None:
    """Claimed, sent or recorded: whatever was done goes on, the question reaches them once, and its answer counts."""
    test_clock.moment = START
    define(FLOW)
    world = World(vendors)
    faults.inject(f"{point}=raise x1".replace(" ", ""))
    try:
        with suppress(faults.InjectedFault):
            dispatch()
    finally:
        faults.inject("")
    for _ in range(6):
        test_clock.advance(minutes=15)
        dispatch()
    assert world.steps() == ["name"]
    world.say("Ana")
    assert (world.talk().node, world.talk().state) == ("topic", run.SENDING)


def test_answer_and_timeout_at_the_same_moment(define, vendors, test_clock) -> None:
    """Whichever is taken in first counts, and the other changes nothing."""
    for answer_first in (True, False):
        test_clock.moment = START
        define(FLOW)
        world = World(vendors)
        dispatch()
        test_clock.advance(hours=2, seconds=1)
        number = world.write("Ana", clock.now() - timedelta(seconds=1))
        deeds = [lambda number=number, world=world: world.take(number), waits.end_waits]
        for deed in deeds if answer_first else reversed(deeds):
            deed()
        assert world.taken[number] == answer_first
        with reading() as session:
            known = session.get_one(Enrolment, world.enrolment).data.get("name")
        assert (known, world.talk().node) == ("Ana" if answer_first else None, "topic")
