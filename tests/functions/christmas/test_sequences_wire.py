"""The campaign and the wire: Notion and Discord over HTTP, mails rendered; T-SQL; crashes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from functions.christmas import notion_sync, tracker
from functions.christmas.tables import MailSequence, SequenceContact
from sandbox.testing import RunningSandbox
from shared import clock, faults
from shared.errors import RetryableError
from shared.messages.providers import resend
from shared.outbox import dispatch
from shared.outbox.dispatch import free_expired
from shared.outbox.execute import AFTER_CALL, AFTER_RECORD, drain
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support import tsql
from tests.support.messages import PostOffice
from tests.support.sequences import MONDAY, Campaign, assessment, campaign, invitee, noshow, onboarding, postcall
from tests.support.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def ours(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Campaign]:
    """The campaign, with nobody in it."""
    with campaign(world, environment, test_clock) as found:
        yield found


@pytest.mark.slow
class TestOverHttp:
    """The sandbox's Notion, which refuses what the real one refuses, and its Discord."""

    @pytest.fixture
    def over_http(
        self, world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, sandbox: RunningSandbox
    ) -> Iterator[Campaign]:
        """The campaign, with nobody in it."""
        sandbox.act("notion", "limit", per_second=0)  # the clock of the test does not wait
        wanted = ("NOTION_", "DISCORD_")
        settings = {name: value for name, value in sandbox.settings().items() if name.startswith(wanted)}
        settings.pop("NOTION_TEMPLATES_DB_ID", None)
        with campaign(world, environment, test_clock, settings) as found:
            yield found

    def counts(self, sandbox: RunningSandbox) -> tuple[int, int]:
        """How many contacts and tracked sequences Notion has."""
        return len(sandbox.records("contacts", vendor="notion")), len(sandbox.records("tracker", vendor="notion"))

    def test_a_life(self, over_http: Campaign, sandbox: RunningSandbox) -> None:
        """Contact and tracker are made, changed, and made anew after somebody has deleted them; the alert comes once."""
        over_http.take("assessment-handler", assessment(red_systems=3))
        over_http.run(days=1, hours=1)
        over_http.take("noshow-recovery-handler", noshow())
        over_http.take("postcall-maybe-handler", postcall(objections=["precio", "tiempo, mucho"]))
        over_http.take("onboarding-handler", onboarding(payment_amount=1500))
        over_http.settle()
        (contact,) = sandbox.records("contacts", vendor="notion")
        tracked = sandbox.records("tracker", vendor="notion")
        assert len(tracked) == 4
        for page in (contact, tracked[0]):
            sandbox.act("notion", "archive", id=page["id"])
        over_http.run(days=4)
        assert self.counts(sandbox) == (0, 3)  # nothing has changed since
        transact(_ask)
        over_http.settle()
        assert self.counts(sandbox) == (1, 4)
        assert {(row.notion_sync_status, row.notion_sync_error) for row in over_http.sequences()} == {("success", None)}
        assert len(sandbox.records("messages", vendor="discord")) == 1
        first = over_http.sequences()[0].notion_page_id
        (five_days,) = sandbox.records("tracker", vendor="notion", id=first)
        assert (five_days["Name"], five_days["Email 2 Status"], five_days["Sequence Completed"]) == (
            "Ana · 5day",
            "sent",
            True,
        )

    @pytest.mark.parametrize(
        "mode",
        ["down", "flaky", "rate_limited", "garbage", "accept_then_drop", "overloaded", "conflict", "internal"],
    )
    def test_troubles(self, over_http: Campaign, sandbox: RunningSandbox, mode: str) -> None:
        """Whatever Notion does to one call in three: no mail is late, and there is one page for each in the end."""
        sandbox.fault(mode, vendor="notion", rate=0.3, seed=7, count=6)
        over_http.take("assessment-handler", assessment())
        over_http.run(days=6)
        assert self.counts(sandbox) == (1, 1)
        assert over_http.sequences()[0].notion_sync_status == "success"
        assert [one.at - MONDAY for one in over_http.post.sent] == [timedelta(hours=hours) for hours in (24, 72, 96, 120)]


class TestRendering:
    """What is said, by the time it is said."""

    CAMPAIGN = '{"calendly_link": "https://c.example", "portal_url": "https://p.example", "deadline_date": "2026-03-10"}'

    @pytest.fixture
    def office(self, ours: Campaign, environment: pytest.MonkeyPatch) -> Iterator[PostOffice]:
        """The mails as Resend would get them, their texts filled in."""
        from functools import partial

        from shared.messages import carriers
        from shared.outbox import actions

        environment.setenv("CAMPAIGN_VARIABLES", self.CAMPAIGN)
        get_settings.cache_clear()
        held = actions.action("resend", "email")
        real = actions.Action(
            **{**vars(held), "execute": partial(carriers._execute, "resend", "send"), "batch_size": lambda: 1}
        )
        actions.register(real)
        office = PostOffice()
        with office.installed(environment):
            assert resend.send == office.send
            yield office

    def test_days_are_counted_when_a_mail_goes_out(self, ours: Campaign, office: PostOffice) -> None:
        """Not when the person entered; the names are those they entered with."""
        ours.take("assessment-handler", assessment())
        ours.run(days=6)
        last = office.sent[-1].rendered
        assert "10 de marzo" in last.html
        assert "Salón Aurora" in last.html
        assert [letter.message.template for letter in office.sent] == [f"assessment_email_{n}" for n in (2, 3, 4, 5)]

    def test_links_of_the_persons_own(self, ours: Campaign, office: PostOffice) -> None:
        """Stand in place of the campaign's."""
        ours.take("onboarding-handler", onboarding(portal_url="https://portal.example/aurora"))
        ours.take("noshow-recovery-handler", noshow(email="bea@example.com", calendly_link="https://c.example/bea"))
        ours.run(hours=2)
        texts = {letter.message.template: letter.rendered.html for letter in office.sent}
        assert "https://portal.example/aurora" in texts["onboarding_phase1_email_1"]
        assert "https://c.example/bea" in texts["noshow_recovery_email_1"]

    def test_second_try_says_the_same(self, ours: Campaign, office: PostOffice, environment: pytest.MonkeyPatch) -> None:
        """Resend refuses another text under the same key: what is counted is counted from the first try."""
        from shared.messages import template_sources, templates

        counted = templates.Template(
            name="assessment_email_2",
            locale="es",
            channels=("email",),
            kind="marketing",
            subject="Faltan {{ days_to_deadline }}",
            html="<p>{{ spots_remaining is defined }}</p>",
        )
        environment.setattr(template_sources, "load", lambda *_args: counted)
        ours.clock.moment = MONDAY + timedelta(hours=8, minutes=50)  # ten minutes before the evening's quiet hours
        office.after_sending = [RetryableError("cut")]
        sent_at = (ours.clock.moment - timedelta(hours=24)).isoformat()
        ours.take("assessment-handler", assessment(email_1_sent_at=sent_at))
        ours.run(minutes=8)
        ours.run(days=1)
        first, second, *_others = office.sent
        assert first.key == second.key
        assert first.rendered.subject == second.rendered.subject == "Faltan 8"

    def test_missing_variable_is_a_dead_delivery_that_names_it(
        self, ours: Campaign, office: PostOffice, environment: pytest.MonkeyPatch
    ) -> None:
        """Nothing goes out with a hole in it; once it is set the person's retry goes through."""
        from shared.outbox import operator_actions

        environment.setenv("CAMPAIGN_VARIABLES", "{}")
        get_settings.cache_clear()
        ours.take("onboarding-handler", onboarding())
        ours.run(hours=2)
        assert office.sent == []
        with reading() as session:
            dead = session.scalars(select(Delivery).where(Delivery.target == "resend", Delivery.state == "dead")).one()
        assert (dead.reason, "portal_url" in str(dead.last_error)) == ("template-variable-missing", True)
        environment.setenv("CAMPAIGN_VARIABLES", self.CAMPAIGN)
        get_settings.cache_clear()
        operator_actions.retry(dead.id, "local")
        ours.run(hours=1)
        assert len(office.sent) == 1


@pytest.mark.parametrize("point", [AFTER_CALL, AFTER_RECORD])
def test_crash_while_notion_is_written(ours: Campaign, point: str) -> None:
    """Between the call and its record the page is there and our row does not know it: it is found, not made again."""
    faults.inject(f"{point}=raisex2")
    ours.take_quietly("assessment-handler", assessment())
    for _ in range(2):
        try:
            drain(notion_sync.TARGET)
        except faults.InjectedFault:
            ours.clock.advance(minutes=6)  # its lease ends
            free_expired()
    faults.inject("")
    ours.run(days=6)
    assert len(ours.notion.rows("sequences")) == len(ours.notion.rows("contacts")) == 1
    assert ours.sequences()[0].notion_sync_status == "success"
    assert len(ours.post.sent) == 4


def test_person_who_was_erased_meanwhile(ours: Campaign) -> None:
    """What was still to be told of them is told to nobody, and nobody is alarmed."""
    ours.take_quietly("assessment-handler", assessment(red_systems=3))
    transact(lambda session: session.execute(delete(MailSequence)))
    transact(lambda session: session.execute(delete(SequenceContact)))
    ours.settle()
    assert (ours.notion.page_ids(), ours.alerts) == ([], [])
    with reading() as session:
        states = session.execute(select(Delivery.state, Delivery.reason).where(Delivery.target.in_(("notion", "discord"))))
        assert {tuple(row) for row in states} == {("skipped", "no-such-record")}


def test_statements_are_tsql(ours: Campaign) -> None:
    """Azure SQL takes every statement of the campaign: each is compiled for it and read by two T-SQL parsers."""
    with tsql.recorded() as found:
        ours.calendly("invitee.created", **invitee("1"))
        ours.calendly("invitee.created", **invitee("2") | {"old_invitee": invitee("1")["uri"]})
        ours.calendly("invitee.canceled", **invitee("2"))
        ours.calendly("invitee_no_show.created", **invitee("3"))
        ours.take("assessment-handler", assessment())
        ours.take("onboarding-handler", onboarding())
        ours.run(days=2)
        dispatch.requeue_lost()
        with reading() as session:
            for row in session.scalars(select(MailSequence)).all():
                tracker.progress(session, row)
    texts = {tsql.compiled(statement) for statement in found}
    assert len(texts) > 30
    for text in texts:
        tsql.check(text)
    everything = "\n".join(texts)
    assert "FROM sequence_contacts WITH (UPDLOCK, HOLDLOCK, ROWLOCK)" in everything


def _ask(session: Session) -> None:
    for row in session.scalars(select(MailSequence)).all():
        notion_sync.ask_sequence(session, row)
        notion_sync.ask_contact(session, row.contact)
