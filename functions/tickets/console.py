"""What the console shows of tickets."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.tickets.tables import Ticket
from shared.console.records import Field, Records
from shared.console.waiting import Waiting
from shared.console.words import mark, mark_counted
from shared.money import Money

PERSON = "person"


def _total(row: Ticket) -> str | None:
    return str(Money(row.total_minor, row.currency)) if row.total_minor is not None and row.currency else None


TICKETS = Records(
    name="tickets",
    title=mark("Tickets"),
    about=mark("Receipts that people photographed and sent by WhatsApp: read, checked and booked."),
    model=Ticket,
    name_of=lambda row: row.supplier or f"#{row.id}",
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("Received"), value=lambda row: row.received_at),
        Field(title=mark("Total"), value=_total),
        Field(title=mark("Number"), value=lambda row: row.number),
    ),
    state="status",
    states=("received", "asking", PERSON, "booked", "duplicate", "unreadable", "discarded"),
    words=("supplier", "number"),
    subject=lambda row: f"ticket:{row.id}",
    is_bad=lambda row: row.status == PERSON,
)


def waiting(session: Session) -> Iterator[Waiting]:
    """Tickets that nobody but a person can settle."""
    query = select(func.count(), func.min(Ticket.received_at)).where(Ticket.status == PERSON)
    count, since = session.execute(query).one()
    if count:
        yield Waiting(
            kind=mark("Tickets"),
            icon="ask",
            title=mark_counted("%(count)s ticket needs a person", "%(count)s tickets need a person"),
            text=mark("Their sender was asked and it is still not clear what they say."),
            values={"count": count},
            path=f"/console/records/tickets?state={PERSON}",
            label=mark("See them"),
            since=since,
            flow="tickets",
            weight=count,
        )
