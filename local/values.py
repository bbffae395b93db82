"""The settings of `make run`: what stands in local.settings.json counts, except where it would lead out of this machine.

From the strongest to the weakest:

1. The environment, so that one outside system can be the real one for a run.
2. The storage, the addresses and the keys of outside systems: the Azurite and the sandbox of this run.
3. What the file says differently from local.settings.example.json: somebody has chosen it.
4. What makes the demonstration worth seeing (no quiet hours, links for texts).
5. The rest of the file.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from devhost.azurite import Azurite
from devhost.settings import SettingsError, read_local_settings
from local import outside
from local.ports import Ports
from shared.store.session import DEFAULT_DATABASE_URL

FILE, EXAMPLE = "local.settings.json", "local.settings.example.json"
LOCKS = {"DEVHOST_TIMER_LEASE_SECONDS": "15", "DEVHOST_TIMER_LOOK_SECONDS": "2"}
"""A run that was killed holds its timers' locks for a while; the next one shall not wait long."""


@dataclass(frozen=True)
class Values:
    """The environment of a run, and which settings of the file are not those of the run, by the reason."""

    environment: dict[str, str]
    replaced: dict[str, tuple[str, ...]]

    def lines(self) -> Iterator[tuple[str, str]]:
        """What a user should know of them: a word and a sentence each."""
        if key := api_key(self.environment):
            yield "API key", f"{key} (header X-API-KEY)"
        if self.environment.get("TESTING_MODE", "").lower() in ("true", "1"):
            yield "Testing", "TESTING_MODE is on: days of journeys are minutes"
        yield "Quiet", _quiet(self.environment)
        for reason, names in self.replaced.items():
            yield "Replaced", f"{', '.join(names)}: {reason}"


def read(root: Path, ports: Ports, environment: Mapping[str, str]) -> Values:
    """The settings of a run. Copies the example to `local.settings.json` where there is no such file yet.

    Raises:
        SettingsError: the file cannot be used; the text says why.
    """
    if not (root / FILE).exists():
        shutil.copy(root / EXAMPLE, root / FILE)
    file = dict(read_local_settings(root).values)
    example = json.loads((root / EXAMPLE).read_text(encoding="utf-8"))["Values"]
    chosen = {name: value for name, value in file.items() if value and value != example.get(name)}
    if "ODOO_URL" in file and "ODOO_URL" not in chosen:
        file["ODOO_URL"] = file["ODOO_URL"].replace(":7072", f":{ports.sandbox}")
    systems, demonstration = outside.systems(ports), outside.demonstration()
    storage = {"AzureWebJobsStorage": Azurite(ports.blob, ports.queue, ports.table).connection_string}
    given = {name: value for name, value in environment.items() if value}
    run = {**LOCKS, **file, **demonstration, **chosen, **systems, **storage, **given}
    reasons = {
        "outside systems are the sandbox, so that nothing leaves this machine; set them in the environment for the real ones": (
            name for name in chosen if name in systems and run[name] == systems[name] != chosen[name]
        ),
        "the queues of this run are those of its own Azurite": (
            name for name in chosen if name in storage and name not in given
        ),
        "the environment wins": (name for name in chosen if given.get(name, chosen[name]) != chosen[name]),
        "for the demonstration; another value than the example's would be kept": (
            name for name, value in demonstration.items() if run[name] == value and file.get(name, "") not in ("", value)
        ),
    }
    replaced = {reason: found for reason, names in reasons.items() if (found := tuple(sorted(names)))}
    return Values({**environment, **run}, replaced)


def api_key(environment: Mapping[str, str]) -> str:
    """The first key that is there in plain text; "" where all are hashed."""
    keys = [entry.get("key") for entry in json.loads(environment.get("API_KEYS") or "[]")]
    return next((key for key in keys if key), "")


def second_key(environment: Mapping[str, str]) -> str:
    """The key of a second person who may decide approvals; "" where there is none in plain text."""
    entries = json.loads(environment.get("API_KEYS") or "[]")
    may = (one["key"] for one in entries if one.get("key") and {"admin", "approve"} & set(one.get("scopes", ())))
    return next((key for key in may if key != api_key(environment)), "")


def database(environment: Mapping[str, str]) -> str:
    """Where the record is kept, to be shown: never with a password, wherever in the address it stands."""
    if url := environment.get("DATABASE_URL"):
        return make_url(url).set(query={}).render_as_string(hide_password=True)
    return "Azure SQL (AZURE_SQL_CONNECTION_STRING)" if environment.get("AZURE_SQL_CONNECTION_STRING") else DEFAULT_DATABASE_URL


def _quiet(environment: Mapping[str, str]) -> str:
    hours = environment.get("QUIET_HOURS", "")
    if hours == outside.NO_QUIET_HOURS:
        return "no quiet hours: what is due goes out at once"
    zone = environment.get("DEFAULT_TIME_ZONE") or "the person's time zone"
    return f"QUIET_HOURS {hours} ({zone}): messages that are no answer wait until they end"


__all__ = ["SettingsError", "Values", "api_key", "database", "read", "second_key"]
