"""What of the engine and its core waits for a person. Other flows name theirs in their declarations."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from functions.console import missing
from shared import clock
from shared.approvals.approval import PENDING
from shared.console import terms
from shared.console.masking import masked_text
from shared.console.waiting import Waiting
from shared.console.words import FlowName, Word, mark, mark_counted
from shared.crm import reconciliations
from shared.intake import holding
from shared.intake.dead_letter_reasons import Cause, causes
from shared.messages import answering
from shared.messages.consent import WHATSAPP_WINDOW
from shared.outbox.actions import Kind, State
from shared.store.approval_models import Approval
from shared.store.flow_models import FlowHold, FlowPause
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery, Reconciliation
from shared.watch import flow_figures

MOST = 20
LABELS = {
    missing.UNKNOWN_STAGE: mark("Add the stage and review"),
    missing.UNKNOWN_ADVISOR: mark("Add the advisor and review"),
}
"""What is done about a cause, by its reason."""
PEOPLE = ("Recipients", "People")
"""How details of approvals call the number of those who get something."""


def stopped(session: Session) -> Iterator[Waiting]:
    """Events that could not be handled, by their cause."""
    for cause in causes(session)[:MOST]:
        yield _cause(cause)


def _cause(cause: Cause) -> Waiting:
    return Waiting(
        kind=mark("Stopped"),
        icon="stopped",
        status="ask",
        title=mark("%(type)s: %(reason)s"),
        text=mark_counted(
            "%(count)s event could not be applied; it is kept whole.",
            "%(count)s events could not be applied; they are kept whole.",
        ),
        values={"type": cause.type or cause.queue, "reason": terms.word(cause.reason), "count": cause.events},
        people=cause.people,
        path=f"/console/stopped?{cause.address}",
        label=LABELS.get(cause.reason, mark("See the cause")),
        since=cause.since,
        flow=flow_figures.flow_of(cause.type) if cause.type else None,
        weight=cause.events,
    )


def paused_flows(session: Session) -> Iterator[Waiting]:
    """Flows whose events wait because somebody has paused them."""
    for hold in session.scalars(select(FlowHold).order_by(FlowHold.flow)):
        if not hold.is_paused:
            continue
        pause = session.get_one(FlowPause, hold.pause_id)
        number, _first = holding.waiting(session, hold.flow)
        yield Waiting(
            kind=mark("Paused"),
            icon="pause",
            status="wait",
            title=mark("The flow %(flow)s is paused by %(who)s"),
            text=mark_counted(
                "%(count)s event waits; it is handled once the flow is resumed.",
                "%(count)s events wait; they are handled in their order once the flow is resumed.",
            ),
            values={"flow": FlowName(hold.flow), "who": pause.paused_by, "count": number},
            path=f"/console/flows/{hold.flow}",
            label=mark("See the flow"),
            since=pause.paused_at,
            until=hold.until,
            flow=hold.flow,
            weight=number,
        )


def answers(session: Session) -> Iterator[Waiting]:
    """What people wrote and nobody has answered: the one whose 24 hours end first, with the field to answer it in."""
    unread = ReceivedMessage.state.in_(("unread", "read"))
    count = session.scalar(select(func.count()).select_from(ReceivedMessage).where(unread)) or 0
    is_late = case((ReceivedMessage.received_at <= clock.now() - WHATSAPP_WINDOW, 1), else_=0)
    order = (is_late, ReceivedMessage.received_at, ReceivedMessage.id)
    oldest = session.scalars(select(ReceivedMessage).where(unread).order_by(*order).limit(1)).first()
    if oldest is None:
        return
    until = answering.standing(session, oldest).until
    called = masked_text(oldest.sender_name) if oldest.sender_name else Word(mark("Somebody"))
    yield Waiting(
        kind=mark("Answers"),
        icon="chat",
        status="warn",
        title=mark("%(name)s: “%(text)s”"),
        text=mark_counted("%(count)s message waits for an answer.", "%(count)s messages wait for an answer."),
        values={"name": called, "text": masked_text(oldest.text or "")[:80], "count": count},
        path=f"/console/answers?first={oldest.id}#answer-{oldest.id}",
        label=mark("Answer %(name)s"),
        since=oldest.received_at,
        until=until if until is not None and until > clock.now() else None,
        weight=count,
    )


def approvals(session: Session) -> Iterator[Waiting]:
    """What goes on only with a second person's word, the one whose time ends first before the others."""
    waiting = select(Approval).where(Approval.state == PENDING, Approval.expires_at > clock.now()).order_by(Approval.expires_at)
    for row in session.scalars(waiting.limit(MOST)):
        yield Waiting(
            kind=mark("Approval"),
            icon="eye",
            title=mark("%(title)s"),
            text=mark("Asked for by %(who)s; it goes on only when a second person has approved it."),
            values={"title": row.title, "who": row.asked_by},
            people=_people(row.details),
            path=f"/console/approvals/{row.id}",
            label=mark("Look and decide"),
            since=row.created_at,
            until=row.expires_at,
        )


def _people(details: Any) -> int | None:
    """How many people an approval is about, as its details say; None where they do not."""
    pairs = dict(pair for pair in details or () if len(pair) == 2)  # noqa: PLR2004  # a label and its value
    return next((int(pairs[label]) for label in PEOPLE if str(pairs.get(label, "")).isdecimal()), None)


def uncertain(session: Session) -> Iterator[Waiting]:
    """Messages that may have arrived: somebody decides, one by one."""
    for group in _grouped(session, State.UNCERTAIN, Delivery.updated_at):
        yield _of_deliveries(
            group,
            State.UNCERTAIN,
            kind=mark("Uncertain"),
            icon="warn",
            status="warn",
            title=mark_counted("%(count)s message that may have arrived", "%(count)s messages that may have arrived"),
            text=mark("%(system)s did not say whether it took them. Sending them again could send them twice."),
            label=mark("Decide one by one"),
        )


def failed(session: Session) -> Iterator[Waiting]:
    """Deliveries that were given up: what they stood for is not in the outside system."""
    for group in _grouped(session, State.DEAD, Delivery.finished_at):
        yield _of_deliveries(
            group,
            State.DEAD,
            kind=mark("Failed"),
            icon="bad",
            status="bad" if group.kind == Kind.SYNC else "warn",
            title=mark_counted(
                "%(count)s delivery to %(system)s was given up", "%(count)s deliveries to %(system)s were given up"
            ),
            text=mark("What they say is in our record and not there."),
            label=mark("See why"),
        )


class _Group(NamedTuple):
    """Deliveries of a kind to one system that stand alike: how many, about how many, and since when the first does."""

    target: str
    kind: str
    number: int
    people: int
    since: datetime


def _grouped(session: Session, state: State, since: Any) -> Iterator[_Group]:
    """The deliveries in a state by system and kind; `since` is the column of when one came into it."""
    group = (Delivery.target, Delivery.kind)
    counted = (func.count(), func.count(Delivery.subject.distinct()), func.min(since))
    for row in session.execute(select(*group, *counted).where(Delivery.state == state).group_by(*group)):
        yield _Group(*row)


def _of_deliveries(group: _Group, state: State, **facts: Any) -> Waiting:
    """A matter of a group, whose list settles it."""
    return Waiting(
        values={"count": group.number, "system": group.target},
        path=f"/console/deliveries?state={state}&target={group.target}",
        people=group.people,
        since=group.since,
        system=group.target,
        weight=group.number,
        **facts,
    )


def drift(session: Session) -> Iterator[Waiting]:
    """What the newest comparison of each system left to a person."""
    newest = (
        select(func.max(Reconciliation.id)).where(Reconciliation.state == reconciliations.DONE).group_by(Reconciliation.system)
    )
    differ = Reconciliation.compared > Reconciliation.in_step + Reconciliation.repaired
    for row in session.scalars(select(Reconciliation).where(Reconciliation.id.in_(newest), differ)):
        number = (row.compared or 0) - (row.in_step or 0) - (row.repaired or 0)
        yield Waiting(
            kind=mark("Differences"),
            icon="split",
            status="wait",
            title=mark_counted("%(count)s record differs in %(system)s", "%(count)s records differ in %(system)s"),
            text=mark("The rules say that a person decides about them."),
            values={"count": number, "system": row.system},
            path=f"/console/reports/comparison/{row.id}",
            label=mark("Compare"),
            since=row.finished_at,
            system=row.system,
            weight=number,
        )
