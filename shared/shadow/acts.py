"""What one system did for one person, as a line of a log tells it, and how such a log is read. See docs/cutover.md.

A log is a file of JSON lines or CSV in the form that is documented there; a flow may bring a reader for the log of the system
that it replaces (`logs` in its `Flow`), which gives the same lines.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from shared import clock, flows
from shared.errors import PermanentError
from shared.outbox import effects

PEOPLE = ("person", "email", "phone", "manychat_id")
OF_FIELDS = "field."

type Line = Mapping[str, Any]
type Reader = Callable[[Path], Iterator[Line]]


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that one system did or would have done, without anything that names a person.

    `effect`: a channel, or target and action (`kommo.lead`). `who`: digests of the addresses by which the person is known,
    `name`: which message, where it has a name. `fields`: a digest of each value. `is_state`: it says how a record is to be, so
    that only the last one counts. `place`: where it stands (`line 7`, `delivery 12`). `shown`: whom, masked.
    """

    effect: str
    who: tuple[str, ...]
    place: str
    shown: str
    name: str | None = None
    at: datetime | None = None
    is_state: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)


def readers() -> dict[str, Reader]:
    """How each kind of log is read, by its name."""
    known: dict[str, Reader] = {"jsonl": _json_lines, "csv": _csv}
    return known | {name: flows.resolve(reader) for flow in flows.installed() for name, reader in flow.logs.items()}


def read(path: Path, form: str, renamed: Mapping[str, str], states: frozenset[str]) -> Iterator[Act]:
    """The acts of a log, line by line. `renamed`: names there with ours; `states`: effects of which the last one counts.

    Raises:
        PermanentError: `unreadable-log`; the text names the line.
    """
    for number, line in enumerate(readers()[form](path), start=1):
        try:
            yield _act(line, number, renamed, states)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise PermanentError("unreadable-log", f"{path.name}, line {number}: {error}") from error


def _act(line: Line, number: int, renamed: Mapping[str, str], states: frozenset[str]) -> Act:
    known = [str(line[name]) for name in PEOPLE if line.get(name)]
    if not known:
        raise ValueError(f"it names nobody; give one of {', '.join(PEOPLE)}")
    effect, name = str(line["effect"]), line.get("name")
    given = line.get("fields") or {}
    return Act(
        effect=effect,
        who=tuple(dict.fromkeys(whom for one in known for whom in effects.whom({"to": one}))),
        place=f"line {number}",
        shown=str(effects.masked(known[0], "to")),
        name=renamed.get(str(name), str(name)) if name else None,
        at=clock.as_utc(datetime.fromisoformat(str(line["at"]))) if line.get("at") else None,
        is_state=effect in states,
        fields={str(key): effects.digest_of(value, str(key)) for key, value in given.items()},
    )


def _json_lines(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                found = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise PermanentError("unreadable-log", f"{path.name}, line {number} is no JSON: {error}") from error
            if not isinstance(found, dict):
                raise PermanentError("unreadable-log", f"{path.name}, line {number} is no JSON object")
            yield found


def _csv(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            fields = {name.removeprefix(OF_FIELDS): _value(text) for name, text in row.items() if _is_field(name) and text}
            yield {name: text for name, text in row.items() if not _is_field(name)} | {"fields": fields}


def _is_field(name: Any) -> bool:
    return isinstance(name, str) and name.startswith(OF_FIELDS)


def _value(text: str) -> Any:
    """A cell as the value that it writes: a number is one, everything else is text."""
    return int(text) if text.lstrip("-").isdigit() and text == str(int(text)) else text
