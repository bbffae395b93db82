"""What vendors tell later: in any order, any number of times, before or after our own record of the sending."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import clock
from shared.errors import UncertainError
from shared.messages import Fallback, consent, digests, statuses
from shared.messages.events import ProviderEvent
from shared.messages.statuses import RANKS
from shared.outbox import operator_actions
from shared.outbox.actions import State
from shared.store.message_models import MessageStatus
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.examples import examples
from tests.support.messages import ANA_EMAIL, ANA_PHONE, carry_out, deliveries, enqueue, message

SMS = Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3")


@pytest.fixture(autouse=True)
def _noon(world, test_clock) -> None:
    """A Monday at noon in Mexico."""
    test_clock.moment = test_clock.moment.replace(hour=18)


def news(status: str, provider: str = "twilio", vendor_id: str = "V1", **more) -> str:
    """One word of a vendor about its first message; then whatever follows from it is carried out."""
    word = ProviderEvent(provider=provider, vendor_id=vendor_id, status=status, at=clock.now(), **more)
    result = transact(lambda session: statuses.status(session, word))
    carry_out()
    return result


def known(delivery_id: int = 1) -> str | None:
    """The furthest status of a delivery."""
    with reading() as session:
        return session.query(MessageStatus).filter_by(delivery_id=delivery_id).one().status


class TestProgress:
    """Ranks."""

    def test_words_reach_the_listeners_once(self, post, test_clock) -> None:
        """Each new status, not its repetition."""
        enqueue(message("email"))
        for status in ("queued", "sent", "delivered", "delivered", "opened", "clicked", "opened"):
            test_clock.advance(minutes=1)
            news(status, "brevo")
        assert post.words() == ["sent", "delivered", "opened", "clicked"]
        assert known() == "clicked"

    def test_never_backwards(self, post) -> None:
        """A late word about an earlier stage is kept in the history and changes nothing."""
        enqueue(message())
        assert news("delivered") == "applied"
        assert news("sent") == "behind"
        assert news("failed") == "behind"
        assert known() == "delivered"
        assert post.words() == ["sent", "delivered"]

    def test_word_that_is_ahead_of_our_record_waits_for_it(self, post) -> None:
        """Twilio may call back before we have written down that we sent it."""
        assert news("delivered") == "unknown-message"
        enqueue(message())
        assert post.words() == ["sent", "delivered"]

    def test_message_that_is_not_ours_is_no_error(self, post) -> None:
        """Somebody sends by the same account without us."""
        assert news("failed", vendor_id="SM999") == "unknown-message"
        assert post.words() == []

    @settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.lists(st.sampled_from(sorted(RANKS)), min_size=1, max_size=6), st.randoms(use_true_random=False))
    def test_any_order_ends_in_the_furthest(self, database, words: list[str], random) -> None:
        """Whatever order the words come in, the highest rank counts."""
        vendor_id = f"V{next(_numbers)}"
        random.shuffle(words)
        for word in words:
            new = ProviderEvent(provider="nobody", vendor_id=vendor_id, status=word, at=clock.now())
            transact(lambda session, new=new: statuses.status(session, new))
        with reading() as session:
            row = session.query(MessageStatus).filter_by(vendor_id=vendor_id).one()
        assert row.status == max(words, key=lambda word: RANKS[word])
        assert [entry["status"] for entry in row.history] == words


_numbers = itertools.count(1000)


class TestFallback:
    """Driven by the later status, not only by the answer."""

    @pytest.mark.parametrize("reason", ["twilio-outside-window", "twilio-unreachable", None])
    def test_whatsapp_that_fails_later_becomes_an_sms_once(self, post, reason: str | None) -> None:
        """63016 comes minutes after a friendly 201."""
        enqueue(message(fallback=(SMS,)))
        for _ in range(3):
            news("failed", reason=reason)
        assert post.channels() == ["whatsapp", "sms"]
        assert post.words() == ["sent", "failed", "sent"]
        assert deliveries()[1].payload["dedupe_key"] == "k1:fb1"

    def test_failure_known_before_our_record_falls_back_too(self, post) -> None:
        """Whichever comes first."""
        news("failed")
        enqueue(message(fallback=(SMS,)))
        assert post.channels() == ["whatsapp", "sms"]

    @pytest.mark.parametrize(("channel", "status"), [("voice", "call-failed"), ("email", "bounced"), ("sms", "failed")])
    def test_failure_without_a_reason_has_its_status_for_one(self, post, channel: str, status: str) -> None:
        """Whoever asks why Ana did not get it is told something; a reason that the vendor gives says more."""
        enqueue(message(channel))
        news(status, "twilio" if channel != "email" else "brevo")
        assert [outcome.reason for _context, outcome in post.outcomes_seen] == [None, status]

    def test_delivered_message_has_no_fallback(self, post) -> None:
        """What arrived is not said again."""
        enqueue(message(fallback=(SMS,)))
        news("delivered")
        news("failed")
        assert post.channels() == ["whatsapp"]

    @pytest.mark.parametrize(
        ("status", "word"), [("no-answer", "no-answer"), ("machine", "machine"), ("call-failed", "failed")]
    )
    def test_call_that_reaches_nobody_becomes_a_text(self, post, status: str, word: str) -> None:
        """Nobody, a machine, a failed call."""
        enqueue(message("voice", fallback=(SMS,)))
        news(status)
        assert post.channels() == ["voice", "sms"]
        assert post.words()[1] == word

    def test_answered_call_needs_no_text(self, post) -> None:
        """It was played to a person."""
        enqueue(message("voice", fallback=(SMS,)))
        news("answered")
        assert post.words() == ["sent", "answered"]
        assert post.channels() == ["voice"]

    def test_failed_message_gives_its_place_to_the_fallback(self, post) -> None:
        """The daily cap counts what reached them, not what we tried."""
        enqueue(*(message("sms", dedupe_key=f"k{n}") for n in range(2)), message(fallback=(SMS,)))
        news("failed", vendor_id="V3")
        assert post.channels() == ["sms", "sms", "whatsapp", "sms"]

    def test_opted_out_number_gets_no_other_message(self, post) -> None:
        """Twilio's 21610 in a callback is a STOP."""
        enqueue(message(fallback=(SMS,)))
        news("failed", reason="twilio-opted-out")
        enqueue(message("sms", dedupe_key="k2"))
        assert post.channels() == ["whatsapp"]


class TestProofOfSending:
    """A callback that names the delivery settles a call that ended without an answer."""

    def test_uncertain_becomes_done(self, post) -> None:
        """It was sent after all; a retry that somebody asked for meanwhile is taken back."""
        post.after_sending = [UncertainError("no answer")]
        enqueue(message("email", provider="smtp"))
        assert deliveries()[0].state == State.UNCERTAIN
        operator_actions.retry(1, "key:ops")
        word = ProviderEvent(provider="smtp", vendor_id="M1", status="delivered", at=clock.now(), delivery_id=1)
        transact(lambda session: statuses.status(session, word))
        carry_out()
        assert [row.state for row in deliveries()] == [State.DONE, State.CANCELLED]
        assert len(post.sent) == 1
        assert post.words() == ["uncertain", "sent", "delivered"]

    def test_uncertain_has_a_reason(self, post) -> None:
        """Nobody knows whether it went out, and that is said."""
        post.after_sending = [UncertainError("no answer")]
        enqueue(message("email", provider="smtp"))
        assert [outcome.reason for _context, outcome in post.outcomes_seen] == ["outcome-unknown"]

    def test_doubt_is_settled_before_the_look_up(self, post, test_clock) -> None:
        """Then nobody is asked and nothing sent again."""
        post.after_sending = [UncertainError("no answer")]
        enqueue(message())
        news("sent", vendor_id="SM1", delivery_id=1)
        test_clock.advance(minutes=10)
        carry_out()
        assert (len(post.sent), len(post.asked), deliveries()[0].state) == (1, 0, State.DONE)
        assert deliveries()[0].result["id"] == "SM1"

    def test_callback_with_somebody_elses_number_is_not_believed(self, post) -> None:
        """A delivery of another carrier is not taken over."""
        enqueue(message("email"))
        assert news("failed", vendor_id="SM7", delivery_id=1) == "unknown-message"
        with reading() as session:
            assert session.query(MessageStatus).filter_by(vendor_id="SM7").one().delivery_id is None
            assert session.get_one(Delivery, 1).state == State.DONE


class TestAddresses:
    """What a word means for the next message to the same address."""

    @pytest.mark.parametrize(("status", "transactional"), [("bounced", True), ("complained", False)])
    def test_bounce_and_complaint_suppress(self, post, status: str, transactional: bool) -> None:  # noqa: FBT001
        """The address that the vendor names."""
        enqueue(message("email"))
        news(status, "brevo", who=digests.digest_of_address(ANA_EMAIL.upper()))
        enqueue(message("email", dedupe_key="k2", transactional=transactional))
        assert len(post.sent) == 1

    def test_bounce_of_a_mail_that_is_not_ours_counts(self, post) -> None:
        """The address does not exist, whoever wrote to it."""
        news("bounced", "resend", who=digests.digest_of_address(ANA_EMAIL))
        enqueue(message("email"))
        assert post.sent == []

    def test_bounce_without_address_is_that_of_the_delivery(self, post) -> None:
        """Where the vendor names only the message."""
        enqueue(message("email"))
        news("bounced", "brevo")
        with reading() as session:
            assert consent.held_back(session, message("email")) == "bounced"
        assert post.words() == ["sent", "failed"]

    def test_three_soft_bounces(self, post, test_clock) -> None:
        """Each message's word counts once."""
        for number in range(1, 4):
            enqueue(message("email", dedupe_key=f"k{number}"))
            test_clock.advance(minutes=1)
            news("soft-bounced", "brevo", vendor_id=f"V{number}")
        with reading() as session:
            assert consent.held_back(session, message("email")) == "soft-bounce"
        test_clock.advance(days=14)
        with reading() as session:
            assert consent.held_back(session, message("email")) is None
        assert clock.now() - timedelta(days=14) > deliveries()[0].created_at
