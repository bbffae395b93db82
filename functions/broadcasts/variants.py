"""Two texts of one broadcast: who gets which, and what is counted of the second.

The text B is other values of variables: those it names go before those of the text A. Who gets it is a hash of the person's
address and the automation, so that it is the same in each of its runs, and in no relation to who gets what of another one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from functions.broadcasts import variables
from functions.broadcasts.tables import OF_B
from shared.errors import FieldError

A, B = "a", "b"
LEAST, MOST = 1, 99
"""The share of B, in percent: with none or all there is nothing to compare."""
_PARTS = 1_000_000


@dataclass(frozen=True)
class VariantB:
    """The second text: its share in percent, the variables by which it differs, and what the hash is salted with."""

    share: int
    mapping: Mapping[str, Any]
    seed: str

    def is_for(self, key: str) -> bool:
        """Whether whoever has this address gets it."""
        digest = hashlib.sha256(f"{self.seed}:{key}".encode()).digest()
        return int.from_bytes(digest[:8]) % _PARTS < self.share * (_PARTS // 100)


def of_config(config: Mapping[str, Any]) -> VariantB | None:
    """The text B of an execution; None where it has one text."""
    given = config.get("variant_b")
    if not given:
        return None
    whole = dict(config.get("variable_mapping") or {}) | dict(given["variable_mapping"])
    return VariantB(int(given["share"]), whole, str(given.get("seed") or ""))


def seeded(given: Mapping[str, Any] | None, automation: str) -> dict[str, Any] | None:
    """What an execution takes of an automation's text B."""
    return dict(given) | {"seed": automation} if given else None


def faults(given: Mapping[str, Any] | None) -> list[FieldError]:
    """What is wrong with a text B."""
    if not given:
        return []
    found = (
        []
        if LEAST <= given["share"] <= MOST
        else [FieldError.of("variant_b.share", "from %(least)s to %(most)s percent", least=LEAST, most=MOST)]
    )
    if not given["variable_mapping"]:
        found.append(FieldError.of("variant_b.variable_mapping", "names no variable, so it is no other text"))
    wrong = variables.faults(given["variable_mapping"])
    return found + [replace(one, field=f"variant_b.{one.field}") for one in wrong]


def counted(variant: str | None, changes: Mapping[str, int]) -> dict[str, int]:
    """The changes of counts, and the same for the text B where it is B's."""
    if variant != B:
        return dict(changes)
    return dict(changes) | {f"b_{name}": number for name, number in changes.items() if f"b_{name}" in OF_B}
