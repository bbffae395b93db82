"""A date is changed: what is owed says the new one, and what was too late for the old one is owed again."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from shared.store.journey_models import EnrolmentStep
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.journeys import dispatch, run
from tests.unit.journeys.test_journey_engine import MEETING, due, rows, signal

ANA = {"email": "ana@example.com", "phone": "+525512345678", "booking_uid": "b"}
SOON = START + timedelta(hours=10)
LATER = datetime(2026, 3, 20, 15, tzinfo=UTC)


def at(start: datetime, **more: str) -> dict[str, str]:
    """Ana's booking at that time, as an event has it."""
    times = {"start_at": start.isoformat(), "end_at": (start + timedelta(hours=1)).isoformat()}
    return ANA | times | {"starts_at": start.isoformat()} | more


def waiting(step: str) -> dict:
    """What the message of a step that waits will say."""
    with reading() as session:
        owed = session.scalars(select(Delivery).where(Delivery.state == "pending")).all()
        (payload,) = [row.payload for row in owed if row.payload["context"]["step"] == step]
        return payload


def test_reminder_that_was_moved_says_the_new_date(define, vendors):
    """Date, address and time zone of a message that waits are those that are known now."""
    define(MEETING)
    signal("booking.created", at(START + timedelta(days=5), time_zone="America/Mexico_City"))
    dispatch()
    signal("booking.rescheduled", at(LATER, phone="+34600000000", time_zone="Europe/Madrid"))
    told = waiting("remind")
    assert told["variables"]["starts_at"] == LATER.isoformat()
    assert (told["to"], told["time_zone"]) == ("+34600000000", "Europe/Madrid")


def test_other_facts_reach_what_is_not_moved(define, vendors):
    """A new link of the meeting is told, though no time has changed."""
    define(MEETING)
    signal("booking.created", at(LATER, meeting_url="https://a.example"))
    signal("booking.rescheduled", at(LATER, meeting_url="https://b.example"))
    assert {waiting(step)["variables"]["meeting_url"] for step in ("confirm", "remind", "survey")} == {"https://b.example"}


def test_what_may_have_been_sent_keeps_its_words(define, vendors):
    """It is asked for by its key, under which the vendor knows the old words."""
    define(MEETING)
    signal("booking.created", at(LATER, meeting_url="https://a.example"))

    def unknown(session):
        for row in session.scalars(select(Delivery)):
            row.reason = "outcome-unknown"

    transact(unknown)
    signal("booking.rescheduled", at(LATER, meeting_url="https://b.example"))
    assert {row.payload["variables"]["meeting_url"] for row in rows(Delivery)} == {"https://a.example"}


def test_mail_that_was_tried_keeps_its_words(define, vendors):
    """Who carries mail remembers the key of what was refused; other channels have no keys."""
    define(MEETING)
    signal("booking.created", at(LATER, meeting_url="https://a.example"))

    def tried(session):
        for row in session.scalars(select(Delivery)):
            row.payload = row.payload | {"first_try": START.isoformat()}

    transact(tried)
    signal("booking.rescheduled", at(LATER, meeting_url="https://b.example"))
    told = {row.action: row.payload["variables"]["meeting_url"] for row in rows(Delivery)}
    assert told == {"sms": "https://b.example", "email": "https://a.example"}


def test_reminder_that_was_too_late_comes_before_the_new_date(define, vendors, test_clock):
    """Booked for today, so nobody is reminded; put off to another week, they are."""
    define(MEETING)
    signal("booking.created", at(SOON))
    assert "remind" not in due()
    signal("booking.rescheduled", at(LATER))
    assert due()["remind"] == LATER - timedelta(hours=24)
    run(test_clock, days=20)
    assert vendors.steps() == ["confirm", "remind", "survey"]


def test_step_that_cannot_reach_anybody_stays_skipped(define, vendors):
    """A new date gives nobody a phone: it is said once."""
    define(MEETING)
    unreachable = {name: value for name, value in at(LATER).items() if name != "phone"}
    signal("booking.created", unreachable)
    signal("booking.rescheduled", unreachable | {"start_at": (LATER + timedelta(days=1)).isoformat()})
    (row,) = rows(EnrolmentStep, step="remind")
    assert (row.state, row.reason, row.generation) == ("skipped", "no phone is known", 0)


def test_reminder_that_is_too_late_for_the_new_date_as_well(define, vendors, test_clock):
    """It is asked anew, and skipped anew."""
    define(MEETING)
    signal("booking.created", at(SOON))
    signal("booking.rescheduled", at(SOON + timedelta(hours=2)))
    (row,) = rows(EnrolmentStep, step="remind")
    assert (row.state, row.reason) == ("skipped", "too-late: if_late is skip")
    assert row.due_at == SOON - timedelta(hours=22)


def test_every_step_knows_the_persons_zone(define, vendors):
    """A mail's too, whose address tells none: by the phone, where the event names no zone."""
    define(MEETING)
    signal("booking.created", at(START + timedelta(days=5), phone="+34600000000"))
    with reading() as session:
        zones = {
            row.payload["time_zone"] for row in session.scalars(select(Delivery)) if row.payload and "context" in row.payload
        }
    assert zones == {"Europe/Madrid"}
