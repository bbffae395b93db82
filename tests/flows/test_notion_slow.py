"""A Notion that is slow: a batch ends within its lease, so that nobody else makes the same page while it is under way."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from functions.christmas import notion_facts, notion_pages, notion_sync
from functions.christmas.tables import SequenceContact
from shared import clock
from shared.messages.digests import digest_of_address
from shared.outbox import dispatch, execute
from shared.settings import get_settings
from shared.store.session import transact
from shared.vendors.notion import Notion
from tests.support.leases import renewed
from tests.support.messages import deliveries

PEOPLE = 10


class SlowNotion:
    """Every call takes `seconds`. Once the first lease has passed another worker comes, and Notion is quick again."""

    def __init__(self, test_clock: clock.TestClock, seconds: float) -> None:
        self.clock, self.seconds, self.begun = test_clock, seconds, clock.now()
        self.pages: list[dict[str, Any]] = []
        self.has_other = False
        self.mail = notion_facts.names(notion_facts.CONTACT, get_settings().notion_properties)["contact_email"]

    def properties(self, _database: str) -> dict[str, Any]:
        """The database's properties."""
        self.clock.advance(seconds=self.seconds)
        return {self.mail: {"type": "email", "email": {}}, "Titel": {"type": "title", "title": {}}}

    def query(self, _database: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The pages of an address."""
        self.clock.advance(seconds=self.seconds)
        return [page for page in self.pages if page["email"] in str(where)]

    def create(self, _database: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """A new page."""
        found = re.search(r"p\d@x\.mx", str(properties))
        assert found
        if clock.now() - self.begun > timedelta(seconds=300) and not self.has_other:
            self.has_other, self.seconds = True, 1.0
            dispatch.free_expired()
            execute.drain(notion_sync.TARGET)
        self.clock.advance(seconds=self.seconds)
        self.pages.append({"id": f"P{len(self.pages)}", "email": found.group()})
        return self.pages[-1]


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
    for name, value in {"NOTION_TOKEN": "t", "NOTION_CONTACTS_DB_ID": "db"}.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    notion_pages.forget()
    notion = SlowNotion(test_clock, seconds)
    environment.setattr(Notion, "properties", lambda _self, *given: notion.properties(*given))
    environment.setattr(Notion, "query", lambda _self, *given, **_more: notion.query(*given))
    environment.setattr(Notion, "create_page", lambda _self, *given: notion.create(*given))
    transact(_add_people)
    with renewed(test_clock):
        for _ in range(PEOPLE):
            dispatch.free_expired()
            execute.drain(notion_sync.TARGET)
    assert sorted(page["email"] for page in notion.pages) == [f"p{number}@x.mx" for number in range(PEOPLE)]
    assert {(row.state, row.attempts) for row in deliveries()} == {("done", 0)}
