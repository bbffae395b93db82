"""Plans in the console: what would be done, how far it is, what was done, and the word to do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BeforeValidator
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from shared.console import listing, masking, pages
from shared.console.identity import Operator, Role
from shared.console.listing import blank
from shared.console.navigation import Count, Entry
from shared.console.routes import NEEDS, SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.outbox.actions import Kind
from shared.plans import kinds, running, states
from shared.plans.settings import PlanSettings
from shared.settings import settings_of
from shared.store.plan_models import Plan, PlanPart
from shared.store.session import reading
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)

MOST_REASONS = 20
TITLES = (
    mark("Replay of the stopped event %(letter)s"),
    mark("Replay of stopped events: %(reason)s"),
    mark("Backfill from %(system)s"),
    mark("Import of the list: %(list)s"),
    mark("Return to an earlier version of the list: %(list)s"),
    mark("Change of the list: %(list)s"),
    mark("Start of the broadcast %(name)s"),
)
"""What the kinds of plans call them (`shared.plans.kinds.PlanKind.title`)."""


def waiting(session: Session) -> Count:
    """How many plans wait for somebody's word."""
    number = session.scalar(select(func.count()).select_from(Plan).where(Plan.state == states.READY)) or 0
    return Count(number, mark("plans that wait"))


ENTRY = Entry(name="plans", title=mark("Plans"), path="/console/plans", group="to-do", icon="split", place=4, count=waiting)


@dataclass(frozen=True)
class GoingOut:
    """Deliveries of one kind that a plan has: how many, of how many units, and when the first is due."""

    target: str
    action: str
    template: str
    version: str
    is_message: bool
    is_cancelled: bool
    number: int
    units: int
    first: datetime

    @classmethod
    def of(cls, name: str, values: Sequence[Any]) -> "GoingOut":
        """As a plan keeps it."""
        target, action, kind, text, state = name.split("|")
        template, _at, version = text.partition("@")
        number, units, first = values
        is_message, is_cancelled = kind == Kind.MESSAGE, bool(state)
        return cls(target, action, template, version, is_message, is_cancelled, number, units, datetime.fromisoformat(first))


def goings(plan: Plan) -> list[GoingOut]:
    """What goes out; messages first, which cannot be taken back once they have gone out."""
    found = [GoingOut.of(name, values) for name, values in plan.goings.items()]
    return sorted(found, key=lambda one: (not one.is_message, one.is_cancelled, one.target, one.action, one.template))


@dataclass(frozen=True)
class Reason:
    """Why parts stop, and how many."""

    word: str
    detail: str
    number: int


def _reasons(session: Session, number: int) -> list[Reason]:
    by = (PlanPart.word, PlanPart.detail)
    query = select(*by, func.count()).where(PlanPart.plan_id == number, PlanPart.what == kinds.STOP).group_by(*by)
    rows = session.execute(query.order_by(func.count().desc(), *by).limit(MOST_REASONS)).all()
    return [Reason(word or "", masking.masked_text(detail or ""), count) for word, detail, count in rows]


@dataclass(frozen=True)
class Differing:
    """A part that does something else now than in the plan that was approved."""

    title: str
    before: str
    now: str
    out_before: Sequence[Mapping[str, Any]]
    out_now: Sequence[Mapping[str, Any]]


def _differing(session: Session, row: Plan) -> list[Differing]:
    """The first parts that are in both plans and do something else now; none where no plan was approved before."""
    if row.before_id is None:
        return []
    old, new = aliased(PlanPart), aliased(PlanPart)
    same = (old.plan_id == row.before_id, old.unit == new.unit, old.name == new.name)
    query = select(old, new).join(new, and_(*same))
    query = query.where(new.plan_id == row.id, new.digest != old.digest).order_by(new.id).limit(MOST_REASONS)
    pairs = session.execute(query).all()
    return [Differing(now.title, _does(was), _does(now), was.caused or (), now.caused or ()) for was, now in pairs]


def _does(part: PlanPart) -> str:
    shown = " ".join(filter(None, (part.word if part.what == kinds.STOP else "", part.detail)))
    return masking.masked_text(shown) or part.word or part.what or ""


def _done(session: Session, number: int) -> Mapping[str, int]:
    """How many parts are done, were left because they would do something else now, or were not there any more; by outcome."""
    changed = select(PlanPart.state, PlanPart.what, func.count()).where(PlanPart.plan_id == number)
    found = dict.fromkeys((states.PLANNED, states.PART_DONE, states.DIFFERS), 0) | dict.fromkeys(states.WHATS, 0)
    for state, what, count in session.execute(changed.group_by(PlanPart.state, PlanPart.what)):
        if what != kinds.STOP:
            found[state] += count
        if state == states.PART_DONE:
            found[what] += count
    return found


@router.get("/console/plans")
def plans(request: Request, after: str | None = None) -> Response:
    """Every plan, the newest first, without those in whose place another one stands."""
    with reading() as session:
        page = listing.page(session, select(Plan).where(Plan.state != states.REPLACED), Plan.id, after)
        session.expunge_all()
    facts: dict[str, Any] = {"page": page, "title_of": _title}
    facts["more"] = listing.address(request, after=page.next) if page.next else None
    return pages.render(request, "plans/plans.html", here="plans", heading=mark("Plans"), **facts)


def _title(plan: Plan) -> tuple[str, Mapping[str, Any]]:
    found = kinds.by_name().get(plan.kind)
    return ("%(kind)s", {"kind": plan.kind}) if found is None else found.title(plan.asked)


What = Annotated[Literal["create", "update", "none", "stop"] | None, BeforeValidator(blank)]


@router.get("/console/plans/{number:id}")
def plan(request: Request, number: RowId, what: Annotated[What, Query()] = None, after: str | None = None) -> Response:
    """What a plan does, part by part; how far it is; what was done of it."""
    return shown(request, number, what=what, after=after)


def shown(request: Request, number: int, status: int = 200, what: str | None = None, after: str | None = None) -> Response:
    """The page of a plan."""
    with reading() as session:
        row = session.get(Plan, number)
        if row is None:
            raise RefusedError(404, "no-such-plan", mark("There is no such plan, or no longer."))
        parts = select(PlanPart).where(PlanPart.plan_id == number)
        parts = parts if what is None else parts.where(PlanPart.what == what)
        page = listing.page(session, parts, PlanPart.id, after)
        facts: dict[str, Any] = {
            "row": row,
            "before": session.get(Plan, row.before_id) if row.before_id else None,
            "differing": _differing(session, row),
            "reasons": _reasons(session, number),
            "done": _done(session, number),
            "page": page,
        }
        session.expunge_all()
    kind = kinds.named(row.kind)
    facts |= {"kind": kind, "goings": goings(row), "what": what, "large": running.large(row), "states": states}
    facts |= {
        "title": kind.title(row.asked),
        "may": pages.operator_of(request).may(Role(kind.role)),
        "masked": masking.masked_text,
    }
    facts |= {"above": settings_of(PlanSettings).plan_approval_above}
    facts["more"] = listing.address(request, after=page.next) if page.next else None
    return pages.render(request, "plans/plan.html", status, here=kind.here, heading=mark("Plan"), **facts)


CONFLICT = 409


@router.post("/console/plans/{number:id}/approve")
def approve(
    request: Request, number: RowId, operator: Signed, plan: Annotated[str, Form(pattern=r"^[0-9a-f]{64}$")]
) -> Response:
    """Do what the plan says; or nothing, and show the plan as it would be now."""
    _require(number, operator)
    following = running.approve(number, plan, operator.actor, operator.name)
    with reading() as session:
        row = session.get_one(Plan, following)
        is_other = row.state == states.READY
    if is_other:
        return shown(request, following, CONFLICT)
    return RedirectResponse(f"/console/plans/{following}", SEE_OTHER)


@router.post("/console/plans/{number:id}/drop")
def drop(number: RowId, operator: Signed) -> Response:
    """Do nothing more of it."""
    _require(number, operator)
    running.drop(number, operator.actor)
    return RedirectResponse(f"/console/plans/{number}", SEE_OTHER)


@router.post("/console/plans/{number:id}/again")
def again(number: RowId, operator: Signed) -> Response:
    """The same, worked out anew as things are now."""
    row = _require(number, operator)
    new = running.begin(row.kind, row.asked, operator.actor, operator.name)
    return RedirectResponse(f"/console/plans/{new}", SEE_OTHER)


def _require(number: int, operator: Operator) -> Plan:
    """The plan, for somebody who may carry out one of its kind. Raises RefusedError: 404 or 403."""
    with reading() as session:
        row = session.get(Plan, number)
        session.expunge_all()
    if row is None:
        raise RefusedError(404, "no-such-plan", mark("There is no such plan, or no longer."))
    role = Role(kinds.named(row.kind).role)
    if not operator.may(role):
        raise RefusedError(403, "needs-role", NEEDS[role])
    return row
