"""What a kind of plan says: its units, page by page, and how one is applied."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, Protocol

from sqlalchemy.orm import Session

from shared import flows
from shared.errors import PermanentError

CREATE: Final = "create"
UPDATE: Final = "update"
NONE: Final = "none"
STOP: Final = "stop"
APPLIED = "applied"

type What = Literal["create", "update", "none", "stop"]
type Asked = Mapping[str, Any]
"""What a plan was asked for, as JSON; what is in it is its kind's own."""
type Place = Mapping[str, Any]
"""Where the walk over a plan's units goes on, as JSON; its kind's own."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What applying a step did. `word` names it (`applied`, `stale`, ...).

    `what`: None, the engine sees for itself: `applied` creates where a row of the record is new, and updates otherwise; any
    other word changes nothing. `weight` is how many records the step touches, itself included; `people` are written to
    in consequence, later on. `needs_second`: whatever it touches, a second person has to approve it. `facts` (JSON) are what it
    does beside deliveries: two steps do the same only where these are equal.
    """

    word: str = APPLIED
    what: What | None = None
    detail: str | None = None
    weight: int = 1
    people: int = 0
    needs_second: bool = False
    facts: Any = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change. `name` is what its kind calls the thing, `title` what people call it, `subject` whom it is about.

    `apply(session, actor)` makes the change in the session and returns what it was; it touches nothing else. It raises
    PermanentError or RefusedError for what cannot be done; the step then leaves nothing, and the others of its unit go on.
    """

    name: str
    title: str
    apply: Callable[[Session, str], Applied]
    subject: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Steps that depend on each other (all of one person, say): done in their order, together or not at all.

    `key` names it, at most 64 characters, the same in every walk. `after` is where a walk goes on behind it.
    """

    key: str
    steps: Sequence[Step]
    after: Place


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some units, few enough for a transaction, and where the next page begins; None: there is none."""

    units: Sequence[Unit] = ()
    following: Place | None = None


class PlanKind(Protocol):
    """A kind of plan.

    `role` is the console's role that may carry it out (`operator` or `admin`), `here` its entry of the navigation.
    """

    role: str
    here: str

    def title(self, asked: Asked) -> tuple[str, Mapping[str, Any]]:
        """What is planned, in English with `%(name)s` for the values; translated where it is shown."""
        ...

    def back(self, asked: Asked) -> str:
        """The address of the page from which it was asked for."""
        ...

    def link(self, name: str) -> str | None:
        """The address of the thing with that name; None where there is no page of it."""
        ...

    def total(self, session: Session, asked: Asked) -> int | None:
        """How many steps there are; None where that is known at the end only."""
        ...

    def page(self, asked: Asked, place: Place | None) -> Page:
        """The units behind a place, the first ones where it is None. Outside of any transaction; it may ask other systems.

        Raises:
            PuenteError: something that it needs is away; or for good (PermanentError), and the plan has failed.
        """
        ...


@dataclass(frozen=True)
class Going:
    """A delivery that a step plans, moves or takes back (`state` is `cancelled`).

    `version`: of the template's text, as somebody has edited it; 0 is the file's.
    """

    target: str
    action: str
    kind: str
    template: str | None
    state: str
    due_at: str
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of a step: as `Applied`, with `what` settled; a stopped one has its reason as `word`."""

    step: Step
    what: What
    word: str
    detail: str | None = None
    weight: int = 1
    people: int = 0
    needs_second: bool = False
    facts: Any = None
    caused: tuple[Going, ...] = field(default=())


@cache
def by_name() -> Mapping[str, PlanKind]:
    """Every kind of plan that the installed flows declare."""
    return {name: flows.resolve(reference) for flow in flows.installed() for name, reference in flow.plans.items()}


def named(name: str) -> PlanKind:
    """The kind of that name. Raises PermanentError: `no-such-plan`; the flow that declared it is gone."""
    found = by_name().get(name)
    if found is None:
        raise PermanentError("no-such-plan", f"nothing here makes plans of the kind {name}")
    return found
