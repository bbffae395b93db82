"""People: phone numbers, channels, and what events say of them put together."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from shared.crm import people
from shared.store.models import Channel, Contact
from shared.store.session import reading, transact

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("phone", "region", "expected"),
    [
        ("5512345678", "MX", "+525512345678"),  # national
        ("(55) 1234-5678", "MX", "+525512345678"),
        ("٥٥١٢٣٤٥٦٧٨", "MX", "+525512345678"),  # Arabic digits
        ("+52 55 1234 5678", "MX", "+525512345678"),
        ("+52 55 1234 5678", "ES", "+525512345678"),  # a country code counts everywhere
        ("525512345678", "MX", "+525512345678"),  # as WhatsApp writes it
        ("5215512345678", "MX", "+525512345678"),  # as WhatsApp writes Mexican mobiles
        ("+521 55 1234 5678", "ES", "+525512345678"),
        ("whatsapp:+5215512345678", "MX", "+525512345678"),
        ("5491123456789", "MX", "+5491123456789"),  # Argentina keeps its 9
        ("0034 600 000 000", "MX", "+34600000000"),
        ("0034600000000", "US", "+34600000000"),  # dialled abroad with 011, written with 00 all the same
        ("600 000 000", "ES", "+34600000000"),
        ("51987654321", "MX", "+51987654321"),
        ("12025550143", "MX", "+12025550143"),
        ("tel:+52-55-1234-5678", "MX", "+525512345678"),
        ("55 1234 5678 ext. 9", "MX", "+525512345678"),
        ("12345678", "MX", None),  # no area code
        ("1234567", "US", None),
        ("044 55 1234 5678", "MX", "+525512345678"),  # a prefix of old, not the United Kingdom
        ("34600000000", "MX", None),  # one digit too many is likelier than another country without its plus
        ("15551234567", "MX", None),  # no such area
        ("123", "MX", None),
        ("+3460000000", "ES", None),  # one digit short
        ("+999123456789", "MX", None),  # no such country
        ("5512345678 / 5587654321", "MX", None),
        ("ninguno", "MX", None),
        ("+", "MX", None),
        ("0", "MX", None),
        ("9" * 100, "MX", None),
    ],
)
def test_e164(phone, region, expected):
    """A phone as people write it becomes E.164, or is not taken for a number."""
    assert people.e164(phone, region) == expected


def test_an_id_of_whatsapp_is_international():
    """Digits alone; with signs between them it is a number that somebody typed."""
    assert people.e164("34600000000", "MX", "whatsapp") == "+34600000000"
    assert people.e164("553187654321", "MX", "whatsapp") == "+5531987654321"
    assert people.e164("1 55 1234 5678", "MX", "whatsapp") is None


@given(st.text(max_size=100), st.sampled_from(["MX", "ES", "US", "AR"]))
def test_any_text_is_a_number_or_none(phone, region):
    """Never an error; what comes out fits its column and is read as itself again."""
    found = people.e164(phone, region)
    if found is not None:
        assert found.startswith("+")
        assert len(found) <= 16
        assert people.e164(found, region) == found


def given_facts(**facts):
    """Let one event say something of the contact m1; what changed, and the contact."""
    at, key = facts.pop("at", AT), facts.pop("key", "e1")

    def work(session):
        row = people.locked_contact(session, "m1")
        changed = people.merge_person(session, row, at, key, **facts)
        return changed, row

    return transact(work)


def test_contact_is_made_once(database):
    """The first mention makes the row, the second finds it."""
    first = transact(lambda session: people.locked_contact(session, "m1").id)
    assert transact(lambda session: people.locked_contact(session, "m1").id) == first


def test_phone_is_normalised_and_kept_as_written(database):
    """Both are of use: one to find people by, one to see what they wrote."""
    changed, row = given_facts(phone="55 1234 5678")
    assert (row.phone, row.phone_original) == ("+525512345678", "55 1234 5678")
    assert changed == {"phone", "phone_original"}


def test_bad_phone_does_not_replace_a_good_one(database):
    """What is no number is still kept as written."""
    given_facts(phone="5512345678")
    _, row = given_facts(phone="no tengo", at=AT.replace(hour=11), key="e2")
    assert (row.phone, row.phone_original) == ("+525512345678", "no tengo")


@pytest.mark.parametrize(
    "spelling", ["instagram", "INSTAGRAM", " Instagram ", "Ínstagram.", "Instagram\u200b", "\uff29nstagram"]
)
def test_channel_is_found_however_it_is_spelled(database, spelling):
    """A channel is made on first mention, under the spelling of that time."""
    given_facts(channel="Instagram")
    given_facts(channel=spelling, at=AT.replace(hour=11), key="e2")
    with reading() as session:
        assert session.scalars(select(Channel.name)).all() == ["Instagram"]


def test_last_event_is_the_newest_not_the_last_to_arrive(database):
    """An older event that comes late does not set it back."""
    given_facts(first_name="Ana", at=AT.replace(hour=12))
    _, row = given_facts(first_name="Eva", at=AT.replace(hour=9), key="e2")
    assert (row.last_event_at, row.first_name) == (AT.replace(hour=12), "Ana")


@pytest.mark.parametrize(
    ("first", "last", "full"),
    [("Ana", "Pérez", "Ana Pérez"), ("Ana", None, "Ana"), (None, "Pérez", "Pérez"), (None, None, "ManyChat m1")],
)
def test_full_name(first, last, full):
    """Whatever is known of it, or else ManyChat's id."""
    assert Contact(manychat_id="m1", first_name=first, last_name=last).full_name == full


def test_names_that_differ_only_in_case_are_two_people(database):
    """ManyChat's ids are compared exactly."""
    transact(lambda session: [people.locked_contact(session, name) for name in ("abc", "ABC")])
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 2
