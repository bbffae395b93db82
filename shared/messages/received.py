"""What people write to us: kept with a state, until retention or an erasure removes it.

`unread`: nobody has looked at it. `read`: somebody has, and an answer is still due. `answered`: somebody has answered.
`no-answer-needed`: nothing is due; a clear wish (STOP, ALTA) begins here, as we obey it.
"""

from typing import TYPE_CHECKING, Literal, get_args

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from shared.crm import editing
from shared.messages.events import InboundMessage, Media
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen
from shared.readers import phone
from shared.store.dialect import insert_if_absent
from shared.store.message_models import ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

type MessageState = Literal["unread", "read", "answered", "no-answer-needed"]
STATES: tuple[str, ...] = get_args(MessageState.__value__)
NOUN = "inbound message"


def record(session: Session, provider: str, payload: InboundMessage, at: "datetime") -> ReceivedMessage | None:
    """Keep a message, received at `at`; None where it has no sender (an event of an older release).

    A message that is kept already is returned as it is: its state is a person's, and a second run does not touch it.
    """
    if payload.sender is None:
        return None
    values = {
        "provider": provider,
        "vendor_id": payload.vendor_id,
        "channel": payload.channel,
        "sender": payload.sender,
        "sender_name": payload.sender_name,
        "text": payload.text,
        "media": [_kept(one) for one in payload.media],
        "wish": payload.wish or ("ask" if payload.ask else None),
        "kind": payload.kind,
        "option_id": payload.option_id,
        "option_title": payload.option_title,
        "quoted_id": payload.quoted_id,
        "user_id": payload.user_id,
        "whatsapp_number_id": payload.whatsapp_number_id,
        "state": "unread" if payload.wish is None else "no-answer-needed",
        "received_at": at,
    }
    insert_if_absent(session, ReceivedMessage, ("provider", "vendor_id"), values)
    query = select(ReceivedMessage).where(ReceivedMessage.provider == provider, ReceivedMessage.vendor_id == payload.vendor_id)
    return session.scalars(query).one()


def _kept(media: Media) -> dict[str, str]:
    """A file as it is kept: what its provider says of it."""
    return {name: value for name, value in media.model_dump().items() if value or name in ("type", "url")}


def is_kept(session: Session, payload: InboundMessage) -> bool:
    """Whether the provider has sent this message before."""
    query = select(ReceivedMessage.id).where(
        ReceivedMessage.provider == payload.provider, ReceivedMessage.vendor_id == payload.vendor_id
    )
    return session.scalars(query).first() is not None


def observe(session: Session, row: ReceivedMessage) -> int | None:
    """Note that a message came from this number and user of WhatsApp, which proves both; None where the sender is neither."""
    phone = row.sender if row.sender.startswith("+") else None
    proven = kinds.identities(phone=phone, whatsapp=row.user_id)
    if not proven:
        return None
    return observing.observe(session, Seen(source=f"{row.provider}.message", at=row.received_at, proven=proven))


INBOUND = Source("inbound messages", ReceivedMessage, observe)


def set_state(
    session: Session, message_id: int, state: MessageState, actor: str, guard: editing.Guard = editing.unguarded
) -> ReceivedMessage:
    """Set the state of a message, and log it. Setting the state that it has changes nothing.

    Raises:
        RefusedError: 404, there is none of that number; or what `guard` raises.
    """
    row = editing.locked_row(session, ReceivedMessage, message_id, NOUN)
    guard(row)
    if row.state != state:
        editing.log(session, actor, "inbound-message.state", row.sender, f"inbound message {row.id}: {row.state}, now {state}")
        row.state = state
    return row


def spelled(numbers: "Iterable[str | None]") -> frozenset[str]:
    """Every spelling of these numbers under which a sender may stand: a line is dialled in one way and may write in another."""
    return frozenset(spelling for number in numbers if number for spelling in phone.spellings(number))


def from_numbers(numbers: "Iterable[str | None]") -> ColumnElement[bool]:
    """The messages that came from one of these numbers."""
    return ReceivedMessage.sender.in_(sorted(spelled(numbers)))
