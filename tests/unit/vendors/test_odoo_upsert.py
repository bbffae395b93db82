"""Many records in one call, and what happens when some of them are not taken."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import clock
from shared.errors import PermanentError, RetryableError, UnavailableError, UncertainError
from shared.vendors.odoo import sources
from shared.vendors.odoo.client import QUIET_CONTEXT, OdooClient
from shared.vendors.odoo.errors import OdooFailureError
from shared.vendors.odoo.external_ids import external_id
from shared.vendors.odoo.upsert import MOST_CALLS, UpsertResult, UpsertRow, upsert
from tests.support.examples import examples
from tests.unit.vendors.network import NOW
from tests.unit.vendors.odoo_in_hand import OdooInHand

LEAD = "crm.lead"


@pytest.fixture
def odoo() -> OdooInHand:
    return OdooInHand()


@pytest.fixture
def client(odoo: OdooInHand) -> OdooClient:
    return OdooClient(odoo)


def row(key: str, *, linked: bool = False, **values: Any) -> UpsertRow:
    return UpsertRow(key, {"name": f"Lead {key}", "stage_id": 16} | values, linked)


def bring(client: OdooClient, *rows: UpsertRow, **options: Any) -> list[UpsertResult]:
    return upsert(client, LEAD, rows, quiet=True, **options)


def reasons(results: list[UpsertResult]) -> dict[str, str | None]:
    return {result.key: getattr(result.error, "reason", None) for result in results if result.error}


# --- calls ---


def test_the_steady_state_is_one_call_for_the_whole_batch(client: OdooClient, odoo: OdooInHand) -> None:
    """Whatever the number of rows, once Odoo's fields are known and the records carry our external id."""
    linked = {result.key: result.linked for result in bring(client, *(row(str(n)) for n in range(200)))}
    odoo.calls.clear()
    results = bring(client, *(row(str(n), linked=linked[str(n)], stage_id=17) for n in range(200)))
    assert odoo.calls == ["crm.lead.load"]
    assert [result.odoo_id for result in results] == list(odoo.rows(LEAD))


def test_no_rows_cost_no_call(client: OdooClient, odoo: OdooInHand) -> None:
    """An empty batch asks for nothing."""
    assert bring(client) == []
    assert odoo.calls == []


def test_new_records_cost_one_search_and_one_load(client: OdooClient, odoo: OdooInHand) -> None:
    """After the fields are known."""
    bring(client, row("0"))
    odoo.calls.clear()
    bring(client, *(row(str(n)) for n in range(1, 50)))
    assert odoo.calls == ["crm.lead.search_read", "crm.lead.load"]


def test_rows_that_fill_other_fields_go_in_a_call_of_their_own(client: OdooClient, odoo: OdooInHand) -> None:
    """`load` has one list of columns, and a cell that is left empty would clear the field."""
    bring(client, row("1", phone="+52"), row("2", phone=None), row("3", phone=""))
    assert [[sorted(cells) for cells in load["rows"]] for load in odoo.loads] == [
        [["id", "name", "phone", "stage_id/.id", "x_manychat_id"]] * 2,
        [["id", "name", "stage_id/.id", "x_manychat_id"]],
    ]


def test_a_second_run_changes_nothing(client: OdooClient, odoo: OdooInHand) -> None:
    """So that a lost answer is harmless: the next attempt does not know that the first went through."""
    odoo.create(LEAD, x_manychat_id="2", active=False)
    first = bring(client, row("1"), row("2"))
    odoo.calls.clear()
    before = {record_id: dict(record) for record_id, record in odoo.rows(LEAD).items()}
    assert bring(client, row("1"), row("2")) == first
    assert odoo.rows(LEAD) == before
    assert odoo.calls == ["crm.lead.search_read", "crm.lead.get_metadata", "crm.lead.load"]


@pytest.mark.parametrize(("key_there", "is_taken_over"), [("tel:+52", True), ("9", False), (None, False)])
def test_a_record_whose_key_has_changed_is_ours_still(
    client: OdooClient, odoo: OdooInHand, key_there: Any, *, is_taken_over: bool
) -> None:
    """It is found by its id if its key begins as that of a person added by phone, and gets the new key; no other one is."""
    number = odoo.create(LEAD, x_manychat_id=key_there)
    (result,) = bring(client, replace(row("1"), renamed=(number, "tel:")))
    assert (result.odoo_id == number) is is_taken_over
    assert odoo.rows(LEAD)[result.odoo_id]["x_manychat_id"] == "1"
    assert odoo.rows(LEAD)[number]["x_manychat_id"] == ("1" if is_taken_over else key_there)


def test_a_record_that_has_the_new_key_already_is_ours(client: OdooClient, odoo: OdooInHand) -> None:
    """The one of the old key stays as it is."""
    old, new = odoo.create(LEAD, x_manychat_id="tel:+52"), odoo.create(LEAD, x_manychat_id="1")
    (result,) = bring(client, replace(row("1"), renamed=(old, "tel:")))
    assert (result.odoo_id, odoo.rows(LEAD)[old]["x_manychat_id"]) == (new, "tel:+52")


def test_two_rows_with_one_key_are_a_mistake(client: OdooClient) -> None:
    """Odoo would make two records of them."""
    with pytest.raises(ValueError, match="same key"):
        bring(client, row("1"), row("1"))


# --- values ---


def test_values_are_written_as_load_reads_them(client: OdooClient, odoo: OdooInHand) -> None:
    """References by database id, UTC without an offset, plain text as HTML; `False` and the empty text clear."""
    summary = "a < b\r\nnew line & \N{GRINNING FACE}"
    moment = datetime(2026, 3, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=-6)))
    values: dict[str, Any] = {"description": summary, "x_manychat_entry_date": moment, "phone": "", "source_id": False}
    bring(client, row("1", **values))
    [cells] = odoo.loads[0]["rows"]
    assert cells == {
        "id": "manychat.lead_1",
        "name": "Lead 1",
        "x_manychat_id": "1",
        "stage_id/.id": "16",
        "description": "a &lt; b<br>new line &amp; \N{GRINNING FACE}",
        "x_manychat_entry_date": "2026-03-02 09:04:05",
        "phone": False,
        "source_id/.id": False,
    }


def test_a_value_of_a_wrong_type_is_its_rows_own_error(client: OdooClient, odoo: OdooInHand) -> None:
    """It is not even sent; its neighbours are."""
    results = bring(client, row("1", stage_id="sixteen"), row("2"), row("3", name="NUL \0"), row("4", name="half \ud83d"))
    assert reasons(results) == {"1": "odoo-wrong-value", "3": "odoo-unstorable-text", "4": "odoo-unstorable-text"}
    assert [record["x_manychat_id"] for record in odoo.rows(LEAD).values()] == ["2"]


def test_a_field_that_odoo_does_not_have_fails_the_call_and_says_what_to_do(client: OdooClient, odoo: OdooInHand) -> None:
    """And the fields are read again next time, for the operator may have made it meanwhile."""
    with pytest.raises(PermanentError, match=r"crm\.lead has no field x_nope: run make odoo-setup") as caught:
        bring(client, row("1", x_nope="1"))
    assert caught.value.reason == "odoo-unknown-field"
    bring(client, row("1"))
    assert odoo.calls.count("crm.lead.fields_get") == 2


def test_quiet_and_defaults_are_told_in_the_context(client: OdooClient, odoo: OdooInHand) -> None:
    """Defaults fill created records only: a salesperson that people chose stays."""
    bring(client, row("1"), defaults={"user_id": False})
    assert odoo.loads[-1]["context"] == {"tz": "UTC", "default_user_id": False, **QUIET_CONTEXT}
    odoo.rows(LEAD)[1]["user_id"] = 7
    bring(client, row("1", linked=True), defaults={"user_id": False})
    assert odoo.rows(LEAD)[1]["user_id"] == 7
    upsert(client, LEAD, [row("1", linked=True)], quiet=False)
    assert odoo.loads[-1]["context"] == {"tz": "UTC"}


# --- finding records that others made ---


@pytest.mark.parametrize("active", [True, False], ids=["active", "lost"])
@pytest.mark.parametrize("may_link", [True, False], ids=["administrator", "sales user"])
def test_a_record_that_others_made_is_taken_over(odoo: OdooInHand, *, active: bool, may_link: bool) -> None:
    """Not duplicated, whether lost or not and whatever the rights; what it was, archived or not, it stays."""
    odoo.may_link = may_link
    old = odoo.create(LEAD, x_manychat_id="1", name="Old", active=active)
    client = OdooClient(odoo)
    results = bring(client, row("1"), row("2"))
    assert [(result.odoo_id, result.linked) for result in results] == [(old, may_link), (2, True)]
    again = bring(client, row("1", linked=results[0].linked, stage_id=17))
    assert again[0].odoo_id == old
    assert odoo.rows(LEAD)[old] | {"stage_id": 17, "name": "Lead 1", "active": active} == odoo.rows(LEAD)[old]


def test_without_the_right_to_link_it_is_not_tried_again_for_an_hour(odoo: OdooInHand, frozen: clock.TestClock) -> None:
    """A refusal is remembered per process, and so is a change of mind."""
    odoo.may_link = False
    odoo.create(LEAD, x_manychat_id="1")
    client = OdooClient(odoo)
    for _ in range(3):
        assert not bring(client, row("1"))[0].linked
    assert odoo.calls.count("ir.model.data.create") == 1
    odoo.may_link = True
    frozen.advance(hours=1)
    assert bring(client, row("1"))[0].linked


def test_of_several_records_ours_wins_then_an_active_one_then_the_oldest(client: OdooClient, odoo: OdooInHand) -> None:
    """People make duplicates too."""
    odoo.create(LEAD, x_manychat_id="ours")
    ours = odoo.give_name(external_id(LEAD, "ours"), LEAD, odoo.create(LEAD, x_manychat_id="ours", active=False))
    odoo.create(LEAD, x_manychat_id="lost", active=False)
    active = odoo.create(LEAD, x_manychat_id="lost")
    oldest = odoo.create(LEAD, x_manychat_id="twice")
    odoo.create(LEAD, x_manychat_id="twice")
    assert [result.odoo_id for result in bring(client, row("ours"), row("lost"), row("twice"))] == [ours, active, oldest]


def test_an_external_id_that_is_taken_does_not_stop_the_others(client: OdooClient, odoo: OdooInHand) -> None:
    """Another worker was faster with one of them: Odoo refuses all, and they are linked one by one."""
    first, second = (odoo.create(LEAD, x_manychat_id=key) for key in "12")
    owner = odoo.create(LEAD, x_manychat_id="changed by hand")
    odoo.give_name(external_id(LEAD, "1"), LEAD, owner)
    assert [result.odoo_id for result in bring(client, row("1"), row("2"))] == [owner, second]
    assert first in odoo.rows(LEAD)


def test_a_record_deleted_in_odoo_is_created_anew(client: OdooClient, odoo: OdooInHand) -> None:
    """The result tells the new id."""
    [before] = bring(client, row("1"))
    odoo.delete(LEAD, before.odoo_id or 0)
    [after] = bring(client, row("1", linked=True))
    assert after.error is None
    assert after.odoo_id != before.odoo_id


@pytest.mark.parametrize(("key", "expected"), [("123", "lead_123"), ("a-B_9" * 8, "lead_" + "a-B_9" * 8)])
def test_a_plain_key_is_its_own_external_id(key: str, expected: str) -> None:
    """Readable in Odoo."""
    assert external_id(LEAD, key) == f"manychat.{expected}"


def test_no_key_can_pass_for_anothers_hash() -> None:
    """Though both are made of plain letters."""
    hashed = external_id(LEAD, "a key that needs hashing")
    assert external_id(LEAD, hashed.removeprefix("manychat.lead_").lstrip(":")) != hashed


@given(st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
def test_external_ids_are_valid_and_never_shared(keys: list[str]) -> None:
    """Odoo cuts at the first dot and takes at most a few dozen characters gladly; no key can pass for another."""
    first, second = (external_id("res.partner", key) for key in keys)
    assert first != second
    for name in (first, second):
        assert name.count(".") == 1
        assert name.startswith("manychat.partner_")
        assert len(name) <= 60
        assert name.isascii()


# --- bad rows ---


def test_a_row_that_odoo_names_with_its_field_costs_one_more_call(client: OdooClient, odoo: OdooInHand) -> None:
    """Its own error tells the field and what was given; the others are written."""
    results = bring(client, *(row(str(n), stage_id=999 if n == 5 else 16) for n in range(100)))
    assert reasons(results) == {"5": "odoo-unknown-reference"}
    assert "stage_id=999" in str(results[5].error)
    assert odoo.calls.count("crm.lead.load") == 2
    assert len(odoo.rows(LEAD)) == 99


def test_a_refused_value_is_told_with_its_field(client: OdooClient) -> None:
    """As distinct from a reference to nothing."""
    assert reasons(bring(client, row("1", name=""), row("2"))) == {"1": "odoo-refused-value"}


def test_a_row_blamed_for_another_is_written(client: OdooClient, odoo: OdooInHand) -> None:
    """For some errors Odoo names the first row beside the true one."""
    results = bring(client, row("0"), row("1"), row("2", name="boom"), row("3"))
    assert reasons(results) == {"2": "odoo-refused-row"}
    assert sorted(record["x_manychat_id"] for record in odoo.rows(LEAD).values()) == ["0", "1", "3"]


def test_an_error_that_names_no_row_is_found_by_halves(client: OdooClient, odoo: OdooInHand) -> None:
    """In about two calls for each halving."""
    results = bring(client, *(row(str(n), name="crash" if n == 37 else "ok") for n in range(100)))
    assert reasons(results) == {"37": "odoo-database-refused"}
    assert odoo.calls.count("crm.lead.load") <= 1 + 2 * 7


KINDS = {
    "good": {},
    "stage": {"stage_id": 999},
    "name": {"name": ""},
    "boom": {"name": "boom"},
    "wrong": {"stage_id": "x"},
}


@settings(max_examples=examples(200), deadline=None)
@given(
    kinds=st.lists(st.sampled_from([*KINDS, "good", "good", "good"]), min_size=1, max_size=40),
    conflicts=st.integers(min_value=0, max_value=3),
    may_link=st.booleans(),
)
def test_any_mix_of_bad_rows_leaves_the_good_ones_written(kinds: list[str], conflicts: int, *, may_link: bool) -> None:
    """Every good row is stored, every bad one has its error, in a bounded number of calls (law 9)."""
    odoo = OdooInHand(may_link=may_link, conflicts=conflicts)
    odoo.create(LEAD, x_manychat_id="0", active=False)
    with clock.frozen(NOW):
        results = bring(OdooClient(odoo), *(row(str(n), **KINDS[kind]) for n, kind in enumerate(kinds)))
    assert [result.error is None for result in results] == [kind == "good" for kind in kinds]
    assert all(isinstance(result.error, PermanentError) for result in results if result.error)
    stored = {record["x_manychat_id"] for record in odoo.rows(LEAD).values() if record["name"] != "Other"}
    assert stored == {str(n) for n, kind in enumerate(kinds) if kind == "good"}
    assert odoo.calls.count("crm.lead.load") <= MOST_CALLS


def test_the_number_of_calls_is_bounded(client: OdooClient, odoo: OdooInHand) -> None:
    """A batch of rows that are all bad ends; those without a turn may try again, and the next time there are fewer."""
    results = bring(client, *(row(str(n), name="crash") for n in range(300)))
    assert odoo.calls.count("crm.lead.load") == MOST_CALLS
    assert {type(result.error) for result in results} == {PermanentError, RetryableError}


def test_no_call_begins_after_the_time_given(client: OdooClient, odoo: OdooInHand, frozen: clock.TestClock) -> None:
    """A lease outlives the work that it covers."""
    odoo.server.conflicts = 100
    results = bring(client, row("1"), within_seconds=1)
    assert isinstance(results[0].error, RetryableError)
    assert frozen.moment - NOW < timedelta(seconds=2)
    odoo.server.conflicts = 0
    assert isinstance(bring(client, row("1"), within_seconds=0)[0].error, RetryableError)


# --- conflicts ---


def test_a_conflict_is_tried_again_after_a_growing_wait(client: OdooClient, odoo: OdooInHand, frozen: clock.TestClock) -> None:
    """For `load` Odoo does not do it itself."""
    odoo.server.conflicts = 3
    assert reasons(bring(client, row("1"), row("2"))) == {}
    assert odoo.calls.count("crm.lead.load") == 4
    assert timedelta(seconds=1) < frozen.moment - NOW < timedelta(seconds=3.2)


def test_a_conflict_that_lasts_is_retryable(client: OdooClient, odoo: OdooInHand, frozen: clock.TestClock) -> None:
    """Not permanent: the outbox comes again."""
    odoo.server.conflicts = 1000
    results = bring(client, *(row(str(n)) for n in range(5)))
    assert all(type(result.error) is RetryableError for result in results)
    assert odoo.calls.count("crm.lead.load") == 6
    assert frozen.moment - NOW < timedelta(seconds=14)


# --- failures of the whole call ---


@pytest.mark.parametrize(
    "failure",
    [UnavailableError("down"), RetryableError("time-out"), UncertainError("?"), PermanentError("odoo-access-denied", "no")],
)
def test_a_failure_of_the_whole_call_is_raised(client: OdooClient, odoo: OdooInHand, failure: Any) -> None:
    """It says nothing about the rows, and halving them would only multiply it."""
    bring(client, row("1"))
    odoo.calls.clear()
    odoo.failure = failure
    with pytest.raises(type(failure)):
        bring(client, row("1", linked=True), row("2", linked=True))
    assert len(odoo.calls) == 1


def test_an_error_out_of_a_customers_module_is_looked_for_in_the_rows(client: OdooClient, odoo: OdooInHand) -> None:
    """One such record must not hold up its neighbours for ever."""
    bring(client, row("1"))
    odoo.calls.clear()
    odoo.failure = OdooFailureError("ZeroDivisionError")
    results = bring(client, row("1", linked=True), row("2", linked=True))
    assert [result.error for result in results] == [odoo.failure] * 2
    assert len(odoo.calls) == 3


# --- sources ---


def test_a_source_that_odoo_lost_is_looked_up_again(client: OdooClient, odoo: OdooInHand) -> None:
    """A remembered id that has become wrong parks nothing: all rows that have it come again and find the new source."""
    source = sources.source_id(client, "WhatsApp")
    odoo.delete("utm.source", source)
    failed = bring(client, row("1", source_id=source), row("2", source_id=source, phone="other columns"))
    assert [type(result.error) for result in failed] == [RetryableError] * 2
    assert bring(client, row("1", source_id=sources.source_id(client, "WhatsApp")))[0].error is None


def test_a_source_that_we_never_looked_up_is_a_permanent_error(client: OdooClient) -> None:
    """Nothing remembered can be to blame."""
    assert reasons(bring(client, row("1", source_id=4711))) == {"1": "odoo-unknown-reference"}
