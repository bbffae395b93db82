"""Invoices from Odoo's books: read page by page, as far as they were written since; never written."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.invoices import odoo
from shared import clock
from shared.errors import RetryableError
from shared.settings import get_settings
from shared.store.models import OdooCursor
from shared.store.session import reading
from shared.vendors.odoo.client import OdooClient
from tests.functions.invoices.conftest import Books
from tests.unit.vendors.odoo_in_hand import OdooInHand


class Accounts:
    """Odoo's books, as somebody in finance changes them."""

    def __init__(self, hand: OdooInHand, client: OdooClient, test_clock: clock.TestClock) -> None:
        self.hand, self.client, self.test_clock = hand, client, test_clock
        self.partner = self.client.create(
            "res.partner", [{"name": "Panadería Luz", "email": "luz@example.com", "phone": "55 1234 5678"}]
        )[0]

    def issue(self, name: str, total: float, **more: Any) -> int:
        """Issue an invoice of an amount, whose residual is the same."""
        values = {
            "name": name,
            "move_type": "out_invoice",
            "state": "posted",
            "partner_id": self.partner,
            "commercial_partner_id": self.partner,
            "invoice_date": "2026-01-19",
            "invoice_date_due": "2026-02-18",
            "amount_total": total,
            "amount_residual": total,
        }
        return self.client.create("account.move", [values | more])[0]

    def write(self, number: int, **values: Any) -> None:
        """Change an invoice."""
        self.client.write("account.move", [number], values)

    def look(self) -> int:
        """Let the app look at what there is now; its clock is the machine's, as the sandbox's is."""
        clock.sleep(max((datetime.now(UTC) - clock.now()).total_seconds(), 0))
        return odoo.look()

    def calls(self) -> list[str]:
        """What was asked of Odoo since the last time."""
        found = list(self.hand.calls)
        self.hand.calls.clear()
        return found


@pytest.fixture
def accounts(books: Books, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Accounts:
    """An Odoo with a customer, whose invoices are taken over."""
    environment.setenv("INVOICES_FROM_ODOO", "true")
    get_settings.cache_clear()
    hand = OdooInHand()
    client = OdooClient(hand)
    environment.setattr(OdooClient, "from_settings", staticmethod(lambda *_given: client))
    test_clock.moment = datetime.now(UTC)
    return Accounts(hand, client, test_clock)


def shown(books: Books) -> dict[str, tuple[str, str]]:
    """Each invoice with its status and what is open."""
    return {row.serie: (row.status, str(row.residual)) for row in books.rows}


def test_invoice_is_taken_over_and_followed(books: Books, accounts: Accounts) -> None:
    """With the customer, in exact amounts; until it is paid there."""
    number = accounts.issue("INV/2026/00012", 11600.1, amount_residual=6600.10, amount_untaxed=10000.09, amount_tax=1600.01)
    accounts.look()
    row = books.row
    assert (row.serie, row.kind, row.status, row.currency, row.odoo_id) == ("INV/2026/00012", "invoice", "open", "MXN", number)
    assert (str(row.total), str(row.residual), row.subtotal_minor, row.taxes_minor) == (
        "11600.10",
        "6600.10",
        1_000_009,
        160_001,
    )
    assert (row.issued_on.isoformat(), row.due_on.isoformat()) == ("2026-01-19", "2026-02-18")
    assert (row.customer, row.email, row.phone) == ("Panadería Luz", "luz@example.com", "+525512345678")
    assert row.customer_id == f"odoo:{accounts.partner}"
    accounts.write(number, amount_residual=0.0, payment_state="paid")
    accounts.look()
    assert shown(books) == {"INV/2026/00012": ("paid", "0.00")}


def test_what_is_not_taken_over(books: Books, accounts: Accounts) -> None:
    """Bills of suppliers, drafts without a number, and what was paid before anybody looked; credit notes are."""
    accounts.issue("BILL/1", 5, move_type="in_invoice")
    draft = accounts.issue("/", 7, state="draft")
    accounts.issue("INV/1", 9, amount_residual=0.0, payment_state="paid")
    accounts.issue("RINV/1", 8, move_type="out_refund", currency_id=2)
    accounts.look()
    assert shown(books) == {"RINV/1": ("open", "8.00")}
    assert (books.row.kind, books.row.currency) == ("credit_note", "USD")
    accounts.write(draft, state="posted", name="INV/2")
    accounts.look()
    assert shown(books)["INV/2"] == ("open", "7.00")
    accounts.write(draft, state="cancel")
    accounts.look()
    assert shown(books)["INV/2"][0] == "cancelled"


def test_only_read_and_only_what_is_new(books: Books, accounts: Accounts) -> None:
    """A look that finds nothing new asks once, and nothing is ever written."""
    accounts.issue("INV/1", 5)
    accounts.calls()
    assert accounts.look() == 1
    assert {call.rpartition(".")[2].rpartition("/")[2] for call in accounts.calls()} == {"search_read"}
    clock.sleep(600)
    accounts.look()
    clock.sleep(600)
    before = books.row.updated_at
    accounts.calls()
    assert (accounts.look(), len(accounts.calls())) == (0, 1)
    assert books.row.updated_at == before


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_pages_and_deaths_in_between(books: Books, accounts: Accounts, environment: pytest.MonkeyPatch, seed: int) -> None:
    """Forty of one second, in pages of seven, with calls that fail: the same in the end, whoever reports besides."""
    dice = random.Random(seed)  # noqa: S311  # an order
    environment.setattr(odoo, "PAGE", 7)
    numbers = [accounts.issue(f"INV/{number}", 100 + number) for number in range(40)]
    for number in dice.sample(numbers, 10):
        accounts.write(number, amount_residual=50.0)
    books.report({"serie": "INV/3", "total": "1", "updated_at": "2020-01-01T00:00:00Z"})
    for _ in range(6):
        if dice.random() < 0.5:
            accounts.hand.failure = RetryableError("away")
            with pytest.raises(RetryableError):
                accounts.look()
            accounts.hand.failure = None
        environment.setattr(odoo, "LONGEST_LOOK", timedelta(seconds=dice.choice((-1, 45))))
        accounts.look()
    environment.setattr(odoo, "LONGEST_LOOK", timedelta(seconds=45))
    accounts.look()
    expected = {
        one["name"]: ("open", f"{one['amount_residual']:.2f}")
        for one in accounts.client.search_read("account.move", [], ["name", "amount_residual"])
    }
    assert shown(books) == expected
    assert len({row.odoo_id for row in books.rows}) == 40


def test_payment_here_counts_until_odoo_knows_it(books: Books, accounts: Accounts) -> None:
    """A change in Odoo for another reason asks for nothing again."""
    number = accounts.issue("INV/1", 100.0)
    accounts.look()
    clock.sleep(60)
    books.ask("POST", "/1/payments", body={"reference": "T-1", "amount": 100})
    accounts.write(number, invoice_date_due="2026-02-20")
    clock.sleep(60)
    odoo.look()
    assert shown(books) == {"INV/1": ("paid", "0.00")}
    assert books.row.due_on.isoformat() == "2026-02-20"


def test_not_asked_for(books: Books, accounts: Accounts, environment: pytest.MonkeyPatch) -> None:
    """Without the setting nothing is called; another company's invoices are left out."""
    accounts.issue("INV/1", 100.0)
    environment.setenv("INVOICES_ODOO_COMPANY", "2")
    get_settings.cache_clear()
    assert accounts.look() == 0
    environment.setenv("INVOICES_FROM_ODOO", "false")
    get_settings.cache_clear()
    accounts.calls()
    assert (accounts.look(), accounts.calls(), books.rows) == (0, [], [])
    with reading() as session:
        assert session.get(OdooCursor, "account.move") is not None
