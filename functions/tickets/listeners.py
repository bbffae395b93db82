"""Files that those in TICKETS_SENDERS send to the company's WhatsApp number are tickets; what became of our questions."""

from sqlalchemy.orm import Session

from functions.tickets import services, talking
from functions.tickets.payloads import TicketMedia, TicketMessage
from shared.journeys.talks import question
from shared.journeys.talks.events import TalkEvent
from shared.store.message_models import ReceivedMessage

FILES = ("image/", "application/")


def take_in(session: Session, message_id: int) -> None:
    """Take in the files of a message that has come; a second call changes nothing: tickets are known by the message's id.

    Words are none of ours: where they answer a question about a ticket, that question takes them.
    """
    row = session.get(ReceivedMessage, message_id)
    if row is None or row.channel != "whatsapp" or services.person_of(row.sender) is None:
        return
    if row.wish is not None:
        return
    media = [TicketMedia(**one) for one in row.media or () if str(one.get("type", "")).startswith(FILES)]
    if not media:
        return  # words, or a voice message, say
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


def question_ended(session: Session, event: TalkEvent) -> None:
    """Listens to `talk.ended`: go on with the ticket that was asked about. A second call changes nothing."""
    number = event.context.get(talking.CONTEXT)
    if event.flow == question.NAME and isinstance(number, int):
        services.take_end(session, number, event)
