"""Callbacks come twice, in any order, before our own record, and for messages of other systems: the end is always the same."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import clock
from shared.errors import UncertainError
from shared.messages import Fallback, statuses
from shared.messages.events import ProviderEvent
from shared.messages.providers import twilio_codes, twilio_events
from shared.messages.statuses import RANKS
from shared.settings import get_settings
from shared.store.message_models import MessageStatus
from shared.store.models import Base, Delivery
from shared.store.session import reading, transact
from tests.flows.test_messages_inbound import Flow
from tests.support.examples import examples
from tests.support.messages import ANA_EMAIL, ANA_PHONE, CONFIGURED, PostOffice, carry_out, enqueue, message
from tests.support.world import World

SMS = Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3")
MESSAGE_WORDS = sorted(twilio_codes.MESSAGE_STATUSES)
CALL_WORDS = [(word, "") for word in sorted(twilio_codes.CALL_STATUSES)] + [
    ("completed", "machine_end_beep"),
    ("completed", "fax"),
]
ARRIVED = {"delivered", "opened", "answered"}
NOT_REACHED = {"failed", "no-answer", "machine", "call-failed"}
ROUNDS = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def post(environment: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    """All vendors set up, and in the test's hand."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    with PostOffice().installed(environment) as office:
        yield office


@pytest.fixture
def flow(world: World, test_clock: clock.TestClock, post: PostOffice) -> Flow:
    """A Monday at noon in Mexico."""
    test_clock.moment = test_clock.moment.replace(hour=18)
    return Flow(world)


def fresh(post: PostOffice) -> None:
    """Nothing has happened yet."""

    def empty(session: Any) -> None:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())

    transact(empty)
    for kept in (post.sent, post.outcomes_seen, post.asked, post.after_sending):
        kept.clear()


def furthest(vendor_id: str) -> str | None:
    """What we keep of a message of the vendor's."""
    with reading() as session:
        return session.query(MessageStatus).filter_by(vendor_id=vendor_id).one().status


def check(post: PostOffice, reported: list[str | None], first: str, vendor_id: str) -> None:
    """The promises, whatever was said in whichever order."""
    known = [word for word in reported if word is not None]
    assert post.channels().count(first) == 1, "nothing is sent twice"
    assert post.channels().count("sms") <= 1, "at most one fallback"
    if known:
        assert furthest(vendor_id) == max(known, key=RANKS.__getitem__), "the furthest word counts"
    if not NOT_REACHED & set(known):
        assert post.channels() == [first], "what may have arrived is not said again"
    if NOT_REACHED & set(known) and not ARRIVED & set(known):
        assert post.channels() == [first, "sms"], "what did not arrive is said by SMS"
    notified = [outcome.word for _context, outcome in post.outcomes_seen if outcome.channel == first]
    assert len(notified) == len(set(notified)), "nothing is told twice"


def test_no_two_words_are_equally_far() -> None:
    """So that which of two comes first never decides."""
    assert len(set(RANKS.values())) == len(RANKS)


@ROUNDS
@given(st.lists(st.sampled_from(MESSAGE_WORDS), max_size=8), st.booleans(), st.integers(0, 8))
def test_message(flow: Flow, post: PostOffice, words: list[str], strangers: bool, lost_at: int) -> None:  # noqa: FBT001
    """Any words, any number of times; our own record of the sending may come in the midst of them."""
    fresh(post)
    early, late = words[:lost_at], words[lost_at:]
    if early:
        post.after_sending = [UncertainError("the answer was lost")]
    enqueue(message(fallback=(SMS,)))
    number = deliver_id()
    path = f"/api/twilio/status?d={number}"
    for word in early + late:
        flow.twilio(path=path, MessageSid=f"V{number}", MessageStatus=word, ErrorCode="63016" if word == "undelivered" else "")
        if strangers:
            flow.twilio(path="/api/twilio/status", MessageSid="SM-of-another", MessageStatus=word)
    check(post, [twilio_codes.MESSAGE_STATUSES[word] for word in words], "whatsapp", f"V{number}")


@ROUNDS
@given(st.lists(st.sampled_from(CALL_WORDS), max_size=6))
def test_call(flow: Flow, post: PostOffice, words: list[tuple[str, str]]) -> None:
    """The same for calls, whoever answers."""
    fresh(post)
    enqueue(message("voice", fallback=(SMS,)))
    number = deliver_id()
    reported = []
    for word, answered_by in words:
        more = {"AnsweredBy": answered_by} if answered_by else {}
        flow.twilio(path=f"/api/twilio/status?d={number}", CallSid=f"V{number}", CallStatus=word, **more)
        reported.append(twilio_events.status_of(word, is_call=True, answered_by=answered_by))
    check(post, reported, "voice", f"V{number}")


def deliver_id() -> int:
    """The number of the message."""
    with reading() as session:
        return session.query(Delivery.id).order_by(Delivery.id).limit(1).scalar()


@pytest.mark.parametrize("order", list(itertools.permutations(["failed", "soft-bounced", "bounced"])))
def test_mail_that_fails_in_several_ways_falls_back_once(flow: Flow, post: PostOffice, order: tuple[str, ...]) -> None:
    """Its owner is notified once that it failed, and that another way is tried; never that all is lost while that one waits."""
    enqueue(message("email", to=ANA_EMAIL, fallback=(SMS,)))
    for status in order:
        word = ProviderEvent(provider="brevo", vendor_id="V1", status=status, at=clock.now())
        transact(lambda session, word=word: statuses.status(session, word))
    failed = [outcome for _context, outcome in post.outcomes_seen if outcome.word == "failed"]
    assert [outcome.fallback for outcome in failed] == [True]
    carry_out()
    assert post.channels() == ["email", "sms"]


@pytest.mark.parametrize("first", ["call-failed", "no-answer"])
def test_call_that_fails_in_two_ways_has_one_text(flow: Flow, post: PostOffice, first: str) -> None:
    """Both times its owner is notified that another way is tried."""
    enqueue(message("voice", fallback=(SMS,)))
    for status in (first, "machine"):
        word = ProviderEvent(provider="twilio", vendor_id="V1", status=status, at=clock.now())
        transact(lambda session, word=word: statuses.status(session, word))
    assert [outcome.fallback for _context, outcome in post.outcomes_seen[1:]] == [True, True]
    carry_out()
    assert post.channels() == ["voice", "sms"]


@pytest.mark.slow
def test_storm_of_one_word_is_one_word(flow: Flow, post: PostOffice) -> None:
    """A hundred times the same: handled, kept within bounds, told once."""
    enqueue(message(fallback=(SMS,)))
    for number in range(100):
        flow.twilio(MessageSid="V1", MessageStatus="delivered", SequenceNumber=str(number))
    assert post.words() == ["sent", "delivered"]
    with reading() as session:
        assert len(session.query(MessageStatus).one().history) <= statuses.LONGEST_HISTORY
