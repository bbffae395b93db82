"""The plan of an import of suppressions: each adds one; who is not to be written to already changes nothing.

Only digests of addresses are kept, in the plan as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from shared.errors import FieldError
from shared.messages import consent, operator_actions
from shared.phrases import pattern
from shared.plans import list_files
from shared.plans.kinds import CREATE, NONE, Applied, Asked, Page, Place, Step, Unit
from shared.store.types import key_of
from shared.web.suppressions import SuppressionIn, recipient_digests

NAME = "suppressions"
COLUMNS = ("email", "phone", "manychat_id", "person", "channels", "cause")
AT_ONCE = 100


def read(text: str) -> list[dict[str, Any]]:
    """The suppressions in a file: `{"who", "channels", "cause"}` each; `channels` stand in one field, with spaces between.

    Raises:
        RefusedError: 422 with every bad line and what is wrong with it.
    """
    found, faults = list[dict[str, Any]](), list[FieldError]()
    for line, given in list_files.parsed(text, COLUMNS):
        if isinstance(given.get("channels"), str):
            given["channels"] = given["channels"].replace(",", " ").split()
        try:
            row = SuppressionIn.model_validate(given)
        except ValidationError as error:
            faults += list_files.faults(line, error)
            continue
        found.append({"who": recipient_digests(row)[0], "channels": sorted(row.by()), "cause": row.cause})
    if faults:
        raise list_files.bad_file(faults)
    return found


def asked(rows: Sequence[Mapping[str, Any]]) -> Asked:
    """These suppressions, as a plan is asked for them; each once."""
    distinct = {key_of(row["who"], row["cause"], *row["channels"]): dict(row) for row in rows}
    return {"list": NAME, "rows": list(distinct.values())}


@dataclass(frozen=True)
class _Suppressions:
    role: str = "admin"
    here: str = "settings"

    def title(self, asked: Asked) -> tuple[str, Mapping[str, Any]]:
        """An import."""
        return pattern("Import of the list: %(list)s"), {"list": asked["list"]}

    def back(self, asked: Asked) -> str:
        """The list."""
        del asked
        return "/console/suppressions"

    def link(self, name: str) -> str | None:
        """They have no page of their own."""
        del name
        return None

    def total(self, session: Session, asked: Asked) -> int | None:
        """How many there are in the file."""
        del session
        return len(asked["rows"])

    def page(self, asked: Asked, place: Place | None) -> Page:
        """The next ones, each by itself."""
        first = int(place["number"]) if place is not None else 0
        rows = asked["rows"][first : first + AT_ONCE]
        units = [_unit(number, row) for number, row in enumerate(rows, start=first + 1)]
        is_last = first + len(rows) >= len(asked["rows"])
        return Page(units=units, following=None if is_last else units[-1].after)


def _unit(number: int, row: Mapping[str, Any]) -> Unit:
    title = f"{', '.join(row['channels'])}: {row['cause']}"
    step = Step(name=f"row-{number}", title=title, apply=partial(_apply, row=row))
    return Unit(key=f"suppression:{number}", steps=[step], after={"number": number})


def _apply(session: Session, actor: str, *, row: Mapping[str, Any]) -> Applied:
    standing = consent.rows(session, row["channels"], [row["who"]], row["cause"])
    held = {one.channel for one in standing if not one.lifted}
    if held >= set(row["channels"]):
        return Applied(word="unchanged", what=NONE, facts=dict(row))
    operator_actions.suppress(session, row["who"], row["channels"], row["cause"], actor)
    return Applied(what=CREATE, detail=row["who"], facts=dict(row))


SUPPRESSIONS = _Suppressions()
