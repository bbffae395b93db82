"""Messages to people over any channel: enqueued once, sent when that is allowed; listeners are notified of each later status.

    enqueue(session, message)      in the transaction of the change that causes it
    find(session, channel, key)    the delivery of a message
    status(session, event)         a provider's later event (webhooks)

Importing this is light; the database and the vendors come with the first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages.message import Channel, Fallback, Message
from shared.messages.outcomes import MessageOutcome

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.messages.events import ProviderEvent

__all__ = ["Channel", "Fallback", "Message", "MessageOutcome", "enqueue", "find", "status"]


def enqueue(
    session: Session, message: Message, *, event_key: str | None = None, is_new: bool = False, source: str | None = None
) -> bool:
    """Enqueue a message to a person; see `shared.messages.planning.enqueue`."""
    from shared.messages import planning

    return planning.enqueue(session, message, event_key=event_key, is_new=is_new, source=source)


def find(session: Session, channel: str, dedupe_key: str) -> int | None:
    """The id of a message's delivery; see `shared.messages.planning.find`."""
    from shared.messages import planning

    return planning.find(session, channel, dedupe_key)


def status(session: Session, event: ProviderEvent) -> str:
    """Take in a provider's later event; see `shared.messages.statuses.status`."""
    from shared.messages import statuses

    return statuses.status(session, event)
