"""What of the engine and its core waits for a person. Other flows name theirs in their declarations."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.console.waiting import Waiting
from shared.console.words import mark
from shared.intake import holding
from shared.intake.dead_letter_reasons import Cause, causes
from shared.messages.consent import WHATSAPP_WINDOW
from shared.outbox.actions import Kind, State
from shared.store.flow_models import FlowHold, FlowPause
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery, Reconciliation
from shared.watch import flow_figures

MOST = 20


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
        text=mark("%(events)s events of %(people)s people could not be applied; they are kept whole."),
        values={"type": cause.type or cause.queue, "reason": cause.reason, "events": cause.events, "people": cause.people},
        path=f"/console/stopped?{cause.address}",
        label=mark("See the cause"),
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
            text=mark("%(count)s events wait; they are handled in their order once it is resumed."),
            values={"flow": hold.flow, "who": pause.paused_by, "count": number},
            path=f"/console/flows/{hold.flow}",
            label=mark("See the flow"),
            since=pause.paused_at,
            until=hold.until,
            flow=hold.flow,
            weight=number,
        )


def answers(session: Session) -> Iterator[Waiting]:
    """What people wrote and nobody has read: the one whose 24 hours end first."""
    unread = ReceivedMessage.state.in_(("unread", "read"))
    count = session.scalar(select(func.count()).select_from(ReceivedMessage).where(unread)) or 0
    oldest = session.scalars(select(ReceivedMessage).where(unread).order_by(ReceivedMessage.received_at).limit(1)).first()
    if oldest is None:
        return
    yield Waiting(
        kind=mark("Answers"),
        icon="chat",
        status="warn",
        title=mark("%(name)s: “%(text)s”"),
        text=mark("%(count)s messages of people wait for an answer."),
        values={"name": oldest.sender_name or mark("Somebody"), "text": (oldest.text or "")[:80], "count": count},
        path="/console/answers",
        label=mark("Answer"),
        since=oldest.received_at,
        until=oldest.received_at + WHATSAPP_WINDOW,
        weight=count,
    )


def uncertain(session: Session) -> Iterator[Waiting]:
    """Messages that may have arrived: somebody decides, one by one."""
    where = (Delivery.state == State.UNCERTAIN,)
    grouped = select(Delivery.target, func.count(), func.min(Delivery.updated_at)).where(*where).group_by(Delivery.target)
    for target, count, since in session.execute(grouped):
        yield Waiting(
            kind=mark("Uncertain"),
            icon="warn",
            status="warn",
            title=mark("%(count)s messages that may have arrived"),
            text=mark("%(system)s did not say whether it took them. Sending them again could send them twice."),
            values={"count": count, "system": target},
            path=f"/console/deliveries?state=uncertain&target={target}",
            label=mark("Decide one by one"),
            since=since,
            system=target,
            weight=count,
        )


def failed(session: Session) -> Iterator[Waiting]:
    """Deliveries that were given up: what they stood for is not in the outside system."""
    where = (Delivery.state == State.DEAD,)
    grouped = select(Delivery.target, Delivery.kind, func.count(), func.min(Delivery.finished_at)).where(*where)
    for target, kind, count, since in session.execute(grouped.group_by(Delivery.target, Delivery.kind)):
        yield Waiting(
            kind=mark("Failed"),
            icon="bad",
            status="bad" if kind == Kind.SYNC else "warn",
            title=mark("%(count)s deliveries to %(system)s were given up"),
            text=mark("What they say is in our record and not there."),
            values={"count": count, "system": target},
            path=f"/console/deliveries?state=dead&target={target}",
            label=mark("See why"),
            since=since,
            system=target,
            weight=count,
        )


def drift(session: Session) -> Iterator[Waiting]:
    """What the newest comparison of each system left to a person."""
    newest = select(func.max(Reconciliation.id)).where(Reconciliation.state == "finished").group_by(Reconciliation.system)
    for row in session.scalars(select(Reconciliation).where(Reconciliation.id.in_(newest), Reconciliation.held_back > 0)):
        yield Waiting(
            kind=mark("Differences"),
            icon="split",
            status="wait",
            title=mark("%(count)s records differ in %(system)s"),
            text=mark("The rules say that a person decides about them."),
            values={"count": row.held_back, "system": row.system},
            path=f"/console/reports/comparison/{row.id}",
            label=mark("Compare"),
            since=row.finished_at,
            system=row.system,
            weight=row.held_back or 0,
        )
