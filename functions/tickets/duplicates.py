"""The same ticket sent twice: the same file, the same look, or the same number, day and total.

the same bytes                                                   the same
day, total and currency alike, and the number                    the same
day, total and currency alike, no two numbers, and the look      the same
day, total and currency alike, no two numbers, and the supplier  perhaps: the sender is asked (two coffees in one day)
two numbers that differ                                          another one, whatever else is alike
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.tickets import pictures
from functions.tickets.tables import Ticket
from shared.readers import name_key
from shared.store.dialect import hold_names, locked

MOST_BITS = 8  # of 64, by which the hashes of two photos of one ticket may differ
COUNTS = ("booked", "asking", "person", "received")  # a file that is kept back, unreadable or thrown away stands for nothing


@dataclass(frozen=True)
class Earlier:
    """A ticket that this one repeats; `sure`: no doubt about it."""

    ticket: Ticket
    sure: bool


def of_file(session: Session, ticket: Ticket) -> Ticket | None:
    """An earlier ticket with the same bytes. Two at once come here one after the other: the second finds the first."""
    sha256 = (ticket.file or {}).get("sha256")
    hold_names(session, [f"ticket-file:{sha256}"])
    query = select(Ticket).where(Ticket.sha256 == sha256).order_by(Ticket.id)
    found = session.scalars(locked(query, Ticket)).all()
    return next((one for one in found if one.id != ticket.id and one.status in COUNTS), None)


def of_facts(session: Session, ticket: Ticket) -> Earlier | None:
    """A booked ticket that says the same. Two at once come here one after the other: the second finds the first booked."""
    hold_names(session, [f"ticket-facts:{ticket.day}:{ticket.currency}:{ticket.total_minor}"])
    query = select(Ticket).where(Ticket.day == ticket.day, Ticket.total_minor == ticket.total_minor).order_by(Ticket.id)
    booked = [
        one
        for one in session.scalars(locked(query, Ticket))
        if one.id != ticket.id and one.status == "booked" and one.currency == ticket.currency
    ]
    verdicts = [(one, _verdict(one, ticket)) for one in booked]
    sure = next((one for one, verdict in verdicts if verdict is True), None)
    perhaps = next((one for one, verdict in verdicts if verdict is False), None)
    if sure is not None:
        return Earlier(sure, sure=True)
    return None if perhaps is None else Earlier(perhaps, sure=False)


def _verdict(one: Ticket, other: Ticket) -> bool | None:
    """True: the same. False: perhaps. None: another one."""
    if one.number and other.number:
        return True if name_key.same(one.number, other.number) else None
    if _looks_the_same(one, other):
        return True
    return False if name_key.same(one.supplier or "", other.supplier or "") else None


def _looks_the_same(one: Ticket, other: Ticket) -> bool:
    hashes = [(each.file or {}).get("dhash") for each in (one, other)]
    return all(hashes) and pictures.distance(*map(str, hashes)) <= MOST_BITS
