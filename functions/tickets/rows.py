"""Finding the row of a ticket, alone with it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.tickets import effects
from functions.tickets.tables import Ticket
from shared.store.dialect import locked


def locked_ticket(session: Session, subject: str) -> Ticket | None:
    """The ticket that a delivery is about, locked until the transaction ends; None where it was removed."""
    number = effects.FETCH.key_of(subject)
    return session.scalars(locked(select(Ticket).where(Ticket.id == number), Ticket)).one_or_none()
