"""Figures of a day: what became of those who entered a journey on it, and the messages that went out by journey and channel."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.outbox.actions import Kind
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.models import ActionLog, Delivery
from shared.store.trial_keys import causes_no_test
from shared.watch.day_figures import Figure
from shared.watch.record import line_before

BEGAN, LEFT, SENT = "journey-began", "journey-left", "message-sent"


def of_journeys(session: Session, since: datetime, until: datetime) -> Iterator[Figure]:
    """Who entered, by journey; and of these how they stand now: in it, at its end, or gone by an event (its reason).

    Those who only test it do not count, nor do those whom a test event has put into it.
    All figures are of those who entered that day, whenever they left.
    """
    of_day = (Enrolment.created_at >= since, Enrolment.created_at < until)
    began = (*of_day, ~Enrolment.testing, causes_no_test(Enrolment.event_key))
    columns = (Enrolment.journey, Enrolment.state, Enrolment.reason)
    for journey, state, reason, number in session.execute(select(*columns, func.count()).where(*began).group_by(*columns)):
        yield Figure(name=BEGAN, owner=journey, number=number)
        yield Figure(name=LEFT, owner=journey, part=f"{state}:{reason or ''}", number=number)


def of_messages(session: Session, since: datetime, until: datetime) -> Iterator[Figure]:
    """The messages that a vendor took that day, by journey (none: of no journey) and channel.

    Those of a test count too: they went to whoever tried, and the vendor is paid for them.
    Found by the lines of the action log, which stand in the order of time: a message has one line that says it was done.
    """
    of_day = (ActionLog.id > line_before(session, since), ActionLog.at >= since, ActionLog.at < until)
    done = (*of_day, ActionLog.result == "done", ActionLog.attempt.is_not(None), Delivery.kind == Kind.MESSAGE)
    query = (
        select(Enrolment.journey, Delivery.lane, Delivery.action, func.count())
        .select_from(ActionLog)
        .join(Delivery, Delivery.id == ActionLog.delivery_id)
        .outerjoin(EnrolmentStep, EnrolmentStep.delivery_id == Delivery.id)
        .outerjoin(Enrolment, Enrolment.id == EnrolmentStep.enrolment_id)
        .where(*done)
        .group_by(Enrolment.journey, Delivery.lane, Delivery.action)
    )
    for journey, lane, channel, number in session.execute(query):
        source = "" if lane == "transactional" else lane
        yield Figure(name=SENT, owner=journey or source, part=channel, number=number)
