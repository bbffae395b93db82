"""Telling those who owe messages what became of them: journeys listen here. Light, so that flow pages register at import."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.outbox.actions import Later

log = logging.getLogger("puente.messages")

type Word = Literal[
    "sent",  # the vendor has taken it
    "skipped",  # deliberately not sent; `reason` says why
    "failed",  # it will not arrive by this channel; `reason` says why
    "uncertain",  # nobody knows whether it was sent; a person decides
    "delivered",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "answered",  # a call: by a person
    "no-answer",  # a call: nobody, or busy
    "machine",  # a call: an answering machine
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a message. `fallback` says that another channel is being tried in its place."""

    word: Word
    channel: str
    delivery_id: int
    at: datetime
    reason: str | None = None
    fallback: bool = False


@dataclass(frozen=True, kw_only=True)
class Said:
    """What somebody has told us: they answered, want no more by some channels, or want it again.

    `whos` are digests of their address, and of their key where that is known; `cause` is that of the suppression.
    """

    word: Literal["replied", "unsubscribed", "resubscribed"]
    whos: tuple[str, ...]
    channels: tuple[str, ...]
    at: datetime
    cause: str | None = None


type Listener = Callable[["Session", Mapping[str, Any], Outcome], None]

type Ear = Callable[["Session", Said], None]

type Gate = Callable[["Session", Mapping[str, Any]], "str | Later | None"]

_listeners: dict[str, Listener] = {}
_gates: dict[str, Gate] = {}
_ears: dict[str, Ear] = {}


def on_sending(name: str, gate: Gate) -> None:
    """Have `gate(session, context)` asked just before a message goes out: a reason to skip it, a later time, or None.

    Asked in the transaction that claims the message. The same name again replaces the gate.
    """
    _gates[name] = gate


def refused(session: "Session", context: Mapping[str, Any]) -> "str | Later | None":
    """What the first owner says who does not want the message sent now; None where all do."""
    answers = (gate(session, context) for gate in [*_declared("message.sending").values(), *_gates.values()])
    return next((answer for answer in answers if answer is not None), None)


def on_outcome(name: str, listener: Listener) -> None:
    """Have `listener(session, context, outcome)` called in the transaction that records an outcome.

    Every listener hears of every message and tells by the message's context whether it is concerned. Each outcome is told
    once, except that a transaction which lost a race runs again from the start. The same name again replaces the listener.
    """
    _listeners[name] = listener


def on_person_message(name: str, ear: Ear) -> None:
    """Have `ear(session, said)` called in the transaction that takes in what somebody says; it may hear the same twice.

    The same name again replaces the ear.
    """
    _ears[name] = ear


def notify_person_message(session: "Session", said: Said) -> None:
    """Tell all who want to hear what people say. What one of them breaks is undone; the person's wish stands all the same."""
    for name, ear in (_declared("person.message") | _ears).items():
        key = f"said:{name}:{said.word}:{said.whos[0]}:{said.at.isoformat()}"
        title = f"Puente: {name} could not take in that somebody has {said.word}"
        _guarded(session, name, partial(ear, session, said), key, title)


def tell(session: "Session", context: Mapping[str, Any], outcome: Outcome) -> None:
    """Tell all listeners.

    What a listener breaks is its own: its changes are undone and the operators are alerted, but that the message was sent
    stays recorded, because a message that is forgotten would be sent again.
    """
    for name, listener in (_declared("message.outcome") | _listeners).items():
        key = f"outcome:{name}:{outcome.delivery_id}:{outcome.word}"
        title = f"Puente: {name} could not take in that delivery {outcome.delivery_id} is {outcome.word}"
        _guarded(session, name, partial(listener, session, context, outcome), key, title)


def _declared(event: str) -> dict[str, Any]:
    """The listeners that the flows declare, by the flow's name."""
    from shared import flows

    return dict(flows.listeners(event))


def _guarded(session: "Session", name: str, work: Callable[[], None], key: str, title: str) -> None:
    from sqlalchemy.exc import DBAPIError

    from shared.alerts import plan_alert
    from shared.outbox.record import ERRORS_NOT_ISOLATED

    if session.info.get(ERRORS_NOT_ISOLATED):  # a mistake ends the transaction, and it is run again with savepoints
        work()
        return
    try:
        with session.begin_nested():
            work()
    except DBAPIError:
        raise  # the database: the transaction as a whole is run again
    except Exception:
        log.exception("%s failed over %s", name, key)
        plan_alert(session, key, title)
