"""Whether anything that is left of a journey may still be sent to its person, by what they have said they do not want."""

from sqlalchemy.orm import Session

from shared.journeys.arrange import ADDRESS
from shared.journeys.book import OPEN_STEPS, Book
from shared.journeys.definition import Step
from shared.messages import consent, planning


def goes_on(book: Book) -> bool:
    """Whether one step at least that is still open may be sent by one of its channels."""
    steps = [step for step in book.journey.steps if book.rows[step.id].state in OPEN_STEPS and not step.sent_by]
    return any(_may_be_sent(book.session, book, step) for step in steps)


def _may_be_sent(session: Session, book: Book, step: Step) -> bool:
    data, locale = book.enrolment.data, book.enrolment.data.get("locale")
    ways = [(step.channel, step.template), *((way.channel, way.template) for way in step.fallback)]
    for channel, template in ways:
        if not (to := str(data.get(ADDRESS[channel]) or "").strip()):
            continue
        transactional = planning.is_transactional(template, locale, step.transactional)
        if consent.cause_against(session, book.enrolment.person, channel, to, transactional=transactional) is None:
            return True
    return False
