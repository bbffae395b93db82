"""What talking flows say to other flows: that somebody stands at another step, has got a tag, goes to an advisor, or has ended.

Listeners are called in the transaction of the change. One that raises is rolled back and alerted; the talk goes on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from shared import clock, flows
from shared.journeys.enrolment_records import EnrolmentRecord
from shared.messages.outcomes import guarded
from shared.store.journey_models import JourneyTalk

MOVED, ENDED, TAGGED, ASSIGNED = "talk.moved", "talk.ended", "talk.tagged", "talk.assigned"


@dataclass(frozen=True, kw_only=True)
class TalkEvent:
    """Where somebody stands in a talking flow now.

    `context` is what `talking.begin` was given. `node` is the step that they are at, the last one where it has ended.
    `outcome` is that of `end`, or `completed` after the last step; with `completed` false it says why the flow ended before:
    `no_response`, `not_understood`, `person`, `undelivered`, `stopped`, `cancelled`, `left`, `went_round`, `failed`. None until
    the end.
    `variables` are all that is known, answers among them. `number` counts the events of one talk, so the newest can be told.
    """

    enrolment_id: int
    flow: str
    person: str
    context: Mapping[str, Any]
    node: str | None
    outcome: str | None
    completed: bool
    reason: str | None
    variables: Mapping[str, Any]
    number: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class TalkAct:
    """What a step has done for a person: the `tags` it gives, or the `advisor` and `note` of an assignment."""

    enrolment_id: int
    flow: str
    step: str
    person: str
    variables: Mapping[str, Any]
    key: str
    at: datetime
    tags: tuple[str, ...] = ()
    advisor: str | int | None = None
    note: str | None = None


type TalkListener = Callable[[Session, TalkEvent], None]
"""Listens to `talk.moved` or `talk.ended`. A second call for the same event must change nothing."""

type ActListener = Callable[[Session, TalkAct], None]
"""Listens to `talk.tagged` or `talk.assigned`. A second call with the same `key` must change nothing."""


def of(record: EnrolmentRecord, talk: JourneyTalk, reason: str | None = None) -> TalkEvent:
    """Where the person of an enrolment stands now."""
    row = record.enrolment
    return TalkEvent(
        enrolment_id=row.id,
        flow=row.journey,
        person=row.person,
        context=dict(talk.context or {}),
        node=talk.node,
        outcome=talk.outcome,
        completed=talk.completed,
        reason=reason,
        variables=dict(row.data),
        number=talk.moves,
        at=clock.now(),
    )


def notify(session: Session, name: str, event: TalkEvent) -> None:
    """Call the listeners of `talk.moved` or `talk.ended`."""
    _call(session, name, event, f"{event.enrolment_id}:{event.number}")


def act(session: Session, name: str, done: TalkAct) -> None:
    """Call the listeners of `talk.tagged` or `talk.assigned`."""
    _call(session, name, done, done.key)


def _call(session: Session, name: str, event: TalkEvent | TalkAct, key: str) -> None:
    for flow, listener in flows.listeners(name):
        title = f"Puente: {flow} could not take in {name} of enrolment {event.enrolment_id}"
        guarded(session, flow, partial(listener, session, event), f"{name}:{flow}:{key}", title)
