"""Everything that was done with a lead, in order, each entry as the old system wrote it into its log.

    {timestamp, channel, data: {action, lead_id, status, ...}}

`channel` is kommo, email, call, message or error as before, and form, booking or journey. Several tables are read, each by its
index over the lead; a lead's log is short, so it is put together whole.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import ids
from functions.leads.tables import Lead, LeadAction
from shared import clock, flows
from shared.messages.received import from_numbers
from shared.outbox.actions import State
from shared.store.journey_models import Enrolment, JourneyDecision
from shared.store.message_models import MessageStatus, ReceivedMessage
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent

MOST = 5000  # of each kind, the newest; a lead has some dozens
CHANNELS = {"email": "email", "voice": "call", "whatsapp": "message", "sms": "message", "manychat": "message"}
WELL = frozenset({"done", "late done", "skipped", "moved", "hastened", "planned", "cancelled"})
ERROR = "error"


class LogPlace(NamedTuple):
    """The position of an entry. Kinds of the same instant follow each other as causes and effects do."""

    at: datetime
    kind: int
    id: int
    part: int = 0


@dataclass(frozen=True)
class LogEntry:
    """One action. `data` holds what is known of it; what is not is left out."""

    place: LogPlace
    channel: str
    data: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """As it goes out."""
        return {"timestamp": written(self.place.at), "channel": self.channel, "data": dict(self.data)}


@dataclass(frozen=True, kw_only=True)
class Happened:
    """Something that another flow knows of a lead: when, in which row of its table, and the facts to show."""

    at: datetime
    id: int
    channel: str
    action: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What another flow adds to a lead's log (event `lead.log`): what happened, and subjects of further events about the lead.

    Events of those subjects are shown under `channel`.
    """

    channel: str
    subjects: Sequence[str]
    happened: Sequence[Happened]


def entries(session: Session, lead: Lead) -> list[LogEntry]:
    """Every action on the lead, oldest first."""
    deliveries = _rows(session, Delivery, Delivery.subject == ids.key(lead.id))
    others: list[Contribution] = [listener(session, lead.id) for _flow, listener in flows.listeners("lead.log")]
    channels = {ids.key(lead.id): "form"} | {subject: one.channel for one in others for subject in one.subjects}
    found = [
        *_events(session, lead, channels),
        *_dead_letters(session, lead, channels),
        *_happened(others, lead),
        *_received(session, lead),
        *_before(session, lead),
        *_decisions(session, lead),
        *_planned(deliveries, lead),
        *_attempts(session, deliveries, lead),
        *_statuses(session, deliveries, lead),
    ]
    return sorted(found, key=lambda entry: entry.place)


def written(moment: datetime | None) -> str | None:
    """A moment as our answers write it."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _rows(session: Session, model: Any, *where: Any) -> Sequence[Any]:
    return session.scalars(select(model).where(*where).order_by(model.id.desc()).limit(MOST)).all()


def _entry(place: LogPlace, channel: str, lead: Lead, action: str, **more: Any) -> LogEntry:
    known = {name: value for name, value in more.items() if value is not None}
    return LogEntry(place, channel, {"action": action, "lead_id": lead.id, **known})


def _events(session: Session, lead: Lead, channels: Mapping[str, str]) -> Iterator[LogEntry]:
    for row in _rows(session, InboxEvent, InboxEvent.subject.in_(channels)):
        yield _entry(
            LogPlace(row.handled_at, 0, row.id), channels[row.subject], lead, row.type, status=row.outcome,
            event_id=row.event_id, received_at=written(row.received_at), payload=row.data,
        )  # fmt: skip


def _dead_letters(session: Session, lead: Lead, channels: Mapping[str, str]) -> Iterator[LogEntry]:
    for row in _rows(session, DeadLetter, DeadLetter.subject.in_(channels)):
        yield _entry(
            LogPlace(row.created_at, 1, row.id), ERROR, lead, row.type or "unreadable", status=row.state,
            reason=row.reason, error=row.error_message, dead_letter_id=row.id,
        )  # fmt: skip


def _happened(others: Iterable[Contribution], lead: Lead) -> Iterator[LogEntry]:
    for one in (happened for other in others for happened in other.happened):
        yield _entry(LogPlace(one.at, 2, one.id), one.channel, lead, one.action, **one.facts)


def _before(session: Session, lead: Lead) -> Iterator[LogEntry]:
    """What the replaced system had done, and the notes in Kommo, as an import has brought them."""
    if lead.kommo_lead_id is None:
        return
    for row in _rows(session, LeadAction, LeadAction.kommo_lead_id == lead.kommo_lead_id):
        yield LogEntry(LogPlace(row.at, 1, row.id), row.channel, {**row.data, "lead_id": lead.id})


def _received(session: Session, lead: Lead) -> Iterator[LogEntry]:
    """What came from the lead's number."""
    if not lead.phone:
        return
    for row in _rows(session, ReceivedMessage, from_numbers([lead.phone])):
        yield _entry(
            LogPlace(row.received_at, 2, row.id), "message", lead, "message.received", status=row.state, via=row.channel,
            text=row.text, provider=row.provider, sid=row.vendor_id,
        )  # fmt: skip


def _decisions(session: Session, lead: Lead) -> Iterator[LogEntry]:
    mine = select(Enrolment.id, Enrolment.journey).where(Enrolment.person == ids.key(lead.id))
    journeys = {number: name for number, name in session.execute(mine)}  # noqa: C416  # a row is no pair to mypy
    if not journeys:
        return
    for row in _rows(session, JourneyDecision, JourneyDecision.enrolment_id.in_(journeys)):
        yield _entry(
            LogPlace(row.at, 3, row.id), "journey", lead, f"{journeys[row.enrolment_id]}.{row.step or 'journey'}",
            status=row.kind, reason=row.reason, due_at=written(row.due_at), enrolment_id=row.enrolment_id,
        )  # fmt: skip


def _planned(deliveries: Iterable[Delivery], lead: Lead) -> Iterator[LogEntry]:
    for row in deliveries:
        yield _entry(
            LogPlace(row.created_at, 4, row.id), _channel(row.target, row.action), lead, f"{row.target}.{row.action}",
            status="planned", delivery_id=row.id, due_at=written(row.due_at) if row.state == State.PENDING else None,
            **_what(row),
        )  # fmt: skip


def _attempts(session: Session, deliveries: Sequence[Delivery], lead: Lead) -> Iterator[LogEntry]:
    """Each attempt at an outside system, and what people did."""
    known = {row.id: row for row in deliveries}
    for row in _rows(session, ActionLog, ActionLog.subject == ids.key(lead.id)):
        target, _, action = row.action.partition(".")
        delivery, well = known.get(row.delivery_id or 0), row.result in WELL
        where = _channel(target, action) if delivery is None else _channel(delivery.target, delivery.action)
        yield _entry(
            LogPlace(row.at, 5, row.id), where if well else ERROR, lead, row.action, status=row.result,
            actor=row.actor, attempt=row.attempt, delivery_id=row.delivery_id,
            provider=delivery.target if delivery is not None else target,
            detail=row.detail if well else None, error=None if well else row.detail,
            **(_result(delivery) if delivery is not None and row.result == "done" else {}),
            **(_what(delivery) if delivery is not None else {}),
        )  # fmt: skip


def _statuses(session: Session, deliveries: Sequence[Delivery], lead: Lead) -> Iterator[LogEntry]:
    """Each status that the vendors reported later."""
    known = {row.id: row for row in deliveries}
    if not known:
        return
    for row in _rows(session, MessageStatus, MessageStatus.delivery_id.in_(known)):
        delivery = known[row.delivery_id]
        for part, status in enumerate(row.history):
            at = clock.as_utc(datetime.fromisoformat(status["at"]))
            yield _entry(
                LogPlace(at, 6, row.id, part), _channel(delivery.target, delivery.action), lead,
                f"{delivery.target}.{delivery.action}", status=status["status"], reason=status.get("reason"),
                delivery_id=delivery.id, provider=row.provider, sid=row.vendor_id, **_what(delivery),
            )  # fmt: skip


def _channel(target: str, action: str) -> str:
    """The channel's name in the old log."""
    return "kommo" if target == "kommo" else CHANNELS.get(action, ERROR)


def _what(row: Delivery) -> dict[str, Any]:
    """Which message it is; never its address."""
    payload: Any = row.payload if isinstance(row.payload, Mapping) else {}
    context = payload.get("context") or {}
    known = {"template": payload.get("template"), "note": payload.get("name"), "step": context.get("step")}
    return {name: value for name, value in known.items() if value is not None}


def _result(row: Delivery) -> dict[str, Any]:
    result: Any = row.result if isinstance(row.result, Mapping) else {}
    known = {"sid": result.get("id"), "kommo_lead_id": result.get("kommo_lead_id")}
    return {name: value for name, value in known.items() if value is not None}
