"""The plan of a replay: stopped events are applied as their queues would, those of one subject together and in their order.

What would be stopped again stays as it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError
from shared.intake import dead_letter_store, endpoint, holding, inbox
from shared.intake.dead_letter_store import PARKED, REPLAYED, Filter
from shared.intake.envelope import parse
from shared.phrases import pattern
from shared.plans.kinds import Applied, Asked, Page, Place, Step, Unit
from shared.store.dialect import rows_changed
from shared.store.models import ActionLog, DeadLetter
from shared.store.session import reading
from shared.store.types import key_of

AT_ONCE = 50
NAME = "replay"
_NAMES = frozenset(field.name for field in fields(Filter)) - {"since", "until", "state"}
_SUBJECT = func.coalesce(DeadLetter.subject, "")


def asked(session: Session, chosen: Filter, letter_id: int | None = None) -> Asked:
    """The stopped events of a filter, or one alone; none that is stopped later. As a plan is asked for them."""
    given = {name: value for name in sorted(_NAMES) if (value := getattr(chosen, name)) is not None}
    newest = session.scalar(select(func.max(DeadLetter.id))) or 0
    return given | {"through": newest} | ({} if letter_id is None else {"letter": letter_id})


def _query(wanted: Asked) -> Select[DeadLetter]:
    given = Filter(**{name: wanted[name] for name in _NAMES if name in wanted})
    query = given.applied(select(DeadLetter)).where(DeadLetter.id <= int(wanted["through"]))
    return query if "letter" not in wanted else query.where(DeadLetter.id == int(wanted["letter"]))


@dataclass(frozen=True)
class _Replays:
    role: str = "operator"
    here: str = "stopped"

    def title(self, asked: Asked) -> tuple[str, Mapping[str, Any]]:
        """By what they were chosen."""
        if "letter" in asked:
            return pattern("Replay of the stopped event %(letter)s"), {"letter": asked["letter"]}
        return pattern("Replay of stopped events: %(reason)s"), {"reason": asked.get("reason") or asked.get("type") or "*"}

    def back(self, asked: Asked) -> str:
        """The event, or the list."""
        return f"/console/stopped/{asked['letter']}" if "letter" in asked else "/console/stopped"

    def link(self, name: str) -> str | None:
        """The event's page."""
        return f"/console/stopped/{name}"

    def total(self, session: Session, asked: Asked) -> int | None:
        """How many are stopped."""
        return session.scalar(select(func.count()).select_from(_query(asked).subquery())) or 0

    def page(self, asked: Asked, place: Place | None) -> Page:
        """The next events, ordered by whom they are about; the last subject whole where that is possible."""
        query = _query(asked)
        if place is not None:
            later = and_(place["subject"] == _SUBJECT, DeadLetter.id > place["id"])
            query = query.where(or_(place["subject"] < _SUBJECT, later))
        with reading() as session:
            letters = session.scalars(query.order_by(_SUBJECT, DeadLetter.id).limit(AT_ONCE + 1)).all()
            session.expunge_all()
        kept = _whole(letters)
        units = tuple(_units(kept, place))
        return Page(units=units, following=units[-1].after if len(kept) < len(letters) else None)


def _whole(letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
    """Those of a page, without the beginning of a subject that goes on behind it, unless the page holds nothing else."""
    if len(letters) <= AT_ONCE:
        return letters
    last = letters[-1].subject or ""
    whole = [letter for letter in letters if (letter.subject or "") != last]
    return whole or letters[:AT_ONCE]


def _units(letters: Iterable[DeadLetter], place: Place | None) -> Iterator[Unit]:
    for subject, group in groupby(letters, lambda letter: letter.subject or ""):
        own = list(group)
        if not subject:
            yield from (_unit([letter], str(letter.id)) for letter in own)
            continue
        goes_on = place is not None and place["subject"] == subject
        yield _unit(own, f"{subject}>{place['id']}" if place is not None and goes_on else subject)


def _unit(letters: Sequence[DeadLetter], name: str) -> Unit:
    last = letters[-1]
    after = {"subject": last.subject or "", "id": last.id}
    return Unit(key=key_of("replay", name), steps=[_step(letter) for letter in letters], after=after)


def _step(letter: DeadLetter) -> Step:
    """One event, read before there is a transaction: data in a blob is fetched."""
    ready: _Ready | PermanentError
    try:
        envelope = parse(dead_letter_store.replayed_event(letter))
        handler = endpoint.handler_of(dead_letter_store.queue_now(letter), envelope.type)
        ready = _Ready(handler, inbox.read_event(handler, envelope))
    except PermanentError as error:
        ready = error

    def apply(session: Session, actor: str) -> Applied:
        if isinstance(ready, PermanentError):
            raise ready
        return Applied(word=_applied(session, letter, ready, actor))

    title = letter.type or letter.original_queue
    return Step(name=str(letter.id), title=title, subject=letter.subject, apply=apply)


@dataclass(frozen=True)
class _Ready:
    handler: inbox.Handler[Any]
    event: inbox.Event[Any]


def _applied(session: Session, letter: DeadLetter, ready: _Ready, actor: str) -> str:
    """Apply one event as its queue would, and note its replay; only while it is still stopped."""
    mark = update(DeadLetter).where(DeadLetter.id == letter.id, DeadLetter.state == PARKED)
    values = {"state": REPLAYED, "replays": DeadLetter.replays + 1, "replayed_at": clock.now()}
    if not rows_changed(session.execute(mark.values(values))):
        raise PermanentError("no-longer-stopped", "somebody has replayed or dropped it meanwhile")
    if holding.is_held(session, ready.handler.queue, ready.event.envelope.type):
        raise PermanentError("flow-paused", "its flow is paused: resume it first")
    outcome = inbox.apply_once(session, ready.handler, ready.event)
    session.add(
        ActionLog(
            actor=actor[:60],
            action="dead-letter.replay",
            subject=letter.subject,
            dead_letter_id=letter.id,
            result=outcome[:32],
            detail="by an approved plan",
        )
    )
    return outcome


REPLAYS = _Replays()
