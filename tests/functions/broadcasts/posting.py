"""A broadcast that a test holds in its hand: people, the vendor's post office, the clock, and the job that runs it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from functions.broadcasts import counts, pace, running, running_send
from functions.broadcasts.running_config import config_of
from functions.broadcasts.tables import Automation, Execution, Recipient
from shared import clock
from shared.journeys.talks.definition import TalkingFlow
from shared.outbox.execute import drain
from shared.settings import get_settings
from shared.store.session import reading, transact
from tests.support.messages import CONFIGURED, LEAD, PostOffice

FLOW_ID = "3f0e6c5e-0000-4000-8000-000000000001"
ONE_MESSAGE = TalkingFlow.model_validate(
    {
        "name": "navidad",
        "title": "Navidad",
        "steps": [{"id": "m", "channel": "whatsapp", "template": "lead_day_3"}, {"id": "fin", "end": "informed"}],
    }
)
"""A flow of one message."""


class Post:
    """A broadcast, the vendor's post office, and the clock."""

    def __init__(self, office: PostOffice, test_clock: clock.TestClock) -> None:
        self.office, self.clock = office, test_clock
        self.sent_at: list[datetime] = []

    def begin(self, number: int, **fields: Any) -> int:
        """An execution that is planned for so many people; its id."""

        def work(session: Session) -> int:
            known = {"name": "Navidad", "flow_id": FLOW_ID, "status": "active", "is_active": True}
            automation = Automation(**known | fields)
            session.add(automation)
            session.flush()
            execution = Execution(automation_id=automation.id, plan_state="planned", total_recipients=number)
            execution.config = config_of(automation)
            session.add(execution)
            session.flush()
            self._add(session, execution.id, number)
            return execution.id

        return transact(work)

    @staticmethod
    def _add(session: Session, execution_id: int, number: int) -> None:
        phones = [f"+5255{10_000_000 + one}" for one in range(number)]
        rows = [
            {"execution_id": execution_id, "key": phone, "phone_number": phone, "variables": LEAD, "status": "pending"}
            for phone in phones
        ]
        for some in batched(rows, 5000, strict=False):
            session.execute(insert(Recipient), list(some))
        counts.add(session, execution_id, {"total": number})

    def go(self, seconds: float, step: float = 60) -> None:
        """Let time pass: each step the job runs, then the executors carry out what is due."""
        end = self.clock.moment + timedelta(seconds=seconds)
        while self.clock.moment < end:
            self.step()
            self.clock.advance(seconds=step)

    def step(self) -> None:
        """One round of the timer."""
        before = len(self.office.sent)
        running.run_all()
        drain("twilio")
        self.sent_at += [self.clock.moment] * (len(self.office.sent) - before)

    def recipients(self) -> Counter[str]:
        """How many stand where."""
        with reading() as session:
            return Counter(session.scalars(select(Recipient.status)))

    def execution(self, execution_id: int) -> Execution:
        """Its row."""
        with reading() as session:
            return session.get_one(Execution, execution_id)

    def counted(self, execution_id: int) -> dict[str, int]:
        """Its counts, those that are not 0."""
        with reading() as session:
            return {name: value for name, value in counts.of(session, [execution_id])[execution_id].items() if value}

    def phones(self) -> list[str]:
        """To whom something went out, in order."""
        return [letter.message.to for letter in self.office.sent]

    def most_in_an_hour(self) -> int:
        """The largest number of messages in any hour."""
        ordered = sorted(self.sent_at)
        return max(bisect_right(ordered, at + pace.HOUR) - place for place, at in enumerate(ordered))


@contextmanager
def opened(
    environment: pytest.MonkeyPatch, test_clock: clock.TestClock, flow: TalkingFlow | None = ONE_MESSAGE
) -> Iterator[Post]:
    """Everything set up; it is Monday, 12:00 in Mexico City. `flow` stands in place of a definition; None: by the flow's id."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    environment.setenv("MESSAGES_PER_SECOND", '{"twilio": 1000}')
    get_settings.cache_clear()
    if flow is not None:
        environment.setattr(running_send, "flow", lambda _execution: flow)
    test_clock.moment = datetime(2026, 3, 2, 18, tzinfo=UTC)
    with PostOffice().installed(environment) as office:
        yield Post(office, test_clock)
