"""The database behind the sandbox's Odoo: models, their rows, users and keys."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.odoo.errors import access_denied, missing
from sandbox.odoo.fields import STAMP_LENGTH, Field
from sandbox.odoo.models import CUSTOM, MODELS, Model, custom_model
from sandbox.odoo.store import Row, Store, Table

NAME = "puente"
API_KEYS: Mapping[str, int] = {"sandbox-odoo-key": 2, "sandbox-odoo-key-ana": 5}
"""API key to user; each also serves as that user's password. Ana is a salesperson and may do less than the administrator."""
ADMIN_IDS = frozenset({1, 2})


def timestamp() -> str:
    """The present moment as Odoo stores it: UTC, whole seconds."""
    return datetime.now(UTC).isoformat(" ", "seconds")[:STAMP_LENGTH]


class Database:
    """All models with their rows. Empty until it is seeded."""

    def __init__(self) -> None:
        self.store = Store()
        self.models = {model.name: model.clone() for model in MODELS}
        for model in self.models.values():
            self.store.create_table(model.name, model.indexed)

    def model(self, name: str) -> Model:
        """The definition of a model that exists."""
        return self.models[name]

    def table(self, name: str) -> Table:
        """Its rows."""
        return self.store.tables[name]

    def name_of(self, model_name: str, row_id: int) -> str:
        """What a reference to the record shows: its name, or model and number when it has none."""
        row = self.table(model_name).rows.get(row_id, {})
        return str(row.get(self.models[model_name].rec_name) or f"{model_name},{row_id}")

    def reference(self, model_name: str, row_id: int | None) -> list[Any] | bool:
        """A many2one as it is read: id and name, or False."""
        return False if row_id is None else [row_id, self.name_of(model_name, row_id)]

    def add_field(self, model_name: str, field: Field) -> None:
        """Give a model one more field, at once usable; undone when the transaction is."""
        self.models[model_name].fields[field.name] = field
        if field.index:
            self.table(model_name).add_index(field.name)
        self.store.on_rollback(lambda: self.remove_field(model_name, field.name))

    def add_model(self, name: str, description: str) -> None:
        """Make a custom model, at once there; undone when the transaction is."""
        self.models[name] = custom_model(name, description)
        self.store.create_table(name)
        self.store.on_rollback(lambda: self.remove_model(name))

    def remove_model(self, name: str) -> None:
        """Take a custom model away, with all its rows."""
        del self.models[name]
        del self.store.tables[name]

    def remove_field(self, model_name: str, field_name: str) -> None:
        """Take a field away, with all its values."""
        del self.models[model_name].fields[field_name]
        self.table(model_name).drop_column(field_name)

    def authenticate(self, login: Any, password: Any) -> int | None:
        """The id of the active user with this login and password (or API key), or None."""
        for uid in self.table("res.users").ids_with("login", login):
            if self._opens(uid, password):
                return uid
        return None

    def verify(self, uid: Any, password: Any) -> int:
        """`uid`, when the password or key is that user's. Raises AccessDenied, or MissingError for a user that is not there."""
        if isinstance(uid, int) and uid not in self.table("res.users").rows:
            raise missing("res.users", [uid], uid)
        if not isinstance(uid, int) or not self._opens(uid, password):
            raise access_denied()
        return uid

    def _opens(self, uid: int, password: Any) -> bool:
        row = self.table("res.users").rows[uid]
        if not row["active"] or not isinstance(password, str) or not password:
            return False
        return password == row.get("password") or API_KEYS.get(password) == uid

    def dump(self) -> dict[str, Any]:
        """All rows as JSON; custom fields come with them, as rows of ir.model.fields."""
        return self.store.dump()

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Continue with what `dump` gave."""
        for name in [each for each in self.models if each.startswith(CUSTOM)]:
            self.remove_model(name)
        for model in self.models.values():
            for name in [each.name for each in model.fields.values() if each.manual]:
                self.remove_field(model.name, name)
        for name in (each for each in saved if each.startswith(CUSTOM)):
            self.add_model(name, name)
        self.store.restore(saved)
        for row in self.table("ir.model.fields").rows.values():
            if row["state"] == "manual":
                self.add_field(row["model"], manual_field(row))
        self.store.forget()


def manual_field(row: Row) -> Field:
    """The field that a row of ir.model.fields describes."""
    return Field(
        name=row["name"],
        type=row["ttype"],
        string=row["field_description"] or row["name"],
        required=bool(row["required"]),
        readonly=bool(row["readonly"]),
        index=bool(row["index"]),
        copied=bool(row["copied"]),
        manual=True,
        relation=row["relation"],
        selection=tuple((str(key), str(label)) for key, label in row.get("options") or ()),
    )
