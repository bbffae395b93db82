"""Named points at which a test can make the process die, fail or wait, as a crash or an outage would.

`PUENTE_FAULTS` names them, separated by commas: `point=kill` (SIGKILL), `point=raise`, each with an optional probability
`:0.05` and an optional count `x3`. Without the variable, which only tests set, a point costs one dictionary look-up.
"""

import os
import random
import signal
from dataclasses import dataclass


class InjectedFault(RuntimeError):  # noqa: N818  # the field's word
    """What `raise` raises: an error that no code expects."""


@dataclass
class _Fault:
    deed: str
    probability: float
    left: int


def _parse(text: str) -> dict[str, _Fault]:
    faults = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        point, _, deed = entry.partition("=")
        deed, _, count = deed.partition("x")
        deed, _, probability = deed.partition(":")
        faults[point] = _Fault(deed, float(probability or 1), int(count or 1_000_000))
    return faults


_faults = _parse(os.environ.get("PUENTE_FAULTS", ""))
_chance = random.Random()  # noqa: S311  # which run dies is no secret

POINTS: set[str] = set()


def point(name: str) -> str:
    """Declare a fault point, so that tests can go through all there are."""
    POINTS.add(name)
    return name


def hit(name: str) -> None:
    """Die or fail here, if a test has asked for it."""
    fault = _faults.get(name)
    if fault is None or fault.left <= 0 or _chance.random() > fault.probability:
        return
    fault.left -= 1
    if fault.deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InjectedFault(name)


def inject(text: str) -> None:
    """Replace the faults of this process (tests; '' removes all)."""
    global _faults  # noqa: PLW0603
    _faults = _parse(text)
