"""Begin a plan, approve it, drop it; and what works on it: whoever asks for a few seconds, then a delivery to ourselves."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.approvals import requests
from shared.approvals.approval import APPROVED, ApprovalDecided, ApprovalRequest
from shared.crm import editing, resync
from shared.errors import RetryableError
from shared.outbox import plan as outbox
from shared.outbox.actions import Action, Claimed, Done, Kind, Outcome
from shared.phrases import phrase
from shared.plans import kinds, states, walk
from shared.plans.kinds import STOP, Asked
from shared.plans.settings import PlanSettings
from shared.settings import get_settings, settings_of
from shared.store.plan_models import Plan
from shared.store.session import reading, transact

log = logging.getLogger("puente.plans")

NOUN = "plan"
APPROVAL = "plan"
EXPIRES = timedelta(days=3)
AT_ONCE = timedelta(seconds=6)  # for which somebody waits for the page
SHARE_OF_LEASE = 3  # begun are pages within a third of it; the last one may take long
SMALL = 50
LOST = timedelta(minutes=5)


def begin(kind: str, asked: Asked, actor: str, name: str) -> int:
    """Begin to work out a plan, for as long as somebody waits for a page; what is left goes on by itself. Its number."""

    def work(session: Session) -> int:
        row = _added(session, kind, asked, actor, name)
        return row.id

    number = editing.committed(work)
    _for_a_page(number)
    return number


def begin_small(kind: str, asked: Asked, actor: str, name: str) -> int:
    """Begin a plan, and carry it out at once where it touches SMALL records at most and nothing of it stops. Its number.

    For what somebody changes by hand: they see the plan only where there is something to be seen.
    """
    number = begin(kind, asked, actor, name)
    with reading() as session:
        row = session.get_one(Plan, number)
        session.expunge(row)
    is_small = row.figures.get(states.WEIGHT, 0) <= SMALL and not row.figures.get(STOP)
    return approve(number, row.hash, actor, name) if row.state == states.READY and is_small else number


def _added(session: Session, kind: str, asked: Asked, actor: str, name: str) -> Plan:
    total = kinds.named(kind).total(session, asked)
    row = Plan(kind=kind, asked=dict(asked), asked_by=actor[:60], asker=name[:60], state=states.MAKING, total=total)
    session.add(row)
    session.flush()
    editing.log(session, actor, "plan.ask", subject(row.id), kind)
    return row


def subject(number: int) -> str:
    """How the action log and deliveries name a plan."""
    return f"plan:{number}"


def approve(number: int, seen: str, actor: str, name: str) -> int:
    """Approve the plan with the hash that somebody has seen; the number of the plan to look at now.

    It is worked out once more, as a plan of its own, which is carried out if it has that hash; a large one waits for a second
    person first. The same again, or with another hash, changes nothing.

    Raises:
        RefusedError: 404, there is none.
    """

    def work(session: Session) -> int:
        row = editing.locked_row(session, Plan, number, NOUN)
        if row.state != states.READY or row.hash != seen or not row.figures.get(states.PARTS):
            return row.next_id or row.id
        row.carried_by = actor[:60]
        if large(row):
            _ask(session, row, name)
            return row.id
        editing.log(session, actor, "plan.approve", subject(number), row.kind)
        return _again(session, row, actor).id

    following = editing.committed(work)
    _for_a_page(following)
    return following


def large(plan: Plan) -> bool:
    """Whether it needs a second person."""
    is_many = plan.figures.get(states.WEIGHT, 0) > settings_of(PlanSettings).plan_approval_above
    return is_many or plan.figures.get(states.SECOND, 0) > 0


def _ask(session: Session, row: Plan, name: str) -> None:
    title, values = kinds.named(row.kind).title(row.asked)
    figures = row.figures
    details = {
        phrase("Changes"): f"{states.changes(row)}",
        phrase("Records"): f"{figures[states.WEIGHT]}",
        phrase("Messages"): f"{figures[states.MESSAGES]}",
        **({phrase("People"): f"{figures[states.PEOPLE]}"} if figures.get(states.PEOPLE) else {}),
        phrase("Plan"): f"/console/plans/{row.id}",
    }
    asked = ApprovalRequest(
        kind=APPROVAL,
        subject=subject(row.id),
        key=f"{row.id}",
        title=(title % values)[:200],
        asked_by=name,
        expires_at=clock.now() + EXPIRES,
        details=details,
    )
    row.state, row.asker, row.approval_id = states.WAITING, name[:60], requests.request(session, asked)


def decided(session: Session, what: ApprovalDecided) -> None:
    """A listener: an approved plan is worked out once more and carried out, any other answer drops it."""
    if what.kind != APPROVAL:
        return
    row = editing.locked_row(session, Plan, int(what.key), NOUN)
    if row.state != states.WAITING:
        return
    if what.outcome == APPROVED:
        _hand_over(session, _again(session, row, row.carried_by or row.asked_by).id)
        return
    row.state, row.error, row.finished_at = states.DROPPED, phrase("approval: %(what)s", what=what.outcome), clock.now()


def _again(session: Session, row: Plan, actor: str) -> Plan:
    """The plan that takes the place of one that was approved; it is carried out if it turns out to be the same."""
    new = Plan(
        kind=row.kind,
        asked=row.asked,
        asked_by=row.asked_by,
        asker=row.asker,
        state=states.MAKING,
        total=row.total,
        before_id=row.id,
        approved_hash=row.hash,
        carried_by=actor[:60],
    )
    session.add(new)
    session.flush()
    row.state, row.next_id, row.finished_at = states.REPLACED, new.id, clock.now()
    return new


def drop(number: int, actor: str) -> None:
    """Drop a plan: nothing more of it is done, and what was done stays. One that is at its end is left as it is.

    Raises:
        RefusedError: 404, there is none.
    """

    def work(session: Session) -> None:
        row = editing.locked_row(session, Plan, number, NOUN)
        if row.state not in states.OPEN:
            return
        was_waiting = row.state == states.WAITING
        row.state, row.finished_at, row.error = states.DROPPED, clock.now(), actor[:60]
        editing.log(session, actor, "plan.drop", subject(number), row.kind)
        if was_waiting:
            requests.withdraw(session, APPROVAL, str(number), actor)

    editing.committed(work)


def _for_a_page(number: int) -> None:
    """Work on it for as long as somebody waits for a page, and hand the rest over."""
    try:
        is_over = walk.go_on(number, clock.now() + AT_ONCE)
    except RetryableError as error:
        log.warning("plan %d goes on later: %s", number, error)
        is_over = False
    if not is_over:
        _handed_over(number)


def _handed_over(number: int) -> None:
    def work(session: Session) -> set[str]:
        _hand_over(session, number)
        return outbox.newly_due(session)

    outbox.nudge(transact(work))


def _hand_over(session: Session, number: int) -> None:
    outbox.sync(session, WORK, str(number))


def go_on_with_lost() -> int:
    """Hand over again what nobody has worked on for a while: a job, for the process that died between two pages."""
    query = select(Plan.id).where(Plan.state.in_(states.AT_WORK), Plan.updated_at < clock.now() - LOST)
    with reading() as session:
        numbers = session.scalars(query.order_by(Plan.id).limit(50)).all()
    for number in numbers:
        _handed_over(number)
    return len(numbers)


def _execute(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    return {delivery.id: Done({"plan": _worked(int(delivery.subject))}) for delivery in deliveries}


def _worked(number: int) -> str:
    """Work on a plan for a part of the lease, and ask for the rest. A second run goes on behind the last page that was kept."""
    end = clock.now() + timedelta(seconds=get_settings().delivery_lease_seconds / SHARE_OF_LEASE)
    if walk.go_on(number, end):
        return "over"
    _handed_over(number)
    return "goes on"


WORK = Action(target=resync.TARGET, name="plan", kind=Kind.SYNC, execute=_execute, is_inside=True)

__all__ = ["WORK", "approve", "begin", "begin_small", "decided", "drop", "go_on_with_lost", "large", "subject"]
