"""Journeys on the real outbox, with vendors in the test's hand: nothing is rendered, whatever is sent is noted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from shared import clock, messages
from shared.errors import PuenteError
from shared.journeys import due_beginnings, listeners  # noqa: F401  # ties journeys to messages, as the app does
from shared.messages.outcomes import MessageOutcome, notify
from shared.outbox import actions
from shared.outbox.actions import Claimed, Done, Outcome
from shared.outbox.dispatch import free_expired
from shared.outbox.execute import drain
from shared.outbox.policy import TargetPolicy
from shared.store.journey_models import JourneyBeginning
from shared.store.models import Delivery
from shared.store.session import reading, transact

CARRIERS = ("brevo", "resend", "twilio")
AT_LEAST = timedelta(minutes=1)  # a target that is left alone for a while keeps its due times

SETTINGS = {
    "SENDINBLUE_API_KEY": "k",
    "SENDINBLUE_SENDER_EMAIL": "hola@example.com",
    "RESEND_API_KEY": "k",
    "RESEND_FROM": "Hola <hola@example.com>",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
    "TWILIO_CALLER_ID": "+525511111111",
    "TWILIO_WHATSAPP_SENDER": "+525511111111",
    "TWILIO_SMS_SENDER": "+525511111111",
    "LINK_SIGNING_SECRETS": "geheim",
}


@dataclass(frozen=True)
class Sent:
    """A message that went out."""

    at: datetime
    person: str
    channel: str
    enrolment: int
    step: str
    delivery_id: int
    key: str


@dataclass
class Post:
    """Every vendor at once. `answer` says what becomes of a message; what it answers with an error did not go out."""

    sent: list[Sent] = field(default_factory=list)
    answer: Callable[[Claimed], Outcome] = lambda delivery: Done({"id": f"V{delivery.id}"})
    contexts: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def execute(self, deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """One call for the batch."""
        return {delivery.id: self._one(delivery) for delivery in deliveries}

    def _one(self, delivery: Claimed) -> Outcome:
        answer = self.answer(delivery)
        payload = delivery.payload
        if not isinstance(answer, PuenteError):
            context = payload["context"]
            self.contexts[delivery.id] = context
            where = (context.get("enrolment", 0), context.get("step", ""))
            self.sent.append(Sent(clock.now(), delivery.subject, payload["channel"], *where, delivery.id, delivery.key))
        return answer

    def look_up(self, delivery: Claimed) -> Done | None:
        """Whether a message arrived."""
        return Done({"id": f"V{delivery.id}"}) if delivery.id in self.contexts else None

    def steps(self, person: str | None = None) -> list[str]:
        """The steps that went out, in order."""
        return [one.step for one in self.sent if person in (None, one.person)]

    def says(self, step: str, word: str, reason: str | None = None) -> None:
        """A vendor's later word about the newest message of a step."""
        one = next(one for one in reversed(self.sent) if one.step == step)
        news = MessageOutcome(word=word, channel=one.channel, delivery_id=one.delivery_id, at=clock.now(), reason=reason)  # type: ignore[arg-type]
        transact(lambda session: notify(session, self.contexts[one.delivery_id], news))


@contextmanager
def post(person: Post | None = None) -> Iterator[Post]:
    """All carriers of messages, with a `Post` behind them."""
    person = person or Post()
    held, policies = dict(actions._actions), dict(actions._policies)
    for (target, name), action in actions.known().items():
        if target in CARRIERS:
            look_up = person.look_up if action.look_up else None
            actions._actions[target, name] = replace(action, execute=person.execute, look_up=look_up, batch_size=lambda: 20)
            actions.register_target(target, lambda: TargetPolicy(batches_per_second=1e9))
    try:
        yield person
    finally:
        actions._actions.clear()
        actions._actions.update(held)
        actions._policies.clear()
        actions._policies.update(policies)


def dispatch() -> None:
    """Begin and send whatever is due now."""
    due_beginnings.begin_due()
    free_expired()
    for carrier in CARRIERS:
        drain(carrier)


def run(test_clock: clock.TestClock, **delta: float) -> None:
    """Let time pass from one due time to the next, and send what becomes due."""
    end = test_clock.moment + timedelta(**delta)
    dispatch()
    while test_clock.moment < end:
        test_clock.moment = min(end, max(_next_due() or end, test_clock.moment + AT_LEAST))
        dispatch()


def next_delivery(*targets: str) -> datetime | None:
    """When the first delivery of these targets is due. What is due elsewhere waits for a test that carries it out."""
    with reading() as session:
        waiting = (Delivery.state == "pending", Delivery.target.in_(targets))
        return session.scalar(select(func.min(Delivery.due_at)).where(*waiting))


def _next_due() -> datetime | None:
    messages_due = next_delivery(*CARRIERS)
    with reading() as session:
        begins = session.scalar(select(func.min(JourneyBeginning.due_at)).where(JourneyBeginning.state == "waiting"))
    return min((moment for moment in (messages_due, begins) if moment is not None), default=None)


__all__ = ["CARRIERS", "SETTINGS", "Post", "Sent", "dispatch", "messages", "next_delivery", "post", "run"]
