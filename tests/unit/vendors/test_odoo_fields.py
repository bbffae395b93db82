"""Fields, values and sources: what Odoo's `load` is given."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import clock
from shared.errors import PermanentError, RetryableError
from shared.vendors.odoo import sources
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.fields import forget_fields, model_fields
from shared.vendors.odoo.values import from_datetime, to_datetime, to_html
from tests.unit.vendors.network import NOW
from tests.unit.vendors.odoo_in_hand import OdooInHand


@pytest.fixture
def odoo() -> OdooInHand:
    return OdooInHand()


@pytest.fixture
def client(odoo: OdooInHand) -> OdooClient:
    return OdooClient(odoo)


# --- values ---


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-6)), timezone(timedelta(hours=5, minutes=45))])))
def test_datetimes_reach_odoo_in_utc_to_the_second(moment: datetime) -> None:
    """In exactly nineteen characters, whatever the offset and the year."""
    if not 2 <= moment.year <= 9998:
        return
    assert len(to_datetime(moment)) == 19
    assert from_datetime(to_datetime(moment)) == moment.astimezone(UTC).replace(microsecond=0)


def test_a_datetime_without_an_offset_is_utc() -> None:
    """The rule for every date that reaches us."""
    assert to_datetime(datetime(2026, 3, 2, 9, 0)) == "2026-03-02 09:00:00"  # noqa: DTZ001  # the point of the test


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\nb\r\nc\rd", "a<br>b<br>c<br>d"),
        ("<script>alert('x')</script> & co", "&lt;script&gt;alert('x')&lt;/script&gt; &amp; co"),
        ("¡Hola! \N{GRINNING FACE} שלום", "¡Hola! \N{GRINNING FACE} שלום"),
        ("", ""),
    ],
)
def test_html_shows_what_the_text_said(text: str, expected: str) -> None:
    """Odoo would swallow line ends and markup."""
    assert to_html(text) == expected


CELLS: list[tuple[str, Any, Any]] = [
    # field, value, cell
    ("name", "Ana", "Ana"),
    ("name", 123, "123"),
    ("name", "", False),
    ("name", False, False),
    ("name", None, False),
    ("stage_id", 16, "16"),
    ("stage_id", 0, False),
    ("color", 0, "0"),
    ("probability", 0.5, "0.5"),
    ("priority", "1", "1"),
    ("active", True, "1"),
    ("active", False, False),
    ("date_deadline", date(2026, 3, 2), "2026-03-02"),
    ("date_deadline", datetime(2026, 3, 2, 23, 0, tzinfo=timezone(timedelta(hours=-6))), "2026-03-03"),
    ("x_manychat_entry_date", NOW, "2026-03-02 09:00:00"),
    ("description", "a\nb", "a<br>b"),
]


@pytest.mark.parametrize(("name", "value", "cell"), CELLS)
def test_a_value_becomes_the_cell_that_its_fields_type_wants(client: OdooClient, name: str, value: Any, cell: Any) -> None:
    """`False` and the empty text clear; zero is a number, except as the id of a record."""
    assert model_fields(client, "crm.lead").cell(name, value) == cell


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", True),
        ("name", NOW),
        ("stage_id", "16"),
        ("stage_id", -1),
        ("stage_id", True),
        ("color", "1"),
        ("color", True),
        ("probability", "1"),
        ("priority", 1),
        ("active", "yes"),
        ("date_deadline", "2026-03-02"),
        ("x_manychat_entry_date", "2026-03-02 09:00:00"),
        ("x_manychat_entry_date", date(2026, 3, 2)),
        ("description", NOW),
        ("tag_ids", "1,2"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_not_shown(client: OdooClient, name: str, value: Any) -> None:
    """The message tells the field and both types, not the value."""
    with pytest.raises(PermanentError, match=name) as caught:
        model_fields(client, "crm.lead").cell(name, value)
    assert caught.value.reason == "odoo-wrong-value"
    assert not isinstance(value, str) or value not in str(caught.value)


# --- fields ---


def test_fields_are_asked_once_an_hour(client: OdooClient, odoo: OdooInHand, frozen: clock.TestClock) -> None:
    """A field that a person adds is seen within the hour, or at once when its lack was noticed."""
    fields = model_fields(client, "crm.lead")
    frozen.advance(minutes=59)
    assert model_fields(client, "crm.lead") is fields
    frozen.advance(minutes=1)
    assert model_fields(client, "crm.lead") is not fields
    forget_fields(client, "crm.lead")
    model_fields(client, "crm.lead")
    assert odoo.calls == ["crm.lead.fields_get"] * 3


def test_fields_tell_type_and_relation(client: OdooClient) -> None:
    """So that the mapper can choose between an id and a name."""
    fields = model_fields(client, "crm.lead")
    assert (fields["source_id"].type, fields["source_id"].relation) == ("many2one", "utm.source")
    assert (fields.column("source_id"), fields.column("name")) == ("source_id/.id", "name")
    assert ("name" in fields, "x_nope" in fields) == (True, False)


# --- sources ---


def test_a_source_is_found_whatever_its_case(client: OdooClient, odoo: OdooInHand) -> None:
    """And asked for once."""
    there = odoo.create("utm.source", name="whatsapp")
    assert [sources.source_id(client, name) for name in ("WhatsApp", "WHATSAPP", " WhatsApp  ")] == [there] * 3
    assert odoo.calls == ["utm.source.search_read"]


@pytest.mark.parametrize("name", ["Instagram", "100%", "a_b", "back\\slash", "Canal ¡nuevo! \N{GRINNING FACE}"])
def test_a_missing_source_is_created_once(odoo: OdooInHand, name: str) -> None:
    """Also by two processes, and however odd its name."""
    odoo.create("utm.source", name="100x")
    odoo.create("utm.source", name="axb")
    ids = {sources.source_id(OdooClient(odoo), name) for _ in range(3)}
    assert len(ids) == 1
    assert [record["name"] for record in odoo.rows("utm.source").values()].count(name) == 1


def test_a_source_of_ours_that_was_renamed_is_found_and_keeps_its_name(odoo: OdooInHand) -> None:
    """The search by name fails, the external id does not; a person's wording is left alone."""
    ours = sources.source_id(OdooClient(odoo), "manychat")
    odoo.rows("utm.source")[ours]["name"] = "ManyChat (bot)"
    assert sources.source_id(OdooClient(odoo), "manychat") == ours
    assert odoo.rows("utm.source")[ours]["name"] == "ManyChat (bot)"


def test_a_source_is_looked_up_again_after_an_hour(client: OdooClient, odoo: OdooInHand, frozen: clock.TestClock) -> None:
    """It may have been merged into another."""
    first = sources.source_id(client, "Web")
    frozen.advance(hours=1)
    odoo.delete("utm.source", first)
    assert sources.source_id(client, "Web") != first


def test_a_conflict_over_a_source_is_retryable(client: OdooClient, odoo: OdooInHand) -> None:
    """Two processes at the same moment: one of them comes again."""
    odoo.server.conflicts = 1
    with pytest.raises(RetryableError):
        sources.source_id(client, "Web")
    assert sources.source_id(client, "Web")


@pytest.mark.parametrize("name", ["", "  "])
def test_a_source_needs_a_name(client: OdooClient, name: str) -> None:
    """The caller leaves the field out instead."""
    with pytest.raises(ValueError, match="name"):
        sources.source_id(client, name)
