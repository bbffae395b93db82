"""The project's own journeys, from the event to the last message, by the real rules of windows, consent and fallbacks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from shared import clock
from shared.errors import PermanentError
from shared.journeys import engine, load
from shared.journeys.talks.definition import TEXT
from shared.messages import consent, templates
from shared.messages.digests import digest_of_person
from shared.outbox.actions import Claimed, Done, Outcome
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.journeys import SETTINGS, Post, dispatch, post, run
from tests.support.world import FakeStorage

ANA = {
    "first_name": "Ana",
    "email": "ana@example.com",
    "phone": "+525512345678",
    "time_zone": "America/Mexico_City",
    "country": "MX",
}
MONDAY = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 11:00 in Mexico


@pytest.fixture
def vendors(
    environment: pytest.MonkeyPatch, database: Engine, storage: FakeStorage, test_clock: clock.TestClock
) -> Iterator[Post]:
    """Everything that is sent."""
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = MONDAY
    with post() as vendors:
        yield vendors


def signal(event: str, data: dict[str, str] = ANA, key: str | None = None) -> list[int]:
    """An event of Ana's."""
    return transact(
        lambda session: engine.signal(session, event, ["lead:1", "email:ana@example.com"], data, event_key=key or event)
    )


def sent(vendors: Post) -> list[tuple[str, str]]:
    """Step and channel of what went out, in order."""
    return [(one.step, one.channel) for one in vendors.sent]


def states() -> dict[str, tuple[str, str | None]]:
    """Where each step stands, and why."""
    with reading() as session:
        return {row.step: (row.state, row.reason) for row in session.scalars(select(EnrolmentStep).order_by(EnrolmentStep.id))}


class TestLead:
    """From the form to the twelfth day."""

    def test_nobody_answers_and_nobody_books(self, vendors: Post, test_clock: clock.TestClock) -> None:
        """Welcome, call, WhatsApp after the missed call, then days 3, 6, 9 and 12."""
        signal("lead.created")
        run(test_clock, minutes=2)
        vendors.says("call", "no-answer")
        run(test_clock, days=13)
        assert sent(vendors) == [
            ("welcome_email", "email"),
            ("call", "voice"),
            ("missed_call", "whatsapp"),
            ("day_3", "whatsapp"),
            ("day_6", "email"),
            ("day_9", "email"),
            ("day_12", "whatsapp"),
        ]
        days = {one.step: (one.at.date() - MONDAY.date()).days for one in vendors.sent if one.step.startswith("day")}
        assert days == {"day_3": 3, "day_6": 7, "day_9": 9, "day_12": 12}  # day 6 is a Sunday

    def test_without_whatsapp_it_is_an_sms(self, vendors: Post, test_clock: clock.TestClock) -> None:
        """Refused at once by WhatsApp: the SMS goes in its place, and the step counts as sent."""

        def answer(delivery: Claimed) -> Outcome:
            if delivery.payload["channel"] == "whatsapp":
                return PermanentError("not-on-whatsapp", "no such user")
            return Done({"id": f"V{delivery.id}"})

        vendors.answer = answer
        signal("lead.created")
        run(test_clock, minutes=2)
        vendors.says("call", "machine")
        run(test_clock, minutes=5)
        assert sent(vendors)[-1] == ("missed_call", "sms")
        assert states()["missed_call"] == ("sent", None)

    def test_at_night_only_the_welcome_goes_out(self, vendors: Post, test_clock: clock.TestClock) -> None:
        """The call waits for the morning, and what depends on it waits with it."""
        test_clock.moment = MONDAY + timedelta(hours=12)  # 23:00
        signal("lead.created")
        run(test_clock, hours=9)
        assert sent(vendors) == [("welcome_email", "email")]
        run(test_clock, hours=1, minutes=5)
        vendors.says("call", "no-answer")
        dispatch()
        assert sent(vendors)[1:] == [("call", "voice"), ("missed_call", "whatsapp")]
        assert vendors.sent[1].at == datetime(2026, 3, 3, 15, tzinfo=UTC)

    def test_booking_ends_it_and_begins_its_own(self, vendors: Post, test_clock: clock.TestClock) -> None:
        """Confirmation at once, reminder 24 hours before, survey afterwards; nothing of the follow-up any more."""
        signal("lead.created")
        run(test_clock, days=1)
        start = MONDAY + timedelta(days=4)
        times = {"start_at": start.isoformat(), "end_at": (start + timedelta(hours=1)).isoformat()}
        signal("booking.created", ANA | times | {"booking_uid": "b1"})
        run(test_clock, days=14)
        assert sent(vendors)[2:] == [("confirmation", "whatsapp"), ("reminder", "whatsapp"), ("survey", "email")]
        assert vendors.sent[3].at == start - timedelta(hours=24)

    def test_cancelled_booking_resumes_the_follow_up(self, vendors: Post, test_clock: clock.TestClock) -> None:
        """The rest comes, as much later as the booking lasted, and each once."""
        signal("lead.created")
        run(test_clock, days=1)
        signal("booking.created", ANA | {"booking_uid": "b1", "start_at": (MONDAY + timedelta(days=9)).isoformat()})
        run(test_clock, days=2)
        signal("booking.cancelled", {"booking_uid": "b1"})
        run(test_clock, days=20)
        follow_up = [one for one in vendors.sent if one.step.startswith("day")]
        assert [one.step for one in follow_up] == ["day_3", "day_6", "day_9", "day_12"]
        assert follow_up[0].at == MONDAY + timedelta(days=5)
        assert states()["reminder"] == ("cancelled", "booking.cancelled")

    def test_unsubscribed_gets_no_marketing(self, vendors: Post, test_clock: clock.TestClock) -> None:
        """Whether it comes as an event or only as a suppression."""
        signal("lead.created")
        run(test_clock, days=4)
        transact(lambda s: consent.suppress(s, ["email"], [digest_of_person("lead:1")], "unsubscribed", clock.now()))
        run(test_clock, days=4)
        assert states()["day_6"] == ("skipped", "suppressed-unsubscribed")
        signal("person.unsubscribed", {})
        assert states()["day_12"] == ("cancelled", "person.unsubscribed")


class TestSequences:
    """The campaign's mails."""

    def test_assessment_counts_from_the_mail_of_the_website(
        self, vendors: Post, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
    ) -> None:
        """Mail 1 is recorded as the website's; 2 to 5 follow at their hours; what is late goes at once, in order."""
        signal("assessment.completed", ANA | {"email_1_sent_at": (MONDAY - timedelta(hours=80)).isoformat()})
        assert states()["email_1"] == ("sent", "sent_by_website")
        run(test_clock, hours=47)
        assert [one.step for one in vendors.sent] == ["email_2", "email_3", "email_4", "email_5"]
        assert [(one.at - MONDAY) for one in vendors.sent] == [
            timedelta(),
            timedelta(),
            timedelta(hours=22),
            timedelta(hours=46),
        ]

    @pytest.mark.parametrize(
        ("event", "name", "steps"),
        [("noshow.reported", "noshow", 3), ("postcall.maybe", "postcall", 3), ("onboarding.started", "onboarding", 3)],
    )
    def test_three_mails_in_three_minutes_when_testing(
        self, vendors: Post, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, event: str, name: str, steps: int
    ) -> None:
        """TESTING_MODE: at any hour."""
        environment.setenv("TESTING_MODE", "true")
        get_settings.cache_clear()
        test_clock.moment = MONDAY + timedelta(hours=14)
        signal(event)
        run(test_clock, minutes=4)
        assert [round((one.at - MONDAY - timedelta(hours=14)).total_seconds() / 60) for one in vendors.sent] == [1, 2, 3]
        with reading() as session:
            assert session.scalars(select(Enrolment.state)).all() == ["finished"]
            assert {row.target for row in session.scalars(select(Delivery))} == {"resend"}

    def test_payment_ends_what_no_longer_fits(self, vendors: Post, test_clock: clock.TestClock) -> None:
        """All but the welcome of a customer."""
        for event in ("lead.created", "assessment.completed", "noshow.reported", "postcall.maybe", "onboarding.started"):
            signal(event, ANA | {"email_1_sent_at": MONDAY.isoformat()})
        signal("payment.received", {})
        with reading() as session:
            standing = {row.journey: row.state for row in session.scalars(select(Enrolment))}
        assert standing.pop("onboarding") == "active"
        assert set(standing.values()) == {"exited"}


def test_every_template_is_there_and_fits_its_channel(environment: pytest.MonkeyPatch) -> None:
    """What a definition names exists in Spanish, for the channel and for each fallback."""
    for journey in load.definitions().values():
        for step in journey.steps:
            for way in (step, *step.fallback) if step.sent_by is None and step.template != TEXT else ():
                template = templates.find(way.template, "es")
                assert template is not None, f"{journey.name}.{step.id}: {way.template}"
                assert way.channel in template.channels, f"{journey.name}.{step.id}: {way.template} is not for {way.channel}"
