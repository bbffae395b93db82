"""Pause and resume a journey: while it is paused nothing is sent; when it resumes each enrolment goes on where it was.

Pausing is one row. Each message that becomes due meanwhile is put off by the gate (`outcomes.may_send`). Resuming closes the
row and moves the remaining steps of each enrolment by the length of the pause; the gate moves those that a crash left out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import RefusedError
from shared.journeys import arrange, load
from shared.journeys.enrolment_records import EnrolmentRecord, Standing, lock_record
from shared.phrases import phrase
from shared.store.dialect import locked
from shared.store.journey_models import Enrolment, JourneyPause
from shared.store.models import ActionLog
from shared.store.session import reading, transact
from shared.store.types import UtcDateTime

ENROLMENTS_AT_ONCE = 100


def pause(journey: str, actor: str) -> JourneyPause:
    """Let a journey stand still from now on.

    Raises:
        RefusedError: 404, there is no such journey; 409, it stands still already.
    """
    load.journey(journey)

    def work(session: Session) -> JourneyPause:
        if _open(session, journey) is not None:
            raise RefusedError(409, "journey-paused", f"{journey} is paused already.")
        row = JourneyPause(journey=journey, paused_at=clock.now(), paused_by=actor[:60])
        session.add(row)
        session.flush()
        _log(session, journey, actor, "journey.pause")
        return row

    return transact(work)


def resume(journey: str, actor: str) -> int:
    """Let it go on; how many enrolments were moved by the length of the pause.

    Raises:
        RefusedError: 404, there is no such journey; 409, it is not paused.
    """
    load.journey(journey)

    def work(session: Session) -> datetime:
        row = _open(session, journey)
        if row is None:
            raise RefusedError(409, "journey-running", f"{journey} is not paused.")
        row.resumed_at, row.resumed_by = clock.now(), actor[:60]
        _log(session, journey, actor, "journey.resume")
        return row.resumed_at

    return release(journey, transact(work))


def release(journey: str, resumed_at: datetime) -> int:
    """Move all enrolments that were held until `resumed_at`; how many. Running it again moves nobody twice."""
    moved = last = 0
    while ids := _held(journey, resumed_at, last):
        transact(partial(_settle_all, ids=ids))
        moved, last = moved + len(ids), ids[-1]
    return moved


def _settle_all(session: Session, ids: list[int]) -> None:
    for enrolment_id in ids:
        record = lock_record(session, enrolment_id)
        if record is not None and record.enrolment.state == Standing.ACTIVE:
            settle(record)


_UNCOUNTED = (
    select(JourneyPause)
    .where(JourneyPause.journey == bindparam("journey"))
    .where(or_(JourneyPause.resumed_at.is_(None), JourneyPause.resumed_at > bindparam("counted", type_=UtcDateTime)))
    .order_by(JourneyPause.id)
)


def uncounted(record: EnrolmentRecord) -> Sequence[JourneyPause]:
    """The pauses that have not been counted for an enrolment yet; the one under way is among them."""
    row = record.enrolment
    return record.session.scalars(_UNCOUNTED, {"journey": row.journey, "counted": row.counted_until}).all()


def settle(record: EnrolmentRecord, known: Sequence[JourneyPause] | None = None) -> bool:
    """Move what is left by every finished pause that was not counted yet (`known`, or looked up); whether there was one."""
    row = record.enrolment
    finished = [pause for pause in (uncounted(record) if known is None else known) if pause.resumed_at is not None]
    for one in finished:
        until = one.resumed_at or row.counted_until
        length = until - max(one.paused_at, row.counted_until)
        record.decide("resumed", phrase("the journey was paused for %(time)s", time=_words(length)))
        arrange.shift(record, length, until, phrase("the journey was paused"))
    return bool(finished)


def count_until_now(record: EnrolmentRecord) -> None:
    """Count every pause until now, the one under way as well; for somebody who leaves and may come back."""
    settle(record)
    row, now = record.enrolment, clock.now()
    if (pause := is_paused(record.session, row.journey)) is not None:
        row.shift_seconds += max(0, round((now - max(pause.paused_at, row.counted_until)).total_seconds()))
        row.counted_until = now


def is_paused(session: Session, journey: str) -> JourneyPause | None:
    """The pause in which the journey is now."""
    query = select(JourneyPause).where(JourneyPause.journey == journey, JourneyPause.resumed_at.is_(None))
    return session.scalars(query).first()


def _open(session: Session, journey: str) -> JourneyPause | None:
    query = select(JourneyPause).where(JourneyPause.journey == journey, JourneyPause.resumed_at.is_(None))
    return session.scalars(locked(query, JourneyPause)).first()


def _held(journey: str, until: datetime, after_id: int) -> list[int]:
    query = select(Enrolment.id).where(
        Enrolment.journey == journey,
        Enrolment.state == Standing.ACTIVE,
        Enrolment.counted_until < until,
        Enrolment.id > after_id,
    )
    with reading() as session:
        return list(session.scalars(query.order_by(Enrolment.id).limit(ENROLMENTS_AT_ONCE)))


def _words(length: timedelta) -> str:
    return str(timedelta(seconds=round(length.total_seconds())))


def _log(session: Session, journey: str, actor: str, action: str) -> None:
    session.add(ActionLog(actor=actor[:60], action=action, subject=f"journey:{journey}", result="done"))
