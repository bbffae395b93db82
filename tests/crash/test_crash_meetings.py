"""The host dies while calendars are read and events are written. Each meeting has one hour, one event and one invitation."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.meetings.tables import Meeting
from sandbox.settings import app_settings
from shared.store.models import DeadLetter
from tests.crash.rig import QUIET_SECONDS, Askers, Rig

pytestmark = pytest.mark.slow

MEETINGS = 8
ORGANIZER, GUEST = "juan@empresa.example", "maria@empresa.example"
DEATHS = (
    "outbox.after_claim=kill:0.3",
    "outbox.after_call=kill:0.3",
    "inbox.before_commit=kill:0.5",
    "outbox.after_record=kill:0.3",
    "inbox.after_commit=kill:0.5",
    "outbox.after_call=kill:0.3",
    "inbox.after_nudge=kill:0.5",
)
PREFIXES = ("GOOGLE_", "ENTRA_", "GRAPH_", "BREVO_", "SENDINBLUE_")
VENDORS = {"google": "google", "outlook": "microsoft"}


@dataclass(frozen=True)
class Wish:
    """A request for a meeting of the same two people as all others."""

    number: int
    path: str = "/api/v1/meetings"

    @property
    def body(self) -> bytes:
        """Under a subject of its own, by which a repetition is known."""
        people = {"organizer_email": ORGANIZER, "attendees": [GUEST]}
        return json.dumps({**people, "subject": f"Reunión {self.number}"}).encode()


@pytest.mark.host
@pytest.mark.parametrize("calendar", VENDORS)
def test_meetings_survive_the_deaths_of_the_host(rig: Rig, seed: int, calendar: str) -> None:
    """Everything asked for twice and out of order, the host killed again and again; calendar and record agree."""
    found = app_settings(rig.sandbox.url)
    rig.environment |= {name: value for name, value in found.items() if name.startswith(PREFIXES)}
    rig.environment |= {
        "MEETINGS_CALENDAR": calendar,
        "LINK_SIGNING_SECRETS": "uno",
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{rig.host.port}",  # where calendars tell of changes
        "EMAIL_PROVIDER": "brevo",
        "MEETINGS_REMINDER_MINUTES": "15",  # of tomorrow's meetings: a day before, one could be due while this waits
    }
    posts = [Wish(number) for number in range(MEETINGS)] * 2
    random.Random(seed).shuffle(posts)  # noqa: S311  # an order, no secret
    with Askers(rig.host, posts) as asking:
        rig.survive(asking, DEATHS)
        wait_until(lambda: asking.done and is_booked(rig) and rig.is_quiet({}), QUIET_SECONDS, pause=0.5)
    rig.host.stop()
    assert rig.deaths
    assert asking.refused == []
    check(rig, VENDORS[calendar])


def is_booked(rig: Rig) -> bool:
    """Whether every meeting has its time and its event."""
    with Session(rig.engine) as session:
        rows = session.execute(select(Meeting.status, Meeting.event_sync_status)).all()
    return len(rows) == MEETINGS and all(tuple(row) == ("confirmed", "success") for row in rows)


def check(rig: Rig, vendor: str) -> None:
    """One row for each wish, an hour for each row, an event for each row, at that hour and told to the guest once."""
    with Session(rig.engine) as session:
        assert session.scalars(select(DeadLetter.reason).where(DeadLetter.state != "resolved")).all() == []
        rows = session.scalars(select(Meeting)).all()
        kept = {str(row.calendar_event_id): (row.subject, row.starts_at) for row in rows}
    assert Counter(row.subject for row in rows) == {f"Reunión {number}": 1 for number in range(MEETINGS)}
    assert len({row.starts_at for row in rows}) == MEETINGS
    events = {event["id"]: event for event in rig.sandbox.records("events", vendor=vendor)}
    names = {"google": "summary", "microsoft": "subject"}
    assert {number: (event[names[vendor]], start_of(event)) for number, event in events.items()} == kept
    assert [len(event["told" if vendor == "google" else "invited"]) for event in events.values()] == [1] * MEETINGS


def start_of(event: dict[str, Any]) -> datetime:
    """When an event begins."""
    moment = datetime.fromisoformat(event["start"]["dateTime"].partition(".")[0])
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
