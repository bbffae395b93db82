"""Numbers and names of leads."""

import hashlib
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.leads import ids, persons
from functions.leads.tables import Lead
from shared.crm.people import email_name
from shared.store.journey_models import PERSON_LENGTH
from shared.store.session import transact
from tests.conftest import forget

pytestmark = pytest.mark.usefixtures("fresh")

DAY = date(2026, 3, 2)


def test_the_same_form_on_one_day_is_one_lead() -> None:
    """Whatever the case and the spaces."""
    assert ids.lead_id("Ana@Example.com ", "Ventas  online", DAY) == ids.lead_id("ana@example.com", "ventas online", DAY)


@pytest.mark.parametrize(
    "other", [("b@example.com", "x", DAY), ("a@example.com", "y", DAY), ("a@example.com", "x", date(2026, 3, 3))]
)
def test_another_wish_is_another_lead(other: tuple[str, str, date]) -> None:
    """Another address, service or day."""
    assert ids.lead_id(*other) != ids.lead_id("a@example.com", "x", DAY)


@given(st.text(), st.text(), st.dates())
def test_a_number_survives_a_browser(email: str, service: str, day: date) -> None:
    """It is a whole number that JavaScript keeps exactly."""
    number = ids.lead_id(email, service, day)
    assert 0 < number < 2**53
    assert int(float(number)) == number


def test_nobody_works_a_number_out(environment: pytest.MonkeyPatch) -> None:
    """The same facts have another number under another secret; where none is set, the API keys serve."""
    numbers = {ids.lead_id("ana@example.com", "Ventas", DAY)}
    for secret in ("uno", "dos"):
        environment.setenv("LINK_SIGNING_SECRETS", secret)
        forget()
        numbers.add(ids.lead_id("ana@example.com", "Ventas", DAY))
    public = hashlib.sha256(f"ana@example.com\nventas\n{DAY}".encode()).digest()
    assert len(numbers) == 3
    assert int.from_bytes(public[:8]) >> 11 not in numbers


@given(st.integers(1, 2**53 - 1))
def test_a_signed_number_is_read_back(number: int) -> None:
    """By us, also with blanks around it."""
    assert ids.verified(ids.signed(number)) == number
    assert ids.verified(f" {ids.signed(number)} ") == number


@given(st.integers(1, 2**53 - 1), st.integers(0, 200), st.characters(codec="utf-8"))
def test_an_altered_number_is_none(number: int, place: int, sign: str) -> None:
    """Whatever sign of it is another one; and a bare number is none."""
    signed = ids.signed(number)
    place %= len(signed)
    altered = signed[:place] + sign + signed[place + 1 :]
    assert ids.verified(altered) in ((number,) if altered.strip() == signed else (None,))
    assert [ids.verified(bare) for bare in (str(number), number, None, True, {"a": 1})] == [None] * 5


@given(st.emails() | st.text(max_size=300))
def test_a_name_fits_its_column(email: str) -> None:
    """However long the address is."""
    assert len(email_name(email).encode("utf-16-le", "surrogatepass")) // 2 <= PERSON_LENGTH


@pytest.mark.usefixtures("database")
def test_a_person_has_all_their_names() -> None:
    """The lead at hand first, then the address, then earlier leads of the same address."""
    sent = {
        "name": "Ana",
        "phone_original": "",
        "company": "",
        "source": "web",
        "received_at": datetime(2026, 3, 2, tzinfo=UTC),
        "said_at": datetime(2026, 3, 2, tzinfo=UTC),
    }
    transact(lambda session: session.add_all(
        [Lead(id=number, email="ana@example.com", service=str(number), **sent) for number in (7, 8)]
        + [Lead(id=9, email="eva@example.com", service="x", **sent)]
    ))  # fmt: skip
    assert transact(lambda session: persons.names_of(session, email="Ana@example.com", lead_id=7)) == [
        "lead:7", "email:ana@example.com", "lead:8",
    ]  # fmt: skip
    assert transact(lambda session: persons.names_of(session, email="new@example.com")) == ["email:new@example.com"]
    assert transact(lambda session: persons.names_of(session, email=None)) == []
