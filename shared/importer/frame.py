"""What an importer declares: what it reads, where from, and how one row is applied. See docs/moving-in.md.

A flow names its importers in `importers` of its `Flow`; `python -m shared.importer NAME` runs one (`shared.importer.move`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from pydantic import BaseModel
from sqlalchemy.orm import Session

AS_OF = datetime(2000, 1, 1, tzinfo=UTC)
"""When what an import says without a time was said: before anything that live events say, so it overwrites none of that."""


def as_of(edited: datetime | None) -> datetime:
    """`AS_OF`, and a little later the later the source was edited: a further import replaces what an earlier one has said."""
    if edited is None or edited <= AS_OF:
        return AS_OF
    return AS_OF + (edited - AS_OF) / 1_000_000


class Change(StrEnum):
    """What a row has changed here."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"

    @classmethod
    def of(cls, *, is_new: bool, has_changed: bool) -> "Change":
        """The word for it."""
        return cls.NEW if is_new else cls.CHANGED if has_changed else cls.UNCHANGED


@dataclass(frozen=True)
class Unreadable:
    """A row that the source has and that cannot be read at all, and why; it takes the place of the row."""

    why: str


type Row = Mapping[str, Any] | Unreadable


class Source(Protocol):
    """Where rows are read from: files, a database, a vendor's API. Row by row, never all at once."""

    def rows(self, kind: str) -> Iterator[Row]:
        """The rows of one kind in an order that stays the same; none where there is no such kind.

        Raises:
            PuenteError: the source cannot be read any further.
        """


class Run(ABC):
    """One run of an importer. A subclass keeps what rows need to know of earlier rows, bounded in memory."""

    def remember(self, row: Any) -> None:
        """Note of a row what later rows refer to. Called for every row that can be read, also for those passed over."""
        del row

    @abstractmethod
    def apply(self, session: Session, row: Any) -> Change:
        """Apply a row, one of the importer's models, in the caller's transaction. Applied before, it changes nothing.

        Raises:
            PermanentError: the row is left out, with this text; what was done for it is taken back.
        """

    def name_of(self, row: Any) -> str:
        """By what a person finds the row in the source, for the file of problems: an id, never an address."""
        return str(getattr(row, "manychat_id", None) or getattr(row, "id", None) or "")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How an importer is run: `source` is the SOURCE of the command ("" without one), `flags` those that were given."""

    source: str = ""
    dry_run: bool = False
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Importer:
    """The declaration of an importer.

    `name` is that of the command, `about` one sentence for people, `source` what SOURCE is ("" where it needs none). `kinds`
    are the models of its rows, in the order in which one refers to the other; their optional fields are read leniently
    (`shared.intake.lenient`). `open` gives the source, `begin` the run. `rows_at_once` are applied in one transaction. `needs`
    are settings that must be there, `flags` the switches of the command, each with its help.
    """

    name: str
    about: str
    kinds: Mapping[str, type[BaseModel]]
    open: Callable[[Options], Source]
    begin: Callable[[Options], Run]
    source: str = ""
    rows_at_once: int = 100
    needs: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Problem:
    """A row that was left out, or taken without a field that cannot be read: where it stands, and why."""

    kind: str
    line: int
    what: str
    why: str


@dataclass
class Summary:
    """How many rows of a kind were read, passed over, were new, had something new to say, or were left out."""

    kind: str
    read: int = 0
    passed: int = 0
    created: int = 0
    changed: int = 0
    problems: int = 0
