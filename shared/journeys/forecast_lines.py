"""What a forecast says: a line for each step and person, as a table, and the difference between two forecasts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from shared.journeys import timing
from shared.journeys.definition import Step
from shared.journeys.schedule import Frame
from shared.settings import get_settings

type What = Literal["sent", "goes", "moved", "skipped", "waits", "recorded"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """What becomes of one step for one person. `goes_at` is None where it does not go out."""

    person: str
    step: str
    channel: str
    template: str
    due_at: datetime | None
    goes_at: datetime | None
    zone: str
    what: What
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class StepChange:
    """A difference between two definitions for one person and step."""

    person: str
    step: str
    before: str
    after: str


@dataclass(frozen=True)
class TalkSoFar:
    """Where somebody stands in a talking flow: their step, whether its question is out, whether the flow is over for them."""

    node: str | None
    is_asked: bool
    has_ended: bool


@dataclass
class Traveller:
    """A person on the simulated clock: what is known of them, and what has happened to them already."""

    person: str
    frame: Frame
    past: Mapping[str, Line] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    known_due: Mapping[str, datetime] = field(default_factory=dict)
    began: datetime | None = None
    is_new: bool = False
    talk: TalkSoFar | None = None


def line_of(  # a line has these parts
    person: str,
    step: Step,
    zone: str,
    due_at: datetime | None,
    goes_at: datetime | None,
    what: What,
    reason: str | None,
    *,
    template: str | None = None,
) -> Line:
    """The line of a step; `template` where it is not the step's own."""
    return Line(
        person=person,
        step=step.id,
        channel=step.channel,
        template=step.template if template is None else template,
        due_at=due_at,
        goes_at=goes_at,
        zone=zone,
        what=what,
        reason=reason,
    )


def zone_of(lines: Sequence[Line]) -> str:
    """The one time zone of a print-out: that of all its people where they share one, else DEFAULT_TIME_ZONE."""
    zones = {line.zone for line in lines}
    return zones.pop() if len(zones) == 1 else get_settings().default_time_zone


def table(lines: Sequence[Line]) -> str:
    """The lines as text in columns; times in the zone of `zone_of` all lines, which the last line names."""
    head, zone = ("person", "step", "channel", "template", "due", "goes out", "what", "why"), zone_of(lines)
    return _columns([head, *(_cells(line, zone) for line in lines)]) + f"\n\nTimes: {zone}"


def changes_table(changes: Sequence[StepChange]) -> str:
    """The changes as text in columns."""
    return _columns([("person", "step", "now", "then"), *((one.person, one.step, one.before, one.after) for one in changes)])


def _cells(line: Line, zone: str) -> tuple[str, ...]:
    times = (_local(line.due_at, zone), _local(line.goes_at, zone))
    return (line.person, line.step, line.channel, line.template, *times, line.what, line.reason or "")


def _local(moment: datetime | None, zone: str) -> str:
    return f"{timing.local(moment, zone):%a %Y-%m-%d %H:%M}" if moment else "-"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def span(lines: Sequence[Line]) -> tuple[datetime, timedelta] | None:
    """The first time of all lines and how long it is to the last; None where nothing has a time."""
    times = list(_times(lines))
    return (min(times), max(times) - min(times)) if times else None


def _times(lines: Sequence[Line]) -> Iterator[datetime]:
    for line in lines:
        yield from (moment for moment in (line.due_at, line.goes_at) if moment is not None)
