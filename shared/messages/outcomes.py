"""Telling those who owe messages what became of them: journeys listen here. Light, so that flow pages register at import."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
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


type Listener = Callable[["Session", Mapping[str, Any], Outcome], None]

type Gate = Callable[["Session", Mapping[str, Any]], "str | Later | None"]

_listeners: dict[str, Listener] = {}
_gates: dict[str, Gate] = {}


def on_sending(name: str, gate: Gate) -> None:
    """Have `gate(session, context)` asked just before a message goes out: a reason to skip it, a later time, or None.

    Asked in the transaction that claims the message. The same name again replaces the gate.
    """
    _gates[name] = gate


def refused(session: "Session", context: Mapping[str, Any]) -> "str | Later | None":
    """What the first owner says who does not want the message sent now; None where all do."""
    answers = (gate(session, context) for gate in list(_gates.values()))
    return next((answer for answer in answers if answer is not None), None)


def on_outcome(name: str, listener: Listener) -> None:
    """Have `listener(session, context, outcome)` called in the transaction that records an outcome.

    Every listener hears of every message and tells by the message's context whether it is concerned. Each outcome is told
    once, except that a transaction which lost a race runs again from the start. The same name again replaces the listener.
    """
    _listeners[name] = listener


def tell(session: "Session", context: Mapping[str, Any], outcome: Outcome) -> None:
    """Tell all listeners.

    What a listener breaks is its own: its changes are undone and the operators are alerted, but that the message was sent
    stays recorded, because a message that is forgotten would be sent again.
    """
    from sqlalchemy.exc import DBAPIError

    for name, listener in list(_listeners.items()):
        try:
            with session.begin_nested():
                listener(session, context, outcome)
        except DBAPIError:
            raise  # the database: the transaction as a whole is run again
        except Exception:
            log.exception("%s failed over the outcome %s of delivery %d", name, outcome.word, outcome.delivery_id)
            _alert(session, name, outcome)


def _alert(session: "Session", name: str, outcome: Outcome) -> None:
    from shared.alerts import plan_alert

    key = f"outcome:{name}:{outcome.delivery_id}:{outcome.word}"
    plan_alert(session, key, f"Puente: {name} could not take in that delivery {outcome.delivery_id} is {outcome.word}")
