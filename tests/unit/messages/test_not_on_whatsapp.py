"""Who is not on WhatsApp: marked by failures of two days outside a wave, in whatever order they are told; and Meta's limit."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from shared import clock, retention
from shared.errors import PermanentError
from shared.messages import Fallback, consent, digests, moves, not_on_whatsapp, operator_actions, replies, statuses
from shared.messages.events import InboundMessage, ProviderEvent
from shared.store.message_models import MessageStatus, Suppression
from shared.store.models import Delivery
from shared.store.session import reading, transact
from shared.store.trial_keys import trial_key
from shared.store.whatsapp_models import WhatsAppFailure, WhatsAppWave
from tests.support import tsql
from tests.support.examples import examples
from tests.support.messages import ANA_PHONE, PostOffice, carry_out, deliveries, enqueue, message

SMS = Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3")
ANA = digests.digest_of_address(ANA_PHONE)
UNDELIVERED, LIMITED = "meta-undeliverable", "meta-marketing-limit"
NOON = datetime(2026, 3, 2, 18, tzinfo=UTC)
ROUNDS = settings(
    max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(autouse=True)
def _noon(world: Any, test_clock: clock.TestClock) -> None:
    """A Monday at noon in Mexico."""
    test_clock.moment = NOON


@pytest.fixture(autouse=True)
def _by_meta(configured: pytest.MonkeyPatch) -> None:
    """Meta carries WhatsApp."""
    from shared.settings import get_settings

    configured.setenv("WHATSAPP_PROVIDER", "meta")
    get_settings.cache_clear()


def report(vendor_id: str, status: str = "failed", reason: str | None = UNDELIVERED, **more: Any) -> None:
    """Meta tells something of a message to Ana; whatever follows is carried out."""
    facts = {"provider": "meta", "vendor_id": vendor_id, "status": status, "at": clock.now(), "who": ANA}
    event = ProviderEvent.model_validate(facts | {"reason": reason if status == "failed" else None} | more)
    transact(lambda session: statuses.status(session, event))
    carry_out()


def later(test_clock: clock.TestClock, **of: float) -> None:
    """So much time passes, and the job runs."""
    test_clock.advance(**of)
    not_on_whatsapp.settle()


def held(channel: str = "whatsapp", **more: Any) -> str | None:
    """Why a message to Ana is not sent now."""
    with reading() as session:
        return consent.held_back(session, message(channel, **more))


def writes(at: datetime | None = None, channel: str = "whatsapp") -> None:
    """Ana writes to us."""
    words = {"provider": "meta", "vendor_id": f"w{clock.now()}", "channel": channel, "who": ANA, "sender": ANA_PHONE}
    payload = InboundMessage.model_validate(words | {"text": "Hola"})
    transact(lambda session: replies.take(session, payload, at or clock.now()))


def fails_on_two_days(test_clock: clock.TestClock) -> None:
    """Two messages fail, one day apart."""
    report("V1")
    later(test_clock, days=1)
    report("V2")
    later(test_clock, minutes=31)


class TestMark:
    """From which failures it follows that somebody is not there."""

    def test_second_day_marks(self, test_clock: clock.TestClock) -> None:
        """Everything automatic by WhatsApp is held back then, and nothing else."""
        report("V1")
        later(test_clock, days=1)
        assert held() is None
        report("V2")
        assert held() is None  # it may yet be part of a wave
        later(test_clock, minutes=31)
        assert held() == held(transactional=True) == "not-on-whatsapp"
        assert held("sms") is held("email") is None
        assert held(to="+525599998888") is None

    @pytest.mark.parametrize("copies", [1, 5])
    def test_one_message_is_one_failure(self, test_clock: clock.TestClock, copies: int) -> None:
        """However often it is told of, on how many days."""
        for _day in range(4):
            for _copy in range(copies):
                report("V1", at=NOON)
            later(test_clock, days=1)
        for _day in range(3):
            report("V1")  # with another time each day
            later(test_clock, days=1)
        assert held() is None

    def test_one_day_is_one_occasion(self, test_clock: clock.TestClock) -> None:
        """Of UTC, by the vendor's clock: also where word of it comes on two days."""
        for number in range(4):
            report(f"V{number}", at=NOON + timedelta(hours=number))
            later(test_clock, hours=20)
        assert held() is None

    def test_midnight_of_utc_is_the_border(self, test_clock: clock.TestClock) -> None:
        """Six in the evening in Mexico."""
        report("V1", at=datetime(2026, 3, 2, 23, 59, tzinfo=UTC) - timedelta(days=1))
        report("V2", at=datetime(2026, 3, 2, 0, 1, tzinfo=UTC))
        later(test_clock, minutes=31)
        assert held() == "not-on-whatsapp"

    @pytest.mark.parametrize("reason", ["meta-outside-window", "meta-temporary", "gave-up", LIMITED, None])
    def test_other_reasons_say_nothing(self, test_clock: clock.TestClock, reason: str | None) -> None:
        """Of who is there."""
        report("V1", reason=reason)
        later(test_clock, days=2)
        report("V2", reason=reason)
        later(test_clock, days=2)
        assert held() is None

    def test_refusal_at_once_counts_as_well(self, post: PostOffice, test_clock: clock.TestClock) -> None:
        """Without a status."""
        for key in ("k1", "k2"):
            post.refusals = [PermanentError(UNDELIVERED, "131026")]
            enqueue(message(dedupe_key=key))
            later(test_clock, days=1)
        assert held() == "not-on-whatsapp"
        assert not_on_whatsapp.settle() == 0

    def test_a_status_that_names_the_user_alone_counts_for_our_address(
        self, post: PostOffice, test_clock: clock.TestClock
    ) -> None:
        """Meta leaves the number out by turns."""
        other = digests.digest_of_address("MX.1a2b")
        for number in (1, 2):
            enqueue(message(dedupe_key=f"k{number}"))
            report(f"V{number}", who=[other, ANA][number - 1])
            later(test_clock, days=1)
        assert held() == "not-on-whatsapp"

    def test_whoever_tries_a_flow_says_nothing_of_the_person(self, post: PostOffice, test_clock: clock.TestClock) -> None:
        """A test event's message went somewhere else."""
        for number in (1, 2):
            enqueue(message(dedupe_key=f"k{number}"))
            transact(partial(_try, number=number))
            report(f"V{number}", who=digests.digest_of_address("+525500001111"))
            later(test_clock, days=1)
        assert held() is None

    def test_what_is_older_than_a_quarter_counts_no_more(self, test_clock: clock.TestClock) -> None:
        """And its row goes; told again after that, it is not noted anew."""
        report("V1")
        later(test_clock, days=92)
        report("V2")
        later(test_clock, days=1)
        assert held() is None
        assert retention.forget()["failures of WhatsApp"] == 1
        report("V1", at=NOON)
        later(test_clock, days=1)
        assert held() is None
        report("V3")
        later(test_clock, days=1)
        assert held() == "not-on-whatsapp"

    def test_statements_are_valid_tsql(self, post: PostOffice, test_clock: clock.TestClock) -> None:
        """What the job asks for, with a mark at its end, and what a wave and a word of theirs ask for."""
        with tsql.recorded() as found:
            transact(not_on_whatsapp.note_wave)
            test_clock.advance(hours=1)
            for number in (1, 2):
                enqueue(message(dedupe_key=f"k{number}"))
                report(f"V{number}")
                later(test_clock, days=1)
            writes()
        texts = {tsql.compiled(statement) for statement in found}
        named = [sum(table in text for text in texts) for table in ("whatsapp_failures", "whatsapp_waves", "suppressions")]
        assert all(number >= least for number, least in zip(named, (3, 2, 3), strict=True)), named
        for text in texts:
            tsql.check(text)


def _try(session: Any, *, number: int) -> None:
    session.get_one(Delivery, number).event_key = trial_key("x")


class TestWave:
    """While the system is ill nobody is marked."""

    @pytest.mark.parametrize("minutes", [-14, 0, 14])
    def test_in_a_wave_nothing_counts(self, test_clock: clock.TestClock, minutes: int) -> None:
        """Before it is noticed, and after."""
        report("V1")
        later(test_clock, days=1)
        if minutes >= 0:
            transact(not_on_whatsapp.note_wave)
        test_clock.advance(minutes=abs(minutes))
        report("V2")
        if minutes < 0:
            test_clock.advance(minutes=-minutes)
            transact(not_on_whatsapp.note_wave)
        later(test_clock, days=1)
        assert held() is None
        report("V2")  # again, when the wave is long over
        later(test_clock, days=1)
        assert held() is None
        report("V3")
        later(test_clock, days=1)
        assert held() == "not-on-whatsapp"

    def test_word_of_a_wave_that_comes_late(self, test_clock: clock.TestClock) -> None:
        """It is the vendor's time that says so."""
        report("V1")
        later(test_clock, days=1)
        transact(not_on_whatsapp.note_wave)
        ill = clock.now()
        later(test_clock, hours=6)
        report("V2", at=ill)
        later(test_clock, days=1)
        assert held() is None

    def test_a_long_wave_has_few_rows(self, test_clock: clock.TestClock) -> None:
        """Not one for each failure; together they cover it all."""
        for _second in range(40 * 60 // 10):
            transact(not_on_whatsapp.note_wave)
            test_clock.advance(seconds=10)
        with reading() as session:
            rows = session.scalars(select(WhatsAppWave).order_by(WhatsAppWave.id)).all()
        assert len(rows) <= 9
        assert all(one.until >= two.since for one, two in pairwise(rows))
        assert (rows[0].since, rows[-1].until >= clock.now()) == (NOON - timedelta(minutes=15), True)


class TestEnd:
    """Until when it holds."""

    def test_until_they_write(self, test_clock: clock.TestClock) -> None:
        """By WhatsApp; then everything begins anew."""
        fails_on_two_days(test_clock)
        writes(channel="sms")
        assert held() == "not-on-whatsapp"
        writes(at=NOON)  # a message from before, which comes late
        assert held() == "not-on-whatsapp"
        later(test_clock, minutes=1)
        writes()
        assert held() is None
        later(test_clock, minutes=1)
        report("V3")
        later(test_clock, days=1)
        assert held() is None
        report("V4")
        later(test_clock, days=1)
        assert held() == "not-on-whatsapp"

    def test_who_writes_in_between_is_there(self, test_clock: clock.TestClock) -> None:
        """Before there is anything to lift."""
        report("V1")
        later(test_clock, days=1)
        writes()
        later(test_clock, minutes=5)
        report("V2")
        later(test_clock, days=1)
        assert held() is None

    def test_what_arrives_after_all(self, test_clock: clock.TestClock) -> None:
        """The failure counts no more, and what it had marked is free."""
        fails_on_two_days(test_clock)
        report("V2", "delivered")
        assert held() is None
        report("V2")  # the failure once more
        later(test_clock, days=1)
        assert held() is None

    def test_what_had_arrived_before_the_failure_was_told(self, test_clock: clock.TestClock) -> None:
        """The furthest status counts, whichever comes first."""
        report("V1")
        later(test_clock, days=1)
        report("V2", "opened")
        report("V2")
        later(test_clock, days=1)
        assert held() is None

    def test_a_message_that_arrives_in_between(self, post: PostOffice, test_clock: clock.TestClock) -> None:
        """Of the same person: they are there, whatever the first failure was."""
        for number, status in ((1, "failed"), (2, "delivered"), (3, "failed"), (4, "failed")):
            assert held() is None
            enqueue(message(dedupe_key=f"k{number}"))
            report(f"V{number}", status)
            later(test_clock, days=1)
        assert held() == "not-on-whatsapp"

    def test_an_operator_lifts_it(self, test_clock: clock.TestClock) -> None:
        """What failed before does not bring it back."""
        fails_on_two_days(test_clock)
        with reading() as session:
            (number,) = session.scalars(select(Suppression.id)).all()
        transact(lambda session: operator_actions.lift(session, number, "ana"))
        report("V3")
        later(test_clock, days=1)
        assert held() is None

    def test_whoever_moves_is_there(self, test_clock: clock.TestClock) -> None:
        """At the new number; that nobody was at the old one does not go with them."""
        fails_on_two_days(test_clock)
        transact(lambda session: moves.move(session, ANA_PHONE, "+525599998888", clock.now()))
        assert held(to="+525599998888") is None
        transact(lambda session: moves.move(session, "+525511110000", ANA_PHONE, clock.now()))
        assert held() is None


class TestSending:
    """What becomes of messages to somebody who is not there."""

    def test_another_channel_is_tried(self, post: PostOffice, test_clock: clock.TestClock) -> None:
        """As after the failure itself."""
        fails_on_two_days(test_clock)
        enqueue(message(fallback=(SMS,)))
        assert post.channels() == ["sms"]
        assert deliveries()[0].reason == "suppressed-not-on-whatsapp"

    def test_a_wish_beside_it_is_the_reason(self, post: PostOffice, test_clock: clock.TestClock) -> None:
        """Then no other channel is tried, whichever was recorded first."""
        fails_on_two_days(test_clock)
        transact(lambda session: consent.suppress(session, ["whatsapp"], [ANA], "unsubscribed", clock.now()))
        enqueue(message(fallback=(SMS,)))
        assert (post.channels(), deliveries()[0].reason) == ([], "suppressed-unsubscribed")

    def test_what_a_person_of_ours_answers_goes_out(self, test_clock: clock.TestClock) -> None:
        """It is not automatic."""
        writes()
        later(test_clock, minutes=1)
        fails_on_two_days(test_clock)
        assert held(transactional=True) == "not-on-whatsapp"
        assert held(transactional=True, reply=True, answers=1) is None


class TestMarketLimit:
    """Meta spares a person more marketing, of anybody's."""

    @pytest.mark.parametrize(("provider", "reason"), [("meta", LIMITED), ("twilio", "twilio-marketing-limit")])
    def test_no_marketing_for_24_hours(self, test_clock: clock.TestClock, provider: str, reason: str) -> None:
        """By WhatsApp. What they asked for goes out, and afterwards everything."""
        report("V1", provider=provider, reason=reason)
        assert held() == "market-limit"
        assert held(transactional=True) is held("sms") is held("email") is None
        test_clock.advance(hours=23, minutes=59)
        assert held() == "market-limit"
        test_clock.advance(minutes=1)
        assert held() is None

    def test_told_again_it_is_no_longer(self, test_clock: clock.TestClock) -> None:
        """In any order: the newest decides, and one that is over begins nothing."""
        report("V1", reason=LIMITED)
        test_clock.advance(hours=10)
        report("V2", reason=LIMITED)
        for _copy in range(3):
            report("V1", reason=LIMITED, at=NOON)
        test_clock.advance(hours=23)
        assert held() == "market-limit"
        test_clock.advance(hours=2)
        report("V1", reason=LIMITED, at=NOON)
        report("V2", reason=LIMITED, at=NOON + timedelta(hours=10))
        assert held() is None

    def test_no_sms_in_its_place(self, post: PostOffice, test_clock: clock.TestClock) -> None:
        """Neither of the message that failed nor of the next one, which is left out; a day later the next goes out."""
        enqueue(message(dedupe_key="k1", fallback=(SMS,)))
        report("V1", reason=LIMITED)
        enqueue(message(dedupe_key="k2", fallback=(SMS,)))
        assert [row.reason for row in deliveries()] == [None, "suppressed-market-limit"]
        assert post.channels() == ["whatsapp"]
        test_clock.advance(days=1)
        enqueue(message(dedupe_key="k3", fallback=(SMS,)))
        assert post.channels() == ["whatsapp", "whatsapp"]

    def test_a_refusal_at_once_as_well(self, post: PostOffice) -> None:
        """Without a status."""
        post.refusals = [PermanentError(LIMITED, "131049")]
        enqueue(message(fallback=(SMS,)))
        assert (held(), post.channels()) == ("market-limit", [])

    def test_retried_by_hand_within_the_day_it_is_left_out(self, post: PostOffice) -> None:
        """A person may try again tomorrow."""
        from shared.outbox import operator_actions as outbox_actions

        post.refusals = [PermanentError(LIMITED, "131049")]
        enqueue(message())
        (failed,) = deliveries()
        outbox_actions.retry(failed.id, "ana")
        carry_out()
        assert (post.channels(), deliveries()[-1].reason) == ([], "suppressed-market-limit")

    def test_it_is_no_stop(self, test_clock: clock.TestClock) -> None:
        """Nobody is told that the person wants no messages; it goes with them when they move, and ends as it would have."""
        report("V1", reason=LIMITED)
        test_clock.advance(hours=20)
        transact(lambda session: moves.move(session, ANA_PHONE, "+525599998888", clock.now()))
        assert held(to="+525599998888") == "market-limit"
        with reading() as session:
            assert {row.cause for row in session.scalars(select(Suppression)) if not row.lifted} == {"market-limit"}
        test_clock.advance(hours=4)
        assert held(to="+525599998888") is None


type Report = tuple[int, str, int]


def _clean(session: Any) -> None:
    for table in (WhatsAppFailure, WhatsAppWave, Suppression, MessageStatus):
        session.execute(delete(table))


def _expected(failed: dict[int, datetime], noted: dict[int, datetime], arrived: set[int], waves: list[datetime]) -> bool:
    """Whether failures of two days are left, without what arrived and what was in a wave by either clock."""
    around = timedelta(minutes=15)
    left = [
        at.date()
        for number, at in failed.items()
        if number in noted
        and number not in arrived
        and not any(abs(moment - wave) <= around for moment in (at, noted[number]) for wave in waves)
    ]
    return len(set(left)) > 1


MOMENTS = st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 20, 180])).map(lambda of: of[0] * 24 * 60 + of[1])
"""Minutes: of three days, few each, so that failures meet each other and the waves."""
DELAYS = st.sampled_from([0, 0, 1, 10, 20, 40, 1440])


@ROUNDS
@given(
    minutes=st.lists(MOMENTS, min_size=4, max_size=4),
    reports=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["failed", "failed", "failed", "failed", "sent", "delivered"]), DELAYS),
        min_size=2,
        max_size=12,
    ),
    waves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([-14, 0, 14])), max_size=2),
    looks=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 5, 29, 35, 1450])), max_size=4),
)
def test_no_order_marks_anybody_for_a_wave_or_a_single_day(
    world: Any,
    test_clock: clock.TestClock,
    minutes: list[int],
    reports: list[Report],
    waves: list[tuple[int, int]],
    looks: list[tuple[int, int]],
) -> None:
    """Statuses late, repeated and in any order, with the job at any time: a mark needs failures of two days outside waves.

    And where nothing arrived, it is there.
    """
    transact(_clean)
    failed = {number: NOON + timedelta(minutes=minute) for number, minute in enumerate(minutes)}
    ill = [failed[number] + timedelta(minutes=offset) for number, offset in waves]
    ill = [moment for moment in ill if moment >= NOON]
    script: list[tuple[datetime, str, Any]] = [(moment, "wave", None) for moment in ill]
    script += [(failed[number] + timedelta(minutes=delay), "look", None) for number, delay in looks]
    script += [(failed[number] + timedelta(minutes=delay), word, number) for number, word, delay in reports]
    noted: dict[int, datetime] = {}
    arrived: set[int] = set()
    for moment, what, number in sorted(script, key=lambda one: (one[0], one[1] != "wave")):
        test_clock.moment = moment
        if what == "wave":
            transact(_wave)
        elif what == "look":
            not_on_whatsapp.settle()
        else:
            report(f"V{number}", what, at=failed[number])
            arrived |= {number} if what == "delivered" else set()
            if what == "failed" and number not in arrived:
                noted.setdefault(number, moment)
        assert held() is None or _expected(failed, noted, arrived, ill)
    test_clock.moment = NOON + timedelta(days=7)
    not_on_whatsapp.settle()
    found = held()
    assert found is None or _expected(failed, noted, arrived, ill)
    if not arrived:
        assert (found == "not-on-whatsapp") == _expected(failed, noted, arrived, ill)


def _wave(session: Any) -> None:
    """Each of them by itself, that the test knows their reach."""
    now = clock.now()
    session.add(WhatsAppWave(since=now - not_on_whatsapp.AROUND, until=now + not_on_whatsapp.AROUND))
