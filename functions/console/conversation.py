"""A conversation with one person: what they wrote, what we sent them, and whether their newest message may be answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.messages import answering, received
from shared.messages.answering import Standing
from shared.outbox.actions import Kind
from shared.people.kinds import Identity
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery

CHANNELS = ("whatsapp", "sms")


@dataclass(frozen=True)
class Line:
    """One thing that was said: by them, with the state of their message, or by us, with its delivery."""

    text: str
    channel: str
    at: datetime
    state: str = ""
    delivery: Delivery | None = None


@dataclass(frozen=True)
class Conversation:
    """What was said, oldest first; `newest` is their newest message, and `standing` whether it may be answered."""

    lines: Sequence[Line] = ()
    newest: ReceivedMessage | None = None
    standing: Standing | None = None


def of_person(session: Session, own: Sequence[Identity], subjects: Sequence[str], most: int) -> Conversation:
    """The newest `most` messages of theirs and of ours; `subjects` are the names under which messages go to them."""
    theirs = _theirs(session, own, most)
    lines = [Line(one.text, one.channel, one.received_at, one.state) for one in theirs]
    lines += [_ours(one) for one in _sent(session, subjects, most)]
    lines.sort(key=lambda one: one.at)
    if not theirs:
        return Conversation(lines)
    return Conversation(lines, theirs[0], answering.standing(session, theirs[0]))


def _theirs(session: Session, own: Sequence[Identity], most: int) -> Sequence[ReceivedMessage]:
    numbers = [one.value for one in own if one.kind == "phone"]
    users = [one.value for one in own if one.kind == "whatsapp"]
    whose = received.from_numbers(numbers) | ReceivedMessage.user_id.in_(users)
    query = select(ReceivedMessage).where(whose).order_by(ReceivedMessage.received_at.desc(), ReceivedMessage.id.desc())
    return session.scalars(query.limit(most)).all() if numbers or users else ()


def _sent(session: Session, subjects: Sequence[str], most: int) -> Sequence[Delivery]:
    of_them = (Delivery.subject.in_(subjects), Delivery.kind == Kind.MESSAGE, Delivery.action.in_(CHANNELS))
    return session.scalars(select(Delivery).where(*of_them).order_by(Delivery.id.desc()).limit(most)).all() if subjects else ()


def _ours(row: Delivery) -> Line:
    payload: Any = row.payload or {}
    text = payload.get("text") or payload.get("template") or ""
    return Line(text, row.action, row.finished_at or row.due_at, delivery=row)
