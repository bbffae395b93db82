"""The campaign moves in from Notion: nobody gets anything twice, nothing goes out by it, and whoever is in it goes on."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from functions.christmas import importer, old_pages
from functions.christmas.tables import MailSequence
from shared import clock, faults
from shared.importer.__main__ import main
from shared.importer.frame import Options
from shared.importer.move import Move
from shared.messages import consent
from shared.messages.digests import digest_of_address
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.message_models import Suppression
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.examples import examples
from tests.support.sequences import MONDAY, Campaign, assessment, campaign, noshow
from tests.support.world import World

EMAIL = "ana@example.com"
DAY = timedelta(days=1)
STARTED = MONDAY - DAY - timedelta(hours=1)  # the second mail was due an hour ago
CONTACT = {"first_name": "Ana", "email": EMAIL, "business_name": "Salón Aurora", "Segment": "URGENT", "Assessment Score": 55}
FIVE_DAYS = {
    "First Name": "Ana",
    "Email": EMAIL,
    "Sequence Type": "5day",
    "Segment": "URGENT",
    "Red Systems": 1,
    "Started At": STARTED.isoformat(),
    "Email 1 Sent": STARTED.isoformat(),
    "Email 1 Status": "sent",
    "Email 1 Sent By": "website",
}
SECOND = {
    "Email 2 Sent": (STARTED + DAY).isoformat(),
    "Email 2 Status": "sent",
    "Email 2 Sent By": "kestra",
    "Email 2 Resend ID": "re-2",
}
MISSED = {
    "Email": EMAIL,
    "Template Type": "No-Show Recovery",
    "Sequence Created": (MONDAY - timedelta(hours=2)).isoformat(),
    "Calendly Event URI": "https://api.calendly.com/scheduled_events/ev-1",
    "Email 1 Sent": (MONDAY - timedelta(hours=1)).isoformat(),
    "Email 1 Status": "sent",
}


@pytest.fixture
def ours(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Campaign]:
    """The campaign, with nobody in it here."""
    with campaign(world, environment, test_clock) as found:
        yield found


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    """The file of problems."""
    return tmp_path / "problems.csv"


def add(ours: Campaign, database: str, page: dict[str, Any]) -> None:
    """A page that the replaced system has made."""
    dated = [name for name, column in ours.notion.databases[database].items() if column.type == "date"]
    dates = {name: {"start": page[name], "end": None, "time_zone": None} for name in dated if name in page}
    ours.notion.add(database, page | dates)


def brought(problems: Path, *more: str) -> int:
    """The command; its exit code."""
    return main(["campaign", "--problems", str(problems), *more])


def stands(journey: str | None = None) -> dict[str, str]:
    """Each step of everybody and where it stands."""
    with reading() as session:
        query = select(EnrolmentStep, Enrolment.journey).join(Enrolment, Enrolment.id == EnrolmentStep.enrolment_id)
        found = session.execute(query.order_by(EnrolmentStep.id)).all()
    return {step.step: step.state for step, name in found if journey in (None, name)}


def reasons() -> list[tuple[str, str, str | None]]:
    """Each enrolment with its state and reason."""
    with reading() as session:
        rows = session.scalars(select(Enrolment).order_by(Enrolment.journey)).all()
    return [(row.journey, row.state, row.reason) for row in rows]


def test_somebody_in_the_five_days_goes_on_where_they_were(ours: Campaign, problems: Path) -> None:
    """Two mails were sent there, three are to come here, each at its time; Notion is only read."""
    add(ours, "contacts", CONTACT)
    add(ours, "sequences", FIVE_DAYS | SECOND)
    assert brought(problems) == 0
    contact, (row,) = ours.contact(), ours.sequences()
    assert (contact.first_name, contact.business_name, contact.segment, str(contact.assessment_score)) == (
        "Ana", "Salón Aurora", "URGENT", "55.00",
    )  # fmt: skip
    assert (row.type, row.segment, row.started_at, row.is_open) == ("5day", "URGENT", STARTED, True)
    assert {what.partition(" ")[0] for what, _at in ours.notion.times} == {"GET", "POST"}
    assert ours.notion.created() == 0
    assert stands() == {"email_1": "sent", "email_2": "sent", "email_3": "owed", "email_4": "owed", "email_5": "owed"}
    ours.settle()
    assert ours.steps() == []
    ours.run(days=6)
    assert ours.steps() == ["email_3", "email_4", "email_5"]
    assert ours.post.sent[0].at >= STARTED + 3 * DAY


def test_notion_keeps_what_was_sent_before(ours: Campaign, problems: Path) -> None:
    """When we write the page, its earlier mails say what they said."""
    add(ours, "contacts", CONTACT)
    add(ours, "sequences", FIVE_DAYS | SECOND)
    brought(problems)
    ours.run(days=3)
    (page,) = ours.notion.rows("sequences")
    assert {name: page[name] for name in SECOND} == SECOND
    assert (page["Email 1 Sent By"], page["Email 3 Sent By"]) == ("website", "puente")
    assert ours.notion.created() == 0


def test_a_second_run_changes_nothing(ours: Campaign, problems: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither here nor there."""
    add(ours, "contacts", CONTACT)
    add(ours, "sequences", FIVE_DAYS | SECOND)
    add(ours, "sequences", MISSED)
    brought(problems)
    before = stands(), reasons(), [vars(ours.contact())["updated_at"]]
    capsys.readouterr()
    assert brought(problems) == 0
    printed = capsys.readouterr().out
    assert printed.count("0 new         0 changed      0 left out") == 2
    assert before == (stands(), reasons(), [vars(ours.contact())["updated_at"]])


def test_a_dry_run_only_says_what_would_happen(ours: Campaign, problems: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers are those of the run."""
    add(ours, "contacts", CONTACT)
    add(ours, "sequences", FIVE_DAYS)
    brought(problems, "--dry-run")
    printed = capsys.readouterr().out.replace("This was a dry run: nothing was changed.\n", "")
    assert (ours.sequences(), reasons()) == ([], [])
    brought(problems)
    assert printed == capsys.readouterr().out


def test_a_mail_whose_time_has_gone_is_left_out_unless_it_is_asked_for(ours: Campaign, problems: Path) -> None:
    """Nobody has sent the second one, which was due an hour ago."""
    add(ours, "sequences", FIVE_DAYS)
    brought(problems)
    assert (stands()["email_2"], stands()["email_3"]) == ("skipped", "owed")


def test_late_mails_go_out_where_that_is_asked_for(ours: Campaign, problems: Path) -> None:
    """As the journey sends what is late."""
    add(ours, "sequences", FIVE_DAYS)
    brought(problems, "--send-late")
    ours.settle()
    assert ours.steps() == ["email_2"]


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("contact", "more", "reason"),
    [
        ({"Booking Status": "Booked", "Diagnostic Call Date": (MONDAY + DAY).isoformat()}, {}, "booking.created"),
        ({"Booking Status": "Completed"}, {}, "postcall.maybe"),
        ({"Unsubscribed": True}, {}, "person.unsubscribed"),
        ({}, {"Sequence Completed": (STARTED + DAY).isoformat()}, "completed by the replaced system"),
    ],
)
@pytest.mark.parametrize("later", [False, True], ids=["at once", "found by a later run"])
def test_whoever_is_beyond_it_gets_no_more(
    ours: Campaign,
    problems: Path,
    contact: dict[str, Any],
    more: dict[str, Any],
    reason: str,
    later: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """They have booked, have had their call, want no mail, or were completed there; also where Notion says so later."""
    if later:
        add(ours, "contacts", CONTACT)
        add(ours, "sequences", FIVE_DAYS | SECOND)
        brought(problems)
        ours.clock.advance(minutes=5)
        ours.notion.workspace.shelf.drop("pages", ours.notion.page_ids()[1])
        ours.notion.workspace.shelf.drop("pages", ours.notion.page_ids()[0])
    add(ours, "contacts", CONTACT | contact)
    add(ours, "sequences", FIVE_DAYS | SECOND | more)
    brought(problems)
    assert reasons() == [("assessment", "exited", reason)]
    ours.run(days=6)
    assert ours.steps() == []


def test_a_no_show_ends_the_five_days_as_it_does_here(ours: Campaign, problems: Path) -> None:
    """And its own mails go on: one was sent there, two are to come."""
    add(ours, "sequences", FIVE_DAYS | SECOND)
    add(ours, "sequences", MISSED)
    brought(problems)
    assert [state for _journey, state, _reason in reasons()] == ["exited", "active"]
    assert stands("noshow") == {"email_1": "sent", "email_2": "owed", "email_3": "owed"}
    ours.take("noshow-recovery-handler", noshow())
    assert len(ours.sequences()) == 2
    ours.run(days=4)
    assert ours.steps() == ["email_2", "email_3"]


def test_an_old_sequence_ends_nothing_that_began_after_it(ours: Campaign, problems: Path) -> None:
    """A call that was missed last year."""
    ours.take("assessment-handler", assessment())
    add(ours, "sequences", MISSED | {"Sequence Created": (MONDAY - 90 * DAY).isoformat()})
    brought(problems)
    assert [state for journey, state, _reason in reasons() if journey == "assessment"] == ["active"]


def test_two_pages_of_one_sequence_count_both(ours: Campaign, problems: Path) -> None:
    """The replaced system made a page for each report: what any of them has sent was sent."""
    again = STARTED + timedelta(minutes=20)
    add(ours, "sequences", FIVE_DAYS)
    add(ours, "sequences", FIVE_DAYS | SECOND | {"Email 1 Sent": again.isoformat(), "Started At": again.isoformat()})
    brought(problems, "--send-late")
    ours.run(days=6)
    assert ours.steps() == ["email_3", "email_4", "email_5"]


def test_rows_that_cannot_be_taken_are_named_by_their_page(ours: Campaign, problems: Path) -> None:
    """A type that nobody knows, no address; a segment that there is not costs the segment."""
    add(ours, "contacts", {"first_name": "Eva"})
    add(ours, "contacts", CONTACT | {"Segment": "SOON"})
    add(ours, "sequences", FIVE_DAYS | {"Sequence Type": "newsletter"})
    assert brought(problems) == 1
    text = problems.read_text(encoding="utf-8")
    assert "contacts,1," in text
    assert "contact_segment: must be one of" in text
    assert "its type 'newsletter' is none of 5day, noshow, postcall, onboarding" in text
    assert EMAIL not in text
    assert (ours.contact().segment, reasons()) == (None, [])


def test_business_name_stands_where_the_replaced_system_wrote_it(ours: Campaign, problems: Path) -> None:
    """In the property of the family name, where there is none for it."""
    del ours.notion.databases["contacts"]["business_name"]
    add(ours, "contacts", {"first_name": "Ana", "email": EMAIL, "last_name": "Salón Aurora"})
    brought(problems)
    assert (ours.contact().business_name, ours.contact().last_name) == ("Salón Aurora", None)


def test_a_database_without_a_way_to_find_people_is_refused(
    ours: Campaign, problems: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the setting that names the property."""
    del ours.notion.databases["contacts"]["email"]
    assert brought(problems) == 2
    assert "has no property 'email'; name it in NOTION_PROPERTIES" in capsys.readouterr().err


def test_more_pages_than_notion_gives_for_one_question(ours: Campaign, problems: Path) -> None:
    """Further questions ask for those that were created since; the limit of its pace is kept, and a refusal waited for."""
    ours.notion.workspace.api.most_rows = 4
    for number in range(11):
        add(ours, "contacts", CONTACT | {"email": f"caso{number}@example.com"})
        ours.clock.advance(seconds=25)
    ours.notion.times.clear()
    ours.notion.before = [None, None, 429]
    brought(problems, "--only", "contacts")
    with reading() as session:
        assert session.query(importer.SequenceContact).count() == 11
    times = [at for _what, at in ours.notion.times]
    assert all((second - first).total_seconds() > 0.33 for first, second in pairwise(times))


EVENTS = ("contact", "sequence", "assessment", "noshow", "unsubscribed")  # in the order of their times


def _happen(ours: Campaign, what: str) -> None:
    """One of the events, the imports among them; each at its own time, in whatever order they come."""
    ours.clock.moment = MONDAY + timedelta(minutes=EVENTS.index(what))
    if what == "assessment":
        sent = assessment(email_1_sent_at=STARTED.isoformat(), red_systems=1, orange_systems=0)
        ours.take_quietly("assessment-handler", sent)
    elif what == "noshow":
        ours.take_quietly("noshow-recovery-handler", noshow(calendly_event_id="ev-9"))
    elif what == "unsubscribed":
        digests = [digest_of_address(EMAIL)]
        transact(lambda session: consent.suppress(session, ["email"], digests, "unsubscribed", clock.now()))
    else:
        kind = old_pages.CONTACTS if what == "contact" else old_pages.SEQUENCES
        list(Move(importer.IMPORTER, Options()).kind(kind))


def _end(ours: Campaign) -> Any:
    """What matters in the end: who stands where, what was sent elsewhere, and what is going to be sent."""
    with reading() as session:
        waiting = select(Delivery).where(Delivery.state == "pending", Delivery.kind == "message")
        planned = sorted((row.payload["context"]["step"], row.due_at) for row in session.scalars(waiting))
        sequences = sorted((row.type, row.source_event) for row in session.scalars(select(MailSequence)))
    contact = ours.contact()
    facts = contact.first_name, contact.segment, contact.campaign_status, contact.booking_status
    return planned, sequences, stands("assessment"), stands("noshow"), [one[:2] for one in reasons()], facts


@pytest.mark.slow
@given(data=st.data(), events=st.sets(st.sampled_from(EVENTS[2:])))
@example(data=None, events={"assessment"})
@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_import_before_after_and_between_live_reports_ends_the_same(
    world: World, ours: Campaign, data: st.DataObject | None, events: set[str]
) -> None:
    """Whatever the order, and however often the import is run: the same mails are still to come, and none twice."""
    story = [one for one in EVENTS if one in events or one in ("contact", "sequence")]
    order: Sequence[str] = list(reversed(story))
    if data is not None:
        again = data.draw(st.lists(st.sampled_from(("contact", "sequence")), max_size=2))
        order = data.draw(st.permutations([*story, *again]))
    ends = []
    for each in (story, order):
        _forget(ours)
        add(ours, "contacts", CONTACT | {"Segment": "OPTIMIZE"})
        add(ours, "sequences", FIVE_DAYS | SECOND)
        for what in each:
            _happen(ours, what)
        ends.append(_end(ours))
    assert ends[0] == ends[1]


def _forget(ours: Campaign) -> None:
    """Nobody is known any more."""
    from shared.store.models import Base

    with reading() as session:
        kept = {"alembic_version", "stage_mappings", "targets", "target_slots"}
        tables = [table for table in reversed(Base.metadata.sorted_tables) if table.name not in kept]
    transact(lambda session: [session.execute(delete(table)) for table in tables])
    for page in ours.notion.page_ids():
        ours.notion.remove(page)
    ours.clock.moment = MONDAY
    del session


def test_a_run_that_dies_is_gone_on_with(ours: Campaign, problems: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the contacts, before the sequences: the same command ends it."""
    add(ours, "contacts", CONTACT)
    add(ours, "sequences", FIVE_DAYS | SECOND)
    faults.inject("importer.after_batch=raise:1x1")
    with pytest.raises(faults.InjectedFault):
        brought(problems)
    faults.inject("")
    assert (ours.contact().first_name, ours.sequences()) == ("Ana", [])
    assert brought(problems) == 0
    assert stands()["email_2"] == "sent"
    with reading() as session:
        assert session.scalars(select(Suppression)).all() == []
