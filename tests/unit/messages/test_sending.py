"""Sending messages: once each, when it is allowed, and what follows from how it went."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from shared import clock, faults
from shared.errors import PermanentError, RetryableError, UncertainError
from shared.messages import Fallback, carriers, consent, digests, find, links, verdict
from shared.messages.providers import twilio
from shared.outbox import operator_actions
from shared.outbox.actions import AfterUnknown, State
from shared.settings import get_settings
from shared.store.message_models import MessageDay
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.listeners import listen
from tests.support.messages import ANA_EMAIL, ANA_PHONE, LEAD, carry_out, deliveries, enqueue, message, until

SMS = Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3")
NOON = {"hour": 18}  # 12:00 in Mexico City


def ana_digest() -> str:
    """By which the address is known."""
    return digests.digest_of_address(ANA_EMAIL)


@pytest.fixture(autouse=True)
def _noon(world, test_clock) -> None:
    """A Monday at noon in Mexico."""
    test_clock.moment = test_clock.moment.replace(**NOON)


class TestOnce:
    """A message is planned once for its key."""

    def test_same_key_is_sent_once(self, post) -> None:
        """Owing it again changes nothing."""
        assert enqueue(message(), message()) == [True, False]
        assert post.channels() == ["whatsapp"]
        assert post.words() == ["sent"]

    def test_other_carrier_does_not_make_it_another_message(self, post, configured) -> None:
        """After a change of EMAIL_PROVIDER the same key is still the same message."""
        enqueue(message("email"))
        configured.setenv("EMAIL_PROVIDER", "resend")
        get_settings.cache_clear()
        assert enqueue(message("email")) == [False]
        assert len(post.sent) == 1

    def test_carrier_of_mail_is_chosen_by_setting_or_message(self, post) -> None:
        """A journey may have its own."""
        enqueue(message("email"), message("email", dedupe_key="k2", provider="resend"), message("voice", dedupe_key="k3"))
        assert [row.target for row in deliveries()] == ["brevo", "resend", "twilio"]

    def test_planned_message_can_be_found(self, post, test_clock) -> None:
        """Whoever planned it finds its delivery again, by channel and key."""
        enqueue(message(due_at=clock.now() + timedelta(days=3)))
        with reading() as session:
            found = session.get(Delivery, find(session, "whatsapp", "k1"))
            assert find(session, "sms", "k1") is None
        assert found is not None
        assert found.state == State.PENDING
        assert found.due_at == clock.now() + timedelta(days=3)

    def test_message_planned_weeks_ahead_is_tried_again_like_any_other(self, post, test_clock) -> None:
        """Its age counts from when it was due, not from when it was planned."""
        enqueue(message(due_at=clock.now() + timedelta(days=21)))
        post.refusals = [RetryableError("busy")]
        until(clock.now() + timedelta(days=21, hours=1), test_clock, timedelta(hours=12))
        until(clock.now() + timedelta(hours=1), test_clock, timedelta(minutes=1))
        assert len(post.sent) == 1


class TestUnknownOutcome:
    """No answer is no failure."""

    @pytest.mark.parametrize("channel", ["whatsapp", "sms", "voice"])
    def test_twilio_is_asked_before_anything_is_sent_again(self, post, test_clock, channel: str) -> None:
        """It went out: it is found, and not sent twice."""
        post.after_sending = [UncertainError("no answer")]
        enqueue(message(channel))
        until(clock.now() + timedelta(minutes=5), test_clock, timedelta(minutes=1))
        assert (len(post.sent), len(post.asked)) == (1, 1)
        assert post.words() == ["sent"]
        assert deliveries()[0].result["found"] is True

    def test_twilio_that_knows_nothing_gets_it_again(self, post, test_clock) -> None:
        """It did not go out: it is sent."""
        post.refusals = [UncertainError("cut")]
        enqueue(message())
        until(clock.now() + timedelta(minutes=5), test_clock, timedelta(minutes=1))
        assert (len(post.sent), len(post.asked)) == (1, 1)

    def test_message_of_another_delivery_is_not_taken_for_this_one(self, post, configured, test_clock) -> None:
        """What Twilio finds by number and time may be another message of ours."""
        enqueue(message(dedupe_key="k0"))
        other = f"V{deliveries()[0].id}"
        configured.setattr(twilio, "look_up_message", lambda _letter: other)
        post.refusals = [UncertainError("cut")]
        enqueue(message())
        until(clock.now() + timedelta(minutes=5), test_clock, timedelta(minutes=1))
        assert len(post.sent) == 2

    def test_mail_server_cannot_be_asked(self, post, test_clock) -> None:
        """After SMTP's silence a person decides."""
        post.after_sending = [UncertainError("no answer")]
        enqueue(message("email", provider="smtp"))
        until(clock.now() + timedelta(hours=1), test_clock)
        assert (len(post.sent), deliveries()[0].state) == (1, State.UNCERTAIN)
        assert post.words() == ["uncertain"]

    def test_resend_gets_the_same_key_again(self, post, test_clock) -> None:
        """The vendor drops what it has had."""
        post.after_sending = [UncertainError("no answer")]
        enqueue(message("email", provider="resend"))
        until(clock.now() + timedelta(minutes=5), test_clock, timedelta(minutes=1))
        assert len(post.sent) == 2
        assert len({letter.key for letter in post.sent}) == 1

    def test_resend_that_has_had_the_key_for_other_content_has_not_failed(self, post) -> None:
        """Something went out then: no fallback, and nobody is told that it failed."""
        post.refusals = [PermanentError("resend-invalid-idempotent-request", "409")]
        enqueue(message("email", provider="resend", fallback=(SMS,)))
        assert post.words() == ["uncertain"]
        assert len(deliveries()) == 1

    def test_worker_that_died_after_sending_does_not_send_twice(self, post, test_clock) -> None:
        """The crash test of the laws, with a real message."""
        faults.inject("outbox.after_call=raise:1x1")
        with pytest.raises(faults.InjectedFault):
            enqueue(message())
        until(clock.now() + timedelta(minutes=12), test_clock, timedelta(minutes=1))
        assert len(post.sent) == 1
        assert deliveries()[0].state == State.DONE

    def test_doubt_survives_the_night(self, post, test_clock) -> None:
        """Moved by quiet hours, it is still asked for before it is sent again."""
        test_clock.moment += timedelta(hours=7, minutes=59, seconds=50)
        post.after_sending = [UncertainError("no answer")]
        enqueue(message())
        until(clock.now() + timedelta(hours=20), test_clock)
        assert (len(post.sent), len(post.asked)) == (1, 1)


class TestFallback:
    """Another channel when the first one cannot."""

    def test_refusal_falls_back_at_once(self, post) -> None:
        """A number without WhatsApp gets the SMS."""
        post.refusals = [PermanentError("twilio-invalid-recipient", "21211")]
        enqueue(message(fallback=(SMS,)))
        assert post.channels() == ["sms"]
        assert post.words() == ["failed", "sent"]
        assert post.outcomes_seen[0][1].fallback

    def test_channel_that_is_not_set_up_falls_back(self, post, configured) -> None:
        """Without a WhatsApp sender the SMS goes out instead."""
        configured.delenv("TWILIO_WHATSAPP_SENDER")
        get_settings.cache_clear()
        enqueue(message(fallback=(SMS,)))
        assert post.channels() == ["sms"]
        assert (deliveries()[0].state, deliveries()[0].reason) == (State.SKIPPED, "not-configured")

    def test_chain_ends(self, post) -> None:
        """Each way is tried once, in order, under its own key."""
        post.refusals = [PermanentError("twilio-x", "no")] * 3
        mail = Fallback(channel="email", to=ANA_EMAIL, template="lead_day_9", variables=LEAD | {"first_name": "Anita"})
        enqueue(message(fallback=(SMS, mail)))
        assert post.sent == []
        assert [row.payload["dedupe_key"] for row in deliveries()] == ["k1", "k1:fb1", "k1:fb2"]
        assert deliveries()[2].payload["variables"]["first_name"] == "Anita"
        assert post.words() == ["failed"] * 3

    def test_stop_known_to_the_vendor_alone_ends_everything_by_phone(self, post) -> None:
        """Twilio's 21610: no other channel to that number, now or later."""
        post.refusals = [PermanentError("twilio-opted-out", "21610")]
        enqueue(message(fallback=(SMS,)), message("voice", dedupe_key="k2"))
        assert post.sent == []
        assert [row.reason for row in deliveries()] == ["twilio-opted-out", "suppressed-stop"]

    def test_attempts_used_up_fall_back(self, post, test_clock) -> None:
        """A vendor that fails again and again is given up for this message."""
        post.refusals = [RetryableError("busy")] * 6
        enqueue(message(fallback=(SMS,)))
        until(clock.now() + timedelta(hours=4), test_clock, timedelta(minutes=10))
        assert post.channels() == ["sms"]


class TestConsent:
    """Suppressed is not sent; asked at the moment of sending."""

    @pytest.mark.parametrize(
        ("cause", "transactional", "sent"),
        [("unsubscribed", False, 0), ("unsubscribed", True, 1), ("complaint", False, 0), ("complaint", True, 1),
         ("bounced", False, 0), ("bounced", True, 0)],
    )  # fmt: skip
    def test_mail(self, post, cause, transactional, sent: int) -> None:
        """Marketing never against a wish; nothing at all to an address that does not exist."""
        transact(lambda s: consent.suppress(s, ["email"], [digests.digest_of_address(" ANA@example.com ")], cause, clock.now()))
        enqueue(message("email", transactional=transactional))
        assert len(post.sent) == sent

    def test_suppression_after_planning_counts(self, post, test_clock) -> None:
        """What was planned before the wish is not sent after it, and the reason is kept."""
        enqueue(message(due_at=clock.now() + timedelta(hours=1), fallback=(SMS,)))
        whose = [digests.digest_of_address(ANA_PHONE)]
        transact(lambda session: consent.suppress(session, ["whatsapp"], whose, "stop", clock.now()))
        until(clock.now() + timedelta(hours=2), test_clock)
        assert post.sent == []
        assert (deliveries()[0].reason, post.outcomes_seen[0][1].reason, len(deliveries())) == (
            "suppressed-stop",
            "suppressed-stop",
            1,
        )

    def test_person_is_known_by_their_key_too(self, post) -> None:
        """Whoever unsubscribed under another address is still the same person."""
        whose = [digests.digest_of_person("lead:17")]
        transact(lambda session: consent.suppress(session, ["email"], whose, "unsubscribed", clock.now()))
        enqueue(message("email", to="otra@example.com"))
        assert post.sent == []

    def test_older_word_never_overrules_a_newer_one(self, post) -> None:
        """STOP and START may arrive in the wrong order."""
        whose, now = [digests.digest_of_address(ANA_PHONE)], clock.now()
        transact(lambda session: consent.lift(session, ["whatsapp"], whose, "stop", now))
        transact(lambda session: consent.suppress(session, ["whatsapp"], whose, "stop", now - timedelta(seconds=1)))
        enqueue(message())
        assert len(post.sent) == 1

    def test_third_soft_bounce_in_a_row_holds_for_two_weeks(self, post, test_clock) -> None:
        """A full mailbox is left alone for a while, not for ever."""
        for number in range(3):
            enqueue(message("email", dedupe_key=f"before{number}"))
            at = clock.now() + timedelta(seconds=number)
            transact(lambda session, at=at: consent.soft_bounced(session, ana_digest(), at))
            test_clock.advance(days=1)
        enqueue(message("email", dedupe_key="held"))
        assert len(post.sent) == 3
        test_clock.advance(days=14)
        enqueue(message("email", dedupe_key="again"))
        assert len(post.sent) == 4

    def test_mail_that_arrives_forgets_soft_bounces(self, post, test_clock) -> None:
        """Only three in a row count; one reported twice counts once."""
        for seconds in (1, 1, 2):
            at = clock.now() + timedelta(seconds=seconds)
            transact(lambda session, at=at: consent.soft_bounced(session, ana_digest(), at))
        transact(lambda session: consent.arrived(session, ana_digest(), clock.now() + timedelta(seconds=3)))
        transact(lambda session: consent.soft_bounced(session, ana_digest(), clock.now() + timedelta(seconds=4)))
        enqueue(message("email"))
        assert len(post.sent) == 1

    def test_marketing_mail_carries_its_way_out(self, post) -> None:
        """RFC 8058: both headers, and the same link in both parts; it leads to the recipient and names nobody."""
        enqueue(message("email"))
        letter = post.sent[0]
        url = letter.headers["List-Unsubscribe"].strip("<>")
        assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert url.startswith("https://puente.example/api/unsubscribe?t=")
        assert url in letter.rendered.text
        assert url in letter.rendered.html
        whose = links.read(url.partition("?t=")[2], get_settings().link_signing_secrets)
        assert (whose.delivery_id, whose.address) == (letter.delivery_id, ana_digest())
        assert "ana" not in url.lower()

    def test_marketing_mail_without_a_way_out_is_not_sent(self, post, configured) -> None:
        """Without a secret for links only what the recipient asked for goes out."""
        configured.delenv("LINK_SIGNING_SECRETS")
        get_settings.cache_clear()
        enqueue(message("email"), message("email", dedupe_key="k2", transactional=True))
        assert [row.state for row in deliveries()] == [State.SKIPPED, State.DONE]
        assert post.sent[0].headers == {}


class TestWindowAndCap:
    """Not at night, not too often."""

    def test_night_moves_it_to_the_morning(self, post, test_clock) -> None:
        """With the reason kept until then."""
        test_clock.advance(hours=9)  # 21:00
        enqueue(message())
        assert deliveries()[0].reason == "quiet-hours"
        until(clock.now() + timedelta(hours=11, minutes=59), test_clock)
        assert post.sent == []
        until(clock.now() + timedelta(hours=1), test_clock)
        assert len(post.sent) == 1

    def test_message_without_window_goes_at_any_hour(self, post, test_clock) -> None:
        """A booking's confirmation does not wait for the morning."""
        test_clock.advance(hours=9)
        enqueue(message(window=False))
        assert len(post.sent) == 1

    def test_person_in_another_zone_has_another_night(self, post, test_clock) -> None:
        """Noon in Mexico is 19:00 in Madrid; an hour and a half later it is quiet there."""
        test_clock.advance(hours=1, minutes=30)
        enqueue(message("email", time_zone="Europe/Madrid"), message("email", dedupe_key="k2"))
        assert [row.state for row in deliveries()] == [State.PENDING, State.DONE]

    def test_cap_holds_over_all_channels(self, post, test_clock) -> None:
        """The fourth message of a day waits for the next morning, whatever carries it."""
        enqueue(
            message(), message("email", dedupe_key="k2"), message("sms", dedupe_key="k3"), message("voice", dedupe_key="k4")
        )
        assert len(post.sent) == 3
        waiting = next(row for row in deliveries() if row.state == State.PENDING)
        assert waiting.reason == "daily-cap"
        assert waiting.due_at.isoformat() == "2026-03-03T15:00:00+00:00"
        until(clock.now() + timedelta(days=1), test_clock)
        assert len(post.sent) == 4

    @pytest.mark.parametrize("first", ["email", "whatsapp"])
    def test_one_evening_is_one_day(self, post, configured, test_clock, first: str) -> None:
        """A mail's address tells no zone, a Spanish phone does: 18:30 of the 2nd in Mexico is 1:30 of the 3rd in Madrid."""
        configured.setenv("MESSAGES_PER_PERSON_PER_DAY", "1")
        configured.setenv("QUIET_HOURS", "00:00-00:00")
        get_settings.cache_clear()
        test_clock.moment = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)
        both = [message("email", dedupe_key="m"), message("whatsapp", to="+34600111222", dedupe_key="w")]
        enqueue(*(both if first == "email" else reversed(both)))
        assert len(post.sent) == 1
        assert [row.reason for row in deliveries() if row.state == State.PENDING] == ["daily-cap"]

    def test_farthest_zones_are_one_day(self, post, configured, test_clock) -> None:
        """23:30 of the 1st in Pago Pago is 0:30 of the 3rd on Kiritimati."""
        configured.setenv("MESSAGES_PER_PERSON_PER_DAY", "1")
        configured.setenv("QUIET_HOURS", "00:00-00:00")
        configured.setenv("WORKING_DAYS", "mon,tue,wed,thu,fri,sat,sun")
        get_settings.cache_clear()
        test_clock.moment = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
        zones = ("Pacific/Kiritimati", "Pacific/Pago_Pago")
        enqueue(*(message("email", dedupe_key=zone, time_zone=zone) for zone in zones))
        assert len(post.sent) == 1
        assert [row.reason for row in deliveries() if row.state == State.PENDING] == ["daily-cap"]

    def test_mail_keeps_to_the_hours_of_the_persons_other_messages(self, post, configured, test_clock) -> None:
        """What is known by one message of the day counts for those that tell nothing."""
        test_clock.moment = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)  # 19:30 in Madrid, 12:30 in Mexico
        enqueue(message("whatsapp", to="+34600111222", dedupe_key="w"))
        test_clock.advance(hours=1)
        enqueue(message("email", dedupe_key="m"))
        assert post.channels() == ["whatsapp"]
        assert deliveries()[1].reason == "quiet-hours"

    def test_transactional_messages_do_not_count(self, post) -> None:
        """They neither wait for the cap nor use it up."""
        enqueue(*(message(dedupe_key=f"t{n}", transactional=True) for n in range(5)))
        enqueue(*(message(dedupe_key=f"m{n}") for n in range(4)))
        assert len(post.sent) == 8

    def test_what_was_not_sent_does_not_count(self, post) -> None:
        """A refusal gives its place back, so the fallback may have it; a retry does not count twice."""
        post.refusals = [PermanentError("twilio-x", "no")] * 3
        enqueue(*(message(dedupe_key=f"k{n}") for n in range(6)))
        assert len(post.sent) == 3
        with reading() as session:
            assert [len(row.delivery_ids) for row in session.scalars(select(MessageDay))] == [3]

    def test_wrong_setting_keeps_messages_waiting(self, post, configured, test_clock) -> None:
        """Nothing is lost and nothing goes out at night, should a window that makes no sense get past the start."""
        wrong = get_settings().model_copy(update={"working_days": ("mon", "nosuchday")})
        with configured.context() as patched:
            patched.setattr(verdict, "get_settings", lambda: wrong)
            enqueue(message())
        assert (post.sent, deliveries()[0].reason) == ([], "settings-wrong")
        until(clock.now() + timedelta(minutes=31), test_clock)
        assert len(post.sent) == 1

    def test_after_a_week_it_has_lost_its_sense(self, post, test_clock) -> None:
        """A message that could not be sent for so long is skipped, unless its owner said otherwise."""
        soon, patient = clock.now() + timedelta(hours=1), clock.now() + timedelta(days=30)
        enqueue(message(due_at=soon), message("sms", dedupe_key="k2", due_at=soon, not_after=patient))
        test_clock.advance(days=9)
        carry_out()
        assert post.channels() == ["sms"]
        assert deliveries()[0].reason == "too-late"


class TestNumbers:
    """Nothing goes to a number that costs whoever calls it, or that belongs to no person, whoever planned the message."""

    @pytest.mark.parametrize(
        ("number", "kind"),
        [
            ("+529001234567", "premium"),
            ("+870773123456", "satellite"),
            ("+528001234567", "toll-free"),
            ("+19005550123", "premium"),
        ],
    )
    @pytest.mark.parametrize("channel", ["whatsapp", "sms", "voice"])
    def test_costly_numbers_are_refused_when_the_message_is_sent(self, post, channel: str, number: str, kind: str) -> None:
        """Also where the number was stored long ago; no vendor is asked."""
        enqueue(message(channel, to=number))
        (row,) = deliveries()
        assert (post.sent, row.state, row.reason) == ([], State.SKIPPED, f"number-{kind}")

    def test_the_next_channel_has_it(self, post) -> None:
        """The person is not the reason."""
        mail = Fallback(channel="email", to=ANA_EMAIL, template="lead_day_9", variables=LEAD | {"first_name": "Anita"})
        enqueue(message("whatsapp", to="+529001234567", fallback=(mail,)))
        assert post.channels() == ["email"]

    def test_who_has_written_from_it_is_answered(self, post) -> None:
        """They pay for it themselves."""
        number = "+528001234567"
        who = digests.digest_of_address(f"whatsapp:{number}")
        transact(lambda session: consent.wrote_to_us(session, who, "whatsapp", clock.now()))
        enqueue(message("whatsapp", to=number))
        assert post.channels() == ["whatsapp"]

    def test_a_mail_has_no_number(self, post) -> None:
        """Addresses of mail are left alone, and so is what ManyChat knows a person by."""
        enqueue(message("email", to="+529001234567@example.com"))
        assert post.channels() == ["email"]


class TestWhatsAppText:
    """Free text only within 24 hours of the person's own message."""

    def test_free_text_is_known_to_be_allowed(self, post, test_clock) -> None:
        """Until 24 hours after they wrote."""
        number = digests.digest_of_address(f"whatsapp:{ANA_PHONE}")
        transact(lambda session: consent.wrote_to_us(session, number, "whatsapp", clock.now()))
        enqueue(message())
        test_clock.advance(hours=24)
        enqueue(message(dedupe_key="k2"))
        assert [letter.free_text for letter in post.sent] == [True, False]


class TestTemplates:
    """A text that cannot be filled in is not sent."""

    def test_missing_variable_parks_the_message(self, post) -> None:
        """With its name, before anything goes out; the fallback is tried."""
        whole = Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3", variables=LEAD)
        enqueue(message(variables={"first_name": "Ana"}, fallback=(whole,)))
        assert post.channels() == ["sms"]
        assert deliveries()[0].reason == "template-variable-missing"
        assert "service" in (deliveries()[0].last_error or "")

    def test_unknown_template(self, post) -> None:
        """Parked with a reason of its own."""
        enqueue(message(template="no_such_text"))
        assert deliveries()[0].reason == "template-not-found"

    def test_template_says_whether_it_is_transactional(self, post) -> None:
        """Where the message does not."""
        enqueue(message("voice", transactional=None), message(transactional=None, dedupe_key="k2"))
        assert [row.payload["transactional"] for row in deliveries()] == [True, False]


class TestListeners:
    """Journeys are notified of what became of their messages."""

    def test_context_comes_back(self, post) -> None:
        """As it was given."""
        enqueue(message())
        assert post.outcomes_seen[0][0] == {"journey": "lead", "step": "s1"}

    def test_listener_that_fails_does_not_unsend_the_message(self, post, environment) -> None:
        """Its own changes are undone; the record of the sending stands."""
        listen(environment, "message.outcome", "test", lambda _session, _context, _outcome: 1 / 0)
        enqueue(message())
        carry_out()
        assert len(post.sent) == 1
        assert deliveries()[0].state == State.DONE

    def test_message_retried_by_hand_is_the_same_message(self, post, test_clock) -> None:
        """Its key stays, so the vendor is asked first whether it arrived after all."""
        post.after_sending = [UncertainError("no answer")]
        enqueue(message("email", provider="smtp"))
        operator_actions.retry(deliveries()[0].id, "key:ops")
        carry_out()
        assert len(post.sent) == 2
        assert post.sent[0].key == post.sent[1].key


class TestPace:
    """How many messages of a carrier are claimed and called together."""

    def test_block_is_that_of_a_second(self, environment):
        """By our own choice, or by MESSAGES_PER_SECOND; 50 at most, and slots enough for it."""
        actions = {(one.target, one.name): one for one in carriers.ACTIONS}
        twilio = actions["twilio", "whatsapp"]
        assert (twilio.batch_size(), carriers.twilio_policy().slots) == (5, 3)
        assert (actions["resend", "email"].batch_size(), carriers.resend_policy().batches_per_second) == (1, 1.8)
        environment.setenv("MESSAGES_PER_SECOND", '{"twilio": 80, "smtp": 10}')
        get_settings.cache_clear()
        assert (twilio.batch_size(), carriers.twilio_policy().slots) == (50, 7)
        assert (carriers.twilio_policy().batches_per_second, carriers.smtp_policy().batches_per_second) == (80, 10)

    def test_carrier_that_cannot_be_asked_has_one_message_in_a_claim(self):
        """A worker that dies leaves one message to a person, not a whole block."""
        for action in carriers.ACTIONS:
            if action.after_unknown is AfterUnknown.ASK_A_PERSON:
                assert (action.batch_size(), action.at_once) == (1, 1)
            else:
                assert action.at_once == carriers.CALLS_AT_ONCE
