"""The history of one enrolment: its steps, why each was or was not sent, when the next ones will be, and every decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.journeys import enrolment_records, load, pauses
from shared.journeys.enrolment_records import EnrolmentRecord, Standing, StepState
from shared.journeys.talks.standing import TalkStanding, standing
from shared.messages.windows import Window, window_for
from shared.outbox.actions import State
from shared.phrases import phrase
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyDecision, JourneyPause
from shared.store.models import ActionLog, Delivery

MOST_DECISIONS = 1000


@dataclass(frozen=True, kw_only=True)
class StepStory:
    """One step: where it stands, when it will go out (None: it will not, or it has), and a sentence that answers."""

    step: str
    channel: str
    template: str
    state: str
    due_at: datetime | None
    goes_at: datetime | None
    sent_at: datetime | None
    reason: str | None
    result: str | None
    delivery_id: int | None
    delivery_state: str | None
    text_version: int | None
    answer: str


@dataclass(frozen=True, kw_only=True)
class DecisionLine:
    """One decision, or one line that the outbox wrote about a message of this enrolment."""

    at: datetime
    step: str | None
    kind: str
    reason: str | None
    due_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Story:
    """An enrolment with its steps and every decision, oldest first."""

    enrolment: Enrolment
    version: str
    is_newest_version: bool
    paused_at: datetime | None
    talk: TalkStanding | None
    steps: list[StepStory]
    decisions: list[DecisionLine]


def story(session: Session, enrolment: Enrolment) -> Story:
    """Everything about one enrolment."""
    found = enrolment_records.read_record(session, enrolment)
    deliveries = _deliveries(session, list(found.rows.values()))
    pause = pauses.is_paused(session, enrolment.journey)
    newest = load.definitions().get(enrolment.journey)
    return Story(
        enrolment=enrolment,
        version=found.journey.version(),
        is_newest_version=newest is not None and newest.version() == found.journey.version(),
        paused_at=pause.paused_at if pause else None,
        talk=standing(found),
        steps=sorted((_step(found, name, deliveries, pause) for name in _in_order(found)), key=_when),
        decisions=_decisions(session, found, deliveries),
    )


def _in_order(found: EnrolmentRecord) -> list[str]:
    """The names of the steps as the definition has them; those that it has no more stand last."""
    places = {step.id: place for place, step in enumerate(found.journey.steps)}
    return sorted(found.rows, key=lambda name: places.get(name, len(places)))


def _when(step: StepStory) -> datetime:
    return step.sent_at or step.goes_at or step.due_at or datetime.max.replace(tzinfo=UTC)


def _deliveries(session: Session, rows: Sequence[EnrolmentStep]) -> dict[int, Delivery]:
    ids = [row.delivery_id for row in rows if row.delivery_id is not None]
    return {row.id: row for row in session.scalars(select(Delivery).where(Delivery.id.in_(ids)))}


def _step(found: EnrolmentRecord, name: str, deliveries: Mapping[int, Delivery], pause: JourneyPause | None) -> StepStory:
    row, step = found.rows[name], found.journey.step(name)
    delivery = deliveries.get(row.delivery_id or 0)
    goes = _goes_at(found, row, delivery, pause)
    return StepStory(
        step=name,
        channel=step.channel if step else "?",
        template=step.template if step else "?",
        state=row.state,
        due_at=row.due_at,
        goes_at=goes,
        sent_at=delivery.finished_at if delivery is not None and delivery.state == State.DONE else None,
        reason=row.reason or (delivery.reason if delivery is not None else None),
        result=(found.enrolment.results or {}).get(name),
        delivery_id=row.delivery_id,
        delivery_state=delivery.state if delivery is not None else None,
        text_version=(delivery.result or {}).get("text_version") if delivery is not None else None,
        answer=_answer(found, row, delivery, goes, pause),
    )


def _goes_at(
    found: EnrolmentRecord, row: EnrolmentStep, delivery: Delivery | None, pause: JourneyPause | None
) -> datetime | None:
    """When it is expected to go out: its due time, put off by the window. Not known while the journey is paused."""
    if row.state != StepState.ENQUEUED or delivery is None or delivery.state != State.PENDING or pause is not None:
        return None
    at = max(delivery.due_at, clock.now())
    payload: Any = delivery.payload or {}
    return _window(found, payload).next_open(at) if payload.get("window", True) else at


def _window(found: EnrolmentRecord, payload: Mapping[str, Any]) -> Window:
    known = enrolment_records.texts(found.enrolment.data)
    zone, country = payload.get("time_zone"), payload.get("country")
    return window_for(get_settings(), time_zone=zone, country=country, phone=known["phone"])


def _answer(
    found: EnrolmentRecord, row: EnrolmentStep, delivery: Delivery | None, goes: datetime | None, pause: JourneyPause | None
) -> str:
    if row.state != StepState.ENQUEUED:
        return _answer_of(found, row)
    if pause is not None:
        return phrase("It waits: the journey is paused since %(time)s.", time=f"{pause.paused_at:%Y-%m-%d %H:%M} UTC")
    if delivery is None:
        return phrase("It is planned.")
    if goes is None:
        why = delivery.reason or phrase("no reason was given")
        return phrase("Its delivery is %(state)s: %(reason)s.", state=delivery.state, reason=why)
    if delivery.reason:
        return phrase("It goes out on %(time)s. It was put off: %(reason)s.", time=goes, reason=delivery.reason)
    return phrase("It goes out on %(time)s.", time=goes)


def _answer_of(found: EnrolmentRecord, row: EnrolmentStep) -> str:
    """Of a step that is not under way."""
    reason = row.reason or phrase("no reason was given")
    match row.state:
        case StepState.WAITING:
            return phrase("It waits: %(reason)s.", reason=reason)
        case StepState.SENT if row.reason:
            return phrase("It was sent by somebody else: %(reason)s.", reason=reason)
        case StepState.SENT:
            word = (found.enrolment.results or {}).get(row.step, "sent")
            return phrase("It was sent; the last word of the vendor is '%(word)s'.", word=word)
        case StepState.CANCELLED if found.enrolment.state == Standing.SUSPENDED:
            return phrase("It was cancelled: %(reason)s. It may be taken up again.", reason=reason)
        case StepState.CANCELLED:
            return phrase("It was cancelled: %(reason)s.", reason=reason)
    return phrase("It was not sent (%(state)s): %(reason)s.", state=row.state, reason=reason)


def _decisions(session: Session, found: EnrolmentRecord, deliveries: Mapping[int, Delivery]) -> list[DecisionLine]:
    """Our own, and where the outbox has moved a message (quiet hours, daily cap), in the order in which they were made."""
    query = select(JourneyDecision).where(JourneyDecision.enrolment_id == found.enrolment.id)
    own = [
        DecisionLine(at=row.at, step=row.step, kind=row.kind, reason=row.reason, due_at=row.due_at)
        for row in session.scalars(query.order_by(JourneyDecision.id).limit(MOST_DECISIONS))
    ]
    steps = {row.delivery_id: row.step for row in found.rows.values()}
    log = select(ActionLog).where(ActionLog.delivery_id.in_(list(deliveries)), ActionLog.result == "moved")
    moved = [
        DecisionLine(at=row.at, step=steps.get(row.delivery_id), kind=_moved_by(row.detail), reason=row.detail)
        for row in session.scalars(log.order_by(ActionLog.id).limit(MOST_DECISIONS))
    ]
    return sorted([*own, *moved], key=lambda line: line.at)


def _moved_by(detail: str | None) -> str:
    return "capped" if (detail or "").startswith("daily-cap") else "moved"
