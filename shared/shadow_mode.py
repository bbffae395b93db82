"""Shadow mode: for the targets that SHADOW names, everything is received, recorded and planned, and nothing carried out.

Read from the environment, without the other settings: whoever is about to call an outside system asks here, also where the
settings are not complete. `shared.settings` refuses names that are no targets, so that a misspelt one is seen at the start.
"""

import os
from collections.abc import Iterable
from functools import lru_cache

from shared.errors import PermanentError

SETTING = "SHADOW"
ALL = "all"
LEFT_OUT = "-"
REASON = "shadow-mode"


def covers(target: str) -> bool:
    """Whether nothing may be carried out at this target."""
    names = _names(os.environ.get(SETTING, ""))
    return target in names or (ALL in names and LEFT_OUT + target not in names)


def covered(targets: Iterable[str]) -> list[str]:
    """Those of the targets that are covered, in the order of their names."""
    return sorted(target for target in targets if covers(target))


def refuse(target: str, what: str) -> None:
    """Nothing where the target is not covered. Clients ask before each call that changes something.

    No delivery of a covered target comes so far; this is for what is called beside the outbox, now or in a later release.

    Raises:
        PermanentError: `shadow-mode`; the call was not made.
    """
    if covers(target):
        raise PermanentError(REASON, f"{what} was not called: {SETTING} covers {target}")


def faults(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """What is wrong with the setting; a sentence for each mistake."""
    given, targets = list(names), set(known)
    unknown = sorted({name for name in given if name != ALL and name.removeprefix(LEFT_OUT) not in targets})
    found = [f"{SETTING}: {unknown} are no targets; there are {sorted(targets)}, and `{ALL}`"] if unknown else []
    if ALL not in given and any(name.startswith(LEFT_OUT) for name in given):
        found.append(f"{SETTING}: `-name` leaves a target out of `{ALL}`; without `{ALL}` name those that are covered")
    return found


@lru_cache(maxsize=8)
def _names(setting: str) -> frozenset[str]:
    return frozenset(part.strip() for part in setting.split(",") if part.strip())
