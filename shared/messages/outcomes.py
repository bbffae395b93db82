"""Message listeners: notify flows and journeys when a message changes status or a person replies, opts out or opts in again.

Flows declare their listeners (`listeners` in `shared.flow`). Light: flow modules import this, so SQL is imported only where
it is first used.
"""

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
class MessageOutcome:
    """The new status of a message. With `fallback` another channel is being tried in its place.

    `detail`: the provider's own code and words for a failure, where they came after it had taken the message.
    """

    word: Word
    channel: str
    delivery_id: int
    at: datetime
    reason: str | None = None
    fallback: bool = False
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class PersonMessage:
    """A person replied, opted out of some channels, or opted in again.

    `recipient_digests`: the digests of their address, and of their key where it is known. `cause`: that of the suppression.
    `at`: when they did so, by the provider's clock where it says so. `text`: what they replied; "" where it has no words.

    Of a reply: `kind` says in what form it came (`shared.messages.events.ReplyKind`; a reaction or sticker is no answer),
    `option_id` and `option_title` name the button or line of a list that was chosen, `quoted_id` the provider's id of the
    message that it answers (`shared.messages.statuses.delivery_of` finds its delivery), `whatsapp_number_id` the number of ours
    it came to, and `received_id` its row of `inbound_messages`.
    """

    word: Literal["replied", "unsubscribed", "resubscribed"]
    recipient_digests: tuple[str, ...]
    channels: tuple[str, ...]
    at: datetime
    cause: str | None = None
    text: str = ""
    kind: str = "text"
    option_id: str | None = None
    option_title: str | None = None
    quoted_id: str | None = None
    provider: str = ""
    whatsapp_number_id: str | None = None
    received_id: int | None = None


type Listener = Callable[["Session", Mapping[str, Any], MessageOutcome], None]
"""Listens to `message.outcome`, in the transaction that records it. It is called for every message, and decides by the
message's context whether it is concerned. Each outcome is notified once; only a transaction that lost a race runs again.
"""

type PersonListener = Callable[["Session", PersonMessage], None]
"""Listens to `person.message`, in the transaction that records it. A second call for one message must change nothing."""

type Gate = Callable[["Session", Mapping[str, Any]], "str | Later | None"]
"""Listens to `message.sending`, in the transaction that claims the message: a reason to skip it, a later time, or None.

A gate of `message.place` answers the same, and is asked last.
"""


type LastLook = Callable[[Mapping[str, Any]], "str | None"]
"""Listens to `message.last_look`, outside any transaction: a reason not to send the message after all, or None.

It is asked for every message, so it opens a session only for those of its own. It raises NotBegunError where the message is to
be claimed anew at once, as if nobody had.
"""


def withdrawn(context: Mapping[str, Any]) -> str | None:
    """Why a message that was claimed is not wanted any more, immediately before its provider is called; None: send it."""
    answers = (look(context) for look in _declared("message.last_look").values())
    return next((answer for answer in answers if answer is not None), None)


def refused(session: "Session", context: Mapping[str, Any]) -> "str | Later | None":
    """The first gate's answer that skips or postpones the message; None where every gate lets it pass."""
    answers = (gate(session, context) for gate in _declared("message.sending").values())
    return next((answer for answer in answers if answer is not None), None)


def place_of(session: "Session", context: Mapping[str, Any]) -> "str | Later | None":
    """The first answer of a listener of `message.place` that skips or postpones the message; None: it has its place.

    It is asked last, when nothing else holds the message back, so that a place is taken only for what goes out.
    """
    answers = (gate(session, context) for gate in _declared("message.place").values())
    return next((answer for answer in answers if answer is not None), None)


def notify_person_message(session: "Session", event: PersonMessage) -> None:
    """Notify all person listeners. A listener that raises is rolled back and alerted; the person's wish stays recorded."""
    for name, listener in _declared("person.message").items():
        key = f"said:{name}:{event.word}:{event.recipient_digests[0]}:{event.at.isoformat()}"
        title = f"Puente: {name} could not take in that somebody has {event.word}"
        guarded(session, name, partial(listener, session, event), key, title)


def notify_received(session: "Session", message_id: int) -> None:
    """Notify the listeners of `message.received` of a row of `inbound_messages`. One that raises is rolled back and alerted."""
    for name, listener in _declared("message.received").items():
        title = f"Puente: {name} could not take in the inbound message {message_id}"
        guarded(session, name, partial(listener, session, message_id), f"received:{name}:{message_id}", title)


def notify(session: "Session", context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Notify all outcome listeners.

    A listener that raises is rolled back and the operators are alerted. The sending stays recorded all the same, because a
    message whose sending is not recorded would be sent again.
    """
    for name, listener in _declared("message.outcome").items():
        key = f"outcome:{name}:{outcome.delivery_id}:{outcome.word}"
        title = f"Puente: {name} could not take in that delivery {outcome.delivery_id} is {outcome.word}"
        guarded(session, name, partial(listener, session, context, outcome), key, title)


def _declared(event: str) -> dict[str, Any]:
    """The listeners that the flows declare, by the flow's name."""
    from shared import flows

    return dict(flows.listeners(event))


def guarded(session: "Session", name: str, work: Callable[[], None], key: str, title: str) -> None:
    """Run a listener. What it raises takes back what it did, and alerts the operators once for `key`; the caller goes on."""
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
