"""Anything in any order, repeated, with answers lost: in the end the calendar says what we say, and nobody is in two places."""

import random
from datetime import timedelta

import pytest

from functions.meetings.tables import CANCELLED, CONFIRMED
from tests.support.calendars import JUAN, MARIA, PEDRO, STRANGER, Office
from tests.support.meetings import options_of

HALF_AN_HOUR = timedelta(minutes=30)


class People:
    """What people do at random, each thing sometimes twice."""

    def __init__(self, office: Office, seed: int) -> None:
        self.office, self.chance = office, random.Random(seed)  # noqa: S311  # the choice of a test

    def act(self) -> None:
        """One thing, by one of them."""
        self.office.calls.lose_answers = self.chance.choice((0, 0, 0, 1, 2))
        self.chance.choice((self.choose, self.move, self.answer, self.in_calendar, self.hear, self.time))()

    def choose(self) -> None:
        """Somebody presses a button of a meeting's page, perhaps twice."""
        meeting = self.chance.choice(self.office.meetings)
        url = self.office.url(self.chance.choice((MARIA, STRANGER, JUAN)), meeting.id)
        starts = options_of(self.office.open(url))
        for _ in range(self.chance.choice((1, 2))):
            if starts:
                self.office.press(url, do="choose", start=self.chance.choice(starts).isoformat())

    def move(self) -> None:
        """Somebody wants another time."""
        meeting = self.chance.choice(self.office.meetings)
        self.office.press(self.office.url(MARIA, meeting.id), do="move")

    def answer(self) -> None:
        """Somebody does not come."""
        if self.chance.random() < 0.2:
            meeting = self.chance.choice(self.office.meetings)
            self.office.press(self.office.url(PEDRO, meeting.id), do=("decline" if self.has(PEDRO, meeting) else "move"))

    def has(self, who: str, meeting) -> bool:
        """Whether somebody is invited."""
        return who in {one.address for one in meeting.attendees}

    def in_calendar(self) -> None:
        """The organizer moves an event in the calendar, to an hour of which nobody else knows."""
        live = [one for one in self.office.events if one.get("status") != "cancelled"]
        if live:
            event = self.chance.choice(live)
            start = self.office.start_of(event) + timedelta(days=self.chance.choice((1, 7)), minutes=5)
            times = {"start": start.isoformat(), "end": (start + HALF_AN_HOUR).isoformat()}
            self.office.vendor.act("move_event", {"id": event["id"], **times})

    def hear(self) -> None:
        """Notices come, backwards and several times."""
        self.office.hear(backwards=self.chance.random() < 0.5, copies=self.chance.choice((1, 3)))

    def time(self) -> None:
        """Some minutes pass."""
        self.office.settle(self.chance.choice((60, 300)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_calendar_and_record_agree_in_the_end(office: Office, seed: int) -> None:
    """One event for each meeting that is on, at its time; none for one that is not; no answer lost for good."""
    office.ask(subject="A", attendees=[MARIA, PEDRO])
    office.ask(subject="B", attendees=[MARIA, STRANGER])
    people = People(office, seed)
    for _ in range(10):
        people.act()
    office.calls.lose_answers = 0
    office.world.run_for(office.clock, minutes=20, step_seconds=60)
    office.hear()
    office.world.run_for(office.clock, minutes=10, step_seconds=60)
    live = {one["id"]: office.start_of(one) for one in office.events if one.get("status") != "cancelled"}
    on = {one.calendar_event_id: one.starts_at for one in office.meetings if one.status == CONFIRMED}
    assert live == on
    assert all(one.event_sync_status in ("success", None) for one in office.meetings)
    assert {one.asked_at for one in office.meetings if one.status == CANCELLED} <= {None}
