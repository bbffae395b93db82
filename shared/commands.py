"""Settings for commands on one machine: those of `local.settings.json`, and no question for what a command does not use.

Only the start of a program calls this (`if __name__ == "__main__"`): it changes the environment of the process.
"""

import json
import os
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType

from shared.errors import ConfigurationError, PuenteError

FILE = Path(__file__).absolute().parents[1] / "local.settings.json"
ODOO = ("ODOO_URL", "ODOO_DB", "ODOO_USERNAME", "ODOO_PASSWORD")
STORAGE = ("AzureWebJobsStorage",)
_NO_TABLE = re.compile(r"no such table|Invalid object name|relation \S+ does not exist")  # SQLite, Azure SQL, PostgreSQL
# What stands for a required setting that a command does not use. It leads nowhere and opens nothing.
_UNUSED = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "API_KEYS": json.dumps([{"name": "unused", "sha256": "0" * 64}]),
    "ODOO_URL": "http://odoo.invalid",
    "ODOO_DB": "unused",
    "ODOO_USERNAME": "unused",
    "ODOO_PASSWORD": "unused",
}


def use_local_settings(
    *needed: str, environment: MutableMapping[str, str] | None = None, file: Path = FILE
) -> MutableMapping[str, str]:
    """Complete the environment from `local.settings.json`, as the host does: what is set there, and not empty, wins.

    Required settings that are in neither, and not among those `needed`, get a value that leads nowhere. Where the storage
    account is named by another setting (managed identity), no connection string is put beside it.

    Raises:
        ConfigurationError: the file is no JSON object with readable `Values`.
    """
    values = os.environ if environment is None else environment
    for name, text in values_of(file).items():
        if not values.get(name):
            values[name] = text
    has_identity = any(name.startswith("AzureWebJobsStorage__") and text for name, text in values.items())
    for name, text in _UNUSED.items():
        if name not in needed and not values.get(name) and not (has_identity and name in STORAGE):
            values[name] = text
    return values


def values_of(file: Path) -> dict[str, str]:
    """What a file of local settings says; nothing where there is none. Raises ConfigurationError: it cannot be read."""
    if not file.exists():
        return {}
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
        if document.get("IsEncrypted") is not False:
            raise ConfigurationError(f'{file.name} is encrypted; run `func settings decrypt`, or write `"IsEncrypted": false`.')
        return {str(name): text for name, text in (document.get("Values") or {}).items() if isinstance(text, str)}
    except (ValueError, AttributeError, RecursionError) as error:
        raise ConfigurationError(f"{file.name} is no JSON object with Values: {error}") from error


def start(*needed: str) -> None:
    """`use_local_settings`, for the first line of a command: what is wrong with the file ends the program.

    From then on an error that its user can mend ends the program with a sentence instead of a trace (`explanation`).
    """
    sys.excepthook = _explain
    try:
        use_local_settings(*needed)
    except ConfigurationError as error:
        raise SystemExit(str(error)) from error


def explanation(error: BaseException) -> str | None:
    """What the user of a command reads instead of a trace; None where only the trace tells what went wrong."""
    if isinstance(error, PuenteError):
        return str(error)
    if type(error).__module__.partition(".")[0] == "sqlalchemy" and _NO_TABLE.search(str(getattr(error, "orig", ""))):
        return "The database has no tables yet, or not all of them: run `python -m shared.store.migrate` (`make run` does it)."
    return None


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    text = explanation(error)
    if text is None:
        sys.__excepthook__(kind, error, trace)
    else:
        sys.stderr.write(text + "\n")
