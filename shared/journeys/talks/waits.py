"""End the wait for an answer when its time is over, by the dispatcher's timer. Safe at any time and on many instances."""

import logging
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared import clock
from shared.journeys import pauses
from shared.journeys.enrolment_records import Standing, lock_record
from shared.journeys.talks import run
from shared.phrases import phrase
from shared.store.journey_models import Enrolment, JourneyPause, JourneyTalk
from shared.store.session import reading, transact

log = logging.getLogger("puente.journeys")

AT_ONCE = 200


def end_waits(limit: int = AT_ONCE) -> int:
    """Ask again, or go on without an answer, for everybody who has had their time; how many, each in its own transaction.

    One that cannot go on is logged, and looked at again by the next run. Who is in a paused flow is left alone.
    """
    paused = select(JourneyPause.journey).where(JourneyPause.resumed_at.is_(None))
    query = (
        select(JourneyTalk.enrolment_id)
        .join(Enrolment, Enrolment.id == JourneyTalk.enrolment_id)
        .where(JourneyTalk.state == run.ASKED, JourneyTalk.until < clock.now(), Enrolment.journey.not_in(paused))
        .order_by(JourneyTalk.until, JourneyTalk.enrolment_id)
        .limit(limit)
    )
    with reading() as session:
        ids = list(session.scalars(query))
    return sum(_ended(number) for number in ids)


def _ended(number: int) -> bool:
    try:
        return transact(partial(_end_wait, number=number))
    except DBAPIError:
        raise  # the database: the next run finds the same rows
    except Exception:
        log.exception("the wait of enrolment %d cannot be ended", number)
        return False


def _end_wait(session: Session, number: int) -> bool:
    """Whether the wait is over. An answer that was taken meanwhile has moved the person on, and then it is not."""
    record = lock_record(session, number)
    if record is None or record.enrolment.state != Standing.ACTIVE:
        return False
    pauses.settle(record)  # a pause that has just ended has put the time off
    talk = record.talk()
    if talk is None or talk.state != run.ASKED or talk.until is None or talk.until >= clock.now():
        return False
    step = run.flow_of(record).step(talk.node or "")
    if step is not None and run.repeats_after(record, talk, step) is not None:
        talk.repeats += 1
        record.decide("repeated", phrase("no answer, time %(number)s", number=talk.repeats), step=talk.node)
        run.ask_again(record, talk, step)
        return True
    record.decide("unanswered", None, step=talk.node)
    target = run.flow_of(record).if_silent(step) if step is not None else None
    if target is not None:
        talk.node, talk.until = target, None
        run.go_on(record, talk)
    else:
        run.end(record, talk, run.NO_RESPONSE)
    return True
