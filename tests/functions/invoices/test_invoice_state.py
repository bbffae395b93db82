"""What is open of an invoice, computed from reports and payments in any order."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.invoices import state
from functions.invoices.fields import InvoiceFields
from functions.invoices.state import Paid
from shared.errors import PermanentError

DAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DEFAULTS = state.Defaults(currency="MXN", terms=timedelta(days=30), day_of=lambda moment: moment.date())
HOURS = [DAY + timedelta(hours=number) for number in range(8)]


def computed(*reports: tuple[int, dict[str, Any]], paid: tuple[tuple[int, int], ...] = ()) -> dict[str, Any]:
    """The columns after these reports, each with its hour, and these payments, each with hour and centavos."""
    facts: dict[str, Any] = {}
    statements: list[Any] = []
    for hour, sent in reports:
        report = InvoiceFields.model_validate(sent)
        facts = state.merged(facts, report.facts(), HOURS[hour])
        statements = state.with_statement(statements, report.statement(), HOURS[hour])
    return state.computed(facts, statements, [Paid(HOURS[hour], minor) for hour, minor in paid], DEFAULTS)


def residual(*reports: tuple[int, dict[str, Any]], paid: tuple[tuple[int, int], ...] = ()) -> tuple[str, int]:
    """The state and what is open, in centavos."""
    found = computed(*reports, paid=paid)
    return found["status"], found["residual_minor"]


@pytest.fixture(autouse=True)
def _settings(environment: pytest.MonkeyPatch) -> None:
    """Amounts are read as in Mexico."""


TOTAL = (0, {"total": "11600.00"})


class TestOpen:
    """What is still to be paid, and not what was billed."""

    def test_total_until_something_is_paid(self) -> None:
        """As long as nothing else is known."""
        assert residual(TOTAL) == ("open", 1_160_000)

    def test_part_is_paid(self) -> None:
        """Said as what was paid, or as what is left."""
        assert residual(TOTAL, (1, {"paid": "5000"})) == ("open", 660_000)
        assert residual(TOTAL, (1, {"residual": "6600"})) == ("open", 660_000)

    def test_paid_and_opened_again(self) -> None:
        """A bounced cheque: the newer report counts."""
        assert residual(TOTAL, (1, {"status": "pagada"})) == ("paid", 0)
        assert residual(TOTAL, (1, {"status": "paid"}), (2, {"residual": "11600"})) == ("open", 1_160_000)

    def test_cancelled_is_not_open(self) -> None:
        """Whatever its residual."""
        assert residual(TOTAL, (1, {"status": "void"}))[0] == "cancelled"

    def test_nothing_is_known(self) -> None:
        """A report that came before the invoice."""
        assert residual((0, {"customer": "Luz"})) == ("incomplete", 0)
        assert residual((0, {"paid": "5"})) == ("incomplete", 0)

    def test_payment_is_deducted_until_the_books_know_it(self) -> None:
        """Also where the books repeat what was open before it, for another reason."""
        books = (1, {"residual": "6600"})
        assert residual(TOTAL, books, paid=((2, 660_000),)) == ("paid", 0)
        assert residual(TOTAL, books, (3, {"residual": "6600", "customer": "Luz"}), paid=((2, 660_000),)) == ("paid", 0)
        assert residual(TOTAL, books, (3, {"residual": "0"}), paid=((2, 660_000),)) == ("paid", 0)

    def test_part_payment_that_the_books_know_counts_once(self) -> None:
        """The newer residual holds it already."""
        assert residual(TOTAL, (3, {"residual": "6600"}), paid=((2, 500_000),)) == ("open", 660_000)

    def test_paid_more_than_asked_for(self) -> None:
        """Nothing is open then; what is too much is for the books."""
        assert residual(TOTAL, paid=((1, 2_000_000),)) == ("paid", 0)

    def test_paid_since(self) -> None:
        """When the last of it came."""
        assert computed(TOTAL, paid=((2, 600_000), (5, 560_000)))["paid_at"] == HOURS[5]
        assert computed(TOTAL, (4, {"status": "paid"}))["paid_at"] == HOURS[4]


class TestDays:
    """A due date is a day."""

    def test_without_one(self) -> None:
        """The day of issue, else that of the first report, and the terms."""
        assert computed((3, {"total": "1", "issued_date": "2026-01-01"}))["due_on"] == date(2026, 1, 31)
        assert computed((3, {"total": "1"}), (1, {"customer": "Luz"}))["due_on"] == date(2026, 4, 1)

    @pytest.mark.parametrize(
        "written", ["2026-11-30", "2026-11-30T00:00:00Z", "2026-11-30T23:59:59-08:00", "30/11/2026", "30 de noviembre de 2026"]
    )
    def test_in_any_spelling(self, written: str) -> None:
        """The day that is written there, in every zone."""
        assert computed((0, {"total": "1", "due_date": written}))["due_on"] == date(2026, 11, 30)


class TestMoney:
    """Amounts are exact."""

    def test_currency_has_its_own_unit(self) -> None:
        """Dinars have thousandths, pesos of Chile none."""
        assert computed((0, {"currency": "kwd", "total": "1.234"}))["total_minor"] == 1234
        assert computed((0, {"currency": "CLP", "total": "5000"}))["total_minor"] == 5000

    def test_currency_that_does_not_go_with_the_amount(self) -> None:
        """Hundredths of a currency that has none."""
        with pytest.raises(PermanentError) as caught:
            computed((0, {"total": "10.50"}), (1, {"currency": "CLP"}))
        assert caught.value.reason == "bad-amount"


REPORTS = st.fixed_dictionaries(
    {},
    optional={
        "total": st.sampled_from(["100", "200"]),
        "residual": st.sampled_from(["0", "50", "100"]),
        "paid": st.sampled_from(["0", "20", "100"]),
        "status": st.sampled_from(["issued", "paid", "cancelled"]),
        "due_date": st.sampled_from(["2026-03-01", "2026-04-01"]),
        "type": st.sampled_from(["invoice", "credit_note"]),
    },
)
DATED = st.tuples(st.integers(0, 5), REPORTS)


def _is_possible(report: dict[str, Any]) -> bool:
    total = int(report.get("total", "1000"))
    return all(int(report.get(name, "0")) <= total for name in ("residual", "paid"))


@given(st.lists(DATED, min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_state_depends_on_no_order(drawn: list[tuple[int, dict[str, Any]]], dice: Any) -> None:
    """Equal times, contradictions and repetitions included."""
    reports = [each for each in drawn if _is_possible(each[1])] or [TOTAL]
    shuffled = [*reports, *dice.sample(reports, k=dice.randint(0, len(reports)))]
    dice.shuffle(shuffled)
    assert computed(*shuffled, paid=((2, 5000),)) == computed(*reports, paid=((2, 5000),))
