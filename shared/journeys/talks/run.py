"""Go from step to step of a talking flow, until something must be waited for. Each function works in the caller's transaction.

The enrolment is locked by whoever calls, so that an answer, a timeout and a vendor's word follow one another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared import clock, messages
from shared.errors import PermanentError
from shared.journeys import addresses, arrange, chatbots, expressions, schedule, timing
from shared.journeys.enrolment_records import EnrolmentRecord, Standing, StepState
from shared.journeys.schedule import Due
from shared.journeys.talks import approving, events, keywords, showing
from shared.journeys.talks.definition import Approve, TalkingFlow, TalkStep
from shared.journeys.timing import Delay
from shared.messages import templates
from shared.messages.message import Message
from shared.phrases import phrase
from shared.store.journey_models import JOURNEY_LENGTH, EnrolmentStep, JourneyTalk

BULK_SOURCE = "bulk_source"  # of a context: the first message is one of many of that source, and goes in its lane
SENDING, ASKED, APPROVING, ENDED = "sending", "asked", "approving", "ended"
COMPLETED, NO_RESPONSE, NOT_UNDERSTOOD, UNDELIVERED = "completed", "no_response", "not_understood", "undelivered"
WENT_ROUND, FAILED, STOPPED, LEFT = "went_round", "failed", "stopped", "left"
PERSON = keywords.PERSON
MOST_MOVES = 200  # of one person in one flow; steps that lead back to each other never end otherwise
NUMBER = "whatsapp_number_id"  # of the data: the number of ours that the talk goes out from; else that of the chatbot
OFTEN_ENOUGH = phrase("it was asked as often as it may be")
TAKEN = frozenset(("sent", "uncertain"))
LOST = frozenset(("failed", "skipped"))


def begin(record: EnrolmentRecord, context: Mapping[str, Any]) -> None:
    """Let a person who has just entered go through the first steps. `context` goes along with every event and message."""
    flow = flow_of(record)
    talk = JourneyTalk(enrolment_id=record.enrolment.id, state=SENDING, node=flow.steps[0].id, context=dict(context))
    talk.tries, talk.moves, talk.completed = 0, 0, False
    record.session.add(talk)
    record.session.flush()
    go_on(record, talk)


def flow_of(record: EnrolmentRecord) -> TalkingFlow:
    """The definition of a talking flow."""
    if not isinstance(record.journey, TalkingFlow):
        raise TypeError(f"{record.journey.name} is no talking flow")
    return record.journey


def go_on(record: EnrolmentRecord, talk: JourneyTalk) -> None:
    """From the step that they are at, until a message is on its way or the flow has ended."""
    flow = flow_of(record)
    while talk.state != ENDED:
        step = flow.step(talk.node) if talk.node else None
        if step is None:
            end(record, talk, COMPLETED, completed=True)
        elif talk.moves >= MOST_MOVES:
            end(record, talk, WENT_ROUND, reason=phrase("after %(steps)s steps", steps=MOST_MOVES))
        elif step.when is not None and not expressions.evaluate(step.when, record.facts()):
            talk.moves += 1
            record.decide("skipped", phrase("condition: %(condition)s", condition=step.when), step=step.id)
            talk.node = flow.below(step.id)
        elif not may_ask(record, step):
            talk.moves += 1
            record.decide("gave-up", OFTEN_ENOUGH, step=step.id)
            _lead_away(record, talk, step, OFTEN_ENOUGH)
        elif not _done(record, talk, step):
            return


def follow(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, answer: str | None = None) -> None:
    """Go to the step after `step`: that which the answer leads to, else that of `next`, else the one below."""
    if isinstance(step.next, str):
        talk.node = step.next
    else:
        talk.node = (step.next or {}).get(answer or "") or flow_of(record).below(step.id)


def give_up(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, reason: str) -> None:
    """Go on without an answer that fits: to the step for that, else the flow ends."""
    _lead_away(record, talk, step, reason)
    go_on(record, talk)


def _lead_away(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, reason: str) -> None:
    target = flow_of(record).if_unclear(step)
    if target is None:
        end(record, talk, NOT_UNDERSTOOD, reason=reason)
    else:
        talk.node = target


def may_ask(record: EnrolmentRecord, step: TalkStep) -> bool:
    """Whether a question may be put to this person once more, after all the times that it was."""
    most, row = step.ask.at_most if step.ask else None, record.rows.get(step.id)
    return most is None or row is None or row.generation + 1 < most


def repeats_after(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep) -> Delay | None:
    """After how long without an answer the question is put again; None where it is not any more."""
    if step.ask is None or talk.repeats >= step.ask.repeat_times or not may_ask(record, step):
        return None
    return step.ask.repeat_after


def end(
    record: EnrolmentRecord, talk: JourneyTalk, outcome: str, *, completed: bool = False, reason: str | None = None
) -> None:
    """The flow is over for this person. A second end changes nothing."""
    if talk.state == ENDED:
        return
    row, now, was = record.enrolment, clock.now(), talk.state
    talk.state, talk.until, talk.ended_at = ENDED, None, now
    if was == APPROVING:
        approving.withdraw(record, talk)
    talk.outcome, talk.completed = outcome[:JOURNEY_LENGTH], completed
    talk.moves += 1
    if row.state == Standing.ACTIVE:
        row.state, row.left_at = Standing.FINISHED, now
        record.decide("finished", outcome if reason is None else f"{outcome}: {reason}")
    record.session.flush()
    events.notify(record.session, events.ENDED, events.of(record, talk, reason))


def _done(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep) -> bool:
    """Whether a step is done at once; False where its message must go out first, or the flow has ended by it."""
    talk.moves, talk.tries, talk.repeats, talk.first_delivery_id = talk.moves + 1, 0, 0, None
    if step.end is not None:
        end(record, talk, step.end, completed=True)
        return False
    try:
        if step.sends:
            send(record, talk, step)
            return False
        if step.approve is not None:
            _await_approval(record, talk, step, step.approve)
            return False
        _act(record, talk, step)
    except PermanentError as error:
        end(record, talk, FAILED, reason=phrase("step %(step)s: %(error)s", step=step.id, error=error))
        return False
    follow(record, talk, step)
    return True


def _await_approval(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, approve: Approve) -> None:
    """A second person is asked; what they decide, or that nobody does in time, comes as `approval.decided`."""
    wait = schedule.wait(step, testing=record.enrolment.testing)
    until = timing.after(clock.now(), wait, record.frame().zone)
    approving.ask(record, talk, step, approve, until, lambda text: filled(record, step, text))
    talk.state, talk.until = APPROVING, until
    record.session.flush()
    events.notify(record.session, events.MOVED, events.of(record, talk))


def _act(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep) -> None:
    """Carry out a step that sends nothing."""
    done = events.TalkAct(
        enrolment_id=record.enrolment.id,
        flow=record.journey.name,
        step=step.id,
        person=record.enrolment.person,
        variables=dict(record.enrolment.data),
        key=f"{record.enrolment.id}:{step.id}:{talk.moves}",
        at=clock.now(),
    )
    if step.set is not None:
        data = record.enrolment.data
        store(record, {name: value_of(record.journey.name, step, value, data) for name, value in step.set.items()})
        record.decide("set", ", ".join(step.set), step=step.id)
    if step.tag is not None:
        store(record, {"tags": with_tags(record.enrolment.data, step.tag)})
        record.decide("tagged", ", ".join(step.tag), step=step.id)
        events.act(record.session, events.TAGGED, replace(done, tags=step.tag))
    if step.assign is not None:
        record.decide("assigned", str(step.assign.advisor or phrase("note only")), step=step.id)
        note, advisor = filled(record, step, step.assign.note), step.assign.advisor
        events.act(record.session, events.ASSIGNED, replace(done, note=note, advisor=advisor))


def store(record: EnrolmentRecord, values: Mapping[str, Any]) -> None:
    """Keep values among the data; an address that is new finds the person from then on."""
    row, known = record.enrolment, record.enrolment.data
    row.data = dict(known) | dict(values)
    addresses.note(record.session, row, known)


def filled(record: EnrolmentRecord, step: TalkStep, text: str) -> str:
    """A text of the definition, filled in from the data.

    Raises:
        PermanentError: a variable is missing, or it cannot be filled in.
    """
    return _filled(record.journey.name, step, text, record.enrolment.data)


def value_of(flow: str, step: TalkStep, value: Any, data: Mapping[str, Any]) -> Any:
    """What a step of that flow sets, filled in from the data where it is a text.

    Raises:
        PermanentError: a variable is missing, or it cannot be filled in.
    """
    return _filled(flow, step, value, data) if isinstance(value, str) and "{" in value else value


def with_tags(data: Mapping[str, Any], tags: Sequence[str]) -> list[str]:
    """The tags that a person has once these are added, each once."""
    known = [tag for tag in data.get("tags") or () if isinstance(tag, str)]
    return list(dict.fromkeys((*known, *tags)))


def _filled(flow: str, step: TalkStep, text: str, data: Mapping[str, Any]) -> str:
    name = f"{flow}.{step.id}"
    template = templates.Template(name=name, locale="es", channels=(), kind=templates.TRANSACTIONAL, text=text)
    return templates.render(template, data).text


def send(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, text: str | None = None, *, at_once: bool = False) -> None:
    """Enqueue the message of a step; `text` in place of its own. Each has a key of its own, so a step may come again.

    A question that is put again because nobody has answered is no reply: it keeps to the person's hours and the daily cap.

    Raises:
        PermanentError: its text cannot be filled in.
    """
    row = _row(record, step)
    routes = arrange.routes_of(step, record.enrolment.data)
    if not routes:
        record.close(step.id, StepState.SKIPPED, arrange.no_route(step, record.enrolment.data), kind="suppressed")
        end(record, talk, UNDELIVERED, reason=row.reason)
        return
    now, testing = clock.now(), record.enrolment.testing
    wait = Delay() if at_once else schedule.delay(step, testing=testing)
    at = timing.after(now, wait, record.frame().zone)
    due = Due(step, at, schedule.expiry(step, at, testing=testing), at)
    message = _worded(record, talk, step, arrange.message_of(record, due, at, routes), text)
    source = talk.context.get(BULK_SOURCE) if message.context.get("opens") else None
    messages.enqueue(record.session, message, event_key=record.enrolment.event_key, is_new=True, source=source)
    row.state, row.due_at, row.nominal_at, row.reason = StepState.ENQUEUED, at, at, None
    row.delivery_id = messages.find(record.session, message.channel, message.dedupe_key)
    talk.first_delivery_id = talk.first_delivery_id or row.delivery_id
    talk.state, talk.until = SENDING, None
    record.decide("planned", None, step=step.id, due_at=at)
    record.session.flush()
    events.notify(record.session, events.MOVED, events.of(record, talk))


def ask_again(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, text: str | None = None) -> None:
    """Put the question of this step once more, at once, with its options; `text` in place of its own words."""
    talk.moves += 1
    if talk.moves > MOST_MOVES:
        end(record, talk, WENT_ROUND, reason=phrase("after %(steps)s steps", steps=MOST_MOVES))
        return
    try:
        send(record, talk, step, text, at_once=True)
    except PermanentError as error:
        end(record, talk, FAILED, reason=phrase("step %(step)s: %(error)s", step=step.id, error=error))


def _row(record: EnrolmentRecord, step: TalkStep) -> EnrolmentStep:
    """The row of a step, for one more message: the first makes the row, each further one has the next generation."""
    row = record.rows.get(step.id)
    if row is None:
        row = EnrolmentStep(enrolment_id=record.enrolment.id, step=step.id, state=StepState.WAITING, generation=0, held=False)
        record.session.add(row)
        record.rows[step.id] = row
    else:
        row.generation, row.held = row.generation + 1, False
    return row


def _worded(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, message: Message, text: str | None) -> Message:
    """The message with its words, its options, and the context of whoever began the flow."""
    context = dict(message.context) | ({"talk": dict(talk.context)} if talk.context else {})
    is_first = all(row.delivery_id is None for row in record.rows.values())
    context |= {"opens": True} if is_first else {}
    own = text or (step.ask.text if step.ask else step.say)
    number = record.enrolment.data.get(NUMBER) or chatbots.number_of(record.journey.name)
    goes_from = str(number) if number and step.channel == "whatsapp" else None
    is_one_of_many = is_first and BULK_SOURCE in talk.context
    worded = replace(message, context=context, reply=not (is_one_of_many or talk.repeats), whatsapp_number_id=goes_from)
    if own is not None:
        words = filled(record, step, own)
        worded = replace(worded, template="", text=words, variables={}, transactional=bool(step.transactional))
    return showing.with_options(worded, step.ask, record.enrolment.data) if step.ask else worded


def take_word(record: EnrolmentRecord, name: str, word: str, at: datetime, reason: str | None) -> None:
    """Take in what has become of the message of a step: an answer is waited for from now on, or the next step comes.

    A word about a message that is not the current one (it was answered before its status came) moves nothing.
    """
    talk, step = record.talk(), flow_of(record).step(name)
    if talk is None or step is None or talk.state == ENDED or talk.node != name:
        return
    if word in LOST and talk.repeats:
        await_answer(record, talk, step, at)  # the question that was put before is out all the same
    elif word in LOST:
        end(record, talk, UNDELIVERED, reason=reason or word)
    elif word in TAKEN and talk.state == SENDING:
        talk.sent_at = at
        if step.ask is not None:
            await_answer(record, talk, step, at)
        else:
            follow(record, talk, step)
            go_on(record, talk)


def await_answer(record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, since: datetime) -> None:
    """The question is out: the answer is waited for, at most as long as the step says, counted from `since`.

    A question that is put again to whoever does not answer is waited for until then, and after the last time as the step says.
    """
    testing, again = record.enrolment.testing, repeats_after(record, talk, step)
    wait = schedule.wait(step, testing=testing) if again is None else timing.hurried(again) if testing else again
    talk.state, talk.until = ASKED, timing.after(since, wait, record.frame().zone)
    record.decide("waiting", phrase("for the answer"), step=step.id, due_at=talk.until)


def leave(record: EnrolmentRecord, outcome: str, reason: str) -> None:
    """The person has left by an event or by hand: what is on its way is taken back by the engine, and the talk has ended."""
    if (talk := record.talk()) is not None:
        end(record, talk, outcome, reason=reason)
