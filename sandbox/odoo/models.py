"""The models that the sandbox's Odoo has, with those of their fields that clients use. Labels and orders are Odoo 19's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.odoo.fields import TYPES, Field

_ADMIN = "Access Rights"
_SALES_ADMIN = "Sales/Administrator"


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model: its fields, its default order, and the group that a user needs beyond that of a salesperson, by operation."""

    name: str
    description: str
    fields: dict[str, Field]
    order: str = "id"
    rec_name: str = "name"
    class_name: str = "BaseModel"
    reserved: Mapping[str, str]
    indexed: tuple[str, ...] = ()

    def clone(self) -> "Model":
        """A copy whose fields can be added to without touching the original."""
        return Model(**{**self.__dict__, "fields": dict(self.fields)})


def _field(name: str, type_: str, string: str, **more: Any) -> Field:
    return Field(name=name, type=type_, string=string, **more)


def _own_fields() -> list[Field]:
    """What every model has."""
    return [
        _field("id", "integer", "ID", readonly=True),
        _field("display_name", "char", "Display Name", readonly=True, store=False),
        _field("create_uid", "many2one", "Created by", readonly=True, relation="res.users"),
        _field("create_date", "datetime", "Created on", readonly=True),
        _field("write_uid", "many2one", "Last Updated by", readonly=True, relation="res.users"),
        _field("write_date", "datetime", "Last Updated on", readonly=True),
    ]


def _model(name: str, description: str, *fields: Field, reserved: Mapping[str, str] | None = None, **more: Any) -> Model:
    named = {each.name: each for each in (*_own_fields(), *fields)}
    return Model(name=name, description=description, fields=named, reserved=reserved or {}, **more)


_PRIORITIES = (("0", "Low"), ("1", "Medium"), ("2", "High"), ("3", "Very High"))
_WON_STATUSES = (("won", "Won"), ("lost", "Lost"), ("pending", "Pending"))
_ACTIVE = _field("active", "boolean", "Active", default=True)

_LEAD = _model(
    "crm.lead",
    "Lead",
    _field("name", "char", "Opportunity", required=True),
    _field("type", "selection", "Type", required=True, selection=(("lead", "Lead"), ("opportunity", "Opportunity"))),
    _field("contact_name", "char", "Contact Name"),
    _field("partner_name", "char", "Company Name"),
    _field("partner_id", "many2one", "Contact", relation="res.partner"),
    _field("function", "char", "Job Position"),
    _field("phone", "char", "Phone"),
    _field("email_from", "char", "Email"),
    _field("website", "char", "Website"),
    _field("street", "char", "Street"),
    _field("city", "char", "City"),
    _field("zip", "char", "Zip"),
    _field("description", "html", "Notes"),
    _field("stage_id", "many2one", "Stage", relation="crm.stage"),
    _field("user_id", "many2one", "Salesperson", relation="res.users"),
    _field("team_id", "many2one", "Sales Team", relation="crm.team"),
    _field("company_id", "many2one", "Company", relation="res.company", default=1),
    _field("source_id", "many2one", "Source", relation="utm.source"),
    _field("medium_id", "many2one", "Medium", relation="utm.medium"),
    _field("campaign_id", "many2one", "Campaign", relation="utm.campaign"),
    _field("tag_ids", "many2many", "Tags", relation="crm.tag"),
    _field("referred", "char", "Referred By"),
    _field("priority", "selection", "Priority", selection=_PRIORITIES, default="0"),
    _field("probability", "float", "Probability", default=0.0),
    _field("won_status", "selection", "Won/Lost", selection=_WON_STATUSES, readonly=True, store=False),
    _field("expected_revenue", "monetary", "Expected Revenue", default=0.0),
    _field("color", "integer", "Color Index", default=0),
    _field("date_deadline", "date", "Expected Closing"),
    _field("date_open", "datetime", "Assignment Date", readonly=True),
    _field("date_closed", "datetime", "Closed Date", readonly=True),
    _field("date_last_stage_update", "datetime", "Last Stage Update", readonly=True),
    _ACTIVE,
    order="priority desc, id desc",
    class_name="CrmLead",
    indexed=("stage_id", "active"),
    reserved={"unlink": _SALES_ADMIN},
)
_PARTNER = _model(
    "res.partner",
    "Contact",
    _field("name", "char", "Name"),
    _field("phone", "char", "Phone"),
    _field("email", "char", "Email"),
    _field("function", "char", "Job Position"),
    _field("street", "char", "Street"),
    _field("city", "char", "City"),
    _field("zip", "char", "Zip"),
    _field("website", "char", "Website"),
    _field("vat", "char", "Tax ID"),
    _field("ref", "char", "Reference"),
    _field("lang", "char", "Language", default="en_US"),
    _field("comment", "html", "Notes"),
    _field("is_company", "boolean", "Is a Company", default=False),
    _field("parent_id", "many2one", "Related Company", relation="res.partner"),
    _field("category_id", "many2many", "Tags", relation="res.partner.category"),
    _field("user_id", "many2one", "Salesperson", relation="res.users"),
    _field("type", "selection", "Address Type", default="contact",
           selection=(("contact", "Contact"), ("invoice", "Invoice"), ("delivery", "Delivery"), ("other", "Other"))),
    _ACTIVE,
    order="name, id desc",
    class_name="ResPartner",
    reserved={"unlink": "Contact/Creation"},
)  # fmt: skip
_STAGE = _model(
    "crm.stage",
    "CRM Stages",
    _field("name", "char", "Stage Name", required=True),
    _field("sequence", "integer", "Sequence", default=1),
    _field("is_won", "boolean", "Is Won Stage?", default=False),
    _field("fold", "boolean", "Folded in Pipeline", default=False),
    _field("requirements", "text", "Requirements"),
    order="sequence, name, id",
    class_name="CrmStage",
    reserved=dict.fromkeys(("create", "write", "unlink"), _SALES_ADMIN),
)
_USERS = _model(
    "res.users",
    "User",
    _field("name", "char", "Name", required=True),
    _field("login", "char", "Login", required=True),
    _field("email", "char", "Email"),
    _field("phone", "char", "Phone"),
    _field("password", "char", "Password"),
    _field("partner_id", "many2one", "Related Partner", relation="res.partner", readonly=True),
    _field("company_id", "many2one", "Company", relation="res.company", default=1),
    _field("share", "boolean", "Share User", default=False, readonly=True),
    _ACTIVE,
    order="name, login",
    class_name="ResUsers",
    indexed=("login",),
    reserved=dict.fromkeys(("create", "write", "unlink"), _ADMIN),
)
_MODELS_MODEL = _model(
    "ir.model",
    "Models",
    _field("name", "char", "Model Description", required=True),
    _field("model", "char", "Model", required=True),
    _field("state", "selection", "Type", selection=(("manual", "Custom Object"), ("base", "Base Object")), default="base"),
    order="model",
    class_name="IrModel",
    reserved=dict.fromkeys(("read", "create", "write", "unlink"), _ADMIN),
)
_FIELDS_MODEL = _model(
    "ir.model.fields",
    "Fields",
    _field("name", "char", "Field Name", required=True, default="x_"),
    _field("model", "char", "Model Name"),
    _field("model_id", "many2one", "Model", required=True, relation="ir.model"),
    _field("field_description", "char", "Field Label", default=""),
    _field("ttype", "selection", "Field Type", required=True, selection=tuple((each, each) for each in sorted(TYPES))),
    _field("relation", "char", "Related Model"),
    _field("selection", "char", "Selection Options"),
    _field("help", "text", "Field Help"),
    _field("required", "boolean", "Required", default=False),
    _field("readonly", "boolean", "Readonly", default=False),
    _field("index", "boolean", "Indexed", default=False),
    _field("copied", "boolean", "Copied", default=False),
    _field("store", "boolean", "Stored", default=True),
    _field("state", "selection", "Type", selection=(("manual", "Custom Field"), ("base", "Base Field")), default="manual"),
    order="name, id",
    class_name="IrModelFields",
    reserved=dict.fromkeys(("read", "create", "write", "unlink"), _ADMIN),
)
_DATA_MODEL = _model(
    "ir.model.data",
    "Model Data",
    _field("module", "char", "Module", required=True, default=""),
    _field("name", "char", "External Identifier", required=True),
    _field("complete_name", "char", "Complete ID", readonly=True),
    _field("model", "char", "Model Name", required=True),
    _field("res_id", "integer", "Record ID"),
    _field("reference", "char", "Reference", readonly=True),
    _field("noupdate", "boolean", "Non Updatable", default=False),
    order="module, model, name",
    class_name="IrModelData",
    indexed=("complete_name", "reference"),
    reserved=dict.fromkeys(("read", "create", "write", "unlink"), _ADMIN),
)


CUSTOM = "x_"
"""With this the name of a custom model begins, and that of a custom field."""


def custom_model(name: str, description: str) -> Model:
    """A model that an administrator has made: a name, and what is added later. Nobody may use it until a right says who."""
    return _model(name, description, _field("x_name", "char", "Name"), rec_name="x_name")


_INVOICING = "Invoicing/Billing"
_MOVE_TYPES = (
    ("entry", "Journal Entry"), ("out_invoice", "Customer Invoice"), ("out_refund", "Customer Credit Note"),
    ("in_invoice", "Vendor Bill"), ("in_refund", "Vendor Credit Note"),
)  # fmt: skip
_MOVE_STATES = (("draft", "Draft"), ("posted", "Posted"), ("cancel", "Cancelled"))
_PAYMENT_STATES = (
    ("not_paid", "Not Paid"), ("in_payment", "In Payment"), ("paid", "Paid"), ("partial", "Partially Paid"),
    ("reversed", "Reversed"),
)  # fmt: skip
_MOVE = _model(
    "account.move",
    "Journal Entry",
    _field("name", "char", "Number"),
    _field("move_type", "selection", "Type", selection=_MOVE_TYPES, default="entry", required=True),
    _field("state", "selection", "Status", selection=_MOVE_STATES, default="draft"),
    _field("payment_state", "selection", "Payment Status", selection=_PAYMENT_STATES, default="not_paid"),
    _field("partner_id", "many2one", "Partner", relation="res.partner"),
    _field("commercial_partner_id", "many2one", "Commercial Entity", relation="res.partner"),
    _field("company_id", "many2one", "Company", relation="res.company", default=1),
    _field("currency_id", "many2one", "Currency", relation="res.currency", default=1),
    _field("invoice_date", "date", "Invoice/Bill Date"),
    _field("invoice_date_due", "date", "Due Date"),
    _field("amount_untaxed", "monetary", "Untaxed Amount", default=0.0),
    _field("amount_tax", "monetary", "Tax", default=0.0),
    _field("amount_total", "monetary", "Total", default=0.0),
    _field("amount_residual", "monetary", "Amount Due", default=0.0),
    order="invoice_date desc, name desc, id desc",
    reserved=dict.fromkeys(("read", "create", "write", "unlink"), _INVOICING),
)


def _named(model: str, description: str, label: str, **more: Any) -> Model:
    return _model(model, description, _field("name", "char", label, required=True), **more)


_MESSAGE = _model(
    "mail.message",
    "Message",
    _field("model", "char", "Related Document Model"),
    _field("res_id", "integer", "Related Document ID"),
    _field("subject", "char", "Subject"),
    _field("body", "html", "Contents"),
    _field("message_type", "char", "Type", default="notification"),
    _field("subtype_id", "many2one", "Subtype", relation="mail.message.subtype", default=2),
    _field("author_id", "many2one", "Author", relation="res.partner"),
    order="id desc",
    rec_name="subject",
)
_MAIL = _model(
    "mail.mail",
    "Outgoing Mails",
    _field("subject", "char", "Subject"),
    _field("recipient_id", "many2one", "Recipient", relation="res.users"),
    _field("model", "char", "Related Document Model"),
    _field("res_id", "integer", "Related Document ID"),
    order="id desc",
    rec_name="subject",
    reserved=dict.fromkeys(("read", "create", "write", "unlink"), _ADMIN),
)

_CAMPAIGN = _model(
    "utm.campaign",
    "UTM Campaign",
    _field("name", "char", "Campaign Identifier", required=True),
    _field("title", "char", "Campaign Name", required=True),
    _field("user_id", "many2one", "Responsible", required=True, relation="res.users"),
    _ACTIVE,
    rec_name="title",
    class_name="UtmCampaign",
    reserved={"unlink": _SALES_ADMIN},
)
_ACCESS = _model(
    "ir.model.access",
    "Model Access",
    _field("name", "char", "Name", required=True),
    _field("model_id", "many2one", "Model", required=True, relation="ir.model"),
    _field("group_id", "many2one", "Group", relation="res.groups"),
    *(_field(f"perm_{name}", "boolean", f"{name.title()} Access") for name in ("read", "write", "create", "unlink")),
    reserved=dict.fromkeys(("read", "create", "write", "unlink"), _ADMIN),
)

MODELS: tuple[Model, ...] = (
    _LEAD, _PARTNER, _STAGE, _USERS, _MODELS_MODEL, _FIELDS_MODEL, _DATA_MODEL, _MESSAGE, _MAIL, _ACCESS,
    _MOVE,
    _named("res.groups", "Access Groups", "Name"),
    _named("mail.message.subtype", "Message subtypes", "Message Type"),
    _named("crm.team", "Sales Team", "Sales Team"),
    _named("crm.tag", "CRM Tag", "Tag Name", class_name="CrmTag", reserved={"unlink": _SALES_ADMIN}),
    _model("res.partner.category", "Partner Tags", _field("name", "char", "Name", required=True), _ACTIVE,
           reserved={"unlink": "Contact/Creation"}),
    _named("res.company", "Companies", "Company Name"),
    _named("res.currency", "Currency", "Currency"),
    _named("utm.source", "UTM Source", "Source Name", class_name="UtmSource"),
    _named("utm.medium", "UTM Medium", "Medium Name", class_name="UtmSource"),
    _CAMPAIGN,
)  # fmt: skip
