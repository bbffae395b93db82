"""The upsert on a whole Odoo: the habits of `load` that it stands on, over both transports."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import RetryableError
from shared.vendors.odoo import sources
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.fields import model_fields
from shared.vendors.odoo.upsert import UpsertResult, UpsertRow, upsert
from tests.integration.odoo.place import REAL, Place, calls

LEAD = "crm.lead"
ENTRY = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def row(key: str, *, linked: bool = False, **values: Any) -> UpsertRow:
    given: dict[str, Any] = {"name": f"Lead {key}", "type": "opportunity", "stage_id": 16, "x_manychat_entry_date": ENTRY}
    return UpsertRow(key, given | values, linked)


def bring(client: OdooClient, *rows: UpsertRow) -> list[UpsertResult]:
    return upsert(client, LEAD, rows, quiet=True, defaults={"user_id": False})


def leads(admin: OdooClient, prefix: str) -> dict[str, list[dict[str, Any]]]:
    """All leads of this test, archived ones too, by ManyChat id."""
    fields = ["name", "stage_id", "active", "user_id", "phone", "description", "x_manychat_id", "x_manychat_entry_date"]
    found: dict[str, list[dict[str, Any]]] = {}
    for record in admin.search_read(LEAD, [["x_manychat_id", "=like", f"{prefix}%"]], fields, order="id", archived=True):
        found.setdefault(record["x_manychat_id"], []).append(record)
    return found


@contextmanager
def living_in(client: OdooClient, admin: OdooClient, zone: str) -> Iterator[None]:
    """The client's user lives there for a while. Other tests share that user, so it goes home in any case."""
    if not REAL:  # the sandbox's users live nowhere
        yield
        return
    user = client.call("res.users", "context_get")["uid"]
    [home] = admin.search_read("res.users", [["id", "=", user]], ["tz"])
    admin.write("res.users", [user], {"tz": zone})
    try:
        yield
    finally:
        admin.write("res.users", [user], {"tz": home["tz"]})


def test_two_hundred_rows_are_one_call_in_the_steady_state(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """New ones cost one search more."""
    keys = [f"{prefix}-{n}" for n in range(200)]
    created = bring(client, *(row(key) for key in keys))
    assert calls(client) == ["crm.lead.search_read", "crm.lead.load"]
    calls(client).clear()
    updated = bring(client, *(row(key, linked=True, stage_id=17) for key in keys))
    assert calls(client) == ["crm.lead.load"]
    assert [result.odoo_id for result in updated] == [result.odoo_id for result in created]
    found = leads(admin, prefix)
    assert sorted(found) == sorted(keys)
    assert {record["stage_id"][0] for records in found.values() for record in records} == {17}


def test_what_is_written_is_what_was_meant(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """Accents, emoji, markup, line ends and the instant, whatever time zone the user lives in."""
    text = "¡Hola! \N{GRINNING FACE}\nשלום <b>not bold</b>"  # noqa: RUF001  # right-to-left text is the point
    with living_in(client, admin, "America/Mexico_City"):
        [result] = bring(client, row(prefix, name="Ana \N{GRINNING FACE}", phone="+52 55 1234 5678", description=text))
    assert result.error is None
    [record] = leads(admin, prefix)[prefix]
    assert record["name"] == "Ana \N{GRINNING FACE}"
    assert record["x_manychat_entry_date"] == "2026-03-02 23:30:00"
    assert "¡Hola! \N{GRINNING FACE}<br>שלום &lt;b&gt;not bold&lt;/b&gt;" in record["description"].replace("<br/>", "<br>")
    assert record["user_id"] is False


def test_none_leaves_a_field_and_empty_clears_it(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """Also the salesperson that people chose: a default is for created records only."""
    bring(client, row(prefix, phone="1", description="text"))
    [record] = leads(admin, prefix)[prefix]
    admin.write(LEAD, [record["id"]], {"user_id": admin.call("res.users", "context_get")["uid"]})
    bring(client, row(prefix, linked=True, phone=None, description=""))
    [record] = leads(admin, prefix)[prefix]
    assert (record["phone"], record["description"]) == ("1", False)
    assert record["user_id"]


@pytest.mark.parametrize("active", [True, False], ids=["active", "lost"])
def test_a_lead_that_people_made_is_taken_over(client: OdooClient, admin: OdooClient, prefix: str, *, active: bool) -> None:
    """Lost or not, it is updated where it is, and found again the next time."""
    [old] = admin.create(LEAD, [{"name": "Old", "x_manychat_id": prefix, "active": active}])
    [first, other] = bring(client, row(prefix), row(f"{prefix}-new"))
    [again] = bring(client, row(prefix, linked=first.linked, stage_id=17))
    assert (first.odoo_id, again.odoo_id, other.error) == (old, old, None)
    [record] = leads(admin, prefix)[prefix]
    assert (record["id"], record["active"], record["stage_id"][0]) == (old, active, 17)


def test_a_lead_of_ours_that_was_lost_is_not_duplicated(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """Its external id outlives archiving."""
    [made] = bring(client, row(prefix))
    admin.call(LEAD, "action_archive", ids=[made.odoo_id or 0])
    assert bring(client, row(prefix, linked=True))[0].odoo_id == made.odoo_id
    assert [record["active"] for record in leads(admin, prefix)[prefix]] == [False]


def test_a_lead_deleted_in_odoo_is_created_anew(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """Its external id went with it."""
    [made] = bring(client, row(prefix))
    admin.unlink(LEAD, [made.odoo_id or 0])
    [again] = bring(client, row(prefix, linked=True))
    assert again.error is None
    assert [record["id"] for record in leads(admin, prefix)[prefix]] == [again.odoo_id]


def test_odd_keys_have_external_ids_too(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """Dots, spaces, emoji, and 200 characters."""
    keys = [f"{prefix}.a b", f"{prefix}\N{GRINNING FACE}", prefix + "x" * 200, f"{prefix}%_\\"]
    first = bring(client, *(row(key) for key in keys))
    second = bring(client, *(row(key, linked=True) for key in keys))
    assert [result.error for result in first] == [None] * len(keys)
    assert [result.odoo_id for result in first] == [result.odoo_id for result in second]


BAD = [
    # what is wrong, where in the batch, the values, its reason, calls of load
    ("a stage that is not there", 57, {"stage_id": 999_999}, "odoo-unknown-reference", 2),
    ("an id that no database holds", 0, {"stage_id": 10**12}, "odoo-unknown-reference", 2),
    ("no name", 57, {"name": ""}, "odoo-refused-value", 2),
    ("no name, first of all", 0, {"name": ""}, "odoo-refused-value", 2),
    ("a type that is no choice", 99, {"type": "nonsense"}, "odoo-refused-value", 2),
    ("a value of another type", 57, {"stage_id": "16"}, "odoo-wrong-value", 1),
    ("half an emoji", 57, {"name": "\ud83d"}, "odoo-unstorable-text", 1),
]


@pytest.mark.parametrize(("bad", "values", "reason", "loads"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_row_does_not_hold_the_others(
    client: OdooClient, admin: OdooClient, prefix: str, bad: int, values: dict[str, Any], reason: str, loads: int
) -> None:
    """Ninety-nine are written, one has its error, at the price of one call (law 9)."""
    rows = [row(f"{prefix}-{n}", **(values if n == bad else {})) for n in range(100)]
    results = bring(client, *rows)
    assert {n: getattr(result.error, "reason", None) for n, result in enumerate(results) if result.error} == {bad: reason}
    assert calls(client).count("crm.lead.load") == loads
    assert len(leads(admin, prefix)) == 99


def test_a_batch_of_bad_rows_ends(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """Odoo names ten at a time; the good ones among them come through all the same."""
    rows = [row(f"{prefix}-{n}", name="" if n % 3 else "good") for n in range(90)]
    results = bring(client, *rows)
    assert [result.error is None for result in results] == [n % 3 == 0 for n in range(90)]
    assert calls(client).count("crm.lead.load") < 12
    assert len(leads(admin, prefix)) == 30


@pytest.mark.parametrize("linked", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("way", [("jsonrpc", "integration"), ("json2", "admin")], ids="-".join)
def test_eight_workers_on_the_same_leads_make_each_once(
    place: Place, prefix: str, way: tuple[str, str], *, linked: bool
) -> None:
    """Odoo refuses all but one of those that collide; the others come again, and what is left over is retryable."""
    keys = [f"{prefix}-{n}" for n in range(10)]
    if linked:
        bring(place.client(), *(row(key) for key in keys))
    clients = [place.client(*way) for _ in range(8)]
    for client in clients:
        model_fields(client, LEAD)

    def work(number: int) -> list[UpsertResult]:
        return bring(clients[number], *(row(key, linked=linked, stage_id=16 + number) for key in keys))

    with ThreadPoolExecutor(8) as threads:
        results = [result for worker in threads.map(work, range(8)) for result in worker]
    found = leads(place.client(), prefix)
    assert {key: len(records) for key, records in found.items()} == dict.fromkeys(keys, 1)
    ids = {key: records[0]["id"] for key, records in found.items()}
    assert all(result.odoo_id == ids[result.key] for result in results if result.error is None)
    assert {type(result.error) for result in results} <= {type(None), RetryableError}
    assert len([result for result in results if result.error is None]) >= len(keys)


def test_partners_are_kept_in_step_too(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """For ODOO_SYNC_MODE contacts."""
    first = upsert(client, "res.partner", [UpsertRow(prefix, {"name": "Ana", "phone": "1"})], quiet=True)[0]
    second = upsert(client, "res.partner", [UpsertRow(prefix, {"name": "Ana María"}, first.linked)], quiet=True)[0]
    assert first.odoo_id == second.odoo_id
    found = admin.search_read("res.partner", [["x_manychat_id", "=", prefix]], ["name", "phone"])
    assert [(record["name"], record["phone"]) for record in found] == [("Ana María", "1")]


def test_a_source_is_created_once_by_four_at_the_same_time(place: Place, client: OdooClient, prefix: str) -> None:
    """Odoo itself would call the second one "… [2]"."""
    clients = [place.client() for _ in range(4)]

    def find(each: OdooClient) -> int | None:
        try:
            return sources.source_id(each, f"Canal {prefix}")
        except RetryableError:
            return None

    with ThreadPoolExecutor(4) as threads:
        ids = set(threads.map(find, clients)) - {None}
    assert ids == {sources.source_id(client, f"CANAL {prefix.upper()}")}
    named = client.search_read("utm.source", [["name", "=ilike", f"canal {prefix}%"]], ["name"])
    assert [record["name"] for record in named] == [f"Canal {prefix}"]
