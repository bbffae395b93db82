"""Meetings in calendars, Google's and Microsoft's alike: who is busy, the one event, and what people do in the calendar."""

from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from sqlalchemy import select

from functions.meetings.syncs import EVENT
from functions.meetings.tables import CANCELLED, CONFIRMED, OFFERED, MeetingCalendar
from shared.store.session import reading, transact
from shared.vendors.calendars.entries import ACCEPTED, DECLINED
from tests.support.calendars import AT_NINE, JUAN, MARIA, PEDRO, STRANGER, Office
from tests.support.meetings import options_of
from tests.support.world import LOCAL_KEY

pytestmark = pytest.mark.share(1)  # of Google and Microsoft every run takes one, another one for each test
OFFER, CONFIRMATION, CANCELLATION = "reunion_opciones", "reunion_confirmada", "reunion_cancelada"
HALF_AN_HOUR = timedelta(minutes=30)


def calendar_of(address: str) -> MeetingCalendar:
    """The row of somebody's calendar."""
    with reading() as session:
        return session.scalars(select(MeetingCalendar).where(MeetingCalendar.address == address)).one()


class TestBooking:
    """Where every calendar was read, the best hour is booked at once."""

    def test_first_hour_that_is_free_for_all_is_booked(self, office: Office) -> None:
        """One event, with everybody invited by the calendar once, and our confirmation to the organizer alone."""
        office.busy(JUAN, AT_NINE)
        office.busy(MARIA, AT_NINE + timedelta(hours=1), 30)
        office.ask(attendees=[MARIA, PEDRO])
        assert office.meeting.status == CONFIRMED
        assert office.meeting.starts_at == AT_NINE + timedelta(minutes=90)
        assert office.start_of(office.event) == office.meeting.starts_at
        assert office.guests() == [MARIA, PEDRO]
        assert office.invitations() == 1
        assert office.got() == [JUAN]

    def test_stranger_s_calendar_is_unknown_so_somebody_chooses(self, office: Office) -> None:
        """An error inside a 200 is not read as emptiness."""
        office.ask(attendees=[MARIA, STRANGER])
        assert office.meeting.status == OFFERED
        assert [one.is_unknown for one in office.meeting.attendees] == [False, True]
        assert office.got(OFFER) == sorted([MARIA, STRANGER])
        assert office.events == []

    def test_choice_is_held_until_calendars_were_asked_once_more(self, office: Office) -> None:
        """Who is busy by now gets fresh options in its place."""
        office.ask(attendees=[MARIA, STRANGER])
        first = options_of(office.open(office.url(STRANGER)))[0]
        office.got()
        office.busy(MARIA, first, 30)
        page = office.press(office.url(STRANGER), do="choose", start=first.isoformat())
        assert "Estamos confirmando" in page
        assert (office.meeting.status, office.meeting.reason) == (OFFERED, "slot_gone")
        fresh = options_of(office.open(office.url(STRANGER)))
        assert first not in fresh
        office.press(office.url(STRANGER), do="choose", start=fresh[1].isoformat())
        assert office.meeting.starts_at == fresh[1]
        assert len(office.events) == 1

    def test_organizer_of_another_domain_goes_on_without_a_calendar(self, office: Office) -> None:
        """Everybody is unknown then, and the invitation is ours."""
        office.ask(organizer_email=STRANGER)
        assert (office.meeting.status, office.meeting.calendar) == (OFFERED, "none")
        start = options_of(office.open(office.url(MARIA)))[0]
        office.press(office.url(MARIA), do="choose", start=start.isoformat())
        assert office.got(CONFIRMATION) == sorted([MARIA, STRANGER])

    def test_calendars_that_do_not_answer_are_waited_for_and_then_unknown(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is lost meanwhile; after an hour hours are offered."""

        def broken(*_request: object, **_more: object) -> None:
            raise requests.ConnectionError(OSError("refused"))

        monkeypatch.setattr(office.calls, "send", broken)
        office.ask()
        assert office.meeting.status == "searching"
        office.world.run_for(office.clock, minutes=70, step_seconds=300)
        assert (office.meeting.status, office.meeting.options[0]["confidence"]) == (OFFERED, "low")

    @pytest.mark.share(2)
    @pytest.mark.parametrize("lost", [1, 2, 3, 4])
    def test_lost_answers_make_no_second_event(self, office: Office, lost: int) -> None:
        """Whichever answer is lost: one event and one invitation."""
        office.ask(send_multiple_options=True)
        start = options_of(office.open(office.url(MARIA)))[0]
        office.calls.lose_answers = lost
        office.press(office.url(MARIA), do="choose", start=start.isoformat())
        office.world.run_for(office.clock, minutes=30, step_seconds=60)
        assert office.meeting.starts_at == start
        assert len(office.events) == 1
        assert office.invitations() == 1

    def test_writing_it_again_tells_nobody(self, office: Office) -> None:
        """A sync that is asked for once more finds that nothing differs."""
        office.ask()
        transact(lambda session: EVENT.request(session, session.merge(office.meeting)))
        office.settle()
        assert office.invitations() == 1


class TestMovingAndCancelling:
    """What is changed here is changed in the one event."""

    def test_moved_meeting_moves_its_event(self, office: Office) -> None:
        """Its own hour does not make anybody busy: it may be moved by a quarter of an hour."""
        office.ask()
        later = office.meeting.starts_at + timedelta(minutes=15)
        office.do("POST", f"/{office.meeting.id}/reschedule", body={"start": later.isoformat()})
        assert office.start_of(office.event) == later
        assert office.meeting.sequence == 1
        assert office.got(CONFIRMATION) == [JUAN, JUAN]

    def test_cancelled_meeting_deletes_its_event(self, office: Office) -> None:
        """A lost answer is asked for again, and what is gone is gone."""
        office.ask()
        office.calls.lose_answers = 1
        office.do("POST", f"/{office.meeting.id}/cancel")
        office.world.run_for(office.clock, minutes=10, step_seconds=60)
        assert [one for one in office.events if one.get("status") != "cancelled"] == []
        assert office.meeting.event_sync_status == "success"

    def test_cancelled_before_it_was_written_leaves_no_event(self, office: Office) -> None:
        """In whichever order they are carried out."""
        body = {"organizer_email": JUAN, "attendees": [MARIA], "subject": "x"}
        office.api("POST", "/api/v1/meetings", key=LOCAL_KEY, body=body)
        office.do("POST", f"/{office.meeting.id}/cancel")
        office.world.run_for(office.clock, minutes=10, step_seconds=60)
        assert office.events == []

    def test_whoever_declines_on_the_page_is_told_to_the_calendar(self, office: Office) -> None:
        """The others stay invited."""
        office.ask(attendees=[MARIA, PEDRO])
        office.press(office.url(PEDRO), do="decline")
        if office.name == "google":
            responses = {one["email"]: one["responseStatus"] for one in office.event["attendees"]}
            assert responses == {MARIA: "needsAction", PEDRO: "declined"}
        else:
            assert office.guests() == [MARIA]


class TestCalendarsOwnChanges:
    """The calendar tells that something has changed; it is read, and compared."""

    def test_our_own_writing_comes_back_and_changes_nothing(self, office: Office) -> None:
        """However often, and in whichever order."""
        office.ask()
        office.receive(copies=3, backwards=True)
        assert (office.meeting.status, office.meeting.sequence) == (CONFIRMED, 0)
        assert office.invitations() == 1

    def test_organizer_moves_it_in_the_calendar(self, office: Office) -> None:
        """The meeting follows; the calendar has told everybody, and reminders are planned anew."""
        office.ask()
        office.receive()
        office.got()
        later = office.meeting.starts_at + timedelta(days=2)
        office.by_hand("move_event", start=later.isoformat(), end=(later + HALF_AN_HOUR).isoformat())
        assert office.receive(copies=2) >= 1
        assert (office.meeting.starts_at, office.meeting.sequence, office.meeting.moved_by) == (later, 1, "calendar")
        assert office.got() == []
        reminded = [moment for moment in office.moments_until(later) if office.got("reunion_recordatorio")]
        assert later - timedelta(minutes=15) in reminded

    def test_organizer_deletes_it_in_the_calendar(self, office: Office) -> None:
        """The meeting is cancelled, and its reminders with it."""
        office.ask()
        office.receive()
        office.by_hand("delete_event")
        office.receive()
        assert (office.meeting.status, office.meeting.moved_by) == (CANCELLED, "calendar")

    @pytest.mark.share(2)
    @pytest.mark.parametrize(("response", "kept"), [("accepted", ACCEPTED), ("declined", DECLINED)])
    def test_attendee_answers_in_the_calendar(self, office: Office, response: str, kept: str) -> None:
        """It stands with the meeting."""
        office.ask(attendees=[MARIA, PEDRO])
        office.receive()
        office.by_hand("answer_event", email=PEDRO, response=response)
        office.receive()
        assert [one.response for one in office.meeting.attendees][1] == kept
        assert office.meeting.status == CONFIRMED

    def test_whom_others_have_added_stays(self, office: Office) -> None:
        """The list is read before it is written."""
        office.ask()
        added = {"email": PEDRO, "responseStatus": "accepted"}
        if office.name == "outlook":
            added = {"emailAddress": {"address": PEDRO}, "type": "optional", "status": {"response": "accepted"}}
        office.event["attendees"].append(added)
        later = office.meeting.starts_at + timedelta(days=1)
        office.do("POST", f"/{office.meeting.id}/reschedule", body={"start": later.isoformat()})
        assert office.guests() == [MARIA, PEDRO]

    @pytest.mark.slow
    def test_without_a_channel_the_calendar_is_read_all_the_same(self, office: Office) -> None:
        """Every quarter of an hour, where notices are lost."""
        office.ask()
        later = office.meeting.starts_at + timedelta(days=2)
        office.by_hand("move_event", start=later.isoformat(), end=(later + HALF_AN_HOUR).isoformat())
        office.wire.sent.clear()
        office.world.run_for(office.clock, hours=7, step_seconds=600)
        assert office.meeting.starts_at == later

    def test_channel_is_renewed_before_it_ends(self, office: Office) -> None:
        """One that is new before the old one is closed."""
        office.ask(preferred_date="2026-03-13")
        office.receive()
        first = calendar_of(JUAN)
        assert first.expires_at is not None
        office.clock.advance(days=5, hours=1)
        office.world.run_for(office.clock, minutes=15, step_seconds=300)
        assert calendar_of(JUAN).expires_at > first.expires_at
        kind = "channels" if office.name == "google" else "subscriptions"
        assert len(office.vendor.shelf.rows(kind)) == 1

    def test_notice_that_is_not_meant_for_us_is_refused(self, office: Office) -> None:
        """Its token is not ours."""
        office.ask()
        office.receive()
        office.by_hand("answer_event", email=MARIA, response="accepted")
        notice = office.wire.sent[-1]
        headers = office.wire.headers(notice) | ({"X-Goog-Channel-Token": "stranger"} if office.name == "google" else {})
        body = notice.body.replace(b'"clientState": "', b'"clientState": "x')
        assert office.take(replace(notice, body=body), headers).status == 403
