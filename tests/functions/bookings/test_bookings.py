"""Meetings, from Cal.com's webhook to the lead, the journeys and Kommo: the whole way, and every way it can go wrong."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select

import functions.leads.services
import functions.leads.triggers
from functions.bookings import services, triggers
from functions.bookings.tables import Booking, BookingUid
from functions.leads import ids, kommo_sync, persons
from functions.leads.notes import NOTE
from functions.leads.tables import Lead
from shared import clock, faults
from shared.errors import PermanentError
from shared.journeys import engine
from shared.messages import template_sources, templates
from shared.messages.message import Message
from shared.messages.variables import variables_of
from shared.outbox import actions
from shared.outbox.actions import Claimed, Done, Outcome
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.models import Delivery, InboxEvent
from shared.store.session import reading, transact
from tests.support import calcom, loops
from tests.support.calcom import ANA, CREATED_AT, SECRET, STARTS
from tests.support.functions import named
from tests.support.journeys import SETTINGS, Post, post, run
from tests.support.world import LOCAL_KEY, Out, World

MONDAY = datetime.fromisoformat("2026-03-02T17:00:00+00:00")  # 11:00 in Mexico
KOMMO = {
    "KOMMO_BASE_URL": "https://puente.kommo.example",
    "KOMMO_ACCESS_TOKEN": "k",
    "KOMMO_STATUS_ID_INICIAL": "1",
    "KOMMO_STATUS_ID_AGENDADO": "2",
}
OF_A_MEETING = ("confirmation", "reminder", "survey")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def vendors(environment: pytest.MonkeyPatch) -> Iterator[Post]:
    """Everything that is sent."""
    more = {"CALCOM_WEBHOOK_SECRET": SECRET, "SURVEY_URL": "https://e.example", "RESOURCE_URL": "https://r.example"}
    for name, value in (SETTINGS | more).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    with post() as everybody:
        yield everybody


@pytest.fixture
def in_kommo(environment: pytest.MonkeyPatch, vendors: Post) -> list[tuple[str, str]]:
    """Kommo is used; what is done there is noted, and it takes everything."""
    for name, value in KOMMO.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    done: list[tuple[str, str]] = []

    def take(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
        done.extend((one.subject, one.payload["name"] if one.payload else "lead") for one in deliveries)
        return {one.id: Done({"kommo_lead_id": 1, "kommo_contact_id": 2, "kommo_stage_id": 2}) for one in deliveries}

    for action in (kommo_sync.LEAD, NOTE):
        environment.setitem(actions._actions, (action.target, action.name), replace(action, execute=take))
    return done


@pytest.fixture
def calendar(world: World, vendors: Post, test_clock: clock.TestClock) -> "Calendar":
    """A calendar, on a Monday at eleven in Mexico."""
    test_clock.moment = MONDAY
    return Calendar(world)


class Calendar:
    """Cal.com, as the functions of the page see it."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.handlers[triggers.QUEUE] = named("calcom_handler")

    def post(self, body: bytes, headers: dict[str, str]) -> func.HttpResponse:
        """One request; what it accepts is on the queue afterwards."""
        known = {"content-type": "application/json"} | headers
        request = func.HttpRequest(method="POST", url="http://localhost/api/calcom", headers=known, body=body)
        out = Out()
        answer = loops.run(named("calcom_webhook")(request, out))
        if out.value is not None:
            self.world.storage.send(triggers.QUEUE, out.value)
        return answer

    def send(self, *events: dict[str, Any]) -> None:
        """Signed webhooks, one after the other, each handled before the next comes."""
        for event_sent in events:
            assert self.post(*calcom.signed(event_sent)).status_code == 202
            self.world.run()

    def send_with_secret(self, *events: dict[str, Any]) -> None:
        """Webhooks of a system of our own, which knows the secret and sends it along."""
        for event_sent in events:
            assert self.post(json.dumps(event_sent).encode(), {"x-webhook-secret": SECRET}).status_code == 202
            self.world.run()


def add_lead(number: int = 17, email: str = ANA, *, follow_up: bool = True, **more: Any) -> None:
    """A lead, in its follow-up as it comes from the form."""

    def work(session):
        now = clock.now()
        known = {"name": "Ana Díaz", "phone": "+525512345678", "phone_original": "5512345678", "status": "new"}
        known |= {"company": "Acme", "service": "ventas", "source": "web", "received_at": now, "said_at": now}
        lead = Lead(id=number, email=email, **(known | more))
        session.add(lead)
        session.flush()
        if follow_up:
            names = persons.names_of(session, email=email, lead_id=number)
            engine.signal(session, "lead.created", names, functions.leads.services.variables(lead), event_key=f"lead{number}")

    transact(work)


def rows(model, **where):
    """All rows of a model that match, oldest first."""
    with reading() as session:
        return session.scalars(select(model).filter_by(**where).order_by(*model.__table__.primary_key)).all()


def booking() -> Booking:
    """The one booking there is."""
    (row,) = rows(Booking)
    return row


def standing() -> dict[str, str]:
    """Each journey, and where the person stands in it; the newest enrolment counts."""
    return {row.journey: row.state for row in rows(Enrolment)}


def due(journey: str = "booking") -> dict[str, datetime]:
    """What waits of a journey, and when it is due."""
    waiting = [
        row for row in rows(Delivery, state="pending") if (row.payload or {}).get("context", {}).get("journey") == journey
    ]
    return {row.payload["context"]["step"]: row.due_at for row in waiting}


def notes() -> list[str]:
    """The notes on bookings that are planned for Kommo, by the names of their texts."""
    names = [row.payload["name"] for row in rows(Delivery, target="kommo", action="note")]
    return [name for name in names if name.startswith("booking")]


def status_of(number: int = 17) -> str:
    """A lead's status."""
    (lead,) = rows(Lead, id=number)
    return lead.status


class TestWholeWay:
    """From the form to the survey."""

    def test_booking_suspends_the_follow_up_and_brings_its_own_messages(self, calendar, vendors, test_clock):
        """Confirmation at once, a reminder the day before, the survey after the end; nothing else in between."""
        add_lead()
        run(test_clock, days=1)
        calendar.send(calcom.created(lead_id="17"))
        assert standing() == {"lead_followup": "suspended", "booking": "active"}
        assert due() == {"reminder": STARTS - DAY, "survey": STARTS + 1.5 * HOUR}
        assert (booking().status, booking().lead_id, status_of()) == ("booked", 17, "booked")
        run(test_clock, days=12)
        assert [one.step for one in vendors.sent if one.step in OF_A_MEETING] == list(OF_A_MEETING)
        assert not [one for one in vendors.sent if one.step.startswith("day_")]

    def test_link_that_was_added_to_the_settings_stands_in_what_is_tried_again(
        self, calendar, vendors, test_clock, environment
    ):
        """The survey without its link is refused and names it; tried again it has the link of the settings at that time."""
        environment.delenv("SURVEY_URL")
        get_settings.cache_clear()
        calendar.send(calcom.created())
        run(test_clock, days=12)
        (survey,) = [one for one in vendors.sent if one.step == "survey"]
        with reading() as session:
            message = Message.from_payload(session.get_one(Delivery, survey.delivery_id).payload)
        template = template_sources.of_repository("booking_survey")
        with pytest.raises(PermanentError, match="survey_url"):
            templates.render(template, variables_of(message))
        environment.setenv("SURVEY_URL", "https://added.example")
        get_settings.cache_clear()
        assert "https://added.example" in templates.render(template, variables_of(message)).html

    def test_kommo_moves_the_lead_and_has_a_note_of_every_word(self, calendar, in_kommo, test_clock):
        """Each once, though the calendar repeats itself; the lead is brought up to date when its status has changed."""
        add_lead()
        later = STARTS + 2 * DAY
        words = [
            calcom.created(lead_id=17),
            calcom.rescheduled("uid2", "uid1", later, CREATED_AT + HOUR, lead_id=17),
            calcom.cancelled(CREATED_AT + 2 * HOUR, uid="uid2", start=later, lead_id=17),
        ]
        calendar.send(*words, *words)
        assert notes() == ["booking_created", "booking_rescheduled", "booking_cancelled"]
        assert in_kommo.count(("lead:17", "lead")) == 2
        assert len(rows(InboxEvent)) == 3

    def test_another_date_moves_what_is_planned_and_its_text(self, calendar, vendors, test_clock):
        """One meeting, one enrolment: the confirmation is not repeated, the reminder comes before the new date and names it."""
        add_lead()
        calendar.send(calcom.created(lead_id=17))
        run(test_clock, hours=1)
        later = STARTS + 5 * DAY
        calendar.send(calcom.rescheduled("uid2", "uid1", later, CREATED_AT + 20 * HOUR, lead_id=17))
        assert due() == {"reminder": later - DAY, "survey": later + 1.5 * HOUR}
        wanted = {
            row.payload["context"]["step"]: row.payload["variables"] for row in rows(Delivery, state="pending") if row.payload
        }
        assert wanted["reminder"]["starts_at"] == later.isoformat()
        assert wanted["reminder"]["reschedule_url"] == "https://cal.com/reschedule/uid2"
        assert wanted["reminder"]["meeting_url"] == "https://app.cal.com/video/uid2"
        assert (booking().uid, booking().current_uid, booking().start_at) == ("uid1", "uid2", later)
        run(test_clock, days=20)
        assert [one.step for one in vendors.sent if one.step in OF_A_MEETING] == list(OF_A_MEETING)

    def test_cancelled_meeting_resumes_the_follow_up(self, calendar, vendors, test_clock):
        """Also when it was put off before; the lead is a new one again, and nothing of the meeting is sent any more."""
        add_lead()
        run(test_clock, days=1)
        later = STARTS + 5 * DAY
        calendar.send(
            calcom.created(at=MONDAY + DAY, lead_id=17),
            calcom.rescheduled("uid2", "uid1", later, MONDAY + 1.1 * DAY, lead_id=17),
        )
        run(test_clock, days=2)
        calendar.send(calcom.cancelled(MONDAY + 3 * DAY, uid="uid2", start=later, lead_id=17))
        assert standing() == {"lead_followup": "active", "booking": "exited"}
        assert (booking().status, status_of(), due()) == ("cancelled", "new", {})
        run(test_clock, days=20)
        assert [one.step for one in vendors.sent if one.step.startswith("day_")] == ["day_3", "day_6", "day_9", "day_12"]

    def test_the_lead_stays_booked_while_another_meeting_stands(self, calendar):
        """Two meetings, one of which is cancelled."""
        add_lead()
        calendar.send(calcom.created(lead_id=17), calcom.created(uid="other", lead_id=17, start=STARTS + DAY))
        calendar.send(calcom.cancelled(CREATED_AT + HOUR, lead_id=17))
        assert (status_of(), standing()["lead_followup"]) == ("booked", "suspended")
        calendar.send(calcom.cancelled(CREATED_AT + HOUR, uid="other", lead_id=17))
        assert (status_of(), standing()["lead_followup"]) == ("new", "active")

    def test_who_stays_away_gets_no_survey(self, calendar, vendors, in_kommo, test_clock):
        """And gets it after all when that turns out to be wrong."""
        add_lead(kommo_lead_id=1)
        calendar.send(calcom.created(lead_id=17))
        run(test_clock, days=8)
        calendar.send(calcom.no_show(STARTS + timedelta(minutes=15)))
        assert (booking().status, standing()["booking"], due()) == ("no-show", "suspended", {})
        calendar.send(calcom.ended(lead_id=17))
        assert (booking().status, due()) == ("no-show", {})
        calendar.send(calcom.no_show(STARTS + HOUR, away=False))
        assert (booking().status, due()) == ("ended", {"survey": STARTS + 1.5 * HOUR})
        assert notes() == ["booking_created", "booking_noshow", "booking_ended", "booking_attended"]

    def test_guest_who_stays_away_changes_nothing(self, calendar):
        """The meeting is with the one who booked."""
        calendar.send(calcom.created(), calcom.no_show(STARTS + HOUR, email="guest@example.com"))
        assert booking().status == "booked"

    def test_end_of_the_meeting_leads_to_survey_and_material(self, calendar, vendors, test_clock):
        """At the end that it had."""
        add_lead()
        calendar.send(calcom.created(lead_id=17))
        run(test_clock, days=7, hours=23, minutes=31)
        calendar.send(calcom.ended(lead_id=17))
        assert (booking().status, status_of()) == ("ended", "booked")
        run(test_clock, days=1)
        assert [one.step for one in vendors.sent][-1] == "survey"

    def test_new_meeting_after_a_missed_one_is_another_one(self, calendar, vendors, test_clock):
        """It has a confirmation, a reminder and a survey of its own."""
        add_lead()
        calendar.send(calcom.created(lead_id=17))
        run(test_clock, days=8)
        calendar.send(calcom.no_show(STARTS + HOUR / 4))
        later = STARTS + 9 * DAY
        calendar.send(calcom.rescheduled("uid2", "uid1", later, STARTS + HOUR, lead_id=17))
        assert due() == {"reminder": later - DAY, "survey": later + 1.5 * HOUR}
        assert standing()["lead_followup"] == "suspended"

    def test_meeting_that_was_cancelled_and_booked_anew_is_confirmed(self, calendar, vendors, test_clock):
        """The organizer asked for another date: cancelled, then rescheduled."""
        add_lead()
        calendar.send(calcom.created(lead_id=17))
        run(test_clock, hours=1)
        calendar.send(calcom.cancelled(CREATED_AT + 10 * HOUR, lead_id=17))
        later = STARTS + 2 * DAY
        calendar.send(calcom.rescheduled("uid2", "uid1", later, CREATED_AT + 11 * HOUR, lead_id=17))
        assert (booking().status, status_of(), standing()["lead_followup"]) == ("booked", "booked", "suspended")
        assert due() == {"reminder": later - DAY, "survey": later + 1.5 * HOUR}

    def test_rejected_request_ends_the_meeting(self, calendar):
        """As if it had been cancelled; a request alone is no meeting."""
        add_lead()
        calendar.send(calcom.event("BOOKING_REQUESTED", lead_id=17))
        assert (booking().status, status_of(), standing(), due()) == ("requested", "new", {"lead_followup": "active"}, {})
        calendar.send(calcom.event("BOOKING_REJECTED", CREATED_AT + HOUR))
        assert (booking().status, status_of(), standing()) == ("cancelled", "new", {"lead_followup": "active"})


class TestOrder:
    """Events that come late, twice, or before the ones they follow. All orders: test_bookings_order.py, beside this file."""

    def test_cancelled_before_created(self, calendar):
        """Nothing is confirmed, nothing is held up."""
        add_lead()
        calendar.send(calcom.cancelled(CREATED_AT + HOUR, lead_id=17), calcom.created(lead_id=17))
        assert (booking().status, status_of(), due()) == ("cancelled", "new", {})
        assert standing() == {"lead_followup": "active", "booking": "exited"}
        assert [row.outcome for row in rows(InboxEvent)] == ["applied", "stale"]

    def test_put_off_before_created(self, calendar):
        """The newer date stands."""
        add_lead()
        later = STARTS + DAY
        calendar.send(calcom.rescheduled("uid2", "uid1", later, CREATED_AT + HOUR, lead_id=17), calcom.created(lead_id=17))
        assert (booking().uid, booking().current_uid, booking().start_at) == ("uid1", "uid2", later)
        assert due()["reminder"] == later - DAY
        assert len(rows(Enrolment, journey="booking")) == 1

    def test_parts_of_a_meeting_are_put_together(self, calendar):
        """The word that connects two ids comes last: one row, one reminder."""
        add_lead()
        last = STARTS + 3 * DAY
        calendar.send(
            calcom.created(lead_id=17),
            calcom.rescheduled("uid3", "uid2", last, CREATED_AT + 2 * HOUR, lead_id=17),
        )
        assert len(rows(Booking)) == 2
        calendar.send(calcom.rescheduled("uid2", "uid1", STARTS + DAY, CREATED_AT + HOUR, lead_id=17))
        assert (booking().uid, booking().current_uid, booking().start_at) == ("uid1", "uid3", last)
        assert [row.state for row in rows(Enrolment, journey="booking")] == ["active", "exited"]
        assert due() == {"reminder": last - DAY, "survey": last + 1.5 * HOUR}
        assert {one.booking_id for one in rows(BookingUid)} == {booking().id}

    def test_calendar_whose_clock_runs_ahead_does_not_lock_out_what_follows(self, calendar, test_clock):
        """A word from next year counts as said five minutes after it came."""
        calendar.send(calcom.created(at=MONDAY + 365 * DAY))
        test_clock.advance(minutes=10)
        calendar.send(calcom.cancelled(clock.now()))
        assert booking().status == "cancelled"

    @pytest.mark.parametrize(
        "point",
        [
            "inbox.after_commit",
            *(pytest.param(one, marks=pytest.mark.slow) for one in ("inbox.before_commit", "inbox.after_nudge")),
        ],
    )
    def test_crash_at_any_point_changes_nothing(self, calendar, vendors, in_kommo, test_clock, point):
        """The queue brings the word back: one booking, one enrolment, one note, one confirmation."""
        add_lead()
        for event_sent in (
            calcom.created(lead_id=17),
            calcom.rescheduled("uid2", "uid1", STARTS + DAY, CREATED_AT + HOUR, lead_id=17),
        ):
            calendar.post(*calcom.signed(event_sent))
            faults.inject(f"{point}=raise:1x1")
            calendar.world.run_for(test_clock, minutes=5, swallow=(faults.InjectedFault,))
        assert (booking().status, booking().current_uid, len(rows(InboxEvent))) == ("booked", "uid2", 2)
        assert standing() == {"lead_followup": "suspended", "booking": "active"}
        assert notes() == ["booking_created", "booking_rescheduled"]
        assert [one.step for one in vendors.sent].count("confirmation") == 1


class TestWhose:
    """Which lead a booking belongs to."""

    def test_by_our_number(self, calendar):
        """Though somebody else has the address."""
        add_lead(17, "other@example.com")
        add_lead(18)
        calendar.send(calcom.created(lead_id=17))
        assert (booking().lead_id, status_of(17), status_of(18)) == (17, "booked", "new")

    def test_by_the_number_in_kommo(self, calendar):
        """As the old system's callers have it."""
        add_lead(17, "other@example.com", kommo_lead_id=990)
        calendar.send_with_secret(calcom.created(lead_id="990"))
        assert booking().lead_id == 17

    @pytest.mark.share(5)
    @pytest.mark.parametrize("number", ["17", "990", "17.AAAAAAAAAAAAAAAAAAAAAA", "forged"])
    @pytest.mark.parametrize("place", ["metadata", "responses", "userFieldsResponses", "payload", "body"])
    def test_number_that_a_stranger_writes_counts_for_nothing(self, calendar, number, place):
        """A bare or forged one, in the link or a field of the booking page: only the attendee's address says whose it is."""
        add_lead(17, "other@example.com", kommo_lead_id=990)
        add_lead(18)
        number = ids.signed(18).replace("18.", "17.") if number == "forged" else number
        event_sent = calcom.created()
        where = {"payload": event_sent["payload"], "body": event_sent}.get(place, event_sent["payload"].get(place))
        where["lead_id"] = {"value": number} if "esponses" in place else number
        calendar.send(event_sent)
        assert (booking().lead_id, status_of(17), status_of(18)) == (18, "new", "booked")

    def test_signed_number_outlives_a_change_of_the_secret(self, calendar, environment):
        """Links that are out already count as long as their secret is among those known; then the address does."""
        add_lead(17, "other@example.com")
        event_sent = calcom.created(lead_id=17)
        for secrets, lead_id in (("neu,geheim", 17), ("neu", None)):
            environment.setenv("LINK_SIGNING_SECRETS", secrets)
            get_settings.cache_clear()
            event_sent["payload"]["uid"] = secrets
            calendar.send(event_sent)
            assert rows(Booking)[-1].lead_id == lead_id

    @pytest.mark.share(3)
    @pytest.mark.parametrize("number", [None, "abc", 5, "", -1, 2**70, True, {"a": 1}])
    def test_else_by_the_address(self, calendar, number):
        """The newest lead with it; a number that is none, or nobody's, is left aside."""
        add_lead(17)
        with clock.frozen(clock.now() + DAY):
            add_lead(18)
        calendar.send(calcom.created(lead_id=number))
        assert booking().lead_id == 18

    def test_nobody_we_know(self, calendar, vendors):
        """The meeting is kept, and the person is known by the address."""
        calendar.send(calcom.created(lead_id=17))
        assert booking().lead_id is None
        (enrolment,) = rows(Enrolment)
        assert (enrolment.person, vendors.steps()) == (f"email:{ANA}", ["confirmation"])
        assert notes() == []

    @pytest.mark.parametrize("email", [ANA, "other@example.com"])
    def test_lead_that_comes_later_finds_the_meeting(self, calendar, in_kommo, email):
        """By its number or by the address: its follow-up waits, Kommo is told of it, and nobody is confirmed to twice."""
        calendar.send(calcom.created(lead_id=17 if email != ANA else None))
        add_lead(17, email)

        def adopt(session):
            return services.adopt(session, 17, "lead17")

        assert len(transact(adopt)) == 1
        assert transact(adopt) == []
        assert (booking().lead_id, status_of(), notes()) == (17, "booked", ["booking_created"])
        assert standing() == {"booking": "active", "lead_followup": "suspended"}
        assert len(rows(Enrolment, journey="booking")) == 1
        calendar.send(calcom.cancelled(CREATED_AT + HOUR))
        assert standing() == {"booking": "exited", "lead_followup": "active"}

    def test_form_that_was_overtaken_finds_the_meeting(self, calendar, vendors):
        """Through the lead's own page: mail and call are not planned any more, the meeting is."""
        form = {"nombre": "Ana", "email": ANA, "telefono": "5512345678", "empresa": "A", "servicio": "V", "fuente": "web"}
        calendar.send(calcom.created())
        out, headers = Out(), {"content-type": "application/json"}
        url = "http://localhost/api/lead"
        request = func.HttpRequest(method="POST", url=url, headers=headers, body=json.dumps(form).encode())
        number = json.loads(loops.run(named("lead_webhook")(request, out)).get_body())["lead_id"]
        calendar.world.storage.send(functions.leads.triggers.QUEUE, out.value)
        calendar.world.run()
        assert (booking().lead_id, status_of(number)) == (number, "booked")
        assert standing() == {"booking": "active", "lead_followup": "suspended"}

    def test_meeting_that_is_over_or_cancelled_waits_for_nobody(self, calendar, test_clock):
        """A lead that comes long after it begins its follow-up as any other."""
        calendar.send(calcom.created(), calcom.created(uid="x"), calcom.cancelled(CREATED_AT + HOUR, uid="x"))
        test_clock.moment = STARTS + DAY
        add_lead()
        assert transact(lambda session: services.adopt(session, 17, "lead17")) == []
        assert (status_of(), standing()["lead_followup"]) == ("new", "active")

    def test_paid_stays_paid(self, calendar):
        """A booking is no step back."""
        add_lead(status="paid")
        calendar.send(calcom.created(lead_id=17))
        assert status_of() == "paid"


class TestWhat:
    """What the messages of a meeting are told."""

    def variables(self) -> dict[str, Any]:
        """What the reminder knows."""
        (row,) = [row for row in rows(Delivery, state="pending") if row.payload["context"].get("step") == "reminder"]
        return row.payload

    def test_all_that_the_texts_need(self, calendar):
        """Name, date, links and time zone out of the payload, the rest out of the lead and the settings."""
        add_lead()
        calendar.send(calcom.created(lead_id=17, attendees=[calcom.attendee(timeZone="Europe/Madrid")]))
        settled = self.variables()
        assert (settled["to"], settled["time_zone"], settled["locale"]) == (
            "+525512345678",
            "Europe/Madrid",
            "es",
        )
        wanted = {
            "first_name": "Ana",
            "starts_at": STARTS.isoformat(),
            "meeting_url": "https://app.cal.com/video/uid1",
            "reschedule_url": "https://cal.com/reschedule/uid1",
            "cancel_url": "https://cal.com/booking/uid1?cancel=true",
            "survey_url": "https://e.example",
            "resource_url": "https://r.example",
            "service": "ventas",
        }
        assert {name: settled["variables"][name] for name in wanted} == wanted

    def test_every_text_of_the_meeting_can_be_filled_in(self, calendar, test_clock):
        """As it would go out."""
        from shared.messages import templates
        from shared.messages.message import Message
        from shared.messages.variables import variables_of

        add_lead()
        calendar.send(calcom.created(lead_id=17))
        (survey,) = [row.payload for row in rows(Delivery, state="pending") if row.payload["context"].get("step") == "survey"]
        for payload in (self.variables(), survey):
            values = variables_of(Message.from_payload(payload))
            for name in (
                "booking_confirmation",
                "booking_reminder",
                "booking_survey",
            ):
                assert (
                    "Ana"
                    in templates.render(
                        template_sources.of_repository(name), values | {"booking_url": "https://b.example"}
                    ).text
                )

    def test_time_zone_that_is_none_is_left_to_the_phone(self, calendar):
        """Some browsers say things."""
        calendar.send(calcom.created(attendees=[calcom.attendee(timeZone="Nowhere/../etc")]))
        assert (booking().time_zone, "time_zone" in self.variables()["variables"]) == (None, False)

    def test_without_a_phone_only_the_mail_goes_out(self, calendar):
        """Cal.com has confirmed by mail itself; the reason stands at each step."""
        calendar.send(calcom.created(responses={}))
        found = {row.step: (row.state, row.reason) for row in rows(EnrolmentStep)}
        assert found["confirmation"] == found["reminder"] == ("skipped", "no phone is known")
        assert found["survey"][0] == "owed"

    def test_number_of_somebody_elses_lead_brings_no_addresses(self, calendar, test_clock):
        """Messages go to what was given with the booking, and never to the phone of a lead with another address."""
        add_lead(email="carla@example.com", phone="+525500000000", name="Carla Ruiz")
        calendar.send(calcom.created(lead_id=17, responses={}))
        run(test_clock, days=12)
        expected = [
            row.payload for row in rows(Delivery) if row.payload and row.payload.get("context", {}).get("journey") == "booking"
        ]
        assert {one["to"] for one in expected if one.get("to")} == {ANA}
        assert "Carla" not in str(expected)

    def test_phone_of_the_persons_own_lead_is_used(self, calendar):
        """It was given first, with the same address."""
        add_lead(phone="+525500000000")
        calendar.send(calcom.created(responses={}))
        (confirmation,) = [row for row in rows(Delivery, target="twilio") if row.payload["context"]["step"] == "confirmation"]
        assert confirmation.payload["to"] == "+525500000000"

    def test_meeting_that_has_begun_is_not_confirmed(self, calendar, vendors, test_clock):
        """It is reported when it is over: the survey is all that is left."""
        test_clock.moment = STARTS + HOUR
        calendar.send(calcom.ended())
        run(test_clock, days=1)
        assert vendors.steps() == ["survey"]


class TestSimpleForm:
    """What users of the old system send."""

    @pytest.mark.parametrize(
        "body",
        [
            {"event": "BOOKING_CREATED", "payload": {"metadata": {"lead_id": 17}}},
            {"type": "booking_created", "payload": {"metadata": {"lead_id": "17"}}},
            {"event": "BOOKING_CREATED", "lead_id": 17},
            {"event": "BOOKING_CREATED", "lead_id": " 17 ", "payload": {}},
            {"event": "BOOKING_CREATED", "payload": {"lead_id": 17.0}},
        ],
    )
    def test_books_the_lead(self, calendar, vendors, body):
        """The number in any of its places: status and follow-up; without a date there is nothing to confirm or remind of."""
        add_lead()
        calendar.send_with_secret(body, body)
        assert (booking().uid, booking().lead_id, status_of()) == ("lead-17", 17, "booked")
        assert (standing()["lead_followup"], due()) == ("suspended", {})
        assert [step for step in vendors.steps() if step in OF_A_MEETING] == []

    def test_cancels_and_books_again(self, calendar, test_clock):
        """It names no meeting, so a lead has one at a time."""
        add_lead()
        for word, status in (("CREATED", "booked"), ("CANCELLED", "new"), ("CREATED", "booked")):
            calendar.send_with_secret({"event": f"BOOKING_{word}", "lead_id": 17})
            assert (status_of(), standing()["lead_followup"]) == (status, "active" if status == "new" else "suspended")
            test_clock.advance(hours=1)

    def test_says_nothing(self, calendar):
        """Neither which booking nor whose: refused, so that the sender learns of it."""
        answer = calendar.post(*calcom.signed({"event": "BOOKING_CREATED", "payload": {}}))
        assert answer.status_code == 422
        assert calendar.post(*calcom.signed({"payload": {}})).status_code == 422


class TestDoor:
    """Who may post."""

    BODY, SIGNED = calcom.signed(calcom.created())

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            (SIGNED, 202),
            ({"x-webhook-secret": SECRET}, 202),
            ({"x-api-key": LOCAL_KEY}, 202),
            ({}, 401),
            ({"x-cal-signature-256": "no-secret-provided"}, 401),  # what Cal.com sends where no secret was set
            ({"x-cal-signature-256": "no-secret-provided", "x-api-key": LOCAL_KEY}, 401),
            ({"x-cal-signature-256": "", "x-webhook-secret": SECRET}, 401),
            ({"x-webhook-secret": SECRET + "x", "x-api-key": LOCAL_KEY}, 401),
            ({"x-webhook-secret": "ñ" * 500}, 401),
            ({"x-api-key": "wrong"}, 401),
        ],
    )
    def test_signature_secret_or_key(self, calendar, headers, status):
        """The first of them that is there decides."""
        assert calendar.post(self.BODY, headers).status_code == status

    def test_changed_body(self, calendar):
        """One byte more."""
        assert calendar.post(self.BODY + b" ", self.SIGNED).status_code == 401

    @pytest.mark.parametrize("secret", ["new,secreto-de-cal", "secreto-de-cal,new"])
    def test_secret_that_is_being_replaced(self, calendar, environment, secret):
        """Both are good."""
        environment.setenv("CALCOM_WEBHOOK_SECRET", secret)
        get_settings.cache_clear()
        assert calendar.post(self.BODY, self.SIGNED).status_code == 202
        assert calendar.post(self.BODY, {"x-webhook-secret": "new"}).status_code == 202

    @pytest.mark.parametrize("headers", [SIGNED, {"x-webhook-secret": SECRET}, {}, {"x-webhook-secret": "x"}])
    def test_without_a_secret_it_is_closed(self, calendar, environment, headers):
        """503: the sender may come again once there is one. A key opens it all the same."""
        environment.delenv("CALCOM_WEBHOOK_SECRET")
        get_settings.cache_clear()
        assert calendar.post(self.BODY, headers).status_code == 503
        assert calendar.post(self.BODY, {"x-api-key": LOCAL_KEY}).status_code == 202

    @pytest.mark.parametrize("trigger", ["PING", "MEETING_STARTED", "BOOKING_PAID", "RECORDING_READY", "whatever"])
    def test_other_words_are_taken_and_ignored(self, calendar, trigger):
        """Nothing of what they say is kept."""
        calendar.send(calcom.event(trigger))
        (event,) = rows(InboxEvent)
        assert (event.outcome, event.data["trigger"], rows(Booking)) == ("ignored", trigger.upper(), [])
        assert "ana@example.com" not in str(event.data)

    def test_only_what_is_used_is_kept(self, calendar):
        """The answers to the form's own questions are nobody's business."""
        calendar.send(calcom.created())
        (event,) = rows(InboxEvent)
        assert "dudas" not in str(event.data)
        assert event.subject == "booking:uid1"
