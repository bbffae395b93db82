"""Which record of Odoo is ours: external ids, and taking over records that have none yet.

A record that we made, or took over, carries an external id (a row of `ir.model.data`) made from its ManyChat id.
Odoo holds each external id once, so two workers that create the same record at the same time end up with one.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from shared import clock
from shared.errors import PermanentError
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.fields import model_fields

MODULE = "manychat"
REFUSAL_KEPT_FOR = timedelta(hours=1)

_LINKING_REFUSED = "linking refused"
_KIND = {"crm.lead": "lead", "res.partner": "partner", "utm.source": "source"}
_SHORT_AND_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class Address:
    """How `load` finds the record: by our external id (which it creates where it is missing), or by Odoo's own id."""

    external_id: str | None
    database_id: int | None = None


def external_id(model: str, key: str) -> str:
    """`manychat.lead_<key>`; a key that is long or holds other characters than letters, digits, `_`, `-` is hashed.

    The colon before a hash cannot be part of a plain key, so no key can pass for another's hash.
    """
    plain = _SHORT_AND_PLAIN.fullmatch(key) is not None
    name = key if plain else ":" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return f"{MODULE}.{_KIND.get(model, model.replace('.', '_'))}_{name}"


def locate(
    client: OdooClient,
    model: str,
    search_field: str,
    keys: Sequence[str],
    renamed: Mapping[str, tuple[int, str]] = MappingProxyType({}),
) -> dict[str, Address]:
    """Where the records of `keys` are, archived ones included, when we do not know yet whether they carry our external id.

    One call when Odoo knows none of them, else three: search, read external ids, write the missing external ids. A user
    without the right "Access Rights" cannot write external ids; such records are then addressed by Odoo's id, each time anew.
    Of several records with one key, the one with our external id is ours, else an active one, else the oldest. `renamed`: for
    keys of which Odoo has none, the id of a record that is ours if its key still begins as it is said there.
    """
    fields = [name for name in (search_field, "active") if name in model_fields(client, model)]
    wanted: list[Any] = [[search_field, "in", list(keys)]]
    if renamed:
        wanted = ["|", *wanted, ["id", "in", sorted(number for number, _beginning in renamed.values())]]
    found = client.search_read(model, wanted, fields, order="id", archived=True)
    addresses = {key: Address(external_id(model, key)) for key in keys}
    if not found:
        return addresses
    carried = _external_ids(client, model, [record["id"] for record in found])
    to_adopt = {}
    for key, records in _by_key(_with_new_keys(found, search_field, keys, renamed), search_field).items():
        ours = addresses[key].external_id
        if not any(ours in carried[record["id"]] for record in records):
            to_adopt[key] = min(records, key=lambda record: (not record.get("active", True), record["id"]))["id"]
    return addresses | _adopt(client, model, to_adopt)


def _with_new_keys(
    records: Sequence[dict[str, Any]], search_field: str, keys: Sequence[str], renamed: Mapping[str, tuple[int, str]]
) -> list[dict[str, Any]]:
    """The records of these keys; where there is none, the one of its earlier key, as if it had the new one."""
    by_id = {record["id"]: record for record in records}
    found = [record for record in records if record[search_field] in set(keys)]
    known = {record[search_field] for record in found}
    for key, (number, beginning) in renamed.items():
        record = by_id.get(number)
        if key not in known and record is not None and str(record[search_field] or "").startswith(beginning):
            found.append({**record, search_field: key})
    return found


def _by_key(records: Sequence[dict[str, Any]], search_field: str) -> dict[str, list[dict[str, Any]]]:
    grouped = defaultdict(list)
    for record in records:
        grouped[record[search_field]].append(record)
    return grouped


def _external_ids(client: OdooClient, model: str, ids: Sequence[int]) -> dict[int, set[str]]:
    """The external ids of these records. `get_metadata` tells them to every user; `ir.model.data` itself only to some."""
    carried: dict[int, set[str]] = {record_id: set() for record_id in ids}
    for record in client.call(model, "get_metadata", ids=ids, repeatable=True):
        carried[record["id"]] = {entry["xmlid"] for entry in record["xmlids"]}
    return carried


def _adopt(client: OdooClient, model: str, records: dict[str, int]) -> dict[str, Address]:
    """Give each record its external id; where the user may not, its address is Odoo's id.

    When a single external id is taken (another worker was faster, or it belongs to another record), Odoo refuses all of
    them; they are then written one by one, and the one that is taken stands for its owner from now on.
    """
    by_database_id = {key: Address(None, record_id) for key, record_id in records.items()}
    refused_at: datetime | None = client.memory.get(_LINKING_REFUSED)
    if not records or (refused_at and clock.now() - refused_at < REFUSAL_KEPT_FOR):
        return by_database_id
    try:
        _link(client, model, records)
    except PermanentError as error:
        if error.reason == "odoo-access-error":
            client.memory[_LINKING_REFUSED] = clock.now()
            return by_database_id
        if error.reason != "odoo-validation":
            raise
        for key, record_id in records.items():
            _link_unless_taken(client, model, key, record_id)
    return {}


def _link_unless_taken(client: OdooClient, model: str, key: str, record_id: int) -> None:
    try:
        _link(client, model, {key: record_id})
    except PermanentError as error:
        if error.reason != "odoo-validation":
            raise


def _link(client: OdooClient, model: str, records: dict[str, int]) -> None:
    """Write external ids; safe to repeat, because Odoo refuses one that exists."""
    rows = [
        {"module": MODULE, "name": external_id(model, key).partition(".")[2], "model": model, "res_id": record_id}
        for key, record_id in records.items()
    ]
    client.call("ir.model.data", "create", {"vals_list": rows}, repeatable=True)
