"""The tables of infra/main.bicepparam and of docs/deploy.md, made from the declared settings; `make docs` writes them."""

import re
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.settings import setting_name, settings_class

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ROOT / "infra/settings-left-out.yaml"
# The template works these out itself: names and identities of what it makes.
OF_THE_TEMPLATE = frozenset(
    (
        "AZURE_SQL_CONNECTION_STRING",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "APPLICATIONINSIGHTS_RESOURCE_ID",
        "AzureWebJobsStorage__accountName",
        "AzureWebJobsStorage__clientId",
    )
)
# Secrets that are not written as such: keys or their hashes, and an address at which whoever knows it can write.
SECRET_ALL_THE_SAME = frozenset(("API_KEYS", "ALERT_WEBHOOK_URL"))
# Where Azure wants another value than one machine does.
IN_AZURE = {"WARM_AFTER_SECONDS": "3"}
SECRETS_HEAD = "| Secret | Needed | Values | What it is |\n|---|---|---|---|\n"


def parameters(text: str) -> str:
    """The parameter file with both of its tables made anew."""
    plain, secret = _settings()
    lines = [f"  {name}: readEnvironmentVariable('{name}'{_default(name, field)})\n" for name, field in plain.items()]
    text = _with_table(text, "settings", "".join(lines))
    kinds = {name: "required" if field.is_required() else "optional" for name, field in secret.items()}
    return _with_table(text, "vaultSettings", "".join(f"  {name}: '{kind}'\n" for name, kind in kinds.items()))


def secrets_table() -> str:
    """The secrets for people: which the vault may hold, which it must, whether two may be valid at once, what each is for."""
    _plain, secret = _settings()
    return SECRETS_HEAD + "".join(_secret_row(name, field) for name, field in secret.items())


def _secret_row(name: str, field: FieldInfo) -> str:
    needed, values = "yes" if field.is_required() else "", "several" if "tuple" in str(field.annotation) else "one"
    return f"| `{name}` | {needed} | {values} | {field.description} |\n"


def _settings() -> tuple[dict[str, FieldInfo], dict[str, FieldInfo]]:
    """The settings that a deployment gives, by their names: those that may be seen, and the secrets."""
    left_out = set(re.findall(r"^(\w+):", LEFT_OUT.read_text(encoding="utf-8"), re.MULTILINE)) | OF_THE_TEMPLATE
    named = {setting_name(name): field for name, field in settings_class().model_fields.items()}
    given = {name: named[name] for name in sorted(named) if name not in left_out}
    secret = {name: field for name, field in given.items() if name in SECRET_ALL_THE_SAME or _is_secret(field.annotation)}
    return {name: field for name, field in given.items() if name not in secret}, secret


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


def _default(name: str, field: FieldInfo) -> str:
    """What counts where a deployment names nothing: the class's own default, except for what the host reads itself."""
    if field.is_required():
        return ""
    given = field.default if name.endswith("_SCHEDULE") else IN_AZURE.get(name, "")
    return f", '{given}'"


def _with_table(text: str, parameter: str, lines: str) -> str:
    """Raises ValueError: the file has no such table."""
    head = f"param {parameter} = {{\n"
    before, found, rest = text.partition(head)
    _old, end, after = rest.partition("}\n")
    if not (found and end):
        raise ValueError(f"infra/main.bicepparam lacks the table {parameter!r}")
    return f"{before}{head}{lines}{end}{after}"
