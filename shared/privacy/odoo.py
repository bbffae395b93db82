"""The person in Odoo: their lead and their partner, deleted or made unrecognisable."""

from typing import Any, Literal

from shared.crm.odoo_sides import LEAD, PARTNER, PARTNER_KEY
from shared.settings import get_settings
from shared.vendors.odoo.client import QUIET_CONTEXT, OdooClient

Way = Literal["delete", "anonymise", "skip"]
PERSONAL_FACTS = ("contact_name", "phone", "email", "summary", "channel", "manychat_id", "campaign")
ERASED = "Erased"


def found(client: OdooClient, manychat_id: str) -> dict[str, list[int]]:
    """Odoo's records of this person by model, archived ones included; only models that our sync mode writes to."""
    settings = get_settings()
    keys = {LEAD: settings.odoo_fields.get("manychat_id"), PARTNER: PARTNER_KEY}
    if settings.odoo_sync_mode == "opportunities":
        del keys[PARTNER]
    elif settings.odoo_sync_mode == "contacts":
        del keys[LEAD]
    if settings.odoo_member_model and settings.odoo_sends_members:
        keys[settings.odoo_member_model] = settings.odoo_member_fields["manychat_id"]
    return {
        model: [row["id"] for row in client.search_read(model, [(key, "=", manychat_id)], ["id"], archived=True)]
        for model, key in keys.items()
        if key
    }


def forget(client: OdooClient, records: dict[str, list[int]], way: Way) -> None:
    """Delete these records, or empty what in them tells of a person. Forgetting them again does no harm.

    Raises:
        PuenteError: Odoo refuses (a partner with invoices cannot be deleted; the integration user may not delete) or is down.
    """
    for model, ids in records.items():
        if ids and way == "delete":
            client.unlink(model, ids)
        elif ids and way == "anonymise":
            client.write(model, ids, _emptied(model), context=QUIET_CONTEXT)


def _emptied(model: str) -> dict[str, Any]:
    settings = get_settings()
    if model == PARTNER:
        tags = {"category_id": [[5, 0, 0]]} if settings.odoo_tags_partners else {}
        return {"name": ERASED, "phone": False, "email": False, PARTNER_KEY: False} | tags
    if model == settings.odoo_member_model:
        theirs = settings.odoo_member_fields
        return dict.fromkeys(theirs.values(), False) | ({theirs["name"]: ERASED} if "name" in theirs else {})
    fields, tags = settings.odoo_fields, {"tag_ids": [[5, 0, 0]]} if settings.odoo_tags_leads else {}
    return {fields[fact]: False for fact in PERSONAL_FACTS if fact in fields} | {fields.get("name", "name"): ERASED} | tags
