"""Begin the journeys whose pause is over (`settle`), by the dispatcher's timer. Safe at any time and on many instances."""

import logging
from datetime import timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared import clock
from shared.alerts import plan_alert
from shared.journeys import beginnings, engine, load
from shared.journeys.beginnings import BeginningState
from shared.people import aliases
from shared.phrases import phrase
from shared.store.dialect import locked
from shared.store.journey_models import Enrolment, JourneyBeginning
from shared.store.session import reading, transact

log = logging.getLogger("puente.journeys")

AT_ONCE = 200
RETRY_AFTER = timedelta(minutes=15)
MOST_ATTEMPTS = 10


def begin_due(limit: int = AT_ONCE) -> int:
    """Let everybody enter whose pause is over; how many have. Each in a transaction of their own, so a crash loses nobody.

    One that cannot be begun is tried again after a while, MOST_ATTEMPTS times, and does not hold up the others.
    """
    due = (JourneyBeginning.state == BeginningState.WAITING, JourneyBeginning.due_at <= clock.now())
    query = select(JourneyBeginning.id).where(*due).order_by(JourneyBeginning.due_at, JourneyBeginning.id).limit(limit)
    with reading() as session:
        ids = list(session.scalars(query))
    return sum(_begun(number) for number in ids)


def _begun(number: int) -> bool:
    try:
        return transact(partial(_begin, number=number))
    except DBAPIError:
        raise  # the database: the next run finds the same rows
    except Exception:
        log.exception("the journey of beginning %d cannot be begun", number)
        transact(partial(_put_off, number=number))
        return False


def _begin(session: Session, number: int) -> bool:
    """Whether somebody has entered. Enrolments are locked before beginnings, as in `engine.signal`."""
    found = session.get(JourneyBeginning, number)
    if found is None:
        return False
    keys = list(dict.fromkeys([found.person, *found.person_keys]))
    known = aliases.of(session, keys)
    theirs = select(Enrolment.id).where(Enrolment.person.in_(known.all_names)).order_by(Enrolment.id)
    session.scalars(locked(theirs, Enrolment)).all()
    row = _locked(session, number)
    if row is None or row.state != BeginningState.WAITING or row.due_at > clock.now():
        return False
    journey = load.definitions().get(row.journey)
    if journey is None or not any(one.event == row.event and one.settle for one in journey.enrol_on):
        row.state, row.reason = BeginningState.PREVENTED, phrase("the journey does not begin so any more")
        return False
    if beginnings.is_prevented(session, journey, row):
        return False
    row.enrolment_id = engine.enrol(session, row.journey, keys, row.due_at, row.data, row.event_key, since=row.at, known=known)
    row.state = BeginningState.BEGUN
    row.reason = None if row.enrolment_id is not None else phrase("they are in the journey, or have been")
    return row.enrolment_id is not None


def _put_off(session: Session, number: int) -> None:
    row = _locked(session, number)
    if row is None or row.state != BeginningState.WAITING:
        return
    row.attempts, row.due_at = row.attempts + 1, clock.now() + RETRY_AFTER
    if row.attempts >= MOST_ATTEMPTS:
        row.state, row.reason = BeginningState.FAILED, phrase("it could not be begun; the log says why")
        plan_alert(session, f"beginning:{number}", f"Puente: {row.person} could not enter the journey {row.journey}")


def _locked(session: Session, number: int) -> JourneyBeginning | None:
    """The row as it is now, held until the transaction ends."""
    query = locked(select(JourneyBeginning).where(JourneyBeginning.id == number), JourneyBeginning)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()
