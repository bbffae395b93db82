"""Messages to the company's WhatsApp number: files of those in TICKETS_SENDERS are tickets, their words may be answers."""

from sqlalchemy.orm import Session

from functions.tickets import services
from functions.tickets.payloads import TicketMedia, TicketMessage
from shared.store.message_models import ReceivedMessage

FILES = ("image/", "application/")


def take_in(session: Session, message_id: int) -> None:
    """Take in a message that has come; a second call changes nothing, for the tickets are known by the message's id."""
    row = session.get(ReceivedMessage, message_id)
    if row is None or row.channel != "whatsapp" or services.person_of(row.sender) is None:
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
