"""A ticket of which everything is known is booked: a row, a document, a notice, and a word to whoever sent it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from functions.tickets import effects, sheet, talking
from functions.tickets.rows import locked_ticket
from functions.tickets.tables import Ticket
from shared import clock

BOOKED = "booked"


def book(session: Session, ticket: Ticket, event_key: str | None) -> None:
    """Book a ticket. One that is booked already gets a new document, and its row in the sheet is brought up to date."""
    is_new = ticket.status != BOOKED
    ticket.status, ticket.reason, ticket.doubts = BOOKED, None, []
    talking.withdraw(session, ticket, "booked")
    ticket.booked_at = ticket.booked_at or clock.now()
    ticket.revision += 1
    session.flush()
    sheet.ROWS.request(session, ticket, event_key)
    effects.DOCUMENTS.request(session, ticket, event_key)
    if is_new:
        for notice in (effects.IN_DISCORD, effects.IN_SLACK):
            notice.request(session, ticket, event_key)
        talking.say(session, ticket, "ticket_booked", "booked", event_key)


def after_document(session: Session, subject: str) -> None:
    """Note on the ticket where its newest document lies. The names follow from the ticket: a repetition notes the same."""
    from functions.tickets import document

    ticket = locked_ticket(session, subject)
    if ticket is not None:
        ticket.document = {"names": document.names(ticket), "revision": ticket.revision}
        ticket.has_files = True
