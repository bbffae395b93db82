"""A Notion that is slow: a batch ends within its lease, so that nobody else makes the same page while it is under way."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from functions.christmas import notion_sync
from functions.christmas.tables import SequenceContact
from shared import clock
from shared.messages.digests import digest_of_address
from shared.outbox import dispatch, execute
from shared.settings import get_settings
from shared.store.session import transact
from shared.vendors.notion import Notion
from tests.support.leases import renewed
from tests.support.messages import deliveries
from tests.support.notion import SETTINGS, NotionInHand

PEOPLE = 10


class SlowNotion(NotionInHand):
    """Every call takes `seconds`. Once the first lease has passed another worker comes, and Notion is quick again."""

    def __init__(self, test_clock: clock.TestClock, seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds, self.begun = test_clock, seconds, clock.now()
        self.has_other = False
        self.during = self.wait

    def wait(self, what: str) -> None:
        """Let the time of a call pass; the other worker comes while a page is being made."""
        if what == "POST /pages" and clock.now() - self.begun > timedelta(seconds=300) and not self.has_other:
            self.has_other, self.seconds = True, 1.0
            dispatch.free_expired()
            execute.drain(notion_sync.TARGET)
        self.clock.advance(seconds=self.seconds)


def _add_people(session: Session) -> None:
    for number in range(PEOPLE):
        email = f"p{number}@x.mx"
        row = SequenceContact(email=email, who=digest_of_address(email))
        session.add(row)
        session.flush()
        notion_sync.ask_contact(session, row)


@pytest.mark.parametrize("seconds", [16.0, 5.0, 0.1])
def test_ten_people_are_ten_pages_however_slow_notion_is(
    world: object, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, seconds: float
) -> None:
    """What there is no time for waits for the next batch, and costs no attempt."""
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    notion = SlowNotion(test_clock, seconds)
    client = notion.client()
    environment.setattr(Notion, "from_settings", staticmethod(lambda _settings: client))
    transact(_add_people)
    with renewed(test_clock):
        for _ in range(PEOPLE):
            dispatch.free_expired()
            execute.drain(notion_sync.TARGET)
    assert sorted(page["email"] for page in notion.rows("contacts")) == [f"p{number}@x.mx" for number in range(PEOPLE)]
    assert {(row.state, row.attempts) for row in deliveries()} == {("done", 0)}
