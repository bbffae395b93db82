"""Where somebody stands in a talking flow, and why, in a sentence."""

from dataclasses import dataclass
from datetime import datetime

from shared.journeys.enrolment_records import EnrolmentRecord
from shared.journeys.talks import run

WHY = {
    run.NO_RESPONSE: "nobody answered in time",
    run.NOT_UNDERSTOOD: "no answer fitted, also after the retries",
    run.UNDELIVERED: "a message could not be delivered",
    run.STOPPED: "the person wants no more messages",
    run.WENT_ROUND: "its steps led back to each other too often",
    run.FAILED: "a text could not be filled in",
    run.PERSON: "the person asked for somebody to read it",
    run.LEFT: "an event ended it",
    "rejected": "a second person has rejected it",
    "expired": "nobody has approved it in time",
}


@dataclass(frozen=True, kw_only=True)
class TalkStanding:
    """The step and state of a talk, until when an answer is waited for, how it ended, and all of it as a sentence."""

    node: str | None
    state: str
    until: datetime | None
    tries: int
    outcome: str | None
    completed: bool
    answer: str


def standing(record: EnrolmentRecord) -> TalkStanding | None:
    """Where the person of an enrolment stands; None where it is no talking flow."""
    talk = record.talk()
    if talk is None:
        return None
    return TalkStanding(
        node=talk.node,
        state=talk.state,
        until=talk.until,
        tries=talk.tries,
        outcome=talk.outcome,
        completed=talk.completed,
        answer=_sentence(record, talk.state),
    )


def _sentence(record: EnrolmentRecord, state: str) -> str:
    talk = record.talk()
    if talk is None:
        return ""
    if state == run.ENDED and talk.completed:
        return f"It has come to its end: {talk.outcome}."
    if state == run.ENDED:
        why = WHY.get(talk.outcome or "", record.enrolment.reason or "no reason was given")
        return f"It ended at {talk.node} as {talk.outcome}: {why}."
    if state == run.SENDING:
        return f"The message of {talk.node} is on its way."
    step = run.flow_of(record).step(talk.node or "")
    then = run.flow_of(record).if_silent(step) if step is not None else None
    what = "The approval at" if state == run.APPROVING else "The answer to"
    until = f"{talk.until:%Y-%m-%d %H:%M} UTC" if talk.until else "further notice"
    again = step is not None and state == run.ASKED and run.repeats_after(record, talk, step) is not None
    follows = "it is asked again" if again else f"{then} follows" if then else "the flow ends"
    return f"{what} {talk.node} is waited for until {until}; then {follows}."
