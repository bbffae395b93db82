"""What waits for a person: each kind says what it is, whom it touches, since when, and where it is settled."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from shared import flows
from shared.console.words import Sentence

Status = Literal["bad", "warn", "ask", "wait"]
WORST: tuple[Status, ...] = ("bad", "warn", "ask", "wait")


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One matter that waits.

    `kind`, `title`, `text` and `label` are English with `%(name)s` for `values`, and are translated where they are shown; a
    title or text that counts something has a form for one (`mark_counted`). `people` is how many it touches, where that is
    known. `since` is when it began to wait, `until` when it is too late. `flow` and `system` name whose it is, where there is
    one. `weight` orders matters of one status, most first.
    """

    kind: str
    title: Sentence
    path: str
    label: str
    status: Status = "ask"
    icon: str = "ask"
    text: Sentence = ""
    people: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    flow: str | None = None
    system: str | None = None
    weight: int = 0


Source = Callable[[Session], Iterator[Waiting]]


def found(session: Session) -> list[Waiting]:
    """Everything that waits for a person, the worst for people first."""
    sources: tuple[Source, ...] = flows.parts("waiting")
    matters = [matter for source in sources for matter in source(session)]
    return sorted(matters, key=lambda matter: (WORST.index(matter.status), -matter.weight))
