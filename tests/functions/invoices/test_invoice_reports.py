"""What follows from a day's look, once a day: finance's list, the team's summary; and the reports, as JSON and CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from functions.invoices import look
from functions.invoices.tables import InvoiceDay
from sandbox.testing import InProcessSandbox
from shared import clock
from shared.outbox.execute import drain
from shared.privacy.erase import erase, person
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading
from shared.vendors.rest_client import drop_connections
from tests.functions.invoices.conftest import Books, overdue
from tests.support.messages import PostOffice, carry_out, until

FINANCE = "finanzas@example.com"


@pytest.fixture(scope="module")
def server() -> Iterator[InProcessSandbox]:
    """One sandbox for the module."""
    with InProcessSandbox() as running:
        yield running


@pytest.fixture
def team(post: PostOffice, server: InProcessSandbox, environment: pytest.MonkeyPatch) -> Iterator[InProcessSandbox]:
    """Discord and Slack, and somebody in finance."""
    server.reset()
    for name in ("SLACK_WEBHOOK_URL", "DISCORD_WEBHOOK_URL"):
        environment.setenv(name, server.settings()[name])
    environment.setenv("INVOICES_FINANCE_EMAIL", FINANCE)
    get_settings.cache_clear()
    yield server
    drop_connections()


def go() -> None:
    """The look, and all that follows from it."""
    look.remind()
    carry_out()
    for target in ("slack", "discord"):
        drain(target)


def of_finance(post: PostOffice) -> list[str]:
    """The texts that went to finance."""
    return [letter.rendered.text for letter in post.sent if letter.message.to == FINANCE]


BOOKS = (
    overdue(62, "F-1", "66000.00", customer_id="C-1", customer="Panadería Luz"),
    overdue(12, "F-2", "12000.00", customer_id="C-2", customer="Taller Río", customer_email="rio@example.com"),
    overdue(8, "F-3", "900.00", customer_email="", customer="Sin Correo"),
    overdue(15, "F-4", "7500.00", customer_email="sol@example.com", customer="Ferretería Sol"),
    overdue(1, "F-5", "70.00", currency="USD", customer_email="usd@example.com"),
    {"serie": "NC-1", "type": "credit_note", "total": "8000", "customer_email": "sol@example.com"},
    overdue(-10, "F-6", "5.00"),
)


class TestDay:
    """What a day brings, once."""

    def test_finance_and_team_get_it_once(self, books: Books, post: PostOffice, team: InProcessSandbox) -> None:
        """What is escalated or large, whose customers have credit, and whom nobody can write to."""
        books.report(*BOOKS)
        for _ in range(3):
            go()
        (text,) = of_finance(post)
        assert [name in text for name in ("F-1", "F-2", "F-3", "F-4", "F-5", "F-6")] == [True, True, True, True, False, False]
        assert "66,000.00 MXN" in text
        (in_slack,) = team.records("messages", vendor="slack")
        assert "Vencido en MXN: 86,400.00 MXN en 4 facturas" in in_slack["text"]
        assert "Recordatorios en MXN: 2 (1 críticos, 0 graves), 78,000.00 MXN" in in_slack["text"]
        assert "Para finanzas: 2 por revisar, 1 con saldo a favor, 1 sin correo" in in_slack["text"]
        assert "Las mayores: F-1: 66,000.00 MXN, 62 días vencida" in in_slack["text"]
        assert not any(name in in_slack["text"] for name in ("Luz", "Río", "Sol"))
        assert len(team.records("messages", vendor="discord")) == 1

    def test_nothing_to_say(self, books: Books, post: PostOffice, team: InProcessSandbox, test_clock: clock.TestClock) -> None:
        """No mail to finance, no summary: but the next day has its own."""
        books.report(overdue(-10))
        go()
        assert (post.sent, team.records("messages", vendor="slack")) == ([], [])
        test_clock.advance(days=7)
        go()
        assert len(team.records("messages", vendor="slack")) == 1
        assert of_finance(post) == []
        with reading() as session:
            assert len(session.scalars(select(InvoiceDay)).all()) == 2

    def test_only_when_the_look_is_done(
        self, books: Books, post: PostOffice, team: InProcessSandbox, environment: pytest.MonkeyPatch
    ) -> None:
        """One that has no time left goes on; then the day is closed."""
        books.report(*(overdue(62, f"F-{number}", customer_email=f"c{number}@example.com") for number in range(3)))
        with environment.context() as patch:
            patch.setattr(look, "LONGEST_LOOK", timedelta(seconds=-1))
            go()
        assert team.records("messages", vendor="slack") == []
        go()
        assert "Recordatorios en MXN: 3 (3 críticos" in team.records("messages", vendor="slack")[0]["text"]

    def test_erasure_reaches_the_list_that_waits(
        self,
        books: Books,
        post: PostOffice,
        team: InProcessSandbox,
        test_clock: clock.TestClock,
        environment: pytest.MonkeyPatch,
    ) -> None:
        """The message names the day alone; who is in it is read when it goes out."""
        environment.setenv("QUIET_HOURS", "09:00-12:00")
        get_settings.cache_clear()
        books.report(*BOOKS)
        go()
        with reading() as session:
            kept = session.scalars(select(Delivery.payload).where(Delivery.subject == "finance")).one()
        assert not any(name in str(kept) for name in ("Luz", "F-1"))
        erase(person(email="luz@example.com"), way="skip", actor="dpo")
        until(test_clock.moment + timedelta(hours=3), test_clock)
        (text,) = of_finance(post)
        assert ("F-1" in text, "Luz" in text) == (True, False)


def table(text: str) -> list[dict[str, Any]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(text)))


class TestReports:
    """The same figures as JSON and as a file."""

    def test_delinquency(self, books: Books, post: PostOffice) -> None:
        """By currency and age; what is due today is not overdue, and what is open counts, not what was billed."""
        books.report(*BOOKS, overdue(0, "F-7", "5.00"), overdue(33, "F-8", "11600.00", paid="5000", customer_id="C-1"))
        found = books.ask("GET", "/reports/delinquency")
        mxn, usd = found["currencies"]
        counts = {
            name: mxn[name]
            for name in ("currency", "invoices", "customers", "amount", "mean_amount", "largest_amount", "mean_days")
        }
        assert counts == {
            "currency": "MXN",
            "invoices": 5,
            "customers": 4,
            "amount": "93000.00",
            "mean_amount": "18600.00",
            "largest_amount": "66000.00",
            "mean_days": 26,
        }
        assert [(one["bucket"], one["invoices"], one["amount"]) for one in mxn["buckets"]] == [
            ("recent", 2, "12900.00"),
            ("warning", 1, "7500.00"),
            ("error", 1, "6600.00"),
            ("critical", 1, "66000.00"),
        ]
        assert (mxn["hints"], usd["amount"], usd["hints"]) == (["critical-share"], "70.00", [])
        rows = table(books.ask("GET", "/reports/delinquency", format="csv"))
        assert [(row["currency"], row["amount"], row["critical_amount"]) for row in rows] == [
            ("MXN", "93000.00", "66000.00"),
            ("USD", "70.00", "0.00"),
        ]

    def test_effectiveness(self, books: Books, post: PostOffice, test_clock: clock.TestClock) -> None:
        """A payment counts for the last reminder before it, and not for one that came after."""
        books.report(*(overdue(7, f"F-{number}", customer_email=f"c{number}@example.com") for number in range(4)))
        go()
        test_clock.advance(days=2)
        books.ask("POST", "/1/payments", body={"reference": "T-1", "amount": 100})
        test_clock.advance(days=5)
        go()
        test_clock.advance(days=3)
        books.ask("POST", "/2/payments", body={"reference": "T-2", "amount": 100})
        found = books.ask("GET", "/reports/effectiveness")
        assert (found["since"], found["until"]) == ("2026-02-11", "2026-03-12")
        assert [list(one.values()) for one in found["effects"]] == [
            ["vencida_14_dias", "MXN", 3, 1, "33.3", 3, "100.00"],
            ["vencida_7_dias", "MXN", 4, 1, "25.0", 2, "100.00"],
        ]
        rows = table(books.ask("GET", "/reports/effectiveness", format="csv", since="2026-03-05"))
        assert [(row["template"], row["reminded"]) for row in rows] == [("vencida_14_dias", "3")]
        for wrong in ({"since": "2026-03-05", "until": "2026-03-01"}, {"since": "0001-01-01"}, {"until": "9999-12-31"}):
            books.ask("GET", "/reports/effectiveness", status=422, **wrong)

    def test_trends_and_days(self, books: Books, post: PostOffice, test_clock: clock.TestClock) -> None:
        """Each day's figures stay as they were."""
        books.report(overdue(7), overdue(8, "F-2", customer_email="b@example.com"))
        for day in range(9):
            go()
            if day == 6:
                books.ask("POST", "/1/payments", body={"reference": "T-1", "amount": 100})
            test_clock.advance(days=1)
        test_clock.advance(days=-1)
        found = books.ask("GET", "/reports/trends")["days"]
        assert [(one["day"], one["overdue"], one["overdue_amount"], one["reminded"]) for one in found] == [
            ("2026-03-10", 1, "100.00", 0),
            ("2026-03-09", 1, "100.00", 0),
            ("2026-03-03", 2, "200.00", 0),
        ]
        assert [row["day"] for row in table(books.ask("GET", "/reports/trends", format="csv"))] == [one["day"] for one in found]
        first = books.ask("GET", "/days", limit=2)
        assert [one["day"] for one in first["items"]] == ["2026-03-10", "2026-03-09"]
        following = books.ask("GET", "/days", limit=200, after=first["next"])["items"]
        assert [one["figures"][0]["reminded"] for one in following] == [1, 0, 0, 0, 0, 0, 2]

    def test_without_invoices(self, books: Books) -> None:
        """Empty, and no error."""
        assert books.ask("GET", "/reports/delinquency")["currencies"] == []
        assert books.ask("GET", "/reports/effectiveness")["effects"] == []
        assert books.ask("GET", "/reports/trends") == {"days": []}
        assert books.ask("GET", "/days")["items"] == []
