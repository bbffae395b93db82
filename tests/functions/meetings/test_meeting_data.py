"""What meetings hold of people: erased, shown in the timeline, kept for so long; and notices of calendars in any form."""

import json
from types import SimpleNamespace

import azure.functions as func
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from functions.meetings import payloads, tokens, triggers
from functions.meetings.privacy import TIMELINE
from functions.meetings.tables import Meeting, MeetingAttendee, MeetingCalendar
from shared import retention
from shared.crm.timeline import Whose
from shared.errors import RefusedError
from shared.intake.webhook import BEARER
from shared.people import kinds
from shared.privacy.erase import erase, look, person
from shared.settings import get_settings
from shared.store.session import reading
from tests.support import loops
from tests.support.meetings import JUAN, MARIA, PEDRO, Desk, options_of


def count(model: type) -> int:
    """How many rows there are."""
    with reading() as session:
        return len(session.scalars(select(model)).all())


class TestErasure:
    """Whoever organizes takes the meeting along; whoever is invited their place in it."""

    def test_organizer(self, desk: Desk) -> None:
        """Nothing of theirs is left, nor of the meeting."""
        desk.ask(attendees=[MARIA, PEDRO])
        erase(person(email=JUAN), way="skip", actor="dpo")
        assert (count(Meeting), count(MeetingAttendee)) == (0, 0)
        assert not any(look(person(email=JUAN), ask_odoo=False).rows.values())

    def test_attendee(self, desk: Desk) -> None:
        """The meeting goes on for the others; a link in an old mail leads nowhere."""
        desk.ask(attendees=[MARIA, PEDRO])
        link = desk.url(MARIA)
        erase(person(email=MARIA), way="skip", actor="dpo")
        assert [one.address for one in desk.meeting.attendees] == [PEDRO]
        assert "se borró" in desk.open(link, 404)
        assert not any(look(person(email=MARIA), ask_odoo=False).rows.values())

    def test_what_waits_is_not_sent_to_whoever_was_erased(self, desk: Desk) -> None:
        """A reminder that was planned for them is skipped; the others get theirs."""
        desk.ask(attendees=[MARIA, PEDRO])
        start = options_of(desk.open(desk.url(MARIA)))[0]
        desk.press(desk.url(MARIA), do="choose", start=start.isoformat())
        desk.got()
        erase(person(email=MARIA), way="skip", actor="dpo")
        reminded = [to for _moment in desk.moments_until(start) for to in desk.got("reunion_recordatorio")]
        assert sorted(reminded) == [JUAN, PEDRO]


def test_meetings_stand_in_the_timeline(desk: Desk) -> None:
    """Of the organizer as of whoever is invited."""
    desk.ask()
    for who in (JUAN, MARIA):
        whose = Whose(known=frozenset(kinds.identities(email=who)))
        with reading() as session:
            rows = session.scalars(select(Meeting).where(TIMELINE.about(whose))).all()
            (entry,) = TIMELINE.details(session, rows)
        assert (entry["what"], entry["outcome"]) == ("Seguimiento", "offered")


def test_meetings_that_are_over_are_removed_after_a_time(desk: Desk, environment: pytest.MonkeyPatch) -> None:
    """With their attendees, and the calendars of people who meet nobody any more; one that is ahead stays."""
    environment.setenv("RETENTION_MEETING_DAYS", "30")
    get_settings.cache_clear()
    desk.ask()
    desk.do("POST", f"/{desk.meeting.id}/cancel")
    desk.clock.advance(days=31)
    desk.ask(subject="Otra", attendees=[PEDRO])
    retention.remove_old()
    assert [one.subject for one in desk.meetings] == ["Otra"]
    assert count(MeetingAttendee) == 1
    with reading() as session:
        assert set(session.scalars(select(MeetingCalendar.address))) == {JUAN, PEDRO}


class TestNotices:
    """What calendars send proves itself, and tells nothing but whose calendar it is."""

    @pytest.fixture(autouse=True)
    def _secrets(self, environment: pytest.MonkeyPatch) -> None:
        """By which our tokens are signed."""
        environment.setenv("LINK_SIGNING_SECRETS", "uno")
        get_settings.cache_clear()

    def test_new_subscription_gets_its_token_back(self) -> None:
        """Decoded, as plain text."""
        token = "Validation: Testing client application reachability +/%"
        request = func.HttpRequest(method="POST", url="/", params={"validationToken": token}, body=b"")
        answer = loops.run(triggers.take_outlook(request, SimpleNamespace(set=lambda _value: None)))
        assert (answer.status_code, answer.get_body().decode(), answer.mimetype) == (200, token, "text/plain")

    def test_strangers_entries_are_left_out(self) -> None:
        """Each entry proves itself; of a calendar that tells no more that is said."""
        entries = [
            {"clientState": tokens.token_of(3)},
            {"clientState": "x"},
            7,
            {"clientState": tokens.token_of(4), "lifecycleEvent": "subscriptionRemoved"},
        ]
        raw = json.dumps({"value": entries}).encode()
        request = func.HttpRequest(method="POST", url="/", headers={"content-type": "application/json"}, body=raw)
        first, second = (payloads.read_outlook(request, raw) for _ in range(2))
        assert (first["changed"], first["lost"]) == ([3], [4])
        assert first["notice"] != second["notice"]  # a second change looks the same, and is to be read as well

    @pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", " :\t")])
    def test_list_with_a_token_of_ours_is_looked_into(self, separators: tuple[str, str]) -> None:
        """Wherever it stands, and however the list is spaced; nothing is parsed for that."""
        entries = [{"clientState": "9.stranger"}, {"clientState": tokens.token_of(3), "resource": "me/events"}]
        raw = json.dumps({"value": entries}, separators=separators).encode()
        request = func.HttpRequest(method="POST", url="/", body=raw)
        assert payloads.by_states(request, raw[:-2], get_settings()) is BEARER

    def test_token_counts_whole_only(self) -> None:
        """Neither a part of a text nor what others have signed."""
        token = tokens.token_of(3)
        for state in (f"x{token}", f"{token}x", token.replace("3.", "4."), "3." + "A" * 43):
            raw = json.dumps({"value": [{"clientState": state}]}).encode()
            with pytest.raises(RefusedError) as refused:
                payloads.by_states(func.HttpRequest(method="POST", url="/", body=raw), raw, get_settings())
            assert refused.value.status == 403

    def test_token_fits_where_vendors_take_it(self) -> None:
        """Microsoft's state has 128 characters at most."""
        assert len(tokens.token_of(2**53)) <= 128

    @settings(max_examples=50)
    @given(st.text(max_size=80))
    def test_other_tokens_are_nobody_s(self, text: str) -> None:
        """Whatever somebody makes up."""
        assert tokens.calendar_of(text) is None
        request = func.HttpRequest(method="POST", url="/", headers={payloads.TOKEN: text}, body=b"")
        with pytest.raises(RefusedError):
            payloads.by_token(request, b"", get_settings())
        with pytest.raises(RefusedError):
            payloads.by_states(request, json.dumps({"value": [{"clientState": text}]}).encode(), get_settings())
