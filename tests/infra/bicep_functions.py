"""The Bicep functions that `infra/` uses, for the interpreter in `bicep.py`."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import yaml

if TYPE_CHECKING:
    from tests.infra.bicep import File


class Runtime(str):
    """A value that only Azure knows, shown as `<where it comes from>`; `resource` holds what is known of it already."""

    __slots__ = ("resource",)

    def __new__(cls, text: str, resource: dict[str, Any] | None = None) -> Self:
        """A text that remembers what is known behind it."""
        made = super().__new__(cls, text)
        made.resource = resource or {}
        return made

    def part(self, name: Any) -> Any:
        """A property: known, or known to Azure only. A module's outputs are all known: a wrong name is an error."""
        if name in self.resource:
            found = self.resource[name]
            return _Outputs(found) if name == "outputs" else found
        return Runtime(f"{self[:-1]}.{name}>")


class _Outputs(dict[str, Any]):
    """The outputs of a module."""


def _unique(*parts: Any) -> str:
    """Thirteen letters and digits that are the same for the same parts, like uniqueString; not the same as Azure's."""
    number = int.from_bytes(hashlib.sha256("|".join(map(str, parts)).encode()).digest())
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "".join(letters[(number >> (5 * place)) & 31] for place in range(13))


def _union(*objects: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for one in objects:
        whole |= one
    return whole


def _from_environment(file: File, name: str, default: str | None = None) -> str:
    given: dict[str, str] = file.values.get("__environment__", {})
    if name not in given and default is None:
        raise KeyError(f"the environment variable {name} is not set, and there is no default")
    return given.get(name, default or "")


def _item(row: tuple[str, Any]) -> dict[str, Any]:
    return {"key": row[0], "value": row[1]}


def _known(scope: str, **extra: Any) -> Runtime:
    return Runtime(f"<{scope}>", resource={"id": scope, **extra})


SUFFIXES = {"storage": "core.windows.net", "sqlServerHostname": ".database.windows.net", "keyvaultDns": ".vault.azure.net"}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "bool": lambda _f, text: {"true": True, "false": False}[text],
    "contains": lambda _f, whole, part: part in whole,
    "empty": lambda _f, value: not value,
    "environment": lambda _f: {"suffixes": SUFFIXES, "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"}},
    "filter": lambda _f, values, keep: [value for value in values if keep(value)],
    "guid": lambda _f, *parts: str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join(map(str, parts)))),
    "int": lambda _f, text: int(text),
    "items": lambda _f, given: [_item(row) for row in sorted(given.items())],
    "join": lambda _f, values, between: between.join(values),
    "json": lambda _f, text: json.loads(text),
    "listCallbackUrl": lambda _f, of, _api: Runtime(f"<callback of {of}>"),
    "loadJsonContent": lambda file, path: json.loads((file.path.parent / path).read_text("utf-8")),
    "loadTextContent": lambda file, path: (file.path.parent / path).read_text("utf-8"),
    "loadYamlContent": lambda file, path: yaml.safe_load((file.path.parent / path).read_text("utf-8")),
    "map": lambda _f, values, make: [make(value) for value in values],
    "max": lambda _f, *numbers: max(numbers),
    "objectKeys": lambda _f, given: sorted(given),
    "readEnvironmentVariable": _from_environment,
    "replace": lambda _f, text, old, new: text.replace(old, new),
    "resourceGroup": lambda file: _known(file.scope),
    "split": lambda _f, text, at: text.split(at),
    "string": lambda _f, value: str(value),
    "subscription": lambda file: _known("/".join(file.scope.split("/")[:3])),
    "subscriptionResourceId": lambda file, kind, name: f"{'/'.join(file.scope.split('/')[:3])}/providers/{kind}/{name}",
    "tenant": lambda _f: {"tenantId": "00000000-0000-0000-0000-00000000000a"},
    "toLower": lambda _f, text: text.lower(),
    "toObject": lambda _f, values, key, make: {key(value): make(value) for value in values},
    "union": lambda _f, *objects: _union(*objects),
    "uniqueString": lambda _f, *parts: _unique(*parts),
    "utcNow": lambda _f, _form: "2026-11-01",
}
