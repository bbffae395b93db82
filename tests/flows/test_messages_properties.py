"""Weeks of messages, chosen at random: the promises hold whatever is owed, fails, is reported late or is no longer wanted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import clock
from shared.errors import PermanentError, RetryableError, ThrottledError, UncertainError
from shared.messages import Fallback, consent, digests, statuses
from shared.messages.events import ProviderEvent
from shared.messages.letter import Letter
from shared.messages.message import Message
from shared.messages.verdict import window_of
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.models import Base
from shared.store.session import reading, transact
from tests.support.examples import examples
from tests.support.messages import (
    ANA_EMAIL,
    ANA_PHONE,
    CARRIERS,
    CONFIGURED,
    LEAD,
    PostOffice,
    carry_out,
    deliveries,
    enqueue,
    message,
    next_due,
)

pytestmark = pytest.mark.slow

# Before a change to daylight-saving time in Madrid (29 March 2026), with holidays in both countries in the weeks after.
START = datetime(2026, 3, 26, tzinfo=UTC)
PEOPLE = {"lead:1": ("+34612345678", "es@example.com"), "lead:2": (ANA_PHONE, ANA_EMAIL)}
CAP = 1


@dataclass
class Diary(PostOffice):
    """Notes when each letter went out, and to whom nothing may go any more."""

    at: list[tuple[datetime, Letter]] = field(default_factory=list)
    silent: set[tuple[str, str]] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)

    def send(self, letter: Letter) -> dict[str, Any]:
        if (letter.message.channel, letter.message.to) in self.silent:
            self.broken.append(f"{letter.message.dedupe_key} was sent to somebody who asked for silence")
        before = len(self.sent)
        try:
            return super().send(letter)
        finally:
            if len(self.sent) > before:
                self.at.append((clock.now(), letter))


@pytest.fixture
def diary(environment: pytest.MonkeyPatch, world, test_clock: clock.TestClock) -> Iterator[Diary]:
    """Everything is set up, and the vendors are in the test's hand."""
    for name, value in (CONFIGURED | {"MESSAGES_PER_PERSON_PER_DAY": str(CAP)}).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    with Diary().installed(environment) as diary:
        yield diary


channels = st.sampled_from(["email", "whatsapp", "sms", "voice"])
owing = st.tuples(
    st.just("enqueue"),
    st.sampled_from(sorted(PEOPLE)),
    channels,
    st.integers(0, 12),  # the key: some come twice
    st.sampled_from([0, 0, 0, 1, 9, 30, 96]),  # hours until it is due
    st.booleans(),  # with a fallback
    st.sampled_from([(True, False), (True, False), (False, False), (False, True)]),  # window, transactional
)
happening = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 30)),
    st.tuples(st.just("wait"), st.integers(1, 3)),
    st.tuples(st.just("trouble"), st.sampled_from(["refused", "busy", "throttled", "no answer", "lost"])),
    st.tuples(st.just("news"), st.integers(1, 20), st.sampled_from(["sent", "delivered", "failed", "no-answer", "machine"])),
)
silence = st.tuples(st.just("silence"), st.sampled_from(sorted(PEOPLE)), channels)
# Many messages and a few other things, so that days fill up; at most two wishes for silence, late.
plans = st.tuples(st.lists(owing, min_size=8, max_size=12), st.lists(happening, max_size=8), st.lists(owing, max_size=8),
                  st.lists(silence, max_size=2), st.lists(st.one_of(owing, happening), max_size=8)).map(
    lambda parts: [deed for part in parts for deed in part])  # fmt: skip
TROUBLES = {
    "refused": PermanentError("twilio-x", "refused"),
    "busy": RetryableError("busy"),
    "throttled": ThrottledError("slow down", after_seconds=60),
    "lost": UncertainError("cut before it was sent"),
}


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans)
def test_promises_hold_whatever_happens(diary: Diary, test_clock: clock.TestClock, plan: list[tuple[Any, ...]]) -> None:
    """Never in quiet hours or on a holiday, never above the cap, never after silence, each key once, each fallback once."""
    _fresh(diary, test_clock)
    for deed, *details in plan:
        DEEDS[deed](diary, test_clock, *details)
        carry_out()
    _let_pass(test_clock, hours=24 * 21)
    _check_windows(diary)
    _check_cap(diary)
    keys = Counter(letter.key for letter in diary.sent)
    assert max(keys.values(), default=1) == 1, "a key went out twice"
    assert diary.broken == []
    open_ones = [row for row in deliveries() if row.state in (State.PENDING, State.SENDING)]
    assert open_ones == [], "something owed was neither sent nor given up"
    assert all(row.reason for row in deliveries() if row.state != State.DONE), "nothing goes unsent without a reason"
    told = Counter(outcome.delivery_id for _context, outcome in diary.heard if outcome.word in ("sent", "skipped"))
    assert max(told.values(), default=1) == 1, "an outcome was told twice"


def _fresh(diary: Diary, test_clock: clock.TestClock) -> None:
    def empty(session: Any) -> None:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())

    transact(empty)
    test_clock.moment = START
    for kept in (
        diary.sent,
        diary.at,
        diary.heard,
        diary.asked,
        diary.silent,
        diary.broken,
        diary.refusals,
        diary.after_sending,
    ):
        kept.clear()


def _enqueue(_diary: Diary, _clock: Any, person: str, channel: str, key: int, hours: int, fallback: bool, kind: Any) -> None:  # noqa: FBT001
    phone, email = PEOPLE[person]
    window, transactional = kind
    enqueue(
        message(
            channel,
            person=person,
            to=email if channel == "email" else phone,
            dedupe_key=f"{person}:{key}",
            due_at=clock.now() + timedelta(hours=hours),
            not_after=clock.now() + timedelta(days=20),
            fallback=(Fallback(channel="sms", to=phone, template="lead_day_3", variables=LEAD),) if fallback else (),
            time_zone="Europe/Madrid" if person == "lead:1" else None,
            country="ES" if person == "lead:1" else None,
            window=window,
            transactional=transactional,
        )
    )


def _wait(_diary: Diary, test_clock: clock.TestClock, hours: int) -> None:
    _let_pass(test_clock, hours=hours)


def _silence(diary: Diary, _clock: Any, person: str, channel: str) -> None:
    to = PEOPLE[person][channel == "email"]
    cause = "bounced" if channel == "email" else "stop"
    covered = ["email"] if channel == "email" else list(consent.PHONE_CHANNELS)
    transact(lambda session: consent.suppress(session, covered, [digests.digest_of_address(to)], cause, clock.now()))
    diary.silent |= {(one, to) for one in covered}


def _trouble(diary: Diary, _clock: Any, kind: str) -> None:
    if kind == "no answer":
        diary.after_sending.append(UncertainError("no answer"))
    else:
        diary.refusals.append(TROUBLES[kind])


def _news(_diary: Diary, _clock: Any, number: int, status: str) -> None:
    with reading() as session:
        from shared.store.models import Delivery

        delivery = session.get(Delivery, number)
    if delivery is None or (status in ("no-answer", "machine")) != (delivery.action == "voice"):
        return
    word = ProviderEvent(provider=delivery.target, vendor_id=f"V{number}", status=status, at=clock.now())
    transact(lambda session: statuses.status(session, word))


DEEDS = {"enqueue": _enqueue, "wait": _wait, "silence": _silence, "trouble": _trouble, "news": _news}


def _let_pass(test_clock: clock.TestClock, *, hours: int) -> None:
    """From one due time to the next; half an hour at least, so that pauses and circuits end as well."""
    end = test_clock.moment + timedelta(hours=hours)
    while test_clock.moment < end and (moment := next_due()) is not None:
        test_clock.moment = min(max(moment, test_clock.moment + timedelta(minutes=30)), end)
        carry_out()
    test_clock.moment = end


def _check_windows(diary: Diary) -> None:
    for at, letter in diary.at:
        if letter.message.window:
            assert window_of(letter.message, get_settings()).closed(at) is None, letter.message.dedupe_key


def _check_cap(diary: Diary) -> None:
    """What reached them: sent, and not reported as failed later."""
    failed = {outcome.delivery_id for _context, outcome in diary.heard if outcome.word in ("failed", "no-answer", "machine")}
    days: Counter[tuple[str, str]] = Counter()
    for at, letter in diary.at:
        said: Message = letter.message
        if not said.transactional and letter.delivery_id not in failed:
            days[said.person, window_of(said, get_settings()).day(at)] += 1
    assert max(days.values(), default=0) <= CAP


def test_every_carrier_is_covered() -> None:
    """The helper drains all carriers that there are."""
    from shared.messages.carriers import PER_SECOND

    assert set(PER_SECOND) == set(CARRIERS)
