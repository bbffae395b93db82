"""Fixtures of the invoices."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from functions.invoices.tables import Invoice, InvoiceReminder
from shared import clock
from shared.settings import get_settings
from shared.store.session import reading
from tests.support.functions import named
from tests.support.messages import CONFIGURED, PostOffice
from tests.support.payloads import payload
from tests.support.world import LOCAL_KEY, World
from tests.unit.web.calls import Api


class Books:
    """Whoever issues the invoices: what is reported of them, and what we have kept."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api = Api()

    def report(self, *reports: dict[str, Any]) -> None:
        """Report these over the webhook, in this order, and have all handled."""
        for each in reports:
            answer = self.world.post("invoices", each)
            assert answer.status_code == 202, answer.get_body()
            self.world.run()

    def ask(self, method: str, path: str = "", status: int = 200, body: Any = None, **query: Any) -> Any:
        """The answer of the API; bytes are sent as a CSV file."""
        headers = {"content-type": "text/csv"} if isinstance(body, bytes) else {}
        answer = self.api(method, f"/api/v1/invoices{path}", key=LOCAL_KEY, body=body, headers=headers, **query)
        assert answer.status == status, answer.body
        return answer.json if "json" in answer.headers.get("content-type", "") else answer.body.decode()

    @property
    def rows(self) -> Sequence[Invoice]:
        """All invoices, in the order in which they were made."""
        with reading() as session:
            return session.scalars(select(Invoice).order_by(Invoice.id)).all()

    @property
    def row(self) -> Invoice:
        """The only one."""
        (found,) = self.rows
        return found

    @property
    def reminders(self) -> Sequence[InvoiceReminder]:
        """All reminders, in the order in which they were planned."""
        with reading() as session:
            return session.scalars(select(InvoiceReminder).order_by(InvoiceReminder.id)).all()


@pytest.fixture
def books(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Books:
    """Books whose webhook is set up, of a company in Mexico City."""
    from functions.invoices import triggers

    environment.setenv("DEFAULT_TIME_ZONE", "America/Mexico_City")
    get_settings.cache_clear()
    world.webhooks["invoices"] = triggers.REPORT
    world.handlers["events-queue"] = named("events_handler")
    return Books(world)


def issued(**more: Any) -> dict[str, Any]:
    """The report of an invoice that was issued: due on 18 February 2026, of 11,600 MXN."""
    return payload("invoices.report", "issued", **more)


@pytest.fixture
def post(books: Books, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[PostOffice]:
    """All vendors of messages, in the test's hand, on a Monday at ten in Mexico City, when invoices are looked at."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = test_clock.moment.replace(hour=16)
    with PostOffice().installed(environment) as office:
        yield office


def overdue(days: int, serie: str = "F-1", total: str = "100.00", **more: Any) -> dict[str, Any]:
    """The report of an invoice that is overdue by so many days on 2 March 2026; below 0: it is still to be due."""
    due = date(2026, 3, 2) - timedelta(days=days)
    return {
        "serie": serie,
        "total": total,
        "due_date": due.isoformat(),
        "customer_email": "luz@example.com",
        "customer": "Luz",
    } | more
