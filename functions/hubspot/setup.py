"""`make hubspot-setup`: look whether a HubSpot account has the properties that the settings name.

    ok       the property is there
    WRONG    it is there, but of a type that cannot hold what is written into it: choose another name
    MISSING  it is not there; with --apply it is created

Exit codes: 0 all is there, 1 something is missing or wrong, 2 HubSpot cannot be asked.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.hubspot.client import HUBSPOT, PROPERTIES
from functions.hubspot.settings import HubSpotSettings
from shared.commands import start
from shared.errors import PuenteError
from shared.settings import settings_of

GROUP = "contactinformation"
TEXT, NUMBER = "string", "number"
# HubSpot's own, which every account has.
STANDARD = frozenset(("email", "firstname", "lastname", "phone", "lifecyclestage"))


@dataclass(frozen=True)
class Wanted:
    """A property of contacts that the settings name, and what it is for."""

    name: str
    kind: str
    label: str

    @property
    def allowed(self) -> frozenset[str]:
        """The types that can hold it. A list of choices can, once it has every choice; that is for a person to see to."""
        return frozenset((TEXT, "enumeration") if self.kind == TEXT else (self.kind, TEXT))


def wanted() -> list[Wanted]:
    """Every property that the settings name, each once."""
    settings = settings_of(HubSpotSettings)
    own = {
        settings.hubspot_prop_interes_producto: "Interés de producto",
        settings.hubspot_prop_estado_interes: "Estado de interés",
        settings.hubspot_prop_manychat_user_id: "ManyChat User ID",
    }
    named = {name: Wanted(name, TEXT, label) for name, label in own.items()}
    for fact, name in settings.lead_properties.items():
        named[name] = Wanted(name, NUMBER if fact == "score" else TEXT, f"Lead: {fact}")
    return list(named.values())


def looked(there: Mapping[str, str], *, apply: bool) -> Iterator[tuple[str, Wanted]]:
    """What is said of each property: `ok`, `WRONG`, `MISSING` or `created`. Raises PuenteError: it could not be created."""
    for one in wanted():
        kind = there.get(one.name)
        if kind is not None:
            yield "ok" if kind in one.allowed or one.name in STANDARD else "WRONG", one
        elif apply:
            _create(one)
            yield "created", one
        else:
            yield "MISSING", one


def existing() -> dict[str, str]:
    """The type of each property of contacts. Raises PuenteError."""
    answer = HUBSPOT.call("GET", PROPERTIES, repeatable=True, what="reading the properties")
    return {str(row.get("name")): str(row.get("type")) for row in answer.get("results") or () if isinstance(row, dict)}


def _create(one: Wanted) -> None:
    field = "number" if one.kind == NUMBER else "text"
    body: dict[str, Any] = {"name": one.name, "label": one.label, "type": one.kind, "fieldType": field, "groupName": GROUP}
    HUBSPOT.call("POST", PROPERTIES, repeatable=False, what=f"creating the property {one.name}", json=body)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(description="Check the properties of a HubSpot account.")
    parser.add_argument("--apply", action="store_true", help="create what is missing")
    options = parser.parse_args(arguments)
    try:
        words = []
        for word, one in looked(existing(), apply=options.apply):
            print(f"{word:<8}{one.name} ({one.kind}; {one.label})")  # noqa: T201
            words.append(word)
    except PuenteError as error:
        print(f"FAILED  {error}")  # noqa: T201
        return 2
    if "MISSING" in words:
        print("Run `make hubspot-setup ARGS=--apply` to create what is missing.")  # noqa: T201
    return 1 if {"MISSING", "WRONG"} & set(words) else 0


if __name__ == "__main__":
    start("HUBSPOT_TOKEN")
    sys.exit(main())
