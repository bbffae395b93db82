"""What shadow mode kept back: how much of what, who gets what next, and sending some of it after all."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from shared import clock, shadow_mode
from shared.errors import RefusedError
from shared.outbox import actions, effects, operator_actions
from shared.outbox.actions import State
from shared.store.journey_models import JourneyBeginning
from shared.store.models import Delivery
from shared.store.session import reading

PAGE = 500


def status() -> Iterator[str]:
    """Which targets are covered, and how many deliveries of each were kept back, or are due now and will go out otherwise."""
    covered = shadow_mode.covered(actions.targets())
    yield f"covered by {shadow_mode.SETTING}: {', '.join(covered) or 'nothing'}"
    with reading() as session:
        kept = select(Delivery.target, Delivery.action, func.count()).where(Delivery.state == State.SHADOWED)
        counted = session.execute(kept.group_by(Delivery.target, Delivery.action).order_by(Delivery.target, Delivery.action))
        lines = [f"kept back: {target}.{action} {count:,}" for target, action, count in counted]
        due = select(Delivery.target, func.count()).where(Delivery.state == State.PENDING, Delivery.due_at <= clock.now())
        late = session.execute(due.group_by(Delivery.target).order_by(Delivery.target))
        lines += [f"due now: {target} {count:,}" for target, count in late]
    yield from lines


def upcoming(within: timedelta) -> Iterator[str]:
    """Who gets what next, by time: every message that is planned to go out within that time, and every journey that begins."""
    until = clock.now() + within
    yield from _messages(until)
    with reading() as session:
        waiting = select(JourneyBeginning).where(JourneyBeginning.state == "waiting", JourneyBeginning.due_at < until)
        begins = list(session.scalars(waiting.order_by(JourneyBeginning.due_at, JourneyBeginning.id)))
    yield from (f"{row.due_at:%Y-%m-%d %H:%M}  begins  {row.journey}  {effects.masked(row.person)}" for row in begins)


def _messages(until: datetime) -> Iterator[str]:
    at, last = datetime.min.replace(tzinfo=clock.now().tzinfo), 0
    while page := _planned(at, last, until):
        at, last = page[-1].due_at, page[-1].id
        for row in page:
            payload: Any = row.payload if isinstance(row.payload, dict) else {}
            step: Any = payload.get("context") or {}
            what = " ".join(str(one) for one in (payload.get("channel"), payload.get("template")) if one) or row.action
            where = f"  {step['journey']}.{step['step']}" if step.get("journey") else ""
            whom = effects.masked(payload.get("to") or row.subject, "to")
            yield f"{row.due_at:%Y-%m-%d %H:%M}  {row.target}  {what}  {whom}{where}"


def _planned(at: datetime, last: int, until: datetime) -> list[Delivery]:
    behind = (Delivery.due_at > at) | ((Delivery.due_at == at) & (Delivery.id > last))
    query = select(Delivery).where(Delivery.state == State.PENDING, Delivery.kind == "message", Delivery.due_at < until, behind)
    with reading() as session:
        return list(session.scalars(query.order_by(Delivery.due_at, Delivery.id).limit(PAGE)))


def chosen(target: str, action: str | None, numbers: Sequence[int]) -> Iterator[Delivery]:
    """What was kept back for a target, or of it one action, or these numbers; a page at a time."""
    last = 0
    query = select(Delivery).where(Delivery.state == State.SHADOWED, Delivery.target == target)
    if action is not None:
        query = query.where(Delivery.action == action)
    if numbers:
        query = query.where(Delivery.id.in_(numbers))
    while True:
        with reading() as session:
            page = list(session.scalars(query.where(Delivery.id > last).order_by(Delivery.id).limit(PAGE)))
        if not page:
            return
        yield from page
        last = page[-1].id


def send(row: Delivery, actor: str) -> str:
    """Plan a delivery that was kept back once more, and say how that went. A second time it is refused and nothing happens."""
    try:
        again = operator_actions.retry(row.id, actor)
    except RefusedError as error:
        return f"delivery {row.id}: not sent: {error} {error.detail or ''}".rstrip()
    return f"delivery {row.id}: planned as delivery {again.id}"


def shown(row: Delivery) -> str:
    """A delivery that was kept back, as a line."""
    found: Any = row.result if isinstance(row.result, dict) else {}
    named = f" {found['name']}" if found.get("name") else ""
    whom = found.get("shown") or {}
    person = next((whom[name] for name in effects.WHOM if name in whom), row.subject)
    return f"delivery {row.id}: {found.get('effect') or f'{row.target}.{row.action}'}{named}  {person}"
