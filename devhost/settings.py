"""App settings: `local.settings.json`, the environment, and `%NAME%` in bindings."""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PLACEHOLDER = re.compile(r"%([^%]*)%")


class SettingsError(ValueError):
    """A settings file cannot be used, or a setting that is asked for is missing; the text says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """What `local.settings.json` says. Empty when there is no such file."""

    values: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    address: str | None = None


def read_local_settings(app_dir: Path) -> LocalSettings:
    """Read the file, if it is there. Raises SettingsError for one that is encrypted (which is the default) or malformed."""
    path = app_dir / "local.settings.json"
    if not path.exists():
        return LocalSettings()
    document = read_json_object(path)
    if document.get("IsEncrypted", True) is not False:
        raise SettingsError(
            f"{path.name} counts as encrypted unless it says '\"IsEncrypted\": false', and only Core Tools can decrypt it: "
            "run `func settings decrypt`, or add that line if the values are readable."
        )
    host = document.get("Host") or {}
    values = _strings(document, "Values", path)
    connections = {f"ConnectionStrings:{name}": text for name, text in _strings(document, "ConnectionStrings", path).items()}
    return LocalSettings(values=values | connections, port=host.get("LocalHttpPort"), address=host.get("LocalHttpAddress"))


def _strings(document: Mapping[str, Any], section: str, path: Path) -> dict[str, str]:
    pairs = document.get(section) or {}
    if not isinstance(pairs, dict):
        raise SettingsError(f"{path.name}: {section} must be an object.")
    wrong = [name for name, value in pairs.items() if value is not None and not isinstance(value, str)]
    if wrong:
        raise SettingsError(f"{path.name}: {section} must hold strings only, these are not: {', '.join(wrong)}.")
    return {name: value for name, value in pairs.items() if value is not None}


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises SettingsError when there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path.name} is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path.name} must hold a JSON object.")
    return document


def apply_to_environment(local: LocalSettings, environment: MutableMapping[str, str], *, app_dir: Path, address: str) -> None:
    """Put the file's values into `environment`, as `func start` does: what is already set there, and not empty, wins."""
    for name, value in local.values.items():
        if not environment.get(name):
            environment[name] = value
    runtime = environment.get("FUNCTIONS_WORKER_RUNTIME", "python")
    if runtime.lower() != "python":
        raise SettingsError(f"FUNCTIONS_WORKER_RUNTIME is '{runtime}': devhost runs Python functions only.")
    environment["WEBSITE_HOSTNAME"] = address
    environment["AzureWebJobsScriptRoot"] = str(app_dir)
    environment["AZURE_FUNCTIONS_ENVIRONMENT"] = "Development"


class Settings:
    """App settings as the host sees them: names regardless of case, `__` for the nesting `:`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._values = {name.replace("__", ":").lower(): value for name, value in environment.items()}

    def get(self, name: str) -> str | None:
        """The value, or None when it is not set."""
        return self._values.get(name.replace("__", ":").lower())

    def is_true(self, name: str) -> bool:
        """Whether it is set to `true` or `1`."""
        return (self.get(name) or "").strip().lower() in {"true", "1"}

    def under(self, prefix: str) -> dict[str, str]:
        """All settings below a name, without it: `under("AzureFunctionsJobHost")` holds `logging:loglevel:default`."""
        start = prefix.replace("__", ":").lower() + ":"
        return {name.removeprefix(start): value for name, value in self._values.items() if name.startswith(start)}

    def resolve(self, text: str) -> str:
        """`text` with every `%NAME%` replaced. Raises SettingsError for a name that is not set."""
        resolved = _PLACEHOLDER.sub(self._value_of_placeholder, text)
        if "%" in _PLACEHOLDER.sub("", text):
            raise SettingsError(f"a '%' in '{text}' has no closing '%'")
        return resolved

    def _value_of_placeholder(self, match: re.Match[str]) -> str:
        value = self.get(match[1])
        if value is None:
            raise SettingsError(f"'%{match[1]}%' does not resolve to a value: no such app setting")
        return value
