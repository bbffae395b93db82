"""A desk from which meetings are asked for, and at which the mails about them arrive."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import azure.functions as func
from sqlalchemy import select

from functions.meetings import links
from functions.meetings.links import Participant
from functions.meetings.tables import Meeting
from shared import clock
from shared.store.session import reading
from tests.support.functions import named
from tests.support.messages import PostOffice, carry_out, next_due
from tests.support.world import LOCAL_KEY, World
from tests.unit.web.calls import Answer, Api

JUAN, MARIA, PEDRO = "juan@example.com", "maria@example.com", "pedro@example.com"
REQUEST = {"organizer_email": JUAN, "attendees": [MARIA], "subject": "Seguimiento", "duration_minutes": 30}


class Desk:
    """What people do, and what they get."""

    def __init__(self, world: World, post: PostOffice, test_clock: clock.TestClock) -> None:
        self.world, self.mails, self.clock, self.api = world, post, test_clock, Api()
        world.handlers["events-queue"] = named("events_handler")

    def ask(self, status: int = 202, **more: Any) -> Any:
        """Ask for a meeting; the answer's body, and what was planned is carried out."""
        answer = self.api("POST", "/api/v1/meetings", key=LOCAL_KEY, body=REQUEST | more)
        assert answer.status == status, answer.body
        self.settle()
        return answer.json

    def do(self, method: str, path: str, status: int = 200, body: Any = None) -> Any:
        """Anything else of the API."""
        answer: Answer = self.api(method, f"/api/v1/meetings{path}", key=LOCAL_KEY, body=body)
        assert answer.status == status, answer.body
        self.settle()
        return answer.json

    def settle(self, seconds: int = 60) -> None:
        """Let a minute pass, so that what is due has gone out."""
        self.world.run_for(self.clock, seconds=seconds, step_seconds=20)

    def moments_until(self, end: datetime) -> Iterator[datetime]:
        """Jump from one delivery that is due to the next, and carry out each."""
        while (moment := next_due()) is not None and moment <= end:
            self.clock.moment = max(moment, self.clock.moment)
            carry_out()
            yield self.clock.moment.replace(second=0, microsecond=0)

    def url(self, address: str, number: int | None = None) -> str:
        """The link of somebody, as in their mails."""
        meeting = self.meeting if number is None else self.row(number)
        attendee = next((one.id for one in meeting.attendees if one.address == address), 0)
        return links.url(Participant(meeting.id, attendee))

    def open(self, url: str, status: int = 200, method: str = "GET") -> str:
        """Open a link in a browser."""
        return self._page(method, url, b"", status)

    def press(self, url: str, status: int = 200, **fields: str) -> str:
        """Press a button on the page behind a link."""
        page = self._page("POST", url, urlencode(fields).encode(), status)
        self.settle()
        return page

    def _page(self, method: str, url: str, body: bytes, status: int) -> str:
        parts = urlsplit(url)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        answer = named("meetings_page")(func.HttpRequest(method=method, url=url, params=params, body=body))
        assert answer.status_code == status, answer.get_body().decode()
        return answer.get_body().decode()

    @property
    def meetings(self) -> list[Meeting]:
        """All, in the order in which they were asked for."""
        with reading() as session:
            return list(session.scalars(select(Meeting).order_by(Meeting.id)))

    @property
    def meeting(self) -> Meeting:
        """The only one."""
        (found,) = self.meetings
        return found

    def row(self, number: int) -> Meeting:
        """One of them."""
        with reading() as session:
            return session.get_one(Meeting, number)

    def got(self, template: str | None = None) -> list[str]:
        """Who got mails (of that text), sorted; only those since the last time."""
        found = sorted(one.message.to for one in self.mails.sent if template in (None, one.message.template))
        self.mails.sent = [one for one in self.mails.sent if template not in (None, one.message.template)]
        return found


def options_of(page: str) -> list[datetime]:
    """The times for which a page has buttons."""
    return [datetime.fromisoformat(found) for found in re.findall(r'name="start" value="([^"]+)"', page)]
