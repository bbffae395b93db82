"""Two people, one hour, one second: the first choice decides, and no hour of anybody is given twice."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from functions.meetings import holding, links, page, services
from functions.meetings.links import Participant
from functions.meetings.tables import CONFIRMED, OFFERED
from tests.functions.meetings.conftest import desk, office, post  # noqa: F401  # fixtures
from tests.lab.together import together
from tests.support import calendars
from tests.support.calendars import Office
from tests.support.meetings import JUAN, MARIA, PEDRO, REQUEST, Desk, options_of
from tests.support.world import LOCAL_KEY

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="races need PostgreSQL: make test-lab"
    ),
]
OFFER, CONFIRMATION = "reunion_opciones", "reunion_confirmada"
Outcomes = dict[str, str]


def choosing(outcomes: Outcomes, who: str, meeting_id: int, start: datetime) -> Any:
    """What somebody's button does in its transaction, as the page does it."""

    def work(session: Session) -> None:
        meeting = holding.locked_meeting(session, meeting_id)
        assert meeting is not None
        outcomes[who] = services.choose(session, meeting, start, who).outcome

    return work


def token_of(desk: Desk, who: str, meeting_id: int) -> str:  # noqa: F811  # the fixture
    """The token of somebody's link."""
    attendee = next(one.id for one in desk.row(meeting_id).attendees if one.address == who)
    return links.url(Participant(meeting_id, attendee)).partition("?t=")[2]


def at_once(*works: Any) -> list[Any]:
    """Run all of them in threads of their own that begin together; what they return."""
    barrier = Barrier(len(works))

    def begin(work: Any) -> Any:
        barrier.wait(30)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [one.result(60) for one in [pool.submit(begin, work) for work in works]]


def test_of_two_options_of_one_meeting_the_first_is_booked(lab: Engine, desk: Desk) -> None:  # noqa: F811  # the fixture
    """The second sees what was chosen; each gets one invitation, of that hour."""
    desk.ask(attendees=[MARIA, PEDRO])
    first, second, _third = options_of(desk.open(desk.url(MARIA)))
    outcomes: Outcomes = {}
    together(lab, choosing(outcomes, "maria", 1, first), choosing(outcomes, "pedro", 1, second))
    desk.settle()
    assert outcomes == {"maria": "confirmed", "pedro": "taken"}
    assert (desk.meeting.status, desk.meeting.starts_at, desk.meeting.sequence) == (CONFIRMED, first, 0)
    assert desk.got(CONFIRMATION) == [JUAN, MARIA, PEDRO]
    refused = desk.do("POST", "/1/choose", 409, {"start": second.isoformat()})
    assert refused["type"].endswith("meeting-taken")


@pytest.mark.parametrize("is_the_same", [False, True])
def test_two_buttons_on_two_instances(lab: Engine, desk: Desk, *, is_the_same: bool) -> None:  # noqa: F811  # the fixture
    """Through the pages themselves, several times: one hour, one confirmation each; both pages show that very hour.

    Afterwards both press the same one again, together, and nothing changes.
    """
    for number in range(1, 6):
        desk.ask(attendees=[MARIA, PEDRO], subject=f"Vuelta {number}")
        options = options_of(desk.open(desk.url(MARIA, number)))
        desk.got()
        starts = (options[0], options[0 if is_the_same else 1])
        forms = [f"do=choose&start={start.isoformat().replace('+', '%2B')}".encode() for start in starts]
        tokens = [token_of(desk, who, number) for who in (MARIA, PEDRO)]
        pages = at_once(*(partial(page.answer, *pair) for pair in zip(tokens, forms, strict=True)))
        desk.settle()
        row = desk.row(number)
        assert (row.status, row.starts_at in starts, row.sequence) == (CONFIRMED, True, 0)
        assert desk.got(CONFIRMATION) == [JUAN, MARIA, PEDRO]
        assert sum("Otra persona eligió primero" in one for one in pages) == int(not is_the_same)
        again = forms[starts.index(row.starts_at)] if row.starts_at else b""
        at_once(*(partial(page.answer, token, again) for token in tokens))
        desk.settle()
        assert (desk.row(number).starts_at, desk.row(number).sequence, desk.got()) == (row.starts_at, 0, [])


def two_meetings_of_maria(desk: Desk) -> datetime:  # noqa: F811  # the fixture
    """Two organizers have offered her the same first hour; when it is."""
    desk.ask(subject="A")
    desk.ask(subject="B", organizer_email=PEDRO)
    (start,) = {options_of(desk.open(desk.url(MARIA, number)))[0] for number in (1, 2)}
    desk.got()
    return start


def test_hour_that_another_meeting_takes_in_that_second_is_gone(lab: Engine, desk: Desk) -> None:  # noqa: F811  # the fixture
    """Both hold a meeting of their own, so it is the people they meet at: the second gets fresh options without that hour."""
    start = two_meetings_of_maria(desk)
    outcomes: Outcomes = {}
    together(lab, choosing(outcomes, "a", 1, start), choosing(outcomes, "b", 2, start))
    desk.settle()
    assert outcomes == {"a": "confirmed", "b": "gone"}
    assert (desk.row(1).starts_at, desk.row(2).starts_at, desk.row(2).status) == (start, None, OFFERED)
    assert start not in options_of(desk.open(desk.url(MARIA, 2)))
    assert (desk.got(CONFIRMATION), desk.got(OFFER)) == ([JUAN, MARIA], [MARIA, PEDRO])


def test_without_the_lock_on_people_the_hour_is_given_twice(
    lab: Engine,
    desk: Desk,  # noqa: F811  # the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same race, the lock taken away: the test above would fail."""
    start = two_meetings_of_maria(desk)
    monkeypatch.setattr(holding, "lock_people", lambda _session, _people: None)
    outcomes: Outcomes = {}
    together(lab, choosing(outcomes, "a", 1, start), choosing(outcomes, "b", 2, start))
    assert outcomes == {"a": "confirmed", "b": "confirmed"}


def test_one_of_two_requests_for_the_same_meeting_is_told_of_the_other(lab: Engine, desk: Desk) -> None:  # noqa: F811
    """Two requests of one organizer and subject in one second: 202, and 409 with the meeting that there is."""
    for number in range(1, 6):
        asking = partial(desk.api, "POST", "/api/v1/meetings", key=LOCAL_KEY, body=REQUEST | {"subject": f"Vuelta {number}"})
        answers = at_once(asking, asking)
        assert sorted(one.status for one in answers) == [202, 409]
        kept = next(one.json["existing_meeting"]["id"] for one in answers if one.status == 409)
        assert kept == next(one.json["meeting"]["id"] for one in answers if one.status == 202)
        assert len(desk.meetings) == number


def test_calendar_has_one_event_of_the_hour_that_won(lab: Engine, office: Office) -> None:  # noqa: F811  # the fixture
    """The choice is one step in the database; the calendar is written after it, once, and invites each person once."""
    people = [calendars.MARIA, calendars.STRANGER]
    office.ask(attendees=people)
    first, second, _third = options_of(office.open(office.url(calendars.MARIA)))
    outcomes: Outcomes = {}
    together(lab, choosing(outcomes, "maria", 1, first), choosing(outcomes, "ana", 1, second))
    office.world.run_for(office.clock, minutes=5, step_seconds=30)
    assert outcomes == {"maria": "held", "ana": "taken"}
    assert (office.meeting.status, office.meeting.starts_at) == (CONFIRMED, first)
    assert (office.start_of(office.event), office.guests(), office.invitations()) == (first, sorted(people), 1)
