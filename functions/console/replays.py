"""A replay as a difference: what it would do is shown first, and approving it does exactly that."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from pydantic import BeforeValidator, Field

from functions.console.stopped import CauseIn
from shared.console import masking, pages
from shared.console.listing import blank
from shared.console.routes import ConsoleRoute, Signed
from shared.console.words import mark
from shared.intake import replay_plan
from shared.intake.replay_plan import BUDGET, MOST_EVENTS, Caused, Part, ReplayPlan
from shared.outbox.actions import Kind
from shared.store.limits import LONGEST_ID

router = APIRouter(route_class=ConsoleRoute)

MOST_ROWS = 50
Number = Annotated[int | None, BeforeValidator(blank), Field(ge=1, lt=10**LONGEST_ID)]
Figure = Annotated[int, Field(ge=0, lt=10**LONGEST_ID)]


class ReplayIn(CauseIn):
    """The events of a cause, or one."""

    letter: Number = None

    def chosen(self, through: int | None = None) -> replay_plan.Chosen:
        """The same, as a plan takes it."""
        return replay_plan.Chosen(filter=self.filter(), letter_id=self.letter, through=through)


class ApprovedIn(ReplayIn):
    """A plan that somebody approves: its hash, its newest event, and the figures that they have seen."""

    plan: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    through: Annotated[int, Field(ge=1, lt=10**LONGEST_ID)]
    applied: Figure = 0
    unchanged: Figure = 0
    stopped: Figure = 0
    deliveries: Figure = 0


@dataclass(frozen=True)
class Going:
    """Deliveries of one kind that a plan has: how many, for how many persons or things, and when the first is due."""

    target: str
    action: str
    template: str
    is_message: bool
    is_cancelled: bool
    number: int
    subjects: int
    first: datetime


@dataclass(frozen=True)
class Stop:
    """Why events would be stopped again, and how many."""

    reason: str
    detail: str
    number: int


def goings(caused: Iterable[Caused]) -> list[Going]:
    """The deliveries by system, action and text; messages first, which cannot be taken back once they have gone out."""

    def kind(one: Caused) -> tuple[bool, bool, str, str, str]:
        return (one.kind != Kind.MESSAGE, one.state == "cancelled", one.target, one.action, one.template or "")

    groups = ((key, list(group)) for key, group in groupby(sorted(caused, key=kind), key=kind))
    return [
        Going(
            target=target,
            action=action,
            template=template,
            is_message=not is_sync,
            is_cancelled=is_cancelled,
            number=len(group),
            subjects=len({one.subject for one in group}),
            first=min(one.due_at for one in group),
        )
        for (is_sync, is_cancelled, target, action, template), group in groups
    ]


def stops(parts: Iterable[Part]) -> list[Stop]:
    """The reasons for which events would be stopped again, the commonest first."""
    again = sorted((part.reason or "", masking.masked_text(part.detail or "")) for part in parts if part.outcome is None)
    found = [Stop(reason, detail, len(list(group))) for (reason, detail), group in groupby(again)]
    return sorted(found, key=lambda one: -one.number)


@router.post("/console/stopped/rehearse")
def rehearse(request: Request, asked: Annotated[ReplayIn, Form()]) -> Response:
    """What a replay would do; nothing of it is done."""
    return _shown(request, asked, replay_plan.rehearse(asked.chosen()))


@router.post("/console/stopped/approve")
def approve(request: Request, operator: Signed, asked: Annotated[ApprovedIn, Form()]) -> Response:
    """Do what the plan says; or nothing, and show the plan as it would be now."""
    made, is_done = replay_plan.carry_out(asked.chosen(asked.through), asked.plan, operator.actor)
    if not is_done:
        return _shown(request, asked, made, before=asked, status=409)
    facts = {"plan": made, "goings": goings(made.caused), "left": made.total - made.applied - made.unchanged, "asked": asked}
    return pages.render(request, "console/replay_done.html", here="stopped", heading=mark("Replayed"), **facts)


def _shown(
    request: Request, asked: ReplayIn, made: ReplayPlan, before: ApprovedIn | None = None, status: int = 200
) -> Response:
    facts: dict[str, Any] = {
        "asked": asked,
        "plan": made,
        "before": before,
        "goings": goings(made.caused),
        "stops": stops(made.parts),
        "rows": made.parts[:MOST_ROWS],
        "through": made.parts[-1].letter_id if made.parts else 0,
        "most": MOST_EVENTS,
        "seconds": int(BUDGET.total_seconds()),
        "masked": masking.masked_text,
    }
    return pages.render(
        request, "console/replay_plan.html", status, here="stopped", heading=mark("What a replay does"), **facts
    )
