"""Find the question that a reply answers, and go on by the answer. What answers no question stays unread for a person.

A reply that quotes a message belongs to the flow of that message; any other to the flow that asked last. It answers a question
that was on its way when it was written, also where the provider's status of the question has not come yet, and also where the
question was put again since: then either of its messages may be quoted. Two replies at once are taken one after the other: the
second finds the question answered.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.journeys import pauses, step_deliveries
from shared.journeys.enrolment_records import EnrolmentRecord, Standing, lock_record
from shared.journeys.talks import answers, keywords, run, turns
from shared.journeys.talks.asking import Ask
from shared.journeys.talks.definition import TalkStep
from shared.messages import moves, statuses
from shared.messages.digests import digests_of_address
from shared.readers import UnreadableError
from shared.store.journey_models import EnrolmentAddress, EnrolmentStep, JourneyTalk
from shared.store.message_models import MessageStatus, ReceivedMessage
from shared.store.models import Delivery

log = logging.getLogger("puente.journeys")

SKEW = timedelta(seconds=5)  # a provider's clock, and times that are cut off to the second
NO_ANSWERS = frozenset(("reaction", "sticker"))
MOST_TALKS = 20  # of one person, at the same time
OPEN = (run.SENDING, run.ASKED)


@dataclass(frozen=True)
class Question:
    """A question that may be the one that was answered: it was on its way `since` then, first by `first`, last by `newest`."""

    enrolment_id: int
    step: str
    first: int
    newest: int
    since: datetime


def take(session: Session, message_id: int) -> bool:
    """Whether an inbound message was the answer to a question; the flow has gone on by it. A second run changes nothing."""
    row = session.get(ReceivedMessage, message_id)
    if row is None or row.state != "unread" or row.wish in ("stop", "start") or row.kind in NO_ANSWERS:
        return False
    asked = _open_questions(session, row)
    if row.quoted_id is not None:
        asked = _quoted(session, row, asked)
        if not asked:
            return _answered_anew(session, row)
    return bool(asked) and _answered(session, row, asked[0])


def _open_questions(session: Session, row: ReceivedMessage) -> list[Question]:
    """The questions of this person by this channel that were out when the message was written; the last asked comes first."""
    whose = [digest for address in (row.sender, row.user_id) if address for digest in digests_of_address(address)]
    whose = moves.with_earlier(session, whose)
    query = (
        select(JourneyTalk.enrolment_id, EnrolmentStep.step, EnrolmentStep.delivery_id, JourneyTalk.first_delivery_id)
        .join(EnrolmentAddress, EnrolmentAddress.enrolment_id == JourneyTalk.enrolment_id)
        .join(EnrolmentStep, EnrolmentStep.enrolment_id == JourneyTalk.enrolment_id)
        .where(EnrolmentAddress.who.in_(whose), JourneyTalk.state.in_(OPEN))
        .where(EnrolmentStep.step == JourneyTalk.node, EnrolmentStep.delivery_id.is_not(None))
        .order_by(JourneyTalk.enrolment_id.desc())
        .limit(MOST_TALKS)
    )
    found: dict[int, Question] = {}
    for enrolment_id, step, newest, first in session.execute(query).all():
        if newest is None or (since := step_deliveries.first_tried(session, first or newest)) is None:
            continue
        if row.received_at >= since - SKEW and _goes_by(session, newest, row):
            found[enrolment_id] = Question(enrolment_id, step, first or newest, newest, since)
    return sorted(found.values(), key=lambda one: (_put(session, one), one.newest), reverse=True)


def _put(session: Session, question: Question) -> datetime:
    """When a question was put last, as far as it went out."""
    return step_deliveries.first_tried(session, question.newest) or question.since


def _goes_by(session: Session, delivery_id: int, row: ReceivedMessage) -> bool:
    """Whether a question went by the channel and, as far as both are known, from the number that the reply came to."""
    delivery = session.get(Delivery, delivery_id)
    payload = (delivery.payload or {}) if delivery is not None else {}
    numbers = {payload.get("whatsapp_number_id"), row.whatsapp_number_id} - {None}
    return payload.get("channel") == row.channel and len(numbers) <= 1


def _quoted(session: Session, row: ReceivedMessage, asked: list[Question]) -> list[Question]:
    """The question that a reply quotes, if it is still open.

    A provider's id that we do not know yet is that of a message whose sending has not been recorded: the answer came first.
    """
    known = statuses.delivery_of(session, row.provider, row.quoted_id)
    if known is not None:
        found = [one for one in asked if _is_of(session, known, one)]
        if not found and _repeats(session, row, known):
            row.state = "no-answer-needed"
        return found
    ids = [one.newest for one in asked]
    named = set(session.scalars(select(MessageStatus.delivery_id).where(MessageStatus.delivery_id.in_(ids)))) if ids else set()
    return [one for one in asked if one.newest not in named][:1]


def _is_of(session: Session, delivery_id: int, question: Question) -> bool:
    """Whether a message put that question: the newest one, or an earlier one where it was put again."""
    if delivery_id == question.newest:
        return True
    context = _context(session, delivery_id)
    return (context.get("enrolment"), context.get("step")) == (question.enrolment_id, question.step)


def _repeats(session: Session, row: ReceivedMessage, delivery_id: int) -> bool:
    """Whether a reply chooses what the person has chosen before as the answer to the same question: a button pressed twice."""
    context = _context(session, delivery_id)
    record = lock_record(session, int(context["enrolment"])) if "enrolment" in context else None
    if record is None or not record.journey.talks or row.option_id is None:
        return False
    step = run.flow_of(record).step(str(context.get("step")))
    return step is not None and record.enrolment.data.get(step.store or step.id) == row.option_id


def _answered_anew(session: Session, row: ReceivedMessage) -> bool:
    """Whether a button of an earlier question changes its answer, where the flow has it so: it goes on from there.

    Anywhere else it stays unread, and the question that is out is still waited for.
    """
    known = statuses.delivery_of(session, row.provider, row.quoted_id)
    context = _context(session, known) if known is not None else {}
    if row.state != "unread" or row.option_id is None or "enrolment" not in context:
        return False
    record = lock_record(session, int(context["enrolment"]))
    talk = record.talk() if record is not None else None
    if record is None or talk is None or talk.state not in OPEN or record.enrolment.state != Standing.ACTIVE:
        return False
    flow, name = run.flow_of(record), str(context.get("step"))
    earlier, now = flow.step(name), flow.step(str(talk.node))
    way = talk.way or []
    if flow.earlier_button != "go_back" or earlier is None or now is None or earlier.ask is None or name not in way:
        return False
    chosen = next((one for one in answers.options_of(earlier.ask, record.enrolment.data) if one.id == row.option_id), None)
    if chosen is None:
        return False
    talk.way = way[: way.index(name)]
    turns.answer_again(record, talk, now, earlier, chosen.id, row)
    return True


def _context(session: Session, delivery_id: int) -> Mapping[str, Any]:
    """What a message says of whose it is."""
    delivery = session.get(Delivery, delivery_id)
    found: Mapping[str, Any] = (delivery.payload or {}).get("context", {}) if delivery is not None else {}
    return found


def _answered(session: Session, row: ReceivedMessage, question: Question) -> bool:
    record = lock_record(session, question.enrolment_id)
    talk = record.talk() if record is not None else None
    if record is None or talk is None or talk.state not in OPEN or talk.node != question.step:
        return False
    step, own = run.flow_of(record).step(question.step), record.rows[question.step]
    if step is None or step.ask is None or (talk.first_delivery_id or own.delivery_id) != question.first:
        return False
    return not _is_late(record, talk, step, row.received_at) and _taken_in(record, talk, step, step.ask, row)


def _taken_in(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, ask: Ask, row: ReceivedMessage) -> bool:
    """Whether words mean something for the question that is out. What fits nothing costs a retry, if it was meant for it."""
    data = record.enrolment.data
    titles = [one.title for one in answers.options_of(ask, data)]
    keyword = keywords.meant(run.flow_of(record).keywords, row.text, titles) if row.option_id is None else None
    if keyword is not None:
        return turns.take(record, talk, step, keyword, row)
    try:
        zone, files = record.frame().zone, len(row.media or ())
        value = answers.read(ask, data, row.text, choice=row.option_id, zone=zone, at=row.received_at, files=files)
    except answers.NoAnswerError:
        return False
    except UnreadableError as error:
        put = step_deliveries.first_tried(record.session, record.rows[step.id].delivery_id)
        if put is None or row.received_at < put - SKEW:
            return False  # written before the question was put again: it costs no retry
        return turns.misfit(record, talk, step, error.reason, row)
    turns.answer(record, talk, step, value, row)
    return True


def _is_late(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, at: datetime) -> bool:
    """Whether the wait was over when the answer was written. One that was written in time counts until the wait is ended.

    A question that is put again is waited for until it is, and after.
    """
    paused = any(pause.resumed_at is None for pause in pauses.uncounted(record))
    is_over = talk.until is not None and at > talk.until and run.repeats_after(record, talk, step) is None
    return record.enrolment.state != Standing.ACTIVE or (is_over and not paused)
