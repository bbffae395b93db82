"""What a new sandbox Odoo contains: that of a fresh Odoo 19 with CRM, the eleven stages of the pipeline, three advisors."""

from typing import Any

from sandbox.odoo.database import Database, timestamp
from sandbox.odoo.fields import Field

NOTE_SUBTYPE = ("Discussions", "Note")
_FRESH_STAGES = ("New", "Qualified", "Proposition", "Won")
FIRST_STAGE_ID = 16
STAGES = (
    "Recién Suscrito Sin Asignar", "Recién Suscrito Pendiente AC", "Retornó en AC", "Comienza AC", "Retorno a AE",
    "Derivado a AE", "Comienza AE", "Terminó AE", "No Termino AE Derivado AC", "Comienza Cotización",
    "Orden de Venta Confirmada",
)  # fmt: skip
"""Stages 16 to 26, in order."""
_SOURCES = (
    "Search engine", "Lead Recall", "Newsletter", "Facebook", "X", "LinkedIn", "Monster", "Glassdoor", "Craigslist", "Referral",
)  # fmt: skip
_MEDIA = ("Website", "Phone", "Direct", "Email", "Banner", "X", "Facebook", "LinkedIn", "Television", "Google Adwords", "SMS")
_GROUPS = ("Role / User", "Sales: All Documents")
_ADVISORS = (("Ana Asesora", "ana"), ("Bruno Asesor", "bruno"), ("Carla Asesora", "carla"))
"""Users 5 to 7, password `advisor`."""
_CUSTOM = (
    ("crm.lead", "x_manychat_id", "ManyChat ID", "char"),
    ("crm.lead", "x_manychat_entry_date", "ManyChat entry date", "datetime"),
    ("res.partner", "x_manychat_id", "ManyChat ID", "char"),
)


_CURRENCIES = ("MXN", "USD", "EUR")


def seed(db: Database, *, custom_fields: bool = True, stages: bool = True) -> None:
    """Fill an empty database. Without `custom_fields` or `stages` it is as a customer's Odoo is before our set-up."""
    with db.store.transaction():
        _people(db)
        _pipeline(db, stages=stages)
        for model, names in (
            ("mail.message.subtype", NOTE_SUBTYPE), ("utm.source", _SOURCES), ("utm.medium", _MEDIA), ("crm.team", ("Sales",)),
            ("res.groups", _GROUPS),
        ):  # fmt: skip
            for name in names:
                _insert(db, model, name=name)
        _describe_models(db)
        for model, name, label, kind in _CUSTOM if custom_fields else ():
            _custom_field(db, model, name, label, kind)
        _external_ids(db)


def _insert(db: Database, model_name: str, **values: Any) -> int:
    now = timestamp()
    row: dict[str, Any] = {"create_uid": 1, "create_date": now, "write_uid": 1, "write_date": now}
    for each in db.model(model_name).fields.values():
        if each.store and each.name != "id":
            row.setdefault(each.name, each.default)
    return db.table(model_name).insert(row | values)


def _people(db: Database) -> None:
    _insert(db, "res.company", name="My Company")
    for currency in _CURRENCIES:
        _insert(db, "res.currency", name=currency)
    _insert(db, "res.partner", name="My Company", is_company=True)
    users = (
        ("OdooBot", "__system__", None), ("Administrator", "admin", "admin"), ("Public user", "public", None),
        ("Portal User Template", "portaltemplate", None), *((name, login, "advisor") for name, login in _ADVISORS),
    )  # fmt: skip
    for name, login, password in users:
        active = password is not None
        partner = _insert(db, "res.partner", name=name, active=active)
        _insert(db, "res.users", name=name, login=login, password=password, partner_id=partner, active=active)


def _pipeline(db: Database, *, stages: bool) -> None:
    for place, name in enumerate(_FRESH_STAGES, start=1):
        won = name == "Won"
        _insert(db, "crm.stage", name=name, sequence=70 if won else place, is_won=won)
    db.table("crm.stage").next_id = FIRST_STAGE_ID
    for place, name in enumerate(STAGES if stages else (), start=10):
        _insert(db, "crm.stage", name=name, sequence=place)


def _describe_models(db: Database) -> None:
    for model in sorted(db.models.values(), key=lambda each: each.name):
        number = _insert(db, "ir.model", name=model.description, model=model.name)
        for field in model.fields.values():
            _describe_field(db, model.name, number, field, state="base")


def _describe_field(db: Database, model_name: str, model_id: int, field: Field, *, state: str) -> None:
    _insert(
        db, "ir.model.fields", name=field.name, model=model_name, model_id=model_id, field_description=field.string,
        ttype=field.type, relation=field.relation, required=field.required, readonly=field.readonly, index=field.index,
        store=field.store, copied=field.copied, state=state,
    )  # fmt: skip


def _custom_field(db: Database, model_name: str, name: str, label: str, kind: str) -> None:
    field = Field(name=name, type=kind, string=label, index=True, copied=False, manual=True)
    model_id = next(row["id"] for row in db.table("ir.model").rows.values() if row["model"] == model_name)
    _describe_field(db, model_name, model_id, field, state="manual")
    db.add_field(model_name, field)


def _external_ids(db: Database) -> None:
    known = [
        ("base", "main_company", "res.company", 1),
        ("base", "user_root", "res.users", 1),
        ("base", "user_admin", "res.users", 2),
    ]
    known += [("base", "group_user", "res.groups", 1), ("sales_team", "group_sale_salesman_all_leads", "res.groups", 2)]
    known += [("crm", f"stage_lead{number}", "crm.stage", number) for number in (1, 2, 3, 4)]
    known += [("mail", "mt_note", "mail.message.subtype", 2), ("sales_team", "team_sales_department", "crm.team", 1)]
    for module, name, model, number in known:
        _insert(
            db, "ir.model.data", module=module, name=name, complete_name=f"{module}.{name}", model=model, res_id=number,
            reference=f"{model},{number}",
        )  # fmt: skip
