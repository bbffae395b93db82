"""Whether any remaining step of a journey may still be sent to its person, given their suppressions."""

from sqlalchemy.orm import Session

from shared.journeys.arrange import address_of
from shared.journeys.definition import Step
from shared.journeys.enrolment_records import OPEN_STEPS, EnrolmentRecord
from shared.messages import consent, planning
from shared.people import aliases
from shared.people.aliases import Aliases


def goes_on(record: EnrolmentRecord) -> bool:
    """Whether one step at least that is still open may be sent by one of its channels."""
    steps = [step for step in record.journey.steps if record.rows[step.id].state in OPEN_STEPS and not step.sent_by]
    known = aliases.of(record.session, [record.enrolment.person])
    return any(_may_be_sent(record.session, record, step, known) for step in steps)


def _may_be_sent(session: Session, record: EnrolmentRecord, step: Step, known: Aliases) -> bool:
    data, locale = record.enrolment.data, record.enrolment.data.get("locale")
    ways = [(step.channel, step.template), *((way.channel, way.template) for way in step.fallback)]
    for channel, template in ways:
        if not (to := str(address_of(channel, data) or "").strip()):
            continue
        transactional = planning.is_transactional(template, locale, step.transactional)
        if consent.cause_against(session, known, channel, to, transactional=transactional) is None:
            return True
    return False
