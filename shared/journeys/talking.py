"""Talking flows, for flows in code: begin one for a person, ask one question, look where they stand, take it back.

    begin(session, "encuesta", "contact:17", {"phone": "+52..."}, key="broadcast:5:17", context={"recipient": 17})
    ask(session, "advisor:3", "+52...", "¿El total es 1,250.00?", key="ticket:9:total", options=["Sí", "No"])
    progress(session, [enrolment])
    cancel(session, enrolment, "the broadcast was cancelled")

What becomes of it is an event, in the transaction in which it happens. A flow is notified by its declaration:

    listeners={"talk.moved": "functions.x.listeners:moved", "talk.ended": "functions.x.listeners:ended"}

with `(session, TalkEvent)`; see `shared.journeys.talks.events`. It is called for every talk, and knows its own by `context`.
The messages of a talk carry that as `talk` in their own context, and the first one `opens: true` beside it, so that a
listener of `message.sending` can hold the first message until it has a place for it.

A talk is part of the person's own conversation: within 24 hours of their last word it goes on at any hour and does not count
against the daily cap; a stop ends it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.errors import RefusedError
from shared.journeys import engine, load
from shared.journeys.talks import question
from shared.journeys.talks.asking import Reads
from shared.journeys.talks.events import TalkEvent, TalkListener
from shared.store.journey_models import JourneyTalk

CANCELLED = "cancelled"
LONGEST_QUESTION = 1000


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where somebody stands: the step they are at; once they are through, the outcome, and whether the flow came to its end."""

    node: str | None
    outcome: str | None
    completed: bool
    ended_at: datetime | None


def begin(
    session: Session,
    flow: str,
    person: str | Sequence[str],
    variables: Mapping[str, Any],
    *,
    key: str,
    context: Mapping[str, Any] | None = None,
) -> int | None:
    """Begin a talking flow for a person; the number of their enrolment. Its first message is enqueued at once.

    `person` is their key, or several of one person. `variables` hold the address (`phone`, E.164), and what texts and
    conditions use. The same `key` begins it once for all time. None: they are in it, or have been, and `re_enrol` says that
    this is enough; a flow that is begun for every `key` says `re_enrol: each_event`. With `bulk_source` in the `context` the
    first message goes in the lane of that source: it is one of many, and no part of a conversation.

    Raises:
        RefusedError: 404, there is no such journey; 422, it is none that talks.
    """
    if not load.journey(flow).talks:
        raise RefusedError(422, "no-talking-flow", f"The journey {flow} does not talk.")
    return engine.enrol(session, flow, person, None, variables, key, context=context)


def ask(  # a question has these parts
    session: Session,
    person: str,
    phone: str,
    text: str | None = None,
    *,
    key: str,
    template: str | None = None,
    variables: Mapping[str, Any] | None = None,
    options: Sequence[str] = (),
    reads: Reads | None = None,
    reader: str | None = None,
    retry: str | None = None,
    retries: int = 2,
    wait_at_most: str = "24h",
    channel: str = "whatsapp",
    window: Literal["respect", "ignore"] = "respect",
    context: Mapping[str, Any] | None = None,
    transactional: bool = True,
) -> int | None:
    """Ask one person one question; the number of the enrolment, None where the `key` has asked before.

    `talk.ended` says what came of it: with `completed` the answer is `variables["answer"]`, read as `reads` has it (an option
    by its id, "Sí" is `si`; see `talks.asking.option_id`) or by the `reader` that a flow declares (`answer_readers`); else
    `outcome` says why there is none. `text` is taken as it is; a `template` takes its place, with the `variables`, among which
    a reader finds what it needs. `window` "ignore" asks at any hour, for what the person has just begun themselves.
    To whoever has not written within 24 hours WhatsApp takes no text of our own, and the outcome is `undelivered`.

    Raises:
        ValueError: the question cannot be asked so.
    """
    if template is None and not (text and text.strip() and len(text) <= LONGEST_QUESTION):
        raise ValueError(f"a question has 1 to {LONGEST_QUESTION} characters, or a template")
    flow = question.flow(
        template=template,
        reads=reads,
        reader=reader,
        has_options=bool(options),
        has_retry=retry is not None,
        retries=retries,
        wait_at_most=wait_at_most,
        channel=channel,
        window=window,
        transactional=transactional,
    )
    own = {question.TEXT: text, question.CHOICES: list(options) or None, question.RETRY: retry}
    data = {**(variables or {}), **{name: value for name, value in own.items() if value is not None}, "phone": phone}
    return engine.enrol(session, question.NAME, person, None, data, key, context=context, definition=flow)


def cancel(session: Session, enrolment_id: int, reason: str) -> bool:
    """Take a talk back: nothing more is sent, its outcome is `cancelled`. False where it has ended already."""
    return engine.exit(session, enrolment_id, reason, outcome=CANCELLED)


def progress(session: Session, enrolment_ids: Collection[int]) -> dict[int, Progress]:
    """Where these stand, by enrolment; those that are no talks are left out."""
    query = select(JourneyTalk).where(JourneyTalk.enrolment_id.in_(sorted(set(enrolment_ids))))
    return {
        row.enrolment_id: Progress(node=row.node, outcome=row.outcome, completed=row.completed, ended_at=row.ended_at)
        for row in session.scalars(query)
    }


__all__ = ["Progress", "TalkEvent", "TalkListener", "ask", "begin", "cancel", "progress"]
