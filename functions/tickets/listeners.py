"""Messages to the company's WhatsApp number: files of those in TICKETS_SENDERS are tickets, their words may be answers."""

from sqlalchemy.orm import Session

from functions.tickets import services
from functions.tickets.payloads import TicketMedia, TicketMessage
from shared.messages import statuses
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery

FILES = ("image/", "application/")


def _may_answer(session: Session, row: ReceivedMessage) -> bool:
    """Whether words may be meant for us: no other question has taken them, and they quote no message but one of a ticket."""
    if row.state != "unread":
        return False
    quoted = statuses.delivery_of(session, row.provider, row.quoted_id) if row.quoted_id is not None else None
    delivery = session.get(Delivery, quoted) if quoted is not None else None
    return delivery is None or delivery.subject.startswith("ticket:")


def take_in(session: Session, message_id: int) -> None:
    """Take in a message that has come; a second call changes nothing: tickets are known by the message's id, answers are read.

    A stop is none of ours, nor are words that answer somebody else's question.
    """
    row = session.get(ReceivedMessage, message_id)
    if row is None or row.channel != "whatsapp" or services.person_of(row.sender) is None:
        return
    if row.wish is not None or (not row.media and not _may_answer(session, row)):
        return
    media = [TicketMedia(**one) for one in row.media or () if str(one.get("type", "")).startswith(FILES)]
    if row.media and not media:
        return  # a voice message, say
    message = TicketMessage(
        source=row.provider,
        message_id=row.vendor_id,
        sender=row.sender,
        sender_name=row.sender_name,
        text=row.text,
        sent_at=row.received_at,
        media=media,
    )
    outcome = services.take(session, message, row.received_at, None)
    if outcome == services.APPLIED and row.state == "unread":
        row.state = "no-answer-needed"
