"""Fixtures of the tickets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from functions.tickets.tables import Ticket
from sandbox.openai import KEY, TICKET
from shared import clock
from shared.errors import PermanentError
from shared.settings import get_settings
from shared.store.journey_models import JourneyTalk
from shared.store.session import reading
from shared.vendors import openai
from tests.support import pictures
from tests.support.functions import named
from tests.support.messages import ANA_PHONE, CONFIGURED, PostOffice
from tests.support.world import LOCAL_KEY, World
from tests.unit.web.calls import Api

URL = "https://media.example/1"
SHORT = 20_000  # characters of a picture with a single line; one with nine has more


class Till:
    """Somebody with tickets: what they send, what the reader sees, and what has become of it."""

    def __init__(self, world: World, office: PostOffice, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> None:
        self.world, self.office, self.clock = world, office, test_clock
        self.api = Api()
        self.files: dict[str, bytes | None] = {}
        self.printed: list[dict[str, Any]] = []
        self.seen: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self._number = 0
        environment.setattr("functions.tickets.media.download", self._download)
        environment.setattr(openai, "ask", self._read)

    def _download(self, media: Any) -> bytes:
        found = self.files[media["url"]]
        if found is None:
            raise PermanentError("media-gone", "it is gone")
        return found

    def _read(self, body: Any, what: str) -> dict[str, Any]:
        self.asked.append(body)
        fields = TICKET | (self.printed.pop(0) if self.printed else self._seen(body))
        part = {"type": "output_text", "text": json.dumps(fields)}
        output = [{"type": "reasoning"}, {"type": "message", "content": [part]}]
        return {"status": "completed", "output": output, "usage": {"input_tokens": 1000, "output_tokens": 100}, "model": what}

    def _seen(self, body: Any) -> dict[str, Any]:
        """What is seen on the one picture that differs from the usual by far: the one with a single line."""
        picture = body["input"][0]["content"][1]["image_url"]
        is_short = len(picture) < SHORT
        return next(iter(self.seen.values())) if self.seen and is_short else {}

    def photo(
        self, data: bytes | None = None, *, printed: dict[str, Any] | None = None, sender: str = ANA_PHONE
    ) -> dict[str, Any]:
        """Send a photo on which the reader sees `printed` in place of some of the usual, and have all of it handled."""
        self._number += 1
        url = f"{URL}/{self._number}"
        self.files[url] = pictures.jpeg((*pictures.LINES, f"copia {self._number}")) if data is None else data
        if printed is not None:
            self.printed.append(printed)
        body = {"MediaUrl0": url, "From": f"whatsapp:{sender}", "MessageSid": f"MM{self._number}"}
        self.post(body)
        return body

    def says(self, text: str, sender: str = ANA_PHONE) -> None:
        """Send words."""
        self._number += 1
        self.post({"Body": text, "From": f"whatsapp:{sender}", "MessageSid": f"SM{self._number}"})

    def post(self, body: dict[str, Any]) -> None:
        """Send a request, and have all of it handled."""
        answer = self.world.post("tickets", body)
        assert answer.status_code == 202, answer.get_body()
        self.settle()

    def settle(self, minutes: float = 1) -> None:
        """Let what is due be done."""
        self.world.run_for(self.clock, minutes=minutes, step_seconds=20)

    def templates(self) -> list[str]:
        """What was said to people, by template."""
        return [letter.message.template for letter in self.office.sent]

    def last_text(self) -> str:
        """The last text that was said."""
        return self.office.sent[-1].rendered.text

    def asked_again(self) -> int:
        """How many answers to the newest question have not fitted."""
        with reading() as session:
            return session.scalars(select(JourneyTalk.tries).order_by(JourneyTalk.enrolment_id.desc())).first() or 0

    @property
    def tickets(self) -> list[Ticket]:
        """All tickets, in the order in which they came."""
        with reading() as session:
            return list(session.scalars(select(Ticket).order_by(Ticket.id)))

    @property
    def ticket(self) -> Ticket:
        """The only one."""
        (found,) = self.tickets
        return found

    def ask(self, method: str, path: str = "", status: int = 200, body: Any = None, **query: Any) -> Any:
        """The answer of the API."""
        answer = self.api(method, f"/api/v1/tickets{path}", key=LOCAL_KEY, body=body, **query)
        assert answer.status == status, answer.body
        return answer.json if "json" in answer.headers.get("content-type", "") else answer.body


@pytest.fixture
def office(environment: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    """The vendors of messages."""
    with PostOffice().installed(environment) as found:
        yield found


@pytest.fixture
def till(world: World, office: PostOffice, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Till:
    """A company that has tickets read by OpenAI."""
    from functions.tickets import triggers

    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    environment.setenv("OPENAI_API_KEY", KEY)
    environment.setenv("TICKETS_SENDERS", f'{{"{ANA_PHONE}": "Ana Peña"}}')
    environment.setenv("DEFAULT_TIME_ZONE", "America/Mexico_City")
    get_settings.cache_clear()
    world.webhooks["tickets"] = triggers.WEBHOOK
    world.handlers["events-queue"] = named("events_handler")
    return Till(world, office, environment, test_clock)
