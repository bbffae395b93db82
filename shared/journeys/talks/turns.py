"""What an answer does to a talk: it is stored and leads on, it does not fit, or it is a keyword that leads elsewhere.

Each is called once for a message, under the lock of the enrolment, and marks the message as answered or leaves it unread.
"""

from typing import Any

from shared.journeys import step_deliveries
from shared.journeys.enrolment_records import EnrolmentRecord, StepState
from shared.journeys.talks import keywords, run
from shared.journeys.talks.definition import TalkStep
from shared.phrases import phrase
from shared.store.journey_models import JourneyTalk
from shared.store.message_models import ReceivedMessage

ANSWERED = "answered"
LONGEST_WAY = 50  # questions that one can go back by


def answer(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, value: Any, row: ReceivedMessage) -> None:
    """The answer fits: keep it, and go on by it."""
    row.state = ANSWERED
    record.decide("answered", None, step=step.id)
    _withdraw(record, step)
    talk.way = [*(talk.way or ()), step.id][-LONGEST_WAY:]
    run.store(record, {step.store or step.id: value})
    run.follow(record, talk, step, str(value))
    run.go_on(record, talk)


def answer_again(
    record: EnrolmentRecord, talk: JourneyTalk, now: TalkStep, earlier: TalkStep, value: Any, row: ReceivedMessage
) -> None:
    """Another answer to a question before the one that is out: that one is waited for no more, unless the way leads there."""
    _withdraw(record, now)
    answer(record, talk, earlier, value, row)


def misfit(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, reason: str, row: ReceivedMessage) -> bool:
    """Ask again, as often as the question allows; then go on without an answer, and leave the message for a person to read."""
    record.decide("not-fitting", reason, step=step.id)
    talk.tries += 1
    if step.ask is not None and talk.tries <= step.ask.retries and run.may_ask(record, step):
        row.state = ANSWERED
        run.ask_again(record, talk, step, step.ask.retry)
    else:
        run.give_up(record, talk, step, reason)
    return True


def take(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, keyword: str, row: ReceivedMessage) -> bool:
    """Go where a keyword leads. `person` ends the flow, and the message stays unread for one; the others are answered by it."""
    record.decide("keyword", keyword, step=step.id)
    _withdraw(record, step)
    if keyword == keywords.PERSON:
        run.end(record, talk, run.PERSON, reason=phrase("by a keyword"))
        return True
    if keyword == keywords.REPEAT and not run.may_ask(record, step):
        run.give_up(record, talk, step, run.OFTEN_ENOUGH)
        return True
    row.state = ANSWERED
    if keyword == keywords.REPEAT:
        run.ask_again(record, talk, step)
        return True
    if keyword == keywords.BACK:
        *before, last = talk.way or [step.id]
        talk.way, talk.node = before, last
    else:
        talk.node = keyword
    run.go_on(record, talk)
    return True


def _withdraw(record: EnrolmentRecord, step: TalkStep) -> None:
    """The question was to be put once more, and is answered before that went out: it does not go out any more."""
    own = record.rows[step.id]
    if own.state == StepState.ENQUEUED and step_deliveries.cancel(
        record.session, own.delivery_id, phrase("answered before it was sent")
    ):
        own.state, own.reason = StepState.CANCELLED, phrase("answered before it was sent")
