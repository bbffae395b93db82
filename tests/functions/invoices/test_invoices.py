"""Invoices over the webhook, the API and from CSV files: any order and repetition ends in the same row."""

import asyncio
import json
import random
from datetime import date, timedelta
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import func as sql
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.invoices import listeners
from functions.invoices.tables import Invoice, InvoiceDay, InvoiceHold, InvoicePayment
from shared import clock, retention
from shared.privacy.erase import erase, look, person
from shared.settings import get_settings
from shared.store.models import ActionLog, InboxEvent
from shared.store.people_models import Identity
from shared.store.session import reading, transact
from tests.functions.invoices.conftest import Books, issued
from tests.support.functions import named
from tests.support.payloads import payload
from tests.support.world import LOCAL_KEY, Out

PART = payload("invoices.report", "partly_paid")
PAYMENT = {
    "payment_id": "pi_1",
    "amount": "6600.00",
    "currency": "MXN",
    "order_ref": "f-1042",
    "paid_at": "2026-02-21T10:00:00+00:00",
}
OWN = frozenset(("id", "created_at", "updated_at", "facts", "person", "residuals"))


def columns(row: Invoice) -> dict[str, Any]:
    """What a row says, without the numbers and times of our own."""
    return {one.key: getattr(row, one.key) for one in Invoice.__table__.columns if one.key not in OWN}


def pay(payment: dict[str, Any]) -> None:
    """The event that payments announce."""
    transact(lambda session: listeners.settle(session, payment, "e"))


class TestReports:
    """What whoever issues the invoices reports."""

    def test_reports_become_a_row(self, books: Books) -> None:
        """With exact amounts, the day it is due, and the customer."""
        books.report(issued(), PART)
        row = books.row
        assert (row.serie, row.status, str(row.total), str(row.residual)) == ("F-1042", "open", "11600.00", "6600.00")
        assert (row.due_on, row.email, row.phone) == (date(2026, 2, 18), "luz@example.com", "+525512345678")
        with reading() as session:
            assert {one.kind for one in session.scalars(select(Identity))} == {"invoice-customer", "email", "phone"}

    @pytest.mark.parametrize("seed", range(4))
    def test_any_order_and_repetition(self, books: Books, seed: int) -> None:
        """Through webhook, queue and database; the payment may be there before the invoice."""
        work: list[Any] = [
            lambda: books.report(issued()),
            lambda: books.report(PART),
            lambda: books.report(
                issued(customer_email="cobros@example.com", updated_at="2026-02-01T00:00:00Z", status="emitida")
            ),
            lambda: pay(PAYMENT),
        ]
        dice = random.Random(seed)  # noqa: S311  # an order
        several = [each for each in work for _ in range(dice.choice((1, 2)))]
        dice.shuffle(several)
        for each in several:
            each()
        expected = {"status": "paid", "residual_minor": 0, "email": "cobros@example.com", "customer": "Panadería Luz"}
        assert {name: value for name, value in columns(books.row).items() if name in expected} == expected

    def test_older_report_that_comes_late(self, books: Books) -> None:
        """It fills what nothing newer says."""
        books.report({"serie": "f-1042", "total": 100, "customer": "Nuevo", "updated_at": "2026-02-01T00:00:00Z"}, issued())
        assert (books.row.customer, str(books.row.total), books.row.email) == ("Nuevo", "100.00", "luz@example.com")

    @pytest.mark.parametrize(
        ("wrong", "named_in_it"),
        [
            ({"total": "mucho"}, "total"),
            ({"residual": "-5"}, "residual"),
            ({"due_date": "pronto"}, "due_date"),
            ({"residual": "20000"}, "residual"),
            ({"currency": "pesos"}, "currency"),
            ({"status": "quizás"}, "status"),
        ],
    )
    def test_wrong_amount_or_day_is_refused(self, books: Books, wrong: dict[str, str], named_in_it: str) -> None:
        """It is optional, but without it another sum would be asked for."""
        answer = books.world.post("invoices", issued(**wrong))
        assert (answer.status_code, named_in_it in answer.get_body().decode()) == (422, True)

    def test_wrong_address_is_left_out(self, books: Books) -> None:
        """The invoice counts all the same, and the answer names the field."""
        answer = books.world.post("invoices", issued(customer_email="luz(at)example"))
        assert [one["field"] for one in json.loads(answer.get_body())["left_out"]] == ["customer_email"]

    def test_number_is_needed(self, books: Books) -> None:
        """Else nobody knows which invoice it is."""
        assert books.world.post("invoices", {"total": "5"}).status_code == 422


class TestAddresses:
    """The new address and the old one."""

    def asked(self, name: str, body: dict[str, Any], **more: Any) -> tuple[int, str | None]:
        """The status of the answer, and the type of the event."""
        out, headers = Out(), {"content-type": "application/json"} | more.pop("headers", {})
        request = func.HttpRequest(
            "POST", "http://127.0.0.1/x", headers=headers, body=json.dumps(body).encode(), route_params=more
        )
        answer = asyncio.run(named(name)(request, out))
        return answer.status_code, json.loads(out.value)["type"] if out.value else None

    def test_old_address_takes_reports_and_the_wish_for_a_look(self, books: Books, environment: pytest.MonkeyPatch) -> None:
        """The key stands in it, and opens nothing else."""
        keys = [
            {"name": "books", "key": "books-key", "scopes": ["webhook:invoices"]},
            {"name": "all", "key": "all", "scopes": ["admin"]},
        ]
        environment.setenv("API_KEYS", json.dumps(keys))
        get_settings.cache_clear()
        route = {"namespace": "finanzas", "key": "books-key"}
        assert self.asked("invoices_old_webhook", issued(), **route) == (202, "invoices.report")
        assert self.asked("invoices_old_webhook", {"reminder_days": "-3,0,7"}, **route) == (202, "invoices.look")
        assert self.asked("invoices_old_webhook", {"total": 5}, **route) == (422, None)
        assert self.asked("invoices_old_webhook", issued(), namespace="finanzas", key="all") == (403, None)
        assert self.asked("invoices_webhook", issued()) == (401, None)

    @pytest.mark.parametrize(
        ("flow_id", "inputs", "kind"),
        [
            ("invoice_payment_reminders", {"reminder_days": "7"}, "invoices.look"),
            ("invoice_report", issued(), "invoices.report"),
        ],
    )
    def test_started_by_hand(self, books: Books, flow_id: str, inputs: dict[str, Any], kind: str) -> None:
        """With inputs in place of the body; a secret among them is named and not kept."""
        given = {"namespace": "finanzas", "flowId": flow_id, "inputs": inputs | {"slack_webhook_url": "https://secret"}}
        answer = books.api("POST", "/api/v1/executions/trigger", key=LOCAL_KEY, body=given)
        assert (answer.status, "slack_webhook_url" in answer.json["warnings"][0]) == (202, True)
        books.world.run()
        with reading() as session:
            event = session.scalars(select(InboxEvent)).one()
        assert (event.type, event.outcome, "slack_webhook_url" in event.data) == (kind, "applied", False)


class TestApi:
    """The REST API."""

    def test_added_changed_listed(self, books: Books) -> None:
        """Amounts are texts; a number that is known is not added again."""
        made = books.ask(
            "POST",
            status=201,
            body={"serie": "F-1", "total": "11600.00", "due_date": "2026-02-18", "customer_email": "Luz@Example.com"},
        )
        assert (made["status"], made["residual"], made["days_overdue"]) == ("open", "11600.00", 12)
        assert books.ask("POST", status=409, body={"serie": "f-1", "total": 5})["type"].endswith("invoice-exists")
        changed = books.ask("PATCH", f"/{made['id']}", body={"residual": "6600.00"})
        assert (changed["residual"], changed["total"]) == ("6600.00", "11600.00")
        assert books.ask("GET", f"/{made['id']}") == changed
        books.ask("POST", status=201, body={"serie": "F-2", "total": "1", "due_date": "2026-03-20"})
        for query, expected in (
            ({}, ["F-2", "F-1"]),
            ({"serie": "f-1"}, ["F-1"]),
            ({"email": "LUZ@example.com"}, ["F-1"]),
            ({"overdue_from": 1}, ["F-1"]),
            ({"overdue_to": 0}, ["F-2"]),
        ):
            assert [one["serie"] for one in books.ask("GET", **query)["items"]] == expected, query
        first = books.ask("GET", limit=1)
        assert [one["serie"] for one in books.ask("GET", limit=1, after=first["next"])["items"]] == ["F-1"]
        books.ask("GET", "/99", status=404)
        books.ask("PATCH", "/99", status=404, body={})
        books.ask("PATCH", f"/{made['id']}", status=422, body={"serie": "F-9"})

    def test_payments_count_once(self, books: Books) -> None:
        """By their reference; one in another currency is shown and not deducted."""
        number = books.ask("POST", status=201, body={"serie": "F-1", "total": "100"})["id"]
        for reference, amount, currency in (("T-1", "40", "MXN"), ("T-1", "40", "MXN"), ("T-2", "5", "USD")):
            found = books.ask(
                "POST", f"/{number}/payments", body={"reference": reference, "amount": amount, "currency": currency}
            )
        assert (found["residual"], [one["reference"] for one in found["payments"]]) == ("60.00", ["T-1", "T-2"])
        found = books.ask("POST", f"/{number}/payments", body={"reference": "T-3", "amount": 60})
        assert (found["status"], found["residual"]) == ("paid", "0.00")
        books.ask("POST", f"/{number}/payments", status=422, body={"reference": "T-4", "amount": 0})

    def test_pauses_and_promises(self, books: Books, test_clock: clock.TestClock) -> None:
        """Entered twice is once; a promise is kept, broken or withdrawn."""
        number = books.ask("POST", status=201, body={"serie": "F-1", "total": "100"})["id"]
        pause, promise = {"kind": "pause", "note": "en disputa"}, {"kind": "promise", "until": "2026-03-06", "amount": "50"}
        made = [books.ask("POST", f"/{number}/holds", status=201, body=body) for body in (pause, pause, promise)]
        assert [(one["id"], one["state"]) for one in made] == [(1, "holds"), (1, "holds"), (2, "holds")]
        assert books.ask("POST", f"/{number}/holds/1/end")["state"] == "ended"
        books.ask("POST", f"/{number}/holds/1/end")
        books.ask("POST", f"/{number}/holds/9/end", status=404)
        books.ask("POST", f"/{number}/holds", status=422, body={"kind": "promise"})
        books.ask("POST", f"/{number}/holds", status=422, body={"kind": "pause", "until": "2026-03-01"})
        test_clock.advance(days=5)
        assert [one["state"] for one in books.ask("GET", f"/{number}")["holds"]] == ["ended", "broken"]
        books.ask("POST", f"/{number}/payments", body={"reference": "T-1", "amount": 100})
        assert books.ask("GET", f"/{number}")["holds"][1]["state"] == "kept"
        with reading() as session:
            actions = [row.action for row in session.scalars(select(ActionLog).order_by(ActionLog.id))]
        assert actions == ["invoice-added", "invoice-pause", "invoice-promise", "invoice-pause-ended", "invoice-payment"]


class TestCsv:
    """Files, as people and programs write them."""

    FILE = (
        "Folio;Importe;Moneda;Vencimiento;Correo;Saldo\r\n"
        "F-1;11,600.00;MXN;18/02/2026;luz@example.com;6,600.00\r\n"
        "F-2;mucho;MXN;18/02/2026;luz@example.com;\r\n"
        ";100;MXN;18/02/2026;;\r\n"
        "\r\n"
        "F-3;100.00;MXN;2026-02-30;a@b.mx;\r\n"
        "F-4;100.00;MXN;2026-03-30;luz(at)b;\r\n"
    )

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_each_row_by_itself(self, books: Books, encoding: str) -> None:
        """What is wrong is named with its line; the rest is taken. The same file again changes nothing."""
        found = books.ask("POST", "/import", body=self.FILE.encode(encoding))
        assert {name: found[name] for name in ("read", "created", "changed", "unchanged", "left_out")} == {
            "read": 5,
            "created": 2,
            "changed": 0,
            "unchanged": 0,
            "left_out": 3,
        }
        problems = [(one["line"], one["serie"], one["taken"], one["reason"].partition(":")[0]) for one in found["problems"]]
        assert problems == [
            (3, "F-2", False, "total"),
            (4, "", False, "serie"),
            (6, "F-3", False, "due_date"),
            (7, "F-4", True, "customer_email"),
        ]
        assert [(row.serie, str(row.residual)) for row in books.rows] == [("F-1", "6600.00"), ("F-4", "100.00")]
        again = books.ask("POST", "/import", body=self.FILE.encode(encoding))
        assert (again["created"], again["changed"], again["unchanged"]) == (0, 0, 2)

    @pytest.mark.parametrize(
        ("raw", "status", "word"),
        [
            ("serie,total\nF-1,«5»\n".encode("cp1252"), 400, "UTF-8"),
            (b"total,vence\n5,2026-01-01\n", 422, "serie"),
            (b"serie,folio\nF-1,F-2\n", 422, "serie"),
            (b'serie,total\n"F-1,5\n', 400, "CSV"),
            (b"", 422, "serie"),
        ],
    )
    def test_file_that_cannot_be_read(self, books: Books, raw: bytes, status: int, word: str) -> None:
        """Nothing is taken, and the answer says why."""
        assert word in json.dumps(books.ask("POST", "/import", status=status, body=raw or b" "))
        assert books.rows == []

    def test_amount_that_its_currency_does_not_have(self, books: Books, test_clock: clock.TestClock) -> None:
        """It is found out when it is stored, and costs its row alone."""
        books.report({"serie": "F-1", "total": 100, "currency": "CLP"})
        test_clock.advance(seconds=1)
        found = books.ask("POST", "/import", body=b"serie,total\nF-0,5\nF-1,10.50\nF-2,7\n")
        assert (found["created"], found["left_out"], found["problems"][0]["line"]) == (2, 1, 3)


class TestPayments:
    """Payments that another flow reports."""

    def test_reference_that_is_no_invoice_waits(self, books: Books, test_clock: clock.TestClock) -> None:
        """For ninety days; one of our invoices keeps it."""
        pay(PAYMENT)
        pay(PAYMENT | {"payment_id": "pi_2", "order_ref": "F-7"})
        pay({name: value for name, value in PAYMENT.items() if name != "order_ref"})
        books.report({"serie": "F-7", "total": "6600"})
        assert books.row.status == "paid"
        test_clock.advance(days=91)
        retention.remove_old()
        with reading() as session:
            assert [row.serie_key for row in session.scalars(select(InvoicePayment))] == ["F-7"]


def test_erasure_leaves_the_amount(books: Books) -> None:
    """The row stays without its person, and a later report brings nobody back."""
    books.report(issued(), issued(serie="F-2", customer_email="otro@example.com", customer_id="C-8"))
    books.ask("POST", "/1/holds", status=201, body={"kind": "pause", "note": "Luz está de viaje"})
    found = look(person(email="luz@example.com"), ask_odoo=False)
    assert (found.rows["invoices"], found.rows["invoice_holds"]) == (1, 1)
    erase(person(email="luz@example.com"), way="skip", actor="dpo")
    books.report(issued(customer="Luz otra vez", updated_at="2026-03-01T00:00:00Z"))
    row, other = books.rows
    assert (str(row.total), row.customer, row.email, row.phone, row.customer_id, row.person) == (
        "11600.00",
        None,
        None,
        None,
        None,
        {},
    )
    assert other.email == "otro@example.com"
    with reading() as session:
        assert session.scalars(select(InvoiceHold.note)).one() is None
        kept = [json.dumps(row.data) for row in session.scalars(select(InboxEvent))]
        assert sum("luz@example.com" in one for one in kept) == 1, "only the report that came afterwards"


def test_retention_is_off_until_it_is_set(books: Books, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> None:
    """Then what is paid goes with all that belongs to it; what is open stays."""
    books.report(issued(), issued(serie="F-2"))
    books.ask("POST", "/1/payments", body={"reference": "T-1", "amount": 11_600})
    test_clock.advance(days=800)
    retention.remove_old()
    assert len(books.rows) == 2
    environment.setenv("RETENTION_INVOICE_DAYS", "365")
    get_settings.cache_clear()
    for _ in range(2):
        retention.remove_old()
        test_clock.advance(days=1)
    assert [row.serie for row in books.rows] == ["F-2"]
    assert test_clock.moment > books.row.updated_at + timedelta(days=365)


def test_days_of_invoices_go_after_three_years(books: Books, test_clock: clock.TestClock) -> None:
    """Whatever is set: their figures are no personal data."""

    def work(session: Session) -> None:
        session.add_all(InvoiceDay(day=(clock.now() - timedelta(days=age)).date()) for age in (1101, 1100, 0))

    transact(work)
    assert retention.forget()["days of invoices"] == 1
    with reading() as session:
        assert session.scalar(select(sql.count()).select_from(InvoiceDay)) == 2
