"""What Odoo needs so that it can show who is in a campaign: rights on campaigns and tags, or a model with its fields."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.errors import PermanentError
from shared.settings import Settings
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.fields import forget_fields, model_fields

GROUPS = ("sales_team.group_sale_salesman_all_leads", "base.group_user")
"""Who may use a model that we create: the first of these that there is."""
CAMPAIGN, PARTNER_TAG, LEAD_TAG = "utm.campaign", "res.partner.category", "crm.tag"
_TYPES: Mapping[str, tuple[str, ...]] = {
    "campaign": ("many2one",),
    "partner": ("many2one",),
    "lead": ("many2one",),
    "summary": ("text", "html", "char"),
}
RELATIONS = {"campaign": CAMPAIGN, "partner": "res.partner", "lead": "crm.lead"}
INDEXED = ("key", "manychat_id")


@dataclass(frozen=True)
class MemberField:
    """A field of the model of ODOO_CAMPAIGN_CONTACTS, with the fact that goes to it."""

    model: str
    name: str
    fact: str

    @property
    def types(self) -> tuple[str, ...]:
        """The types that will do; the first is the one to create."""
        return _TYPES.get(self.fact, ("datetime", "date") if self.fact.endswith("_date") else ("char", "text"))

    @property
    def relation(self) -> str | None:
        """The model that a reference must point to."""
        return RELATIONS.get(self.fact)


def used_models(settings: Settings) -> list[str]:
    """The models, besides leads and partners, that campaigns are written to."""
    wanted = {
        CAMPAIGN: settings.odoo_sends_campaigns,
        PARTNER_TAG: settings.odoo_tags_partners,
        LEAD_TAG: settings.odoo_tags_leads,
    }
    return [model for model, is_wanted in wanted.items() if is_wanted]


def member_fields(settings: Settings) -> list[MemberField]:
    """The fields of the model, of those whose records there are: a partner without partners, a lead without leads are none."""
    model = settings.odoo_member_model
    unused = {"contacts": "lead", "opportunities": "partner"}.get(settings.odoo_sync_mode)
    fields = settings.odoo_member_fields.items()
    return [MemberField(model, name, fact) for fact, name in fields if fact != unused] if model else []


def has_model(client: OdooClient, model: str) -> bool:
    """Whether Odoo has a model of that name and lets us see its fields."""
    forget_fields(client, model)
    try:
        return bool(model_fields(client, model))
    except PermanentError as error:
        if error.reason not in ("odoo-user-error", "odoo-bad-call", "odoo-unknown-model"):
            raise
        return False


def create_model(client: OdooClient, model: str) -> None:
    """Make a custom model, and let those who work with all leads use it. Needs an administrator.

    A run that died in between is taken up again: the model is looked for, and so is the right to it.

    Raises:
        PermanentError: `odoo-access-error`, the user is none.
    """
    if not (found := client.search_read("ir.model", [["model", "=", model]], ["id"])):
        found = [{"id": client.create("ir.model", [{"name": "Campaign contact", "model": model}])[0]}]
    number = found[0]["id"]
    if not client.search_read("ir.model.access", [["model_id", "=", number]], ["id"]):
        rights = {f"perm_{right}": True for right in ("read", "write", "create", "unlink")}
        client.create("ir.model.access", [{"name": model, "model_id": number, "group_id": _group(client), **rights}])


def definition(wanted: MemberField, model_id: int) -> dict[str, object]:
    """The row of `ir.model.fields` that makes a field."""
    relation = {"relation": RELATIONS[wanted.fact]} if wanted.fact in RELATIONS else {}
    return {
        "model_id": model_id,
        "name": wanted.name,
        "field_description": wanted.fact.replace("_", " ").capitalize(),
        "ttype": wanted.types[0],
        "index": wanted.fact in INDEXED,
        "copied": False,
        **relation,
    }


def _group(client: OdooClient) -> int:
    return next(_groups(client))


def _groups(client: OdooClient) -> Iterator[int]:
    for name in GROUPS:
        module, _, short = name.partition(".")
        for found in client.search_read("ir.model.data", [["module", "=", module], ["name", "=", short]], ["res_id"]):
            yield int(found["res_id"])
