"""Whether any remaining step of a journey may still be sent to its person, given their suppressions."""

from sqlalchemy.orm import Session

from shared.journeys.arrange import address_of
from shared.journeys.definition import Step
from shared.journeys.enrolment_records import OPEN_STEPS, EnrolmentRecord
from shared.messages import consent, planning
from shared.people import aliases
from shared.people.aliases import Aliases

PASSING = frozenset((consent.MARKET_LIMIT,))
"""What is over tomorrow: for that no journey ends."""


def goes_on(record: EnrolmentRecord) -> bool:
    """Whether one step at least that is still open may be sent by one of its channels."""
    steps = [step for step in record.journey.steps if _is_open(record, step) and not step.sent_by]
    known = aliases.of(record.session, [record.enrolment.person])
    return any(_may_be_sent(record.session, record, step, known) for step in steps)


def _is_open(record: EnrolmentRecord, step: Step) -> bool:
    """Whether it may still come; any step of a talking flow may, for an answer can lead back to it."""
    return record.journey.talks or record.rows[step.id].state in OPEN_STEPS


def _may_be_sent(session: Session, record: EnrolmentRecord, step: Step, known: Aliases) -> bool:
    data, locale = record.enrolment.data, record.enrolment.data.get("locale")
    for way in step.ways():
        if not (to := str(address_of(way.channel, data) or "").strip()):
            continue
        transactional = planning.is_transactional(way.template, locale, step.transactional)
        against = consent.cause_against(session, known, way.channel, to, transactional=transactional, apart_from=PASSING)
        if against is None:
            return True
    return False
