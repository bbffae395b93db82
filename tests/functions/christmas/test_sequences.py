"""The campaign from the webhook to the last mail: who is put into which sequence, what ends it, and what nobody gets twice."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock, faults
from shared.intake.endpoint import EVENTS_QUEUE
from shared.journeys import engine
from shared.messages import consent
from shared.messages.digests import digest_of_address
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.journey_models import Enrolment
from shared.store.models import DeadLetter, Delivery, InboxEvent
from shared.store.session import reading, transact
from tests.support.sequences import MONDAY, Campaign, assessment, campaign, noshow, onboarding, postcall
from tests.support.world import LOCAL_KEY, World


@pytest.fixture
def ours(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Campaign]:
    """The campaign, with nobody in it."""
    with campaign(world, environment, test_clock) as found:
        yield found


def journeys() -> dict[str, tuple[str, str | None]]:
    """Where each journey's enrolment stands, and why."""
    with reading() as session:
        return {row.journey: (row.state, row.reason) for row in session.scalars(select(Enrolment))}


def hours(ours: Campaign) -> list[int]:
    """After how many hours each mail went out."""
    return [round((one.at - MONDAY) / timedelta(hours=1)) for one in ours.post.sent]


class TestSignup:
    """Somebody leaves their address."""

    def test_contact_is_made_and_nothing_sent(self, ours: Campaign) -> None:
        """The website mails them itself; a second sign-up changes what it says anew and makes no second contact."""
        ours.take("signup-handler", {"email": " Ana@Example.com", "first_name": "Ana", "business_name": "Aurora"})
        ours.run(minutes=11)
        ours.take("signup-handler", {"email": "ana@example.com", "name": "Ana María Pérez", "business_name": "Salón Aurora"})
        ours.run(days=2)
        (page,) = ours.notion.rows("contacts")
        assert (page["email"], page["first_name"], page["last_name"]) == ("ana@example.com", "Ana", "María Pérez")
        assert (page["Christmas Campaign Status"], page["Booking Status"]) == ("Signed Up", "Not Booked")
        assert ours.post.sent == []
        assert ours.sequences() == []

    def test_late_signup_takes_nothing_back(self, ours: Campaign) -> None:
        """Somebody who has answered the assessment stays in the nurture sequence."""
        ours.take("assessment-handler", assessment())
        ours.take("signup-handler", {"email": "ana@example.com", "first_name": "Ana"})
        assert ours.contact().campaign_status == "Nurture Sequence"


class TestAssessment:
    """Somebody answers the assessment."""

    def test_mails_two_to_five_count_from_the_first(self, ours: Campaign) -> None:
        """24, 72, 96 and 120 hours after the website's own mail, which is recorded and not sent."""
        ours.take("assessment-handler", assessment())
        ours.run(days=6)
        assert ours.steps() == ["email_2", "email_3", "email_4", "email_5"]
        assert hours(ours) == [24, 72, 96, 120]
        (row,) = ours.sequences()
        assert (row.type, row.segment, row.is_open) == ("5day", "URGENT", False)

    def test_in_testing_mode_minutes(self, ours: Campaign, environment: pytest.MonkeyPatch) -> None:
        """One, two, three, four."""
        environment.setenv("TESTING_MODE", "true")
        get_settings.cache_clear()
        ours.take("assessment-handler", assessment())
        ours.run(minutes=5)
        assert [round((one.at - MONDAY).total_seconds() / 60) for one in ours.post.sent] == [1, 2, 3, 4]

    @pytest.mark.parametrize(
        ("sent_at", "warned"),
        [
            ("2026-03-02T10:00:00-06:00", None),
            (None, "missing"),
            ("", "missing"),
            ("yesterday", "cannot be read"),
            (17, "cannot be read"),
        ],
    )
    def test_time_of_the_first_mail(self, ours: Campaign, sent_at: object, warned: str | None) -> None:
        """Where it is missing or cannot be read it counts from the receipt, and a warning stays with the sequence."""
        ours.take("assessment-handler", assessment(email_1_sent_at=sent_at))
        (row,) = ours.sequences()
        at = MONDAY - timedelta(hours=1) if warned is None else MONDAY
        assert row.facts["email_1_sent_at"] == at.isoformat()
        assert [warned in text for text in row.facts["warnings"]] == ([True] if warned else [])

    def test_retried_event_keeps_its_time(self, ours: Campaign) -> None:
        """Without a time of the sender's it counts from when we received it, however late it is handled."""
        ours.send("assessment-handler", assessment(email_1_sent_at=None))
        ours.clock.advance(hours=3)
        ours.world.run()
        assert ours.sequences()[0].started_at == MONDAY

    def test_critical_is_told_once(self, ours: Campaign) -> None:
        """The sales team is told of it, whatever comes twice; the outbox holds nobody's address."""
        for _ in range(2):
            ours.take("assessment-handler", assessment(red_systems=2))
        ours.settle()
        ours.settle()
        ((content, embed),) = ours.alerts
        assert "caliente" in content
        assert dict(embed.fields) == {"Correo": "ana@example.com", "Segmento": "crítico", "Sistemas en rojo": "2"}
        assert (embed.color, embed.footer, embed.timestamp) == (16711680, "Puente", MONDAY)
        with reading() as session:
            alert = session.scalars(select(Delivery).where(Delivery.target == "discord")).one()
        assert "ana" not in json.dumps([alert.subject, alert.payload])

    def test_without_discord_nothing_is_planned(self, ours: Campaign, environment: pytest.MonkeyPatch) -> None:
        """It is optional."""
        environment.delenv("DISCORD_WEBHOOK_URL")
        get_settings.cache_clear()
        ours.take("assessment-handler", assessment(red_systems=2))
        ours.run(days=6)
        assert ours.alerts == []
        assert len(ours.post.sent) == 4

    def test_discord_that_fails_stops_no_mail(self, ours: Campaign, environment: pytest.MonkeyPatch) -> None:
        """It is never fatal."""
        from shared.errors import PermanentError
        from shared.vendors.discord import Discord

        def gone(*_args: object) -> str:
            raise PermanentError("discord-gone", "the webhook was deleted")

        environment.setattr(Discord, "post", gone)
        ours.take("assessment-handler", assessment(red_systems=2))
        ours.run(days=6)
        assert len(ours.post.sent) == 4

    def test_rule_of_segments_is_a_setting(self, ours: Campaign, environment: pytest.MonkeyPatch) -> None:
        """SEGMENT_RULE, with other thresholds."""
        environment.setenv("SEGMENT_RULE", '{"CRITICAL": {"red": 4}, "URGENT": {"yellow": 3}}')
        get_settings.cache_clear()
        ours.take("assessment-handler", assessment(red_systems=3, yellow_systems=3))
        assert ours.sequences()[0].segment == "URGENT"

    @pytest.mark.slow
    def test_second_assessment_while_in_it(self, ours: Campaign) -> None:
        """Nobody is in the five days twice at once; afterwards they may come again."""
        ours.take("assessment-handler", assessment())
        ours.run(days=1, hours=1)
        ours.take("assessment-handler", assessment(email_1_sent_at=(MONDAY + timedelta(days=1)).isoformat()))
        assert ours.outcomes() == ["applied", "already-in-sequence"]
        ours.run(days=6)
        assert len(ours.sequences()) == 1
        ours.take("assessment-handler", assessment(email_1_sent_at=ours.clock.moment.isoformat()))
        ours.run(days=6)
        assert len(ours.post.sent) == 8


class TestOthers:
    """No-show, maybe, customer."""

    @pytest.mark.parametrize(
        ("handler", "payload", "expected"),
        [
            ("noshow-recovery-handler", noshow(), [timedelta(minutes=5), timedelta(hours=24), timedelta(hours=48)]),
            ("postcall-maybe-handler", postcall(), [timedelta(hours=1), timedelta(hours=72), timedelta(hours=168)]),
            ("onboarding-handler", onboarding(), [timedelta(hours=1), timedelta(hours=24), timedelta(hours=72)]),
        ],
    )
    def test_three_mails_at_their_times(
        self, ours: Campaign, handler: str, payload: dict[str, object], expected: list[timedelta]
    ) -> None:
        """Also to somebody who is unknown."""
        ours.take(handler, payload)
        ours.run(days=8)
        assert [one.at - MONDAY for one in ours.post.sent] == expected
        assert ours.sequences()[0].segment == "OPTIMIZE"
        assert len(ours.notion.rows("contacts")) == 1

    @pytest.mark.parametrize(
        "payment",
        [{"payment_status": "pending"}, {"payment_status": None}, {"payment_confirmed": False, "payment_status": "open"}],
    )
    def test_unpaid_onboarding_is_only_recorded(self, ours: Campaign, payment: dict[str, object]) -> None:
        """Accepted, logged, ignored; nobody is made a customer, and what sells to them goes on."""
        ours.take("assessment-handler", assessment())
        ours.take("onboarding-handler", onboarding(**payment))
        assert ours.outcomes() == ["applied", "unpaid"]
        assert journeys() == {"assessment": ("active", None)}

    @pytest.mark.parametrize("payment", [{"payment_status": "PAID"}, {"payment_status": None, "payment_confirmed": True}])
    def test_paid_in_either_way(self, ours: Campaign, payment: dict[str, object]) -> None:
        """By status or by confirmation."""
        ours.take("onboarding-handler", onboarding(**payment))
        assert journeys() == {"onboarding": ("active", None)}

    def test_customer_keeps_only_the_welcome(self, ours: Campaign) -> None:
        """A payment ends everything that sells."""
        ours.take("assessment-handler", assessment())
        ours.take("postcall-maybe-handler", postcall())
        ours.take("onboarding-handler", onboarding())
        ours.run(days=9)
        assert journeys()["postcall"] == ("exited", "payment.received")
        assert [one.enrolment for one in ours.post.sent] == [ours.sequences()[-1].enrolment_id] * 3

    def test_later_stages_end_the_five_days(self, ours: Campaign) -> None:
        """Who had a call has booked it."""
        ours.take("assessment-handler", assessment())
        ours.take("noshow-recovery-handler", noshow())
        assert journeys() == {"assessment": ("exited", "noshow.reported"), "noshow": ("active", None)}
        ours.take("postcall-maybe-handler", postcall())
        assert journeys()["noshow"] == ("exited", "postcall.maybe")

    def test_assessment_that_comes_after_the_payment(self, ours: Campaign) -> None:
        """An older event that comes late is recorded with the reason why it sends nothing."""
        ours.take("onboarding-handler", onboarding())
        ours.take("assessment-handler", assessment(email_1_sent_at=(MONDAY - timedelta(hours=2)).isoformat()))
        ours.run(days=7)
        assert ours.outcomes() == ["applied", "later-stage"]
        assert journeys()["assessment"] == ("exited", "payment.received")
        assert len(ours.post.sent) == 3

    def test_customer_who_comes_back_a_year_later(self, ours: Campaign) -> None:
        """A payment of last year ends nothing that begins now."""
        ours.take("onboarding-handler", onboarding())
        ours.run(days=4)
        ours.clock.advance(days=365)
        ours.take("assessment-handler", assessment(email_1_sent_at=ours.clock.moment.isoformat()))
        assert journeys()["assessment"] == ("active", None)

    def test_booking_by_another_calendar_ends_them_too(self, ours: Campaign) -> None:
        """People are known by their address, whoever tells; Notion is told of it by the timer."""
        ours.take("assessment-handler", assessment())
        ours.settle()
        ours.clock.advance(minutes=1)
        data = {"email": "ana@example.com", "booking_uid": "cal-1", "calendar": "calcom"}
        transact(lambda s: engine.signal(s, "booking.created", ["lead:7", "email:ana@example.com"], data, event_key="k"))
        ours.run(days=6)
        assert ours.post.sent == []
        assert ours.notion.rows("sequences")[0]["Email 2 Status"] == "cancelled"


class TestOnce:
    """What comes twice, and what crashes."""

    BODIES = (
        ("assessment-handler", assessment()),
        ("noshow-recovery-handler", noshow()),
        ("postcall-maybe-handler", postcall()),
        ("onboarding-handler", onboarding()),
    )

    @pytest.mark.parametrize(
        ("handler", "payload"), [BODIES[0], *(pytest.param(*one, marks=pytest.mark.slow) for one in BODIES[1:])]
    )
    def test_same_source_in_other_words(self, ours: Campaign, handler: str, payload: dict[str, object]) -> None:
        """The same event with another body, hours later: recorded as a duplicate, nothing is sent twice."""
        ours.take(handler, payload)
        ours.run(hours=3)
        ours.take(handler, payload | {"note": "again"})
        ours.run(days=9)
        assert ours.outcomes() == ["applied", "duplicate-sequence"]
        assert len(ours.sequences()) == 1
        assert len({(one.enrolment, one.step) for one in ours.post.sent}) == len(ours.post.sent)

    def test_same_event_in_both_forms(self, ours: Campaign) -> None:
        """A no-show that is told by the meeting's address and by its id is one."""
        ours.take("noshow-recovery-handler", noshow())
        uri = "https://api.calendly.com/scheduled_events/ev-1"
        ours.take("noshow-recovery-handler", noshow(calendly_event_id=None, calendly_event_uri=uri))
        ours.take("noshow-recovery-handler", noshow(calendly_event_id="ev-2"))
        assert ours.outcomes() == ["applied", "duplicate-sequence", "applied"]

    @pytest.mark.parametrize(
        "point",
        [
            "inbox.after_commit",
            *(pytest.param(one, marks=pytest.mark.slow) for one in ("inbox.before_commit", "inbox.after_nudge")),
        ],
    )
    def test_crash_while_an_assessment_is_handled(self, ours: Campaign, point: str) -> None:
        """Before the commit nothing has happened; after it nothing happens again."""
        faults.inject(f"{point}=raisex1")
        ours.send("assessment-handler", assessment(red_systems=2))
        ours.world.run(swallow=(faults.InjectedFault,))
        ours.clock.advance(minutes=1)
        ours.world.run()
        ours.run(days=6)
        assert ours.steps() == ["email_2", "email_3", "email_4", "email_5"]
        assert len(ours.alerts) == 1
        assert len(ours.notion.rows("sequences")) == len(ours.notion.rows("contacts")) == 1

    ORDERS = enumerate(itertools.permutations(range(4)))

    @pytest.mark.parametrize("order", [pytest.param(one, marks=[pytest.mark.slow] if n % 8 else []) for n, one in ORDERS])
    def test_any_order_ends_the_same(self, ours: Campaign, order: tuple[int, ...]) -> None:
        """Assessment, no-show, maybe and payment of one person, one minute apart, delivered in any order."""
        bodies = list(self.BODIES)
        for number, (handler, payload) in enumerate(bodies):
            ours.clock.moment = MONDAY + timedelta(minutes=number)
            answer = ours.send(handler, payload)
            assert answer.status_code == 202
        waiting = sorted(ours.world.storage.queues["events-queue"])
        ours.world.storage.queues["events-queue"].clear()
        for number in order:
            ours.world.storage.send("events-queue", waiting[number].body)
            ours.world.run()
        assert {name: state for name, (state, _reason) in journeys().items()} == {
            "assessment": "exited",
            "noshow": "exited",
            "postcall": "exited",
            "onboarding": "active",
        }
        contact = ours.contact()
        assert (contact.campaign_status, contact.booking_status, contact.phase) == ("Pre-Call Prep", "Completed", "Phase 1")
        assert contact.segment == "URGENT"
        with reading() as session:
            bodies = session.scalars(
                select(Delivery.payload).where(Delivery.target == "resend", Delivery.state == State.PENDING)
            )
            assert [payload["context"]["journey"] for payload in bodies] == ["onboarding"] * 3


class TestDoor:
    """Who is let in, and what is refused."""

    @pytest.mark.parametrize("path", ["", "christmas-assessment-webhook"])
    def test_key_in_the_header(self, ours: Campaign, path: str) -> None:
        """With whatever last part the old address had."""
        assert ours.send("assessment-handler", assessment(), path=path).status_code == 202

    @pytest.mark.parametrize(
        ("scopes", "status"),
        [
            (["webhook:christmas"], 202),
            (["webhook"], 202),
            (["webhook:manychat"], 403),
            (["admin"], 403),
            (["webhook:christmas", "read"], 403),
        ],
    )
    def test_key_as_the_last_part_of_the_address(
        self, ours: Campaign, environment: pytest.MonkeyPatch, scopes: list[str], status: int
    ) -> None:
        """For senders that cannot set a header; addresses are written down in logs, so only a key for webhooks alone."""
        environment.setenv("API_KEYS", json.dumps([{"name": "w", "key": "key-of-the-website", "scopes": scopes}]))
        get_settings.cache_clear()
        assert ours.send("assessment-handler", assessment(), key=None, path="key-of-the-website").status_code == status

    @pytest.mark.parametrize(("key", "path"), [(None, ""), (None, "christmas-assessment-webhook"), ("wrong", LOCAL_KEY)])
    def test_strangers(self, ours: Campaign, key: str | None, path: str) -> None:
        """Without a key, with the public word of the replaced system, or with a wrong header."""
        assert ours.send("assessment-handler", assessment(), key=key, path=path).status_code == 401

    def test_unknown_handler(self, ours: Campaign) -> None:
        """Is said to be none."""
        assert ours.send("send-email", {}).status_code == 404

    @pytest.mark.parametrize(
        ("handler", "payload", "fields"),
        [
            ("signup-handler", {}, ["email", "first_name"]),
            ("signup-handler", {"email": "ana@localhost", "first_name": "Ana"}, ["email"]),
            ("assessment-handler", assessment(red_systems=9, assessment_score=101), ["red_systems", "assessment_score"]),
            ("assessment-handler", {"email": "a@b.mx", "first_name": "A"}, ["business_name", "red_systems", "orange_systems"]),
            ("postcall-maybe-handler", postcall(call_date=None), ["call_date"]),
        ],
    )
    def test_refusals_name_the_fields(
        self, ours: Campaign, handler: str, payload: dict[str, object], fields: list[str]
    ) -> None:
        """422, and which."""
        answer = ours.send(handler, payload)
        assert answer.status_code == 422
        assert [fault["field"] for fault in json.loads(answer.get_body())["errors"]] == fields

    @pytest.mark.parametrize(
        ("handler", "payload", "field"),
        [
            ("noshow-recovery-handler", noshow(scheduled_time="soon"), "scheduled_time"),
            ("onboarding-handler", onboarding(payment_confirmed="perhaps"), "payment_confirmed"),
        ],
    )
    def test_optional_field_that_cannot_be_read_costs_the_field(
        self, ours: Campaign, handler: str, payload: dict[str, object], field: str
    ) -> None:
        """Not the event: it is taken in without the field, and the answer names it."""
        answer = ours.send(handler, payload)
        assert answer.status_code == 202
        assert field in str(json.loads(answer.get_body())["left_out"])

    def test_what_is_no_event_becomes_a_dead_letter(self, ours: Campaign) -> None:
        """Somebody else's message on the queue."""
        ours.world.storage.send("events-queue", b"hello")
        ours.world.run()
        with reading() as session:
            assert session.scalars(select(DeadLetter.reason)).all() == ["not-an-event"]
            assert session.scalars(select(InboxEvent)).all() == []


class TestConsent:
    """Who wants no more."""

    def test_unsubscribed_is_kept_with_the_contact(self, ours: Campaign) -> None:
        """And no further mail goes out; who wants them again is asked for anew."""
        ours.take("assessment-handler", assessment())
        ours.run(days=1, hours=1)
        recipient_digests = [digest_of_address("ana@example.com")]
        transact(lambda session: consent.suppress(session, ["email"], recipient_digests, "unsubscribed", clock.now()))
        ours.run(days=6)
        assert ours.steps() == ["email_2"]
        assert ours.contact().unsubscribed
        assert ours.notion.rows("contacts")[0]["Unsubscribed"] is True
        assert ours.notion.rows("sequences")[0]["Email 3 Status"] in ("skipped", "cancelled")
        transact(lambda session: consent.lift(session, ["email"], recipient_digests, "unsubscribed", clock.now()))
        ours.settle()
        assert ours.notion.rows("contacts")[0]["Unsubscribed"] is False

    def test_customer_who_unsubscribed_is_still_welcomed(self, ours: Campaign) -> None:
        """The welcome is part of what they bought."""
        recipient_digests = [digest_of_address("ana@example.com")]
        transact(lambda session: consent.suppress(session, ["email"], recipient_digests, "unsubscribed", clock.now()))
        ours.take("onboarding-handler", onboarding())
        ours.run(days=4)
        assert len(ours.post.sent) == 3
        with reading() as session:
            assert not session.scalars(select(Delivery).where(Delivery.state == State.DEAD)).all()


def test_same_event_at_the_same_time(ours: Campaign) -> None:
    """Handled by several instances at once it begins one sequence, and is told once."""
    from concurrent.futures import ThreadPoolExecutor

    for number in range(6):  # six bodies, so that the inbox does not tell them apart
        ours.send("assessment-handler", assessment(red_systems=3, note=number))
    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(ours.world.step, EVENTS_QUEUE) for _ in range(6)]
        assert all(one.result() for one in done)
    ours.run(days=6)
    assert sorted(ours.outcomes()) == ["applied", *["duplicate-sequence"] * 5]
    assert ours.steps() == ["email_2", "email_3", "email_4", "email_5"]
    assert len(ours.alerts) == len(ours.notion.rows("sequences")) == 1
