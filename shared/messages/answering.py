"""A person of ours answers a message that somebody wrote to us: in their own words, once, as part of that conversation.

WhatsApp takes free words for 24 hours after somebody has written; later it needs an approved template, so nothing is sent from
here then. After STOP nothing goes out, with one exception: a message that they wrote after it may be answered by a person
(`Message.answers`). Nothing automatic may use that, and a structure test holds to it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from shared import clock
from shared.crm import editing
from shared.errors import RefusedError
from shared.messages import consent, planning, received, senders
from shared.messages.content import Content
from shared.messages.message import WHATSAPP_PROVIDERS, Channel, Message
from shared.messages.verdict import NOT_CONFIGURED, SUPPRESSED
from shared.outbox.actions import State
from shared.people import aliases, kinds
from shared.settings import get_settings
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.messages.outcomes import MessageOutcome

LONGEST: Mapping[str, int] = {"whatsapp": 4096, "sms": 1600}
"""The most characters that the providers take, by channel (Meta's text message; Twilio's message body)."""
NEEDS_TEMPLATE = "needs-template"
ACTION = "inbound-message.answer"
QUOTING = ("meta",)
NOT_SENT = (State.DEAD, State.SKIPPED, State.CANCELLED)


@dataclass(frozen=True)
class Standing:
    """Whether a message may be answered now. `until`: how long free words are taken, None: no end. `refusal`: why not, as code.

    Refusals: `needs-template`, `not-configured`, `suppressed-...` (see `shared.messages.consent`).
    """

    until: datetime | None
    refusal: str | None = None


def standings(session: "Session", rows: Iterable[ReceivedMessage]) -> dict[int, Standing]:
    """Where each message stands, by its number."""
    return {row.id: standing(session, row) for row in rows}


def standing(session: "Session", row: ReceivedMessage) -> Standing:
    """Where one message stands now; it is judged again when the answer is sent."""
    sample = _message(row, "-")
    until = consent.conversation_ends(session, sample.to, row.channel) if row.channel == "whatsapp" else None
    if row.channel == "whatsapp" and (until is None or until <= clock.now()):
        return Standing(until, NEEDS_TEMPLATE)
    if cause := consent.held_back(session, sample, aliases.of(session, [sample.person])):
        return Standing(until, SUPPRESSED + cause)
    return Standing(until, NOT_CONFIGURED if senders.missing(sample, get_settings()) else None)


def answer(session: "Session", message_id: int, text: str, actor: str) -> bool:
    """Enqueue `text` as the answer to a message, mark that as answered, and log it under the name of `actor`.

    The same words to the same message go out once, however often they are given; False then, and nothing is changed. Only
    where they were not sent are they tried anew.

    Raises:
        RefusedError: 404, there is no such message; 422, no words or too many; 409, it may not be answered now: its code is
            the refusal of `Standing`.
    """
    row = editing.locked_row(session, ReceivedMessage, message_id, received.NOUN)
    words = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not words:
        raise RefusedError(422, "no-words", "An answer needs words.")
    if len(words) > LONGEST.get(row.channel, 0):
        raise RefusedError(422, "too-long", "The answer is too long for this channel.")
    message = _unsent(session, _message(row, words))
    if message is None:
        return False
    found = standing(session, row)
    if found.refusal is not None:
        raise RefusedError(409, found.refusal, f"It cannot be answered now: {found.refusal}.")
    planning.enqueue(session, replace(message, not_after=found.until))
    row.state = "answered"
    editing.log(session, actor, ACTION, row.sender, f"inbound message {row.id}: answered by {row.channel}")
    return True


def note_outcome(session: "Session", context: Mapping[str, Any], outcome: "MessageOutcome") -> None:
    """Listens to `message.outcome`: an answer that did not go out leaves its message to be answered. Again changes nothing."""
    number = context.get("answers")
    if not isinstance(number, int) or outcome.word not in ("failed", "skipped"):
        return
    row = session.get(ReceivedMessage, number)
    if row is not None and row.state == "answered":
        row.state = "read"


def _message(row: ReceivedMessage, text: str) -> Message:
    """The answer to a message: by its channel, its provider and the number of ours that it came to, quoting it if possible."""
    is_whatsapp = row.channel == "whatsapp"
    to = row.sender if row.sender.startswith("+") else row.user_id or row.sender
    quoted = is_whatsapp and row.provider in QUOTING
    return Message(
        person=_person(row, to),
        channel=cast("Channel", row.channel),
        to=to,
        text=text,
        content=Content(reply_to=row.vendor_id) if quoted else None,
        whatsapp_number_id=row.whatsapp_number_id if is_whatsapp else None,
        provider=row.provider if is_whatsapp and row.provider in WHATSAPP_PROVIDERS else None,
        dedupe_key=f"answer:{row.id}:{hashlib.sha256(text.encode()).hexdigest()[:32]}",
        context={"answers": row.id},
        transactional=True,
        reply=True,
        answers=row.id,
    )


def _person(row: ReceivedMessage, to: str) -> str:
    known = kinds.identities(phone=to) if to.startswith("+") else kinds.identities(whatsapp=row.user_id)
    return kinds.names_of(known[0])[0] if known else f"{row.channel}:{to}"[:100]


def _unsent(session: "Session", message: Message) -> Message | None:
    """The message with a dedupe key of its own; None where the same words have gone out, or may have, or are about to."""
    for number in count(1):
        key = message.dedupe_key if number == 1 else f"{message.dedupe_key}:{number}"
        found = planning.find(session, message.channel, key)
        if found is None:
            return replace(message, dedupe_key=key)
        if session.get_one(Delivery, found).state not in NOT_SENT:
            return None
    raise AssertionError("numbers do not end")
