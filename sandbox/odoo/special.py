"""What single models do beyond the common: leads, partners, stages, users, sources, external ids, custom fields."""

import ast
import re
from html import escape
from typing import Any

from sandbox.odoo.database import ADMIN_IDS, manual_field, timestamp
from sandbox.odoo.env import over_api
from sandbox.odoo.errors import OdooError, bad_value, invalid, missing, user_error
from sandbox.odoo.fields import Field
from sandbox.odoo.ordering import ordered
from sandbox.odoo.records import BaseModel
from sandbox.odoo.store import Row

_SALES_GROUPS = frozenset({"base.group_user", "sales_team.group_sale_salesman", "sales_team.group_sale_salesman_all_leads"})
_ADMIN_GROUPS = frozenset({"base.group_system", "base.group_erp_manager", "sales_team.group_sale_manager"})
CERTAIN, OPEN_PROBABILITY = 100.0, 10.0
_FIELD_NAME = re.compile(r"[A-Za-z0-9_]{1,63}")


class MailThread(BaseModel):
    """A model that keeps a conversation."""

    @over_api("records")
    def message_post(
        self, *, body: Any = "", subject: Any = None, message_type: str = "notification", body_is_html: bool = False,
        **_other: Any,
    ) -> list[int]:  # fmt: skip
        """Add a note to one record. `body` is plain text unless `body_is_html`."""
        ids = self._numbers()
        if len(ids) != 1:
            listed = ", ".join(map(str, ids))
            raise bad_value(f"Expected singleton: {self.model.name}({listed})")
        self._existing(ids)
        html = str(body or "") if body_is_html else escape(str(body or ""), quote=False)
        messages = model_for(self.env, "mail.message")
        note = {"model": self.model.name, "res_id": ids[0], "subject": subject, "body": html, "message_type": message_type}
        with self.env.db.store.transaction():
            return [messages.create_one(note)]


class CrmLead(MailThread):
    """Leads and opportunities."""

    @over_api("records")
    def action_set_lost(self, **additional_values: Any) -> None:
        """Archive the leads as lost."""
        self.write({"active": False, "probability": 0.0, **additional_values})

    @over_api("records")
    def action_set_won(self) -> bool:
        """Move the leads to the first stage that means won."""
        stages = ordered(self.env.db, self.env.db.model("crm.stage"), list(self._stages().values()), None)
        won = next(stage["id"] for stage in stages if stage["is_won"])
        return self.write({"active": True, "stage_id": won})

    def complete(self, row: Row, given: Row) -> None:
        """The caller is the salesperson unless the call says otherwise; with one comes the team; the stage is the first."""
        row["user_id"] = given.get("user_id", self.env.uid)
        if "team_id" not in given:
            row["team_id"] = 1 if row["user_id"] else None
        if "type" not in given:
            row["type"] = "opportunity"
        if "stage_id" not in given:
            first = min(self._stages().values(), key=lambda stage: (stage["sequence"] or 0, stage["id"]), default=None)
            row["stage_id"] = first["id"] if first else None
        row["date_open"] = row["create_date"] if row["user_id"] else None
        row["date_last_stage_update"] = row["create_date"]
        self._close_if_won(row)

    def adjust(self, before: Row, changes: Row) -> None:
        """A new stage is dated, and closes the lead when it means won; so does losing it."""
        for name in ("stage_id", "user_id"):
            found = self.model.fields[name]
            value = changes.get(name)
            if value is not None and value not in self.env.db.table(found.relation or "").rows:
                raise missing(found.relation or "", [value], self.env.uid)
        if "stage_id" in changes and changes["stage_id"] != before["stage_id"]:
            changes["date_last_stage_update"] = timestamp()
            self._close_if_won(changes)
            if before["probability"] == CERTAIN and "probability" not in changes:
                changes["probability"], changes["date_closed"] = OPEN_PROBABILITY, None
        if changes.get("active") is False and changes.get("probability") == 0:
            changes["date_closed"] = timestamp()

    def created(self, row_id: int, row: Row) -> None:
        """Tell the salesperson."""
        self._notify(row_id, row["name"], row["user_id"])

    def written(self, row_id: int, before: Row, changes: Row) -> None:
        """Tell a new salesperson."""
        if changes.get("user_id", before["user_id"]) != before["user_id"]:
            self._notify(row_id, before["name"], changes["user_id"])

    def _stages(self) -> dict[int, Row]:
        return self.env.db.table("crm.stage").rows

    def _close_if_won(self, row: Row) -> None:
        stage = self._stages().get(row["stage_id"])
        if stage and stage["is_won"]:
            row["active"], row["probability"], row["date_closed"] = True, CERTAIN, timestamp()

    def read_value(self, row: Row, wanted: Field, *, named: bool) -> Any:
        """Whether the lead is won or lost follows from its stage, its probability and whether it is archived."""
        if wanted.name != "won_status":
            return super().read_value(row, wanted, named=named)
        if row["probability"] == CERTAIN and (self._stages().get(row["stage_id"]) or {}).get("is_won"):
            return "won"
        return "lost" if not row["active"] and row["probability"] == 0 else "pending"

    def _notify(self, row_id: int, name: str, user_id: int | None) -> None:
        """Odoo sends one e-mail per lead to whoever gets it from somebody else, unless the context says not to."""
        if user_id is None or user_id == self.env.uid or self.env.context.get("mail_auto_subscribe_no_notify"):
            return
        mail = {
            "subject": f"You have been assigned to {name}", "recipient_id": user_id, "model": "crm.lead", "res_id": row_id,
        }  # fmt: skip
        self.env.db.table("mail.mail").insert({**mail, "create_date": timestamp()})


class ResPartner(MailThread):
    """Contacts."""

    def check(self, row: Row) -> None:
        """A contact has a name."""
        if not row["name"]:
            raise invalid("Contacts require a name")


class CrmStage(BaseModel):
    """Stages of the pipeline."""


class ResUsers(BaseModel):
    """Users; each has a contact of its own."""

    def create_one(self, vals: Any) -> int:
        """A user and its contact. Fails for a login that is taken."""
        if isinstance(vals, dict) and self.table.ids_with("login", vals.get("login")):
            raise invalid("You can not have two users with the same login!")
        user_id = super().create_one(vals)
        name = self.table.rows[user_id]["name"]
        partner = model_for(self.env, "res.partner").create_one({"name": name, "email": vals.get("email")})
        self.table.update(user_id, {"partner_id": partner})
        return user_id

    def read_value(self, row: Row, wanted: Field, *, named: bool) -> Any:
        """Nobody reads a password."""
        return False if wanted.name == "password" else super().read_value(row, wanted, named=named)

    @over_api("records")
    def has_group(self, group_ext_id: str) -> bool:
        """Whether one user is in a group: the administrator in all internal ones, a salesperson in those of a salesperson."""
        ids = self._numbers()
        if len(ids) != 1:
            raise bad_value(f"Expected singleton: res.users({', '.join(map(str, ids))})")
        return group_ext_id in _SALES_GROUPS or (group_ext_id in _ADMIN_GROUPS and ids[0] in ADMIN_IDS)

    @over_api("model")
    def context_get(self) -> dict[str, Any]:
        """The caller's language, time zone and id."""
        return {"lang": "en_US", "tz": False, "uid": self.env.uid}


class UtmSource(BaseModel):
    """Sources, media and campaigns: a name that is taken gets a number, as in `WhatsApp [2]`."""

    def complete(self, row: Row, given: Row) -> None:
        """Make the name unique."""
        name, count = given.get("name"), 1
        taken = {each["name"] for each in self.table.rows.values()}
        while row["name"] in taken:
            count += 1
            row["name"] = f"{name} [{count}]"

    @over_api("model")
    def name_create(self, name: str) -> list[Any]:
        """A new record from its name alone; returns id and name."""
        row_id = self.create({"name": name})
        return [row_id, self.env.db.name_of(self.model.name, row_id)]


class UtmCampaign(BaseModel):
    """Campaigns: people read the title; the name follows from it and is unique, as in `Marzo [2]`."""

    def complete(self, row: Row, given: Row) -> None:
        """Title from name or name from title; the caller is responsible."""
        row["title"] = row["title"] or given.get("name")
        row["user_id"] = given.get("user_id") or self.env.uid
        row["name"] = self._unique(row["name"] or row["title"], None)

    def adjust(self, before: Row, changes: Row) -> None:
        """A new title is a new name."""
        if "title" in changes and "name" not in changes:
            changes["name"] = self._unique(changes["title"], before["id"])

    def _unique(self, name: str | None, of: int | None) -> str | None:
        taken = {each["name"] for each in self.table.rows.values() if each["id"] != of}
        found, count = name, 1
        while found in taken:
            count += 1
            found = f"{name} [{count}]"
        return found


class CrmTag(BaseModel):
    """Tags of leads: each name once."""

    def check(self, row: Row) -> None:
        """Refuse a name that another tag has."""
        if any(each["name"] == row["name"] and each["id"] != row.get("id") for each in self.table.rows.values()):
            raise invalid("Tag name already exists!")


class IrModel(BaseModel):
    """The list of models. A new row is a new custom model."""

    def create_one(self, vals: Any) -> int:
        """Add a custom model. Raises what Odoo raises for a wrong or taken name."""
        name = str((vals or {}).get("model") or "")
        if not name.startswith("x_"):
            raise invalid("The model name must start with 'x_'.")
        if name in self.env.db.models:
            raise invalid("Each model must have a unique name.")
        row_id = super().create_one({**vals, "state": "manual"})
        row = self.table.rows[row_id]
        self.env.db.add_model(row["model"], row["name"])
        return row_id


class IrModelData(BaseModel):
    """External ids."""

    def complete(self, row: Row, given: Row) -> None:
        """Keep the two computed columns by which external ids are found."""
        row["module"] = given.get("module") or ""
        self._compute(row, row)

    def adjust(self, before: Row, changes: Row) -> None:
        """The same for changes."""
        self._compute(changes, before | changes)

    def check(self, row: Row) -> None:
        """An external id has no spaces and exists once."""
        if " " in (row["name"] or ""):
            raise invalid("External IDs cannot contain spaces")
        for other in self.table.ids_with("complete_name", row["complete_name"]):
            if other != row.get("id"):
                raise invalid(
                    'duplicate key value violates unique constraint "ir_model_data_module_name_uniq_index"\n'
                    f"DETAIL:  Key (module, name)=({row['module']}, {row['name']}) already exists.\n"
                )

    @staticmethod
    def _compute(target: Row, row: Row) -> None:
        target["complete_name"] = f"{row['module']}.{row['name']}" if row["module"] else row["name"]
        target["reference"] = f"{row['model']},{row['res_id'] or 0}"


class IrModelFields(BaseModel):
    """Fields. A new row is a new custom field, at once usable; deleting the row deletes the field with all its values."""

    def create_one(self, vals: Any) -> int:
        """Add a custom field. Raises what Odoo raises for a wrong name, type or model."""
        row_id = super().create_one(vals)
        row = self.table.rows[row_id]
        row["options"] = ast.literal_eval(row["selection"] or "[]") if row["ttype"] == "selection" else []
        self.env.db.add_field(row["model"], manual_field(row))
        return row_id

    def complete(self, row: Row, given: Row) -> None:
        """The model's name follows from its number."""
        if given.get("model_id") is None:
            return
        model = self.env.db.table("ir.model").rows.get(given["model_id"])
        if model is None:
            raise missing("ir.model", [given["model_id"]], self.env.uid)
        row["model"], row["state"] = model["model"], "manual"

    def check(self, row: Row) -> None:
        """Its name begins with `x_`, has only letters, digits and underscores, and is new on the model."""
        if row["state"] != "manual":
            return
        if not row["name"].startswith("x_"):
            raise invalid("Custom fields must have a name that starts with 'x_'!")
        if not _FIELD_NAME.fullmatch(row["name"]):
            text = "Field names can only contain characters, digits and underscores (up to 63)."
            raise invalid(text, prefixed=False)
        if "id" not in row and row["name"] in self.env.db.model(row["model"]).fields:
            raise invalid("Field names must be unique per model.")

    def write_one(self, row_id: int, vals: Any) -> None:
        """The sandbox's fields stay as they were made."""
        before = self.table.rows[row_id]
        raise user_error(f"The sandbox does not change the field {before['name']} to {vals!r}; delete it and make it anew.")

    def unlink_one(self, row_id: int) -> None:
        """Delete a custom field."""
        row = self.table.rows[row_id]
        if row["state"] != "manual":
            raise user_error(f"This column contains module data and cannot be removed! ({row['name']})")
        super().unlink_one(row_id)
        self.env.db.remove_field(row["model"], row["name"])


_CLASSES: dict[str, type[BaseModel]] = {
    each.__name__: each
    for each in (
        BaseModel,
        CrmLead,
        ResPartner,
        CrmStage,
        CrmTag,
        ResUsers,
        UtmSource,
        UtmCampaign,
        IrModel,
        IrModelData,
        IrModelFields,
    )
}


def model_for(env: Any, name: str, ids: Any = ()) -> BaseModel:
    """The records `ids` of the model `name`. Raises UserError when there is no such model."""
    model = env.db.models.get(name)
    if model is None:
        raise OdooError("odoo.exceptions.UserError", f"Object {name} doesn't exist", status=404)
    return _CLASSES[model.class_name](env, model, ids)
