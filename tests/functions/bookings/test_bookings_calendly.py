"""Calendly's webhooks as bookings: what is read of them, and the whole way from the endpoint to the lead."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

from functions.bookings import triggers
from functions.bookings.calendly import CalendlyEvent, data_of
from functions.bookings.payloads import subject_of
from functions.bookings.tables import Booking, BookingUid
from shared.settings import get_settings
from shared.store.models import DeadLetter, InboxEvent
from shared.store.session import transact
from tests.functions.bookings.test_bookings import MONDAY, add_lead, due, rows, standing, status_of, vendors
from tests.support import loops
from tests.support.calcom import ANA
from tests.support.functions import named
from tests.support.sequences import SIGNING_KEY, invitee, signed
from tests.support.world import Out, World

__all__ = ["vendors"]  # a fixture
STARTS = MONDAY + timedelta(days=3)
HOUR = timedelta(hours=1)


def body(event: str, at: datetime = MONDAY, **payload: Any) -> dict[str, Any]:
    """A webhook about Ana."""
    return {"event": event, "created_at": at.isoformat(), "payload": invitee() | payload}


def event(webhook_body: dict[str, Any]) -> CalendlyEvent:
    """What is read of a webhook."""
    return CalendlyEvent.model_validate(data_of(webhook_body))


@pytest.fixture
def calendly(world: World, vendors, environment: pytest.MonkeyPatch, test_clock) -> "Calendly":
    """A calendar, on a Monday at eleven in Mexico."""
    environment.setenv("CALENDLY_SIGNING_KEYS", SIGNING_KEY)
    get_settings.cache_clear()
    test_clock.moment = MONDAY
    return Calendly(world)


class Calendly:
    """Calendly, as the functions of the page see it."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.handlers[triggers.QUEUE] = named("calcom_handler")

    def send(self, *webhooks: dict[str, Any]) -> None:
        """Signed webhooks, one after the other, each handled before the next comes."""
        for webhook_body in webhooks:
            raw = json.dumps(webhook_body).encode()
            known = {"content-type": "application/json"} | signed(raw, MONDAY)
            request = func.HttpRequest(method="POST", url="http://localhost/api/calendly", headers=known, body=raw)
            out = Out()
            assert loops.run(named("calendly_webhook")(request, out)).status_code == 202
            assert out.value is not None
            self.world.storage.send(triggers.QUEUE, out.value)
            self.world.run()


class TestReading:
    """One invitee of one meeting is one booking."""

    def test_whole(self) -> None:
        """All that is used is found."""
        found = event(body("invitee.created", old_invitee="https://api.calendly.com/scheduled_events/a/invitees/b"))
        assert found.model_dump(exclude_defaults=True) == {
            "calendar": "calendly",
            "trigger": "BOOKING_CREATED",
            "uid": invitee()["uri"],
            "follows": "https://api.calendly.com/scheduled_events/a/invitees/b",
            "at": MONDAY,
            "email": ANA,
            "name": "Ana Pérez",
            "first_name": "Ana",
            "last_name": "Pérez",
            "title": "Diagnóstico",
            "start_at": STARTS,
            "time_zone": "America/Mexico_City",
        }

    @pytest.mark.parametrize(
        ("more", "phone"),
        [
            ({"text_reminder_number": "+52 55 1234 5678"}, "+52 55 1234 5678"),
            ({"scheduled_event": {"location": {"type": "outbound_call", "location": "+52 55 1234 5678"}}}, "+52 55 1234 5678"),
            ({"scheduled_event": {"location": {"type": "physical", "location": "Calle 5 Nte. 1205"}}}, None),
            ({"questions_and_answers": [{"question": "Tu WhatsApp", "answer": "55 1234 5678"}]}, "55 1234 5678"),
            ({"questions_and_answers": [{"question": "¿Cuántas sillas?", "answer": "55123456"}]}, None),
            ({"questions_and_answers": [None, 7, {"question": None}]}, None),
        ],
    )
    def test_phone(self, more: dict[str, Any], phone: str | None) -> None:
        """The number for reminders, the one that the host is to call, or an answer to a question about one."""
        assert event(body("invitee.created", **more)).phone == phone

    def test_rescheduling_is_read_from_the_new_booking(self) -> None:
        """The old one's cancellation is left out."""
        assert event(body("invitee.canceled", rescheduled=True)).trigger == "invitee.canceled"
        assert event(body("invitee.canceled", new_invitee="https://api.calendly.com/x")).booking is None
        assert event(body("invitee.canceled")).trigger == "BOOKING_CANCELLED"

    def test_absence_has_the_time_of_its_mark(self) -> None:
        """In the whole form and in the short one; taken back, that of the webhook."""
        mark = MONDAY - HOUR
        whole = body("invitee_no_show.created", no_show={"created_at": mark.isoformat()})
        short = {"event": "invitee_no_show.created", "payload": {"invitee": "i", "created_at": mark.isoformat()}}
        back = body("invitee_no_show.deleted", no_show={"created_at": mark.isoformat()})
        assert [event(webhook_body).at for webhook_body in (whole, short, back)] == [mark, mark, MONDAY]
        assert [event(webhook_body).absent for webhook_body in (whole, short, back)] == [{"": True}, {"": True}, {"": False}]

    def test_form_in_which_older_versions_stored_it(self) -> None:
        """Events that wait on a queue, or as dead letters, since before an update."""
        webhook_body = body("invitee.created")
        assert CalendlyEvent.model_validate(webhook_body) == event(webhook_body)

    def test_subject(self) -> None:
        """What tells bookings apart fits; two invitees of one meeting differ."""
        uri = "https://api.calendly.com/scheduled_events/" + "e" * 36 + "/invitees/"
        names = {subject_of(uri + letter * 36) for letter in "ab"}
        assert names == {f"booking:{'e' * 36}/{letter * 36}" for letter in "ab"}


class TestWholeWay:
    """From the endpoint to the lead."""

    def test_lead_is_booked_and_new_again(self, calendly: Calendly) -> None:
        """The follow-up waits meanwhile; the journey of our own messages has no part in it."""
        add_lead()
        calendly.send(body("invitee.created"))
        (row,) = rows(Booking)
        assert (row.calendar, row.status, row.lead_id, row.start_at) == ("calendly", "booked", 17, STARTS)
        assert (status_of(), standing(), due()) == ("booked", {"lead_followup": "suspended"}, {})
        calendly.send(body("invitee.canceled", MONDAY + HOUR))
        assert (status_of(), standing()) == ("new", {"lead_followup": "active"})

    def test_absence_without_a_name_waits_for_its_booking(self, calendly: Calendly, test_clock) -> None:
        """It is put back, and applied when the booking is there."""
        short = {"event": "invitee_no_show.created", "created_at": MONDAY.isoformat(), "payload": {"invitee": invitee()["uri"]}}
        calendly.send(short)
        assert rows(Booking) == []
        calendly.send(body("invitee.created", MONDAY - HOUR))
        test_clock.advance(minutes=2)
        calendly.world.run()
        assert [row.status for row in rows(Booking)] == ["no-show"]

    def test_what_cannot_be_used_is_ignored(self, calendly: Calendly) -> None:
        """And never refused."""
        calendly.send({"event": "routing_form_submission.created"}, {"payload": 5}, {"event": "invitee.created", "payload": {}})
        assert [row.outcome for row in rows(InboxEvent)] == ["ignored"] * 3
        assert (rows(Booking), rows(DeadLetter)) == ([], [])

    @pytest.mark.parametrize("old", [True, False])
    def test_row_of_an_older_version_goes_on(self, calendly: Calendly, *, old: bool) -> None:
        """It had no facts of its ids. Journeys know it by its first one, so what it has suspended comes back."""
        first = "https://api.calendly.com/scheduled_events/ev-0/invitees/inv-0" if old else invitee()["uri"]
        kept = {"calendar": "calendly", "uid": first, "current_uid": invitee()["uri"], "email": ANA, "status": "booked"}
        transact(lambda session: session.add(Booking(**kept, start_at=STARTS, said_at=datetime(2026, 3, 1, tzinfo=UTC))))
        calendly.send(body("invitee.canceled"))
        (row,) = rows(Booking)
        assert (row.status, row.uid, row.instance, row.start_at) == ("cancelled", first, first, STARTS)
        assert {one.uid for one in rows(BookingUid)} == {first, invitee()["uri"]}
