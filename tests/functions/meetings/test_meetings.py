"""Meetings without a calendar: every hour is unknown, so somebody chooses, and the invitation is ours."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar
from sqlalchemy import select

from functions.meetings.tables import CANCELLED, CONFIRMED, FAILED, OFFERED, MeetingCalendar
from shared.settings import get_settings
from shared.store.session import reading
from tests.support.meetings import JUAN, MARIA, PEDRO, REQUEST, Desk, options_of
from tests.support.world import LOCAL_KEY

MEXICO = ZoneInfo("America/Mexico_City")
OFFER, CONFIRMATION, CANCELLATION, REMINDER = (
    f"reunion_{name}" for name in ("opciones", "confirmada", "cancelada", "recordatorio")
)


def booked(desk: Desk, **more) -> datetime:
    """A meeting that Maria has chosen the first option of; when it is."""
    desk.ask(**more)
    start = options_of(desk.open(desk.url(MARIA)))[0]
    desk.press(desk.url(MARIA), do="choose", start=start.isoformat())
    assert desk.meeting.status == CONFIRMED
    return start


def ics(desk: Desk, to: str):
    """The event in the file of the newest mail to somebody."""
    letter = [one for one in desk.mails.sent if one.message.to == to][-1]
    (file,) = letter.attachments
    return Calendar.from_ical(file.content).walk("VEVENT")[0]


class TestAsking:
    """The request is checked and kept while its caller waits."""

    def test_answer_names_the_meeting(self, desk: Desk) -> None:
        """202: options were mailed, since nobody knows who is free."""
        asked = desk.ask()
        assert asked["success"]
        assert asked["meeting"]["status"] == OFFERED
        assert [one["confidence"] for one in asked["meeting"]["options"]] == ["low"] * 3
        assert desk.got(OFFER) == [JUAN, MARIA]

    def test_errors_have_the_old_codes(self, desk: Desk) -> None:
        """422, and nothing is kept."""
        refused = desk.ask(422, organizer_email="x", duration_minutes=1)
        assert refused["errors"][0] == "invalid_organizer_email"
        assert desk.meetings == []

    def test_second_request_is_told_of_the_first(self, desk: Desk) -> None:
        """409 with the meeting that there is, also while its time is still open; another subject is another meeting."""
        first = desk.ask()["meeting"]["id"]
        assert desk.ask(409)["existing_meeting"]["id"] == first
        desk.ask(subject="Otra")
        assert len(desk.meetings) == 2

    def test_force_makes_another_one(self, desk: Desk) -> None:
        """As the caller wishes."""
        desk.ask()
        desk.ask(force=True)
        assert len(desk.meetings) == 2

    @pytest.mark.slow
    def test_cancelled_or_distant_meeting_is_no_duplicate(self, desk: Desk) -> None:
        """Only one that begins within seven days."""
        booked(desk, preferred_date="2026-03-12")
        desk.ask()
        desk.do("POST", f"/{desk.meetings[1].id}/cancel")
        desk.ask()
        assert len(desk.meetings) == 3

    def test_own_key_makes_a_repetition_the_same_meeting(self, desk: Desk) -> None:
        """A lost answer is asked for again."""
        answers = [
            desk.api("POST", "/api/v1/meetings", key=LOCAL_KEY, body=REQUEST, headers={"Idempotency-Key": "k1"}).json[
                "meeting"
            ]["id"]
            for _ in range(2)
        ]
        assert answers[0] == answers[1]

    @pytest.mark.parametrize("how", ["key", "address", "signature"])
    def test_old_address_asks_as_well(self, desk: Desk, environment: pytest.MonkeyPatch, how: str) -> None:
        """With the key in the header or at the end, or signed as the replaced flow was."""
        import hashlib
        import hmac

        keys = [{"name": "crm", "key": "crm-key", "scopes": ["webhook:meetings"]}]
        environment.setenv("API_KEYS", json.dumps(keys))
        environment.setenv("MEETINGS_WEBHOOK_SECRETS", "secreto")
        get_settings.cache_clear()
        address = "/api/v1/executions/webhook/workflows/meeting_scheduler_automatic"
        raw = json.dumps(REQUEST).encode()
        signature = hmac.new(b"secreto", raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signature}"} if how == "signature" else {}
        address += "/crm-key" if how == "address" else ""
        answer = desk.api("POST", address, key="crm-key" if how == "key" else None, body=REQUEST, headers=headers)
        assert answer.status == 202, answer.body
        assert len(desk.meetings) == 1

    def test_bad_signature_is_refused(self, desk: Desk, environment: pytest.MonkeyPatch) -> None:
        """Also with a good key beside it."""
        environment.setenv("MEETINGS_WEBHOOK_SECRETS", "secreto")
        get_settings.cache_clear()
        headers = {"X-Signature": "0" * 64}
        assert desk.api("POST", "/api/v1/meetings", key=LOCAL_KEY, body=REQUEST, headers=headers).status == 401

    def test_it_is_started_by_hand(self, desk: Desk) -> None:
        """With the inputs in place of the body; addresses with secrets in them are left out."""
        inputs = REQUEST | {"calendar_api_token": "ya29", "email_api_url": "https://x.example"}
        body = {"namespace": "workflows", "flowId": "meeting_scheduler_automatic", "inputs": inputs}
        answer = desk.api("POST", "/api/v1/executions/trigger", key=LOCAL_KEY, body=body)
        assert answer.status == 202, answer.body
        assert desk.meeting.subject == "Seguimiento"

    def test_no_common_hour_is_told_to_the_organizer(self, desk: Desk) -> None:
        """Mexico and Japan share no business hour."""
        asked = desk.ask(attendees=[{"email": MARIA, "timezone": "Asia/Tokyo"}])
        assert (asked["meeting"]["status"], asked["meeting"]["reason"]) == (FAILED, "no_slots_available")
        assert desk.got() == [JUAN]


class TestChoosing:
    """The page of somebody invited: a link without a log-in, whose buttons post."""

    def test_opening_changes_nothing(self, desk: Desk) -> None:
        """A gateway opens every link, several times."""
        desk.ask()
        before = desk.meeting.updated_at
        for method in ("HEAD", "GET", "HEAD", "GET"):
            assert len(options_of(desk.open(desk.url(MARIA), method=method))) == 3
        assert (desk.meeting.status, desk.meeting.updated_at) == (OFFERED, before)

    def test_choice_books_and_invites_everybody_once(self, desk: Desk) -> None:
        """With the invitation as a file; the same press again changes nothing."""
        start = booked(desk, attendees=[MARIA, PEDRO])
        desk.press(desk.url(MARIA), do="choose", start=start.isoformat())
        event = ics(desk, MARIA)
        assert event["DTSTART"].dt == start.astimezone(MEXICO)
        assert event["SEQUENCE"] == 0
        assert desk.got(CONFIRMATION) == [JUAN, MARIA, PEDRO]

    def test_first_choice_decides(self, desk: Desk) -> None:
        """Whoever comes later sees what was chosen; over the API it is a 409."""
        desk.ask(attendees=[MARIA, PEDRO])
        first, second, _third = options_of(desk.open(desk.url(MARIA)))
        desk.press(desk.url(PEDRO), do="choose", start=second.isoformat())
        page = desk.press(desk.url(MARIA), do="choose", start=first.isoformat())
        assert desk.meeting.starts_at == second
        assert "Otra persona eligió primero" in page
        refused = desk.do("POST", f"/{desk.meeting.id}/choose", 409, {"start": first.isoformat()})
        assert refused["type"].endswith("meeting-taken")
        assert len(desk.got(CONFIRMATION)) == 3

    def test_hour_that_another_meeting_took_is_gone(self, desk: Desk) -> None:
        """Fresh options come in its place, without it."""
        desk.ask(subject="A")
        desk.ask(subject="B", organizer_email=PEDRO)
        one, other = desk.meetings
        start = options_of(desk.open(desk.url(MARIA, one.id)))[0]
        desk.press(desk.url(MARIA, one.id), do="choose", start=start.isoformat())
        desk.got()
        page = desk.press(desk.url(MARIA, other.id), do="choose", start=start.isoformat())
        assert "acaba de ocuparse" in page
        fresh = [datetime.fromisoformat(one["start"]) for one in desk.row(other.id).options]
        assert start not in fresh
        assert desk.row(other.id).status == OFFERED
        assert desk.got(OFFER) == [MARIA, PEDRO]

    @pytest.mark.parametrize("token", ["", "1.2.abc", "x"])
    def test_link_that_is_not_ours_opens_nothing(self, desk: Desk, token: str) -> None:
        """A page says so, with the status."""
        assert "incompleto" in desk.open(f"https://puente.example/api/meetings?t={token}", 403)

    def test_form_that_says_nothing_is_refused(self, desk: Desk) -> None:
        """And an attendee cannot cancel for all."""
        desk.ask()
        desk.press(desk.url(MARIA), 400, do="cancel")
        desk.press(desk.url(MARIA), 400, do="choose", start="soon")
        assert desk.meeting.status == OFFERED


class TestMoving:
    """Another time, by link or over the API: the old one stays until there is a new one."""

    @pytest.mark.slow
    def test_link_asks_for_fresh_options(self, desk: Desk) -> None:
        """Pressed twice they come once; whoever chooses moves the meeting, with the next sequence and new reminders."""
        start = booked(desk)
        desk.got()
        for _ in range(2):
            desk.press(desk.url(MARIA), do="move")
        assert desk.meeting.starts_at == start
        assert desk.got(OFFER) == [JUAN, MARIA]
        other = options_of(desk.open(desk.url(JUAN)))[0]
        desk.press(desk.url(JUAN), do="choose", start=other.isoformat())
        assert (desk.meeting.starts_at, desk.meeting.sequence) == (other, 1)
        assert ics(desk, MARIA)["SEQUENCE"] == 1
        assert desk.got(CONFIRMATION) == [JUAN, MARIA]

    def test_api_moves_to_a_time_of_its_choice(self, desk: Desk) -> None:
        """Also outside business hours: who calls knows why."""
        booked(desk)
        late = desk.clock.moment.replace(hour=3) + timedelta(days=3)
        moved = desk.do("POST", f"/{desk.meeting.id}/reschedule", body={"start": late.isoformat()})
        assert (moved["start_time"], moved["sequence"]) == (late.isoformat().replace("+00:00", "Z"), 1)

    def test_taken_hour_is_refused(self, desk: Desk) -> None:
        """409; the meeting stays where it is."""
        start = booked(desk, subject="A")
        desk.ask(subject="B")
        other = desk.meetings[1]
        desk.do("POST", f"/{other.id}/reschedule", 409, {"start": start.isoformat()})
        assert desk.row(other.id).starts_at is None


class TestCancelling:
    """By the organizer's link or over the API; an attendee leaves alone."""

    def test_organizer_cancels_for_all(self, desk: Desk) -> None:
        """The file has the same UID and a higher sequence; a second press does nothing."""
        booked(desk)
        uid = desk.meeting.uid
        desk.got()
        for _ in range(2):
            desk.press(desk.url(JUAN), do="cancel")
        event = ics(desk, MARIA)
        assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (uid, 1, "CANCELLED")
        assert desk.got(CANCELLATION) == [JUAN, MARIA]
        assert desk.meeting.status == CANCELLED

    @pytest.mark.slow
    def test_one_of_several_leaves_alone(self, desk: Desk) -> None:
        """It goes on for the others; the organizer is told, and the one who left gets the cancellation alone."""
        booked(desk, attendees=[MARIA, PEDRO])
        desk.got()
        desk.press(desk.url(PEDRO), do="decline")
        assert desk.meeting.status == CONFIRMED
        assert desk.got("reunion_respuesta") == [JUAN]
        assert ics(desk, PEDRO)["STATUS"] == "CANCELLED"
        assert desk.got(CANCELLATION) == [PEDRO]

    @pytest.mark.slow
    def test_last_one_who_leaves_cancels_it(self, desk: Desk) -> None:
        """Nobody meets alone."""
        booked(desk)
        desk.press(desk.url(MARIA), do="decline")
        assert (desk.meeting.status, desk.meeting.moved_by) == (CANCELLED, f"attendee:{desk.meeting.attendees[0].id}")

    def test_cancelled_meeting_frees_its_hour(self, desk: Desk) -> None:
        """Another one may have it."""
        start = booked(desk, subject="A")
        desk.do("POST", f"/{desk.meeting.id}/cancel")
        desk.ask(subject="B")
        assert options_of(desk.open(desk.url(MARIA, desk.meetings[1].id)))[0] == start


class TestReminding:
    """A day before and a quarter of an hour before, everybody; never once it has begun."""

    def test_everybody_is_reminded_twice(self, desk: Desk) -> None:
        """At the moments that the setting names."""
        start = booked(desk, preferred_date="2026-03-05")
        desk.got()
        seen: dict[str, list[timedelta]] = {}
        for moment in desk.moments_until(start + timedelta(hours=1)):
            for to in desk.got(REMINDER):
                seen.setdefault(to, []).append(start - moment)
        moments = [timedelta(days=1), timedelta(minutes=15)]
        assert seen == {MARIA: moments, JUAN: moments}

    def test_reminder_of_a_moment_that_is_over_is_left_out(self, desk: Desk) -> None:
        """Booked for tomorrow morning: that of a day before is over, and is not sent late."""
        start = booked(desk)
        assert start - desk.clock.moment < timedelta(hours=24)
        desk.got()
        assert [moment for moment in desk.moments_until(start) if desk.got(REMINDER)] == [start - timedelta(minutes=15)]

    @pytest.mark.slow
    def test_moved_or_cancelled_meeting_is_not_reminded_of(self, desk: Desk) -> None:
        """What was planned for the old time is skipped."""
        start = booked(desk)
        desk.do("POST", f"/{desk.meeting.id}/reschedule", body={"start": (start + timedelta(days=7)).isoformat()})
        desk.got()
        assert not [moment for moment in desk.moments_until(start + timedelta(hours=1)) if desk.got(REMINDER)]
        desk.do("POST", f"/{desk.meeting.id}/cancel")
        desk.got()
        assert not [moment for moment in desk.moments_until(start + timedelta(days=8)) if desk.got()]


def test_api_lists_meetings_of_a_person(desk: Desk) -> None:
    """Organized or invited to."""
    desk.ask()
    desk.ask(subject="B", attendees=[PEDRO])
    assert desk.do("GET", f"?email={PEDRO}")["total"] == 1
    assert desk.do("GET", f"?email={JUAN}&status=offered")["total"] == 2
    desk.do("GET", "/999", 404)


def test_every_participant_has_a_row_that_is_locked(desk: Desk) -> None:
    """By which two choices for one person's hour come one after the other."""
    desk.ask(attendees=[MARIA, PEDRO])
    with reading() as session:
        assert set(session.scalars(select(MeetingCalendar.address))) == {JUAN, MARIA, PEDRO}
