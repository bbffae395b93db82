"""What a deployment's parts take from each other, worked out before anything is provisioned (docs/scale.md, "Connections").

The app's instances share the database's workers. What Azure's maximum of instances counts is told in two ways: instances of the
app, or those of each function group. `PUENTE_INSTANCES_COUNT` says which holds in your region; the other reading only warns.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.console import DeployError, say

FLOWS = Path(__file__).resolve().parents[1] / "infra" / "flows.json"
WORKERS_PER_VCORE = 75  # "Resource limits for single databases", serverless: as many workers as concurrent logins
LARGEST_SHARE = 0.8  # of the workers: the rest is for logins, blocked chains, the steps of a deployment, and people who look
REGION_CORES = 250  # of all Flex Consumption apps of a subscription in a region, until Azure grants more
MB_PER_CORE = 2048
LEAST_WITH_ZONES = 2
DEFAULTS = {
    "PUENTE_INSTANCES_COUNT": "app",
    "PUENTE_MAXIMUM_INSTANCES": "40",
    "PUENTE_INSTANCE_MEMORY_MB": "2048",
    "PUENTE_SQL_MAX_VCORES": "4",
    "PUENTE_ZONE_REDUNDANT": "false",
    "PUENTE_ALWAYS_READY": '[{"name": "http", "instanceCount": 2}, {"name": "function:deliver", "instanceCount": 1}]',
    "DATABASE_POOL_SIZE": "4",
    "DATABASE_POOL_OVERFLOW": "0",
}
"""As in infra/main.bicepparam and in the settings; a test compares."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The numbers that must fit together."""

    counts: str
    """What the maximum of instances counts: `app`, or `group` (all http functions are one, every other function is one)."""
    maximum_instances: int
    instance_memory_mb: int
    vcores: int
    pool: int
    queue_functions: tuple[str, ...]
    timers: tuple[str, ...]

    @property
    def workers(self) -> int:
        """Requests that the database works on at once; and as many logins."""
        return WORKERS_PER_VCORE * self.vcores

    def instances(self, counts: str) -> int:
        """The most instances there may be, if the maximum counts the app or each group. A timer has one at any time."""
        if counts == "app":
            return self.maximum_instances
        wanted = (len(self.queue_functions) + 1) * self.maximum_instances + len(self.timers)
        return min(wanted, math.floor(REGION_CORES * MB_PER_CORE / self.instance_memory_mb))

    def connections(self, counts: str) -> int:
        """The most connections that those instances open."""
        return self.instances(counts) * self.pool

    def fits(self, counts: str) -> bool:
        """Whether they stay below LARGEST_SHARE of the database's workers."""
        return self.connections(counts) <= LARGEST_SHARE * self.workers

    def sentence(self, counts: str) -> str:
        """How many connections of how many workers, for people."""
        whose = "the app" if counts == "app" else "each function group"
        return (
            f"if the maximum counts {whose}, {self.instances(counts)} instances x {self.pool} connections = "
            f"{self.connections(counts)} of {self.workers} workers ({self.vcores} vCores; {LARGEST_SHARE:.0%} may be used)"
        )


def check(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse numbers that cannot work together, before anything is changed; warn of what may not.

    Raises:
        DeployError: with every fault, and what to change.
    """
    faults = [*_faults_of_connections(environment), *_faults_of_always_ready(environment)]
    if faults:
        raise DeployError("these numbers do not fit together:\n  " + "\n  ".join(faults))


def deployment(environment: Mapping[str, str]) -> Deployment:
    """The numbers of the environment's variables, and the functions of the app.

    Raises:
        DeployError: a number is none, or PUENTE_INSTANCES_COUNT is neither `app` nor `group`.
    """
    functions = json.loads(FLOWS.read_text("utf-8"))
    counts = _text(environment, "PUENTE_INSTANCES_COUNT")
    if counts not in ("app", "group"):
        raise DeployError(f"PUENTE_INSTANCES_COUNT is {counts!r}; it is `app` or `group` (docs/scale.md)")
    return Deployment(
        counts=counts,
        maximum_instances=_number(environment, "PUENTE_MAXIMUM_INSTANCES"),
        instance_memory_mb=_number(environment, "PUENTE_INSTANCE_MEMORY_MB"),
        vcores=_number(environment, "PUENTE_SQL_MAX_VCORES"),
        pool=_number(environment, "DATABASE_POOL_SIZE") + _number(environment, "DATABASE_POOL_OVERFLOW"),
        queue_functions=tuple(functions["queueFunctions"]),
        timers=tuple(functions["timers"]),
    )


def _faults_of_connections(environment: Mapping[str, str]) -> Iterator[str]:
    given = deployment(environment)
    if not given.fits(given.counts):
        yield (
            f"{given.sentence(given.counts)}: lower PUENTE_MAXIMUM_INSTANCES, or raise PUENTE_SQL_MAX_VCORES; a storm would "
            "otherwise shut itself out of the database"
        )
    other = "group" if given.counts == "app" else "app"
    if not given.fits(other):
        say(f"warning: {given.sentence(other)}. docs/scale.md, 'Connections', says how to find out which your region counts")


def _faults_of_always_ready(environment: Mapping[str, str]) -> Iterator[str]:
    try:
        entries: list[dict[str, Any]] = json.loads(_text(environment, "PUENTE_ALWAYS_READY"))
        wanted = [(str(entry["name"]), int(entry["instanceCount"])) for entry in entries]
    except (ValueError, KeyError, TypeError):
        yield "PUENTE_ALWAYS_READY is no JSON list of {name, instanceCount}"
        return
    given = deployment(environment)
    known = {"http", *(f"function:{name}" for name in (*given.queue_functions, *given.timers))}
    for name, count in wanted:
        if name not in known:
            yield f"PUENTE_ALWAYS_READY names {name!r}, which the app does not have: {', '.join(sorted(known))}"
        if _has_zones(environment) and count < LEAST_WITH_ZONES and environment.get("PUENTE_ALWAYS_READY"):
            yield f"PUENTE_ALWAYS_READY gives {name!r} {count}; PUENTE_ZONE_REDUNDANT needs {LEAST_WITH_ZONES} or more of each"
    if not any(name == "http" and count >= LEAST_WITH_ZONES for name, count in wanted):
        say("warning: fewer than two http instances are always ready; a drained one takes webhooks with it (docs/scale.md)")


def _has_zones(environment: Mapping[str, str]) -> bool:
    return _text(environment, "PUENTE_ZONE_REDUNDANT").lower() == "true"


def _text(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or DEFAULTS[name]


def _number(environment: Mapping[str, str], name: str) -> int:
    text = _text(environment, name)
    if not text.isdecimal():
        raise DeployError(f"{name} is {text!r}, which is no whole number")
    return int(text)
