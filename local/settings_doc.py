"""docs/settings.md and local.settings.example.json, made from the settings class; `make docs` writes them."""

import json
import re
import typing
from typing import Any

from pydantic.fields import FieldInfo

from shared.environment import NoDecode
from shared.settings import setting_name, settings_class

HEAD = """# Settings

Every setting of the app, by its name in the environment.
In Azure these are app settings (secrets as Key Vault references); on one machine they are `Values` in `local.settings.json`, and the environment wins over the file.
All mistakes are reported together when the app starts.
Names that begin with `AzureWebJobsStorage` and the three schedules are read by the Functions host as well, so they must be set even where a default is given here.

This page is made from `shared/settings.py` and the settings of each flow by `make docs`.

| Setting | Type | Default | Meaning |
|---|---|---|---|
"""


def document() -> str:
    """The whole page."""
    rows = (
        _row(name, field)
        for name, field in sorted(settings_class().model_fields.items(), key=lambda item: setting_name(item[0]))
    )
    return HEAD + "".join(rows)


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{setting_name(name)}` | {_kind(field)} | {_default(field)} | {field.description} |\n"


def _kind(field: FieldInfo) -> str:
    """What to write there: words of several are separated by commas where pydantic leaves their decoding to the type."""
    if NoDecode not in field.metadata:
        return _type(field.annotation)
    return "secrets, comma-separated" if "SecretStr" in str(field.annotation) else "words, comma-separated"


def _type(annotation: Any) -> str:
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(f"`{choice}`" for choice in typing.get_args(annotation))
    text = getattr(annotation, "__name__", None) if not typing.get_args(annotation) else str(annotation)
    words = {"str": "text", "int": "number", "float": "number", "bool": "true or false", "SecretStr": "secret"}
    found = [words[word] for word in re.findall(r"\w+", text or str(annotation)) if word in words]
    if "dict" in str(annotation) or "tuple" in str(annotation):
        return "JSON"
    return found[0] if found else "text"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    return f"`{written}`" if (written := _text(field)) else ""


LOCAL = {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "API_KEYS": json.dumps(
        [
            {"name": "local", "key": "local-dev-key", "scopes": ["admin"]},
            {"name": "webhooks", "key": "local-webhook-key", "scopes": ["webhook"]},
            {"name": "approver", "key": "local-approver-key", "scopes": ["admin"]},
        ]
    ),
    "DATABASE_URL": "sqlite:///.local/puente.db",
    "ODOO_URL": "http://127.0.0.1:7072/odoo",
    "ODOO_DB": "puente",
    "ODOO_USERNAME": "admin",
    "ODOO_PASSWORD": "admin",
    # In Azure the host's own lines are left out (host.json); who looks at a terminal wants to see them.
    "AzureFunctionsJobHost__logging__logLevel__default": "Information",
}
# Instead of a connection string; the host would take an empty one for a wish to use an identity.
IDENTITY = "AzureWebJobsStorage__"


def example() -> str:
    """local.settings.example.json: every setting, with the values for one machine or the default (empty: not set)."""
    names = {setting_name(name): field for name, field in settings_class().model_fields.items()}
    others = {
        name: _text(field) for name, field in sorted(names.items()) if name not in LOCAL and not name.startswith(IDENTITY)
    }
    host = {"LocalHttpPort": 7071, "LocalHttpAddress": "127.0.0.1"}
    return json.dumps({"IsEncrypted": False, "Values": LOCAL | others, "Host": host}, indent=2, ensure_ascii=False) + "\n"


def _text(field: FieldInfo) -> str:
    """The default as it would stand in the environment."""
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)  # an exact number is written as text
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
