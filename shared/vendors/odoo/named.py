"""Records of Odoo that people know by a name, such as sources, campaigns and tags: found by it, or made once."""

from collections.abc import Mapping

from shared.errors import RetryableError
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.errors import clean
from shared.vendors.odoo.external_ids import external_id
from shared.vendors.odoo.fields import model_fields
from shared.vendors.odoo.values import refuse_unstorable


def find(client: OdooClient, model: str, field: str, name: str, *, archived: bool = False) -> int | None:
    """The oldest record whose `field` is `name`, whatever its case; None where there is none.

    With `archived`, an archived one where no other has the name and the model has an archive at all.

    Raises:
        PuenteError: as every call of Odoo.
    """
    pattern = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    domain = [[field, "=ilike", pattern]]
    if archived and "active" in model_fields(client, model):
        found = client.search_read(model, domain, ["active"], order="id", archived=True)
        return min(((not record["active"], int(record["id"])) for record in found), default=(False, None))[1]
    found = client.search_read(model, domain, [field], limit=1, order="id")
    return int(found[0]["id"]) if found else None


def make(client: OdooClient, model: str, key: str, values: Mapping[str, str]) -> int:
    """The record that carries our external id for `key`, made with these values where there is none; as it is, where there is.

    Odoo holds an external id once, so two processes make no second record; and one that a person has renamed is still found.

    Raises:
        RetryableError: Odoo made none; another process may have, and the next look finds it. PuenteError: as every call.
    """
    refuse_unstorable(list(values.values()))
    context = {"mode": "update", "noupdate": True}  # in this mode `load` leaves an existing record as it is
    answer = client.load(
        model, ["id", *values], [[external_id(model, key), *values.values()]], context=context, repeatable=True
    )
    if not answer["ids"]:
        raise RetryableError(f"Odoo did not create the {model}: {clean(str(answer['messages'][:1]))}")
    return int(answer["ids"][0])
