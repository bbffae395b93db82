"""What people say reaches their journeys: an answer, STOP and START, the link in a mail, the mail vendor's word."""

from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from functions import system
from shared import clock, faults
from shared.journeys import engine, load
from shared.messages import consent, digests, links
from shared.people import aliases
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, EnrolmentAddress, EnrolmentStep, JourneyDecision
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.flows.test_messages_inbound import Flow, flow, held_back, post  # noqa: F401  # fixtures
from tests.support.listeners import listen
from tests.support.messages import ANA_EMAIL, ANA_PHONE, LEAD, PostOffice, carry_out
from tests.support.world import World

ANA = LEAD | {"email": ANA_EMAIL, "phone": ANA_PHONE, "time_zone": "America/Mexico_City", "email_1_sent_at": None}
PHONE_ONLY = """
name: phone_only
title: By phone
enrol_on: [lead.created]
exit_on: [person.unsubscribed, person.replied]
steps:
  - {id: a, delay: 1d, channel: whatsapp, template: lead_day_3, fallback: [{channel: sms, template: lead_day_3}]}
  - {id: b, delay: 2d, channel: sms, template: lead_day_3}
"""


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch):
    """Put journeys in place of the project's own."""

    def work(*texts: str) -> None:
        known = {journey.name: journey for journey in map(load.parse, texts)}
        monkeypatch.setattr(load, "definitions", lambda: known)

    return work


def enter(event: str = "lead.created", person: str = "lead:17", **more) -> list[int]:
    """Somebody enters."""
    data = ANA | more
    return transact(lambda session: engine.signal(session, event, [person], data, event_key=f"{event}:{person}"))


def standing() -> dict[str, tuple[str, str | None]]:
    """Where each enrolment stands, by journey and person."""
    with reading() as session:
        rows = session.scalars(select(Enrolment).order_by(Enrolment.id))
        return {f"{row.journey} {row.person}": (row.state, row.reason) for row in rows}


def decisions(kind: str) -> list[str | None]:
    """The reasons of the decisions of a kind."""
    with reading() as session:
        return list(session.scalars(select(JourneyDecision.reason).where(JourneyDecision.kind == kind)))


class TestStop:
    """STOP by SMS or WhatsApp."""

    def test_ends_a_journey_that_has_nothing_else(self, flow: Flow, define) -> None:  # noqa: F811
        """All that is left would go to that phone."""
        define(PHONE_ONLY)
        enter()
        flow.says("STOP", f"whatsapp:{ANA_PHONE}")
        assert standing() == {"phone_only lead:17": ("exited", "person.unsubscribed")}
        with reading() as session:
            assert set(session.scalars(select(EnrolmentStep.state))) == {"cancelled"}

    def test_leaves_mails_alone(self, flow: Flow, post: PostOffice, test_clock) -> None:  # noqa: F811
        """Who wants no more by phone still gets the mails of the same journey, and why is on record."""
        enter()
        flow.says("BAJA")
        assert standing() == {"lead_followup lead:17": ("active", None)}
        assert decisions("suppressed")[0] == "no more by sms, voice, whatsapp; the rest goes on"
        test_clock.advance(days=13)
        carry_out()
        assert set(post.channels()) == {"email"}

    def test_of_both_ends_it(self, flow: Flow) -> None:  # noqa: F811
        """First the phone, then the mail: nothing of it may be sent any more."""
        enter()
        carry_out()  # the welcome, which is no marketing
        flow.says("STOP")
        transact(lambda s: consent.suppress(s, ["email"], [digests.digest_of_address(ANA_EMAIL)], "unsubscribed", clock.now()))
        assert standing() == {"lead_followup lead:17": ("exited", "person.unsubscribed")}

    def test_of_a_stranger_ends_nothing(self, flow: Flow, define) -> None:  # noqa: F811
        """Another number is another person."""
        define(PHONE_ONLY)
        enter()
        flow.says("STOP", "+525599999999")
        assert standing()["phone_only lead:17"] == ("active", None)

    def test_that_comes_late_ends_nothing(self, flow: Flow, define, test_clock) -> None:  # noqa: F811
        """An older STOP after a newer START (a replayed dead letter) is overruled here, too."""
        define(PHONE_ONLY)
        enter()
        flow.says("ALTA")
        old = clock.now() - timedelta(hours=1)
        transact(lambda s: consent.suppress(s, consent.PHONE_CHANNELS, [digests.digest_of_address(ANA_PHONE)], "stop", old))
        assert standing()["phone_only lead:17"] == ("active", None)


class TestReply:
    """An answer that is no wish."""

    def test_ends_what_ends_by_it(self, flow: Flow, define) -> None:  # noqa: F811
        """A journey may say so; by whichever number of theirs."""
        define(PHONE_ONLY)
        enter()
        flow.says("Sí, me interesa", f"whatsapp:{ANA_PHONE}")
        assert standing()["phone_only lead:17"] == ("exited", "person.replied")

    def test_does_not_end_the_follow_up(self, flow: Flow) -> None:  # noqa: F811
        """It leaves when it is booked."""
        enter()
        flow.says("¿Qué precio tiene?")
        assert standing()["lead_followup lead:17"] == ("active", None)

    def test_tells_the_channel(self, flow: Flow, define) -> None:  # noqa: F811
        """A condition may ask by which one."""
        only_sms = "{event: person.replied, when: 'data.channel == \"sms\"'}"
        define(PHONE_ONLY.replace("person.replied", only_sms))
        enter()
        flow.says("hola", f"whatsapp:{ANA_PHONE}")
        assert standing()["phone_only lead:17"][0] == "active"
        flow.says("hola!", ANA_PHONE)
        assert standing()["phone_only lead:17"][0] == "exited"

    def test_concerns_all_journeys_of_the_person(self, flow: Flow, define) -> None:  # noqa: F811
        """Also one that knows only their mail, under the same key."""
        define(PHONE_ONLY, PHONE_ONLY.replace("phone_only", "other").replace("lead.created", "booking.created"))
        enter()
        enter("booking.created", phone=None)
        enter("booking.created", person="lead:18", phone=None)
        flow.says("hola")
        assert {name: state for name, (state, _reason) in standing().items()} == {
            "phone_only lead:17": "exited",
            "other lead:17": "finished",  # nothing in it could be sent
            "other lead:18": "finished",
        }


class TestUnsubscription:
    """The link in a mail, and what mail vendors report."""

    def link(self) -> str:
        """The link in a mail to Ana."""
        whose = links.Unsubscription(999, digests.digest_of_address(ANA_EMAIL), digests.digest_of_person("lead:17"))
        return links.token(whose, get_settings().link_signing_secrets)

    def test_ends_the_sequences_of_mails(self, flow: Flow) -> None:  # noqa: F811
        """Those that are mail alone; the lead's follow-up goes on by phone."""
        enter()
        enter("noshow.reported", person="email:ana@example.com", calendly_event="e1")
        flow.click(self.link())
        assert standing() == {
            "lead_followup lead:17": ("active", None),
            "noshow email:ana@example.com": ("exited", "person.unsubscribed"),
        }

    @pytest.mark.parametrize("event", ["spam", "unsubscribed"])
    def test_by_the_mail_vendor(self, flow: Flow, event: str) -> None:  # noqa: F811
        """A complaint is a wish, too."""
        enter("noshow.reported", calendly_event="e1")
        flow.brevo(event)
        assert standing()["noshow lead:17"][0] == "exited"

    def test_a_bounce_is_no_wish(self, flow: Flow) -> None:  # noqa: F811
        """A mailbox that is gone says nothing of what its owner wants."""
        enter("noshow.reported", calendly_event="e1")
        flow.brevo("hard_bounce")
        assert standing()["noshow lead:17"] == ("active", None)

    def test_from_marketing_lets_what_they_asked_for_arrive(self, flow: Flow, define) -> None:  # noqa: F811
        """A journey with something transactional left goes on."""
        define(PHONE_ONLY.replace("whatsapp, template: lead_day_3, fallback: [{channel: sms, template: lead_day_3}]",
                                  "email, template: booking_survey, transactional: true"))  # fmt: skip
        enter(phone=None)
        flow.click(self.link())
        assert standing()["phone_only lead:17"][0] == "active"


class TestAddresses:
    """By what people are found."""

    def test_older_number_still_finds_them(self, flow: Flow, define) -> None:  # noqa: F811
        """The message they answer went there."""
        define(PHONE_ONLY + "move_on: [lead.updated]\n")
        enter()
        for phone in ("+525500000009", ANA_PHONE, "+525500000009"):
            enter("lead.updated", phone=phone)
        flow.says("hola", ANA_PHONE)
        assert standing()["phone_only lead:17"][0] == "exited"
        with reading() as session:
            assert len(list(session.scalars(select(EnrolmentAddress)))) == 4

    def test_addresses_are_kept_as_digests(self, flow: Flow) -> None:  # noqa: F811
        """The table tells nobody who they are."""
        enter(manychat_id=991)
        with reading() as session:
            kept = set(session.scalars(select(EnrolmentAddress.who)))
        addresses = {digests.digest_of_address(one) for one in (ANA_EMAIL, ANA_PHONE, "991")}
        assert kept == addresses | {digests.digest_of_person("lead:17")}

    def test_wish_is_kept_when_journeys_fail(self, flow: Flow, environment: pytest.MonkeyPatch) -> None:  # noqa: F811
        """A listener that raises is rolled back alone, and the operators are alerted."""

        def broken(session, _message):
            session.execute(delete(EnrolmentAddress))
            raise ValueError("broken")

        environment.setenv("ALERT_WEBHOOK_URL", "https://alerts.example/1")
        get_settings.cache_clear()
        enter()
        listen(environment, "person.message", system.FLOW.name, broken)
        flow.says("STOP")
        assert standing()["lead_followup lead:17"][0] == "active"
        with reading() as session:
            assert consent.cause_against(session, aliases.of(session, ["x"]), "sms", ANA_PHONE, transactional=True) == "stop"
            assert list(session.scalars(select(EnrolmentAddress)))
            assert any("system could not take in" in str(row.payload) for row in session.scalars(select(Delivery)))


def test_same_reply_twice_counts_once(flow: Flow, world: World, define) -> None:  # noqa: F811
    """A reply that is delivered twice changes nothing the second time, even for somebody who has entered again."""
    define(PHONE_ONLY.replace("title: By phone", "title: By phone\nre_enrol: each_event"))
    enter()
    flow.says("hola", sid="SM1")
    enter(person="lead:19")
    flow.says("hola", sid="SM1")
    assert standing()["phone_only lead:19"][0] == "active"


@pytest.mark.parametrize("point", ["inbox.before_commit", "inbox.after_commit"])
def test_crash_leaves_wish_and_journey_in_step(flow: Flow, define, test_clock, point: str) -> None:  # noqa: F811
    """Both are in one transaction: either neither is there, or both are; in the end both, once."""
    define(PHONE_ONLY)
    enter()
    faults.inject(f"{point}=raisex1")
    with suppress(Exception):
        flow.says("STOP")
    assert (held_back("sms") == "stop") == (standing()["phone_only lead:17"][0] == "exited") == (point == "inbox.after_commit")
    test_clock.advance(minutes=1)
    flow.world.run()
    assert (held_back("sms"), standing()["phone_only lead:17"]) == ("stop", ("exited", "person.unsubscribed"))
    assert decisions("exited").count("person.unsubscribed") == 1 + 2  # the journey, and each of its steps
