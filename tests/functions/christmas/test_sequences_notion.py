"""Notion shows what is true: after any failure, lost answer, deleted page or change of its properties, at its own pace."""

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from functions.christmas import notion_facts, notion_sync, tracker
from functions.christmas.tables import MailSequence
from sandbox.notion.seed import Column
from shared import clock
from shared.errors import PermanentError
from shared.messages.events import ProviderEvent
from shared.messages.statuses import status
from shared.outbox import operator_actions
from shared.outbox.actions import Done
from shared.outbox.execute import drain
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.examples import examples
from tests.support.sequences import MONDAY, Campaign, assessment, campaign, noshow, onboarding, postcall
from tests.support.world import FakeStorage, World
from tests.unit.vendors.network import cut, refused

pytestmark = pytest.mark.slow


@pytest.fixture
def ours(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Campaign]:
    """The campaign, with nobody in it."""
    with campaign(world, environment, test_clock) as found:
        yield found


def says(ours: Campaign, number: int) -> dict[str, Any]:
    """What the tracker says of one mail of the first sequence."""
    row = ours.notion.rows("sequences")[0]
    return {fact: row.get(f"Email {number} {fact}") or None for fact in ("Sent", "Status", "Sent By", "Resend ID")}


def report(step: str, ours: Campaign, *words: str) -> None:
    """What Resend tells later of the newest mail of a step."""
    one = next(one for one in reversed(ours.post.sent) if one.step == step)
    for word in words:
        news = ProviderEvent(provider="resend", vendor_id=f"V{one.delivery_id}", status=word, at=clock.now())
        transact(lambda session, news=news: status(session, news))


def agrees(ours: Campaign) -> None:
    """Every page says exactly what is true now, and there is one for each sequence and each person."""
    with reading() as session:
        names = notion_facts.names(notion_facts.SEQUENCE, get_settings().notion_properties)
        rows = ours.sequences()
        pages = ours.notion.rows("sequences")
        assert len(pages) == len(rows)
        for row in rows:
            fresh = session.get_one(MailSequence, row.id)
            facts = notion_facts.of_sequence(fresh, tracker.progress(session, fresh))
            page = next(page for page in pages if page["Puente ID"] == facts["sequence_id"])
            for fact, name in names.items():
                value = facts.get(fact)
                written = value.isoformat() if hasattr(value, "isoformat") else value
                assert (page.get(name) or None) == (written or None), f"{name} of {row.type}"
            assert (row.notion_sync_status, row.notion_sync_error) == ("success", None)
    assert len(ours.notion.rows("contacts")) == len({row.email for row in rows})


class TestMails:
    """What the tracker says of each mail."""

    def test_of_the_five_days(self, ours: Campaign) -> None:
        """Mail 1 by the website; the others by us, with the vendor's id; waiting ones say nothing yet."""
        ours.take("assessment-handler", assessment())
        ours.run(days=1, hours=1)
        assert says(ours, 1) == {"Sent": MONDAY.isoformat(), "Status": "sent", "Sent By": "website", "Resend ID": None}
        at = (MONDAY + timedelta(days=1)).isoformat()
        vendor_id = f"V{ours.post.sent[0].delivery_id}"
        assert says(ours, 2) == {"Sent": at, "Status": "sent", "Sent By": "puente", "Resend ID": vendor_id}
        assert set(says(ours, 3).values()) == {None}
        row = ours.notion.rows("sequences")[0]
        assert (row["Last Email Sent"], row["Last Email Sent At"], row.get("Sequence Completed")) == (2, at, None)
        ours.run(days=5)
        assert ours.notion.rows("sequences")[0]["Sequence Completed"] == (MONDAY + timedelta(days=5)).isoformat()
        agrees(ours)

    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            (["delivered"], "delivered"),
            (["opened", "delivered"], "opened"),
            (["delivered", "clicked"], "clicked"),
            (["bounced"], "bounced"),
            (["delivered", "complained"], "complained"),
        ],
    )
    def test_later_words(self, ours: Campaign, words: list[str], shown: str) -> None:
        """The furthest that the vendor has told, whatever the order."""
        ours.take("assessment-handler", assessment())
        ours.run(days=1, hours=1)
        report("email_2", ours, *words)
        ours.settle()
        assert says(ours, 2)["Status"] == shown
        agrees(ours)

    def test_failed_mail_that_a_person_sends_again(self, ours: Campaign) -> None:
        """First failed, without a date; then sent, with its own."""
        ours.post.answer = lambda _delivery: PermanentError("resend-refused", "no")
        ours.take("noshow-recovery-handler", noshow())
        ours.run(hours=1)
        assert (says(ours, 1)["Status"], says(ours, 1).get("Sent")) == ("failed", None)
        ours.post.answer = lambda delivery: Done({"id": f"V{delivery.id}"})
        with reading() as session:
            dead = session.query(Delivery).filter_by(target="resend", state="dead").one()
        operator_actions.retry(dead.id, "local")
        ours.run(hours=1)
        assert says(ours, 1)["Status"] == "sent"
        agrees(ours)

    def test_fields_of_each_type(self, ours: Campaign) -> None:
        """What belongs to no-show, post-call and onboarding alone."""
        ours.take("noshow-recovery-handler", noshow(scheduled_time="2026-03-02T15:00:00Z", event_type="Diagnóstico"))
        ours.take("postcall-maybe-handler", postcall(call_notes="x" * 3000, objections=["precio", "tiempo"]))
        ours.take("onboarding-handler", onboarding(payment_amount="1500.50", observation_dates=["2026-03-09", "2026-03-10"]))
        ours.settle()
        missed, maybe, customer = ours.notion.rows("sequences")
        assert (missed["Scheduled Time"], missed["Event Type"]) == ("2026-03-02T15:00:00+00:00", "Diagnóstico")
        assert (len(maybe["Call Notes"]), maybe["Objections"], maybe["Call Outcome"]) == (2000, ["precio", "tiempo"], "Maybe")
        assert (customer["Payment Amount"], customer["Observation Dates"]) == (1500.5, "2026-03-09, 2026-03-10")
        assert [page["Template Type"] for page in (missed, maybe, customer)] == [
            "No-Show Recovery",
            "Post-Call Follow-Up",
            "Onboarding",
        ]

    @pytest.mark.parametrize(
        ("campaign", "shown"), [("{}", "Christmas 2025"), ('{"campaign": "Navidad 2026"}', "Navidad 2026")]
    )
    def test_name_of_the_campaign(self, ours: Campaign, environment: pytest.MonkeyPatch, campaign: str, shown: str) -> None:
        """That of CAMPAIGN_VARIABLES, else that of the replaced system."""
        environment.setenv("CAMPAIGN_VARIABLES", campaign)
        get_settings.cache_clear()
        ours.take("assessment-handler", assessment())
        ours.settle()
        assert ours.notion.rows("sequences")[0]["Campaign"] == shown

    def test_what_is_no_longer_kept_stays_in_notion(self, ours: Campaign) -> None:
        """Deliveries are removed after some months; what the tracker says of them is not taken away."""
        ours.take("assessment-handler", assessment())
        ours.run(days=6)
        before = ours.notion.rows("sequences")[0].copy()
        transact(lambda session: session.execute(delete(Delivery)))
        transact(lambda session: notion_sync.ask_sequence(session, session.get_one(MailSequence, 1)))
        ours.settle()
        assert ours.notion.rows("sequences")[0] == before
        assert ours.sequences()[0].notion_sync_status == "success"


class TestPages:
    """Found again, made anew, never twice."""

    @pytest.mark.parametrize("lost", [cut(), requests.ReadTimeout()], ids=["cut", "time-out"])
    @pytest.mark.parametrize("without", [[], ["Puente ID"]])
    def test_answer_of_a_creation_is_lost(self, ours: Campaign, lost: Exception, without: list[str]) -> None:
        """The page is there, so it is found and not made again; without our id in it, by address, type and start."""
        for name in without:
            del ours.notion.databases["sequences"][name]
        ours.notion.after = [lost, None, lost]
        ours.take("assessment-handler", assessment())
        ours.run(hours=2)
        assert len(ours.notion.rows("sequences")) == len(ours.notion.rows("contacts")) == 1
        assert {row.notion_sync_status for row in ours.sequences()} == {"success"}

    def test_row_of_an_older_sequence_is_left_alone(self, ours: Campaign) -> None:
        """Without our id in them, rows of one person are told apart by type and start."""
        del ours.notion.databases["sequences"]["Puente ID"]
        ours.take("noshow-recovery-handler", noshow())
        ours.run(days=4)
        ours.take("noshow-recovery-handler", noshow(calendly_event_id="ev-2"))
        ours.take("postcall-maybe-handler", postcall())
        ours.settle()
        assert len(ours.notion.rows("sequences")) == 3

    def test_existing_contact_is_adopted(self, ours: Campaign) -> None:
        """Somebody has typed her in; what we do not write stays."""
        ours.notion.databases["contacts"]["Notas"] = Column("rich_text")
        ours.notion.add("contacts", {"email": "ana@example.com", "first_name": "Anita", "Notas": "vip"})
        ours.take("signup-handler", {"email": "ana@example.com", "first_name": "Ana"})
        ours.settle()
        (page,) = ours.notion.rows("contacts")
        assert (page["first_name"], page["Notas"]) == ("Ana", "vip")

    @pytest.mark.parametrize("how", ["trash", "gone"])
    def test_deleted_page_is_made_anew(self, ours: Campaign, how: str) -> None:
        """Complete, as if it were the first."""
        ours.take("assessment-handler", assessment())
        ours.settle()
        for page in ours.notion.page_ids():
            (ours.notion.archive if how == "trash" else ours.notion.remove)(page)
        ours.run(days=1, hours=1)
        (page,) = ours.notion.rows("sequences")
        assert (page["Email 1 Status"], page["Email 2 Status"]) == ("sent", "sent")

    def test_missing_properties_are_left_out_and_named(self, ours: Campaign) -> None:
        """Notion would refuse the whole call; everything else is written."""
        database = ours.notion.databases["sequences"]
        for name in ("Email 2 Resend ID", "Template Type", "Signup Date", "Red Systems"):
            del database[name]
        database["Segment"] = Column("formula")
        ours.take("assessment-handler", assessment())
        ours.run(days=1, hours=1)
        (row,) = ours.sequences()
        assert row.notion_sync_status == "partial"
        assert row.notion_sync_error == "Notion's database has no place for: Segment, Red Systems, Email 2 Resend ID"
        assert says(ours, 2)["Status"] == "sent"

    def test_property_that_vanishes_later(self, ours: Campaign) -> None:
        """What we have read of the database is read again when a call is refused."""
        ours.take("assessment-handler", assessment())
        ours.settle()
        del ours.notion.databases["sequences"]["Orange Systems"]
        transact(lambda session: notion_sync.ask_sequence(session, session.get_one(MailSequence, 1)))
        ours.settle()
        assert ours.sequences()[0].notion_sync_status == "partial"

    def test_other_types_and_names(self, ours: Campaign, environment: pytest.MonkeyPatch) -> None:
        """A database of the customer's own: names by the setting, values in whatever type they have."""
        environment.setenv("NOTION_PROPERTIES", '{"contact_email": "Correo", "phase": "", "contact_segment": "Segmento"}')
        get_settings.cache_clear()
        ours.notion.databases["contacts"].clear()
        ours.notion.databases["contacts"] |= {
            "Correo": Column("title"),
            "first_name": Column("rich_text"),
            "Segmento": Column("status", ("URGENT",)),
            "Unsubscribed": Column("select"),
            "Assessment Score": Column("rich_text"),
            "Diagnostic Call Date": Column("rich_text"),
        }
        for _ in range(2):
            ours.take("assessment-handler", assessment())
        ours.settle()
        (page,) = ours.notion.rows("contacts")
        assert page == {
            "Correo": "ana@example.com",
            "first_name": "Ana",
            "Segmento": "URGENT",
            "Assessment Score": "55",
            "Unsubscribed": "false",
        }

    def test_database_without_a_way_to_find_rows(self, ours: Campaign) -> None:
        """It is said at once, instead of making a new page at each change."""
        del ours.notion.databases["contacts"]["email"]
        ours.take("signup-handler", {"email": "ana@example.com", "first_name": "Ana"})
        ours.settle()
        contact = ours.contact()
        assert contact.notion_sync_status == "error"
        assert "'email'" in str(contact.notion_sync_error)
        assert ours.notion.rows("contacts") == []

    def test_without_notion_nothing_is_asked(self, ours: Campaign, environment: pytest.MonkeyPatch) -> None:
        """The mails go out all the same."""
        environment.delenv("NOTION_TOKEN")
        get_settings.cache_clear()
        ours.take("assessment-handler", assessment())
        ours.run(days=6)
        assert len(ours.post.sent) == 4
        assert ours.sequences()[0].notion_sync_status is None
        with reading() as session:
            assert session.query(Delivery).filter_by(target="notion").count() == 0


class TestPace:
    """Three calls a second, whoever makes them; and an outage that stops no mail."""

    def test_calls_are_a_third_of_a_second_apart(self, ours: Campaign) -> None:
        """Over batches as well, by any number of instances, since one at a time holds the target."""
        for number in range(25):
            ours.send("assessment-handler", assessment(email=f"ana{number}@example.com"))
        ours.world.run()
        drain(notion_sync.TARGET)
        moments = [at for _what, at in ours.notion.times]
        assert len(moments) >= 100
        gaps = [(two - one).total_seconds() for one, two in itertools.pairwise(moments)]
        assert min(gaps) >= 0.333
        assert (moments[-1] - moments[0]).total_seconds() >= (len(moments) - 1) / 3.0 - 0.001

    @pytest.mark.parametrize("trouble", [refused(), 503, 429, 500], ids=["refused", "503", "429", "500"])
    def test_outage_stops_no_mail(self, ours: Campaign, trouble: Exception | int) -> None:
        """Mails go out on time; Notion catches up afterwards."""
        ours.notion.before = [trouble] * 12
        ours.take("assessment-handler", assessment())
        ours.run(days=6)
        assert len(ours.post.sent) == 4
        ours.notion.before = []
        ours.run(hours=8)
        agrees(ours)

    def test_changes_in_a_burst_are_one_page_each(self, ours: Campaign) -> None:
        """Contact and sequence are written once, with what is true then."""
        for handler, payload in (("assessment-handler", assessment()), ("noshow-recovery-handler", noshow())):
            ours.send(handler, payload)
        ours.send("signup-handler", {"email": "ana@example.com", "first_name": "Anita"})
        for _ in range(3):
            ours.world.step("events-queue")
        ours.settle()
        assert ours.notion.created() == 3
        agrees(ours)

    def test_what_fell_out_of_the_outbox_is_asked_for_again(self, ours: Campaign) -> None:
        """A row that says pending without a delivery (a restored backup) does not stay so."""
        ours.take("assessment-handler", assessment())
        transact(lambda session: session.execute(delete(Delivery).where(Delivery.target == "notion")))
        ours.clock.advance(minutes=16)
        ours.settle()
        agrees(ours)


@st.composite
def _lives(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """What may happen to Ana and to Notion, in any order."""
    deed = st.one_of(
        st.tuples(st.just("assessment"), st.integers(0, 1)),
        st.tuples(st.just("noshow"), st.integers(0, 1)),
        st.tuples(st.just("postcall"), st.just(0)),
        st.tuples(st.just("onboarding"), st.just(0)),
        st.tuples(st.just("pass"), st.sampled_from([1, 25, 50, 100])),
        st.tuples(st.just("word"), st.sampled_from(["delivered", "opened", "bounced", "complained"])),
        st.tuples(st.just("lost"), st.sampled_from(["before", "after"])),
        st.tuples(st.just("delete"), st.integers(0, 3)),
    )
    return draw(st.lists(deed, min_size=1, max_size=9))


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=_lives())
def test_tracker_tells_the_truth_after_any_life(
    environment: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, migrated_file: Any, life: list[tuple[str, Any]]
) -> None:
    """Events, later words, lost answers and deleted pages in any order: in the end each page says what is true, and is alone.

    Nobody gets the same mail twice.
    """
    with _fresh(environment, tmp_path_factory, migrated_file) as ours:
        for name, detail in life:
            _DEEDS[name](ours, detail)
        ours.notion.before, ours.notion.after = [], []
        ours.run(days=12)
        transact(_ask_all)
        ours.settle()
        if ours.sequences():
            agrees(ours)
        seen = [(one.enrolment, one.step) for one in ours.post.sent]
        assert len(seen) == len(set(seen))


def _ask_all(session: Any) -> None:
    """A page that somebody deletes is made anew at the next change: let there be one."""
    for row in session.query(MailSequence):
        notion_sync.ask_sequence(session, row)
        notion_sync.ask_contact(session, row.contact)


def _word(ours: Campaign, word: str) -> None:
    if ours.post.sent:
        report(ours.post.sent[-1].step, ours, word)


def _delete(ours: Campaign, number: int) -> None:
    for page in ours.notion.page_ids()[number : number + 1]:
        ours.notion.archive(page)


def _lose(ours: Campaign, when: str) -> None:
    (ours.notion.before if when == "before" else ours.notion.after).append(requests.ReadTimeout())


_DEEDS: dict[str, Callable[[Campaign, Any], None]] = {
    "assessment": lambda ours, n: ours.take("assessment-handler", assessment(email=f"ana{n}@example.com")),
    "noshow": lambda ours, n: ours.take("noshow-recovery-handler", noshow(email="ana0@example.com", calendly_event_id=f"e{n}")),
    "postcall": lambda ours, _n: ours.take("postcall-maybe-handler", postcall(email="ana0@example.com")),
    "onboarding": lambda ours, _n: ours.take("onboarding-handler", onboarding(email="ana0@example.com")),
    "pass": lambda ours, hours: ours.run(hours=hours),
    "word": _word,
    "lost": _lose,
    "delete": _delete,
}


def _fresh(environment: pytest.MonkeyPatch, places: pytest.TempPathFactory, migrated: Any) -> Any:
    """A campaign on a database of its own, as hypothesis needs one for each example."""
    import shutil
    from contextlib import contextmanager

    from shared import queues
    from shared.store import session as store

    @contextmanager
    def fresh() -> Iterator[Campaign]:
        path = places.mktemp("life") / "puente.db"
        shutil.copy(migrated, path)
        environment.setenv("DATABASE_URL", f"sqlite:///{path}")
        store.get_engine.cache_clear()
        storage = FakeStorage()
        for name in ("send", "put_blob", "get_blob"):
            environment.setattr(queues, name, getattr(storage, name))
        engine: Engine = store.get_engine()
        with clock.frozen(START) as frozen, campaign(World(storage), environment, frozen) as ours:
            yield ours
        engine.dispose()

    return fresh()
