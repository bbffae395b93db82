"""What a ticket says: numbers and dates are proven by the ticket's own sums and by plausibility, else asked."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from functions.tickets import figures
from functions.tickets.answering import Question, RejectedError, UnclearError, read
from functions.tickets.judging import Judgement, Rules, judge
from functions.tickets.reading import Line, Reading

TODAY = date(2026, 4, 10)
RULES = Rules(today=TODAY, currency="MXN", plausible_up_to={"MXN": Decimal(50_000)})
KNOWN: dict[str, Any] = {"supplier": "Gasolinera Ñandú", "day": "09/04/2026"}


def judged(answers: dict[str, str] | None = None, rules: Rules = RULES, **printed: Any) -> Judgement:
    """What is made of a ticket on which this is printed, beside a supplier and a date."""
    return judge(Reading.from_json(KNOWN | printed), answers or {}, rules)


def asked(found: Judgement) -> dict[str, tuple[str, ...]]:
    """What has to be asked, with the readings to choose from."""
    return {doubt.about: doubt.readings for doubt in found.doubts}


class TestNumbers:
    """1.250 or 1,250: decided for each number, by the ticket's own sums."""

    def test_point_of_thousands_is_proven_by_the_lines(self) -> None:
        """`TOTAL 1.250` with lines of `1.000` and `250`."""
        found = judged(total="1.250", lines=[{"amount": "1.000"}, {"amount": "250"}])
        assert (found.total, asked(found), found.proofs["total"]) == (Decimal("1250.00"), {}, "sums")

    def test_three_decimals_are_legal_for_a_quantity(self) -> None:
        """Fuel: `3,499 x 20.00 = 69.98`."""
        found = judged(total="69.98", lines=[{"quantity": "3,499", "price": "20.00", "amount": "69.98"}])
        assert (found.total, found.items[0]["quantity"]) == (Decimal("69.98"), "3.499")

    def test_decimal_comma(self) -> None:
        """`12,50` is twelve and a half, never 1250."""
        found = judged(total="12,50", paid="20,00", change="7,50")
        assert (found.total, found.proofs["total"]) == (Decimal("12.50"), "sums")

    def test_two_tickets_of_one_supplier_with_two_habits(self) -> None:
        """`1,234.50` and `1.234,50` are the same amount: no habit is remembered."""
        for total, lines in (("1,234.50", ["1,000.00", "234.50"]), ("1.234,50", ["1.000,00", "234,50"])):
            assert judged(total=total, lines=[{"amount": one} for one in lines]).total == Decimal("1234.50")

    def test_both_readings_that_fit_are_asked(self) -> None:
        """Lines that could be written either way prove both."""
        found = judged(total="1.250", lines=[{"amount": "1.250"}])
        assert asked(found) == {"total": ("1250.00", "1.25")}

    def test_currency_without_decimals_has_one_reading(self) -> None:
        """Chilean pesos have no cents."""
        found = judged(currency="CLP", total="$12.990", subtotal="$10.916", tax="$2.074")
        assert (found.total, found.tax) == (Decimal(12990), Decimal(2074))

    def test_nought_is_a_value(self) -> None:
        """A courtesy."""
        found = judged(total="0.00", lines=[{"amount": "25.00"}], discount="25.00")
        assert (found.total, asked(found)) == (Decimal("0.00"), {})

    def test_total_that_nothing_proves_is_asked_unless_the_setting_says_otherwise(self) -> None:
        """One reading is no proof."""
        assert asked(judged(total="$85.00")) == {"total": ("85.00",)}
        found = judged(total="$85.00", rules=Rules(today=TODAY, currency="MXN", asks_unproven=False))
        assert (found.total, found.proofs["total"]) == (Decimal("85.00"), "form")

    def test_sums_that_contradict_are_asked_even_then(self) -> None:
        """Subtotal and tax say another total."""
        rules = Rules(today=TODAY, currency="MXN", asks_unproven=False)
        assert asked(judged(total="118.00", subtotal="100.00", tax="16.00", rules=rules)) == {"total": ("118.00",)}

    def test_large_total_is_asked_though_its_sums_are_right(self) -> None:
        """Plausibility."""
        assert asked(judged(total="60,000.00", lines=[{"amount": "60,000.00"}])) == {"total": ("60000.00",)}

    def test_credit_is_asked(self) -> None:
        """Below nought is no expense."""
        assert "total" in asked(judged(total="-100.00", lines=[{"amount": "-100.00"}]))

    def test_total_that_is_no_number_is_asked_without_a_reading(self) -> None:
        """A letter among the digits is not mended."""
        assert asked(judged(total="1O0.00")) == {"total": ()}

    @pytest.mark.parametrize(
        "printed",
        [
            {"total": "116.00", "subtotal": "100.00", "tax": "16.00"},
            {"total": "126.00", "subtotal": "100.00", "tax": "16.00", "tip": "10.00"},
            {"total": "106.00", "subtotal": "100.00", "tax": "16.00", "discount": "-10.00"},
            {"total": "116.00", "tax": "16.00", "lines": [{"amount": "116.00"}]},
            {"total": "116.00", "tax": "16.00", "lines": [{"quantity": "2", "price": "50.00"}]},
            {"total": "116.00", "paid": "200.00", "change": "84.00"},
            {"total": "99.99", "lines": [{"amount": "33.33"}, {"amount": "33.33"}, {"amount": "33.34"}]},
        ],
    )
    def test_each_sum_proves(self, printed: dict[str, Any]) -> None:
        """Lines, subtotal and tax, money paid; off by the smallest unit is as good."""
        found = judged(**printed)
        assert (asked(found), found.proofs["total"]) == ({}, "sums")

    def test_missed_line_is_noted_and_not_asked(self) -> None:
        """Another sum proves the total."""
        found = judged(total="116.00", subtotal="100.00", tax="16.00", lines=[{"amount": "50.00"}])
        assert (asked(found), found.notes) == ({}, ("items-do-not-add-up",))

    def test_tax_that_cannot_be_is_left_out(self) -> None:
        """It is not needed, so nobody is asked."""
        found = judged(total="10.00", lines=[{"amount": "10.00"}], tax="16%")
        assert (found.tax, asked(found), found.notes) == (None, {}, ("tax-unreadable",))

    def test_lines_without_names_and_counts_have_defaults(self) -> None:
        """`Item n`, one piece; what is not known stays open."""
        (first, second) = judged(total="5.00", lines=[{"amount": "2.00"}, {"description": "Té", "amount": "3.00"}]).items
        assert first == {"description": "Item 1", "quantity": "1", "price": "2.00", "amount": "2.00"}
        assert second["description"] == "Té"

    @given(
        cents=some.lists(some.integers(1, 900_000), min_size=1, max_size=30),
        form=some.sampled_from([("", "."), (",", "."), (".", ","), (" ", ",")]),
    )
    def test_sum_in_any_way_of_writing_is_never_ten_or_a_thousand_times_wrong(
        self, cents: list[int], form: tuple[str, str]
    ) -> None:
        """Whatever the ticket's signs are: the total is right, or it is asked."""
        group, decimal = form

        def written(amount: int) -> str:
            return f"{Decimal(amount) / 100:,.2f}".translate(str.maketrans({",": group, ".": decimal}))

        rules = Rules(today=TODAY, currency="MXN")
        found = judged(total=written(sum(cents)), lines=[{"amount": written(one)} for one in cents], rules=rules)
        assert found.total == Decimal(sum(cents)) / 100

    @given(some.lists(some.sampled_from(["1.000", "1,250", "12", "3.5", "1.000.000"]), min_size=1, max_size=80))
    def test_many_doubtful_lines_take_no_time(self, amounts: list[str]) -> None:
        """Eighty numbers of two readings each have more sums than there are atoms; they are merged, or prove nothing."""
        sums = figures.sums_of([figures.amounts_of(Line(amount=one), "MXN") for one in amounts])
        assert len(sums) <= figures.MOST_SUMS


class TestCurrency:
    """Signs that several currencies share."""

    @pytest.mark.parametrize(
        ("printed", "currency"),
        [
            ({"currency": "$"}, "MXN"),
            ({"currency": "PESOS"}, "MXN"),
            ({"currency": "M.N."}, "MXN"),
            ({"currency": "USD"}, "USD"),
            ({"currency": "$", "total": "US$ 10.00"}, "USD"),
            ({"currency": "€"}, "EUR"),
            ({"currency": "£"}, "GBP"),
            ({"total": "S/ 10.00"}, "PEN"),
            ({}, "MXN"),
        ],
    )
    def test_is_the_one_that_all_signs_may_be(self, printed: dict[str, Any], currency: str) -> None:
        """The company's own where that is among them."""
        assert judged(**({"total": "10.00", "lines": [{"amount": "10.00"}]} | printed)).currency == currency

    def test_sign_of_several_others_is_asked_first(self) -> None:
        """Nothing else can be judged before."""
        assert list(asked(judged(currency="Bs.", total="10.00"))) == ["currency"]

    def test_signs_that_contradict_are_asked(self) -> None:
        """Euros beside a dollar sign."""
        assert "currency" in asked(judged(currency="EUR", total="$10.00"))


class TestDays:
    """Local order, the future, and long ago."""

    @pytest.mark.parametrize(
        ("printed", "day", "proof"),
        [
            ("2026-04-09", "2026-04-09", "form"),
            ("09/04/2026", "2026-04-09", "plausible"),  # the other reading lies in the future
            ("03/04/2026", "2026-04-03", "order"),
            ("04/12/2026", "2026-04-12", ""),
            ("12/04/26", "2026-04-12", ""),
            ("04-09-2026", "2026-04-09", "plausible"),  # 4 September lies in the future
            ("25 MAR 2026", "2026-03-25", "form"),
        ],
    )
    def test_day(self, printed: str, day: str, proof: str) -> None:
        """The reading that lies in the future or far back loses; the local order decides among the others."""
        rules = Rules(today=date(2026, 4, 10), currency="MXN")
        found = judged(day=printed, total="1.00", lines=[{"amount": "1.00"}], rules=rules)
        if proof:
            assert (f"{found.day}", found.proofs["day"]) == (day, proof)
        else:
            assert "day" in asked(found)

    def test_foreign_ticket_is_asked_with_both(self) -> None:
        """The local order says nothing about a ticket from elsewhere."""
        found = judged(day="03/04/2026", currency="USD", total="1.00", lines=[{"amount": "1.00"}])
        assert asked(found) == {"day": ("2026-04-03", "2026-03-04")}

    @pytest.mark.parametrize("printed", [None, "MAR", "31/02/2026", "09/04/1999", "09/04/2027"])
    def test_day_that_cannot_be_is_asked(self, printed: str | None) -> None:
        """None, half of one, one that is not in the calendar, long ago, in a year."""
        assert "day" in asked(judged(day=printed, total="1.00", lines=[{"amount": "1.00"}]))


def test_difference_from_what_the_reader_understood_is_asked() -> None:
    """High confidence is no proof: "3 038,14" was understood as 3."""
    found = judged(total="3 038,14", lines=[{"amount": "3 038,14"}], understood={"total": "3", "day": "2026-09-04"})
    assert set(asked(found)) == {"total", "day"}


def test_what_the_reader_is_not_sure_of_is_asked() -> None:
    """Supplier, date or total, though each can be read."""
    found = judged(total="1.00", lines=[{"amount": "1.00"}], unsure=["supplier", "day", "total"])
    assert list(asked(found)) == ["total", "day", "supplier"]


def test_answers_need_no_proof_and_are_judged_the_same_again() -> None:
    """Whatever is printed."""
    answers = {"currency": "USD", "total": "7.50", "day": "2020-01-01", "supplier": "Doña Ñ"}
    found = judged(answers, total="999", day=None, supplier=None)
    assert (found.total, f"{found.day}", found.supplier, asked(found)) == (Decimal("7.50"), "2020-01-01", "Doña Ñ", {})
    assert judged(answers, total="999", day=None, supplier=None) == found


@given(some.dictionaries(some.text(max_size=8), some.none() | some.text(max_size=40) | some.floats() | some.lists(some.text())))
def test_no_answer_of_a_reader_breaks_anything(value: dict[str, Any]) -> None:
    """Whatever a model answers: it is judged, and nothing is believed that cannot be read."""
    names = dict(zip(("total", "day", "currency", "lines", "tax"), value.values(), strict=False))
    found = judge(Reading.from_json(value | names), {}, RULES)
    assert found.doubts or found.total is not None


WRITTEN = datetime(2026, 4, 10, 18, tzinfo=UTC)


def question(about: str, *readings: str, currency: str = "MXN") -> Question:
    """A question of a company in Mexico."""
    return Question(about=about, readings=readings, currency=currency, order="DMY", zone="America/Mexico_City")


class TestAnswers:
    """What people answer."""

    @pytest.mark.parametrize(
        ("asked", "text", "value"),
        [
            (question("total", "1250.00"), "Sí", "1250.00"),
            (question("total", "1250.00"), "si.", "1250.00"),
            (question("total", "1250.00"), "👍", "1250.00"),
            (question("total", "1250.00"), "1,350.50", "1350.50"),
            (question("total", "1250.00"), "No, son $1,350.50 pesos", "1350.50"),
            (question("total", "1250.00", "1.25"), "B", "1.25"),
            (question("total", "1250.00", "1.25"), "la a)", "1250.00"),
            (question("total"), "0", "0.00"),
            (question("day", "2026-04-03", "2026-03-04"), "b", "2026-03-04"),
            (question("day"), "3/4/2026", "2026-04-03"),
            (question("day"), "ayer", "2026-04-09"),
            (question("currency", "BOB", "VES"), "bob", "BOB"),
            (question("currency"), "dólares", "USD"),
            (question("currency"), "pesos", "MXN"),
            (question("supplier"), "  Café   Ñandú ", "Café Ñandú"),
            (question("another", "2026-04-03"), "es otro", "yes"),
            (question("another", "2026-04-03"), "No", "no"),
        ],
    )
    def test_is_read(self, asked: Question, text: str, value: str) -> None:
        """Yes, a letter, or the right value."""
        assert read(asked, text, WRITTEN) == value

    @pytest.mark.parametrize(
        ("asked", "text"),
        [
            (question("total", "1250.00", "1.25"), "sí"),  # to which?
            (question("total", "1250.00", "1.25"), "c"),
            (question("total"), "1.250"),  # two readings again
            (question("total"), "entre 10 y 20"),
            (question("total"), "-5"),
            (question("day"), "hace rato"),
            (question("currency"), "$€"),
            (question("supplier"), "12"),
            (question("another", "2026-04-03"), "¿cuál?"),
        ],
    )
    def test_is_not_guessed(self, asked: Question, text: str) -> None:
        """It is asked once more."""
        with pytest.raises(UnclearError):
            read(asked, text, WRITTEN)

    def test_no_alone_rejects_what_was_proposed(self) -> None:
        """What is right is asked next."""
        with pytest.raises(RejectedError):
            read(question("total", "1250.00"), "no", WRITTEN)
