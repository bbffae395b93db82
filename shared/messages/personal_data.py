"""What the tables of messages hold of people: what they wrote to us. Everything else there knows them by digests alone."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.crm.timeline import Source
from shared.messages.received import from_numbers
from shared.privacy.holdings import Holding, PersonalData
from shared.store.message_models import ReceivedMessage

PERSONAL_DATA = PersonalData(holdings=(Holding(ReceivedMessage, lambda person: from_numbers(person.phones)),))


def _shown(_session: Session, rows: Sequence[ReceivedMessage]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "what": row.channel,
            "outcome": row.state,
            "reason": None,
            "occurred_at": row.received_at,
            "details": {"text": row.text, "media": row.media, "wish": row.wish, "sender_name": row.sender_name},
        }


TIMELINE = Source(
    "inbound_message",
    ReceivedMessage,
    ReceivedMessage.created_at,
    lambda whose: from_numbers(whose.numbers),
    _shown,
)
