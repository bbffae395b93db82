"""The places of functions/tickets that lock rows, and how somebody comes by them."""

from datetime import date

from functions.tickets import duplicates as ticket_duplicates
from functions.tickets import rows as ticket_rows
from functions.tickets import talking as ticket_talking
from functions.tickets.tables import Ticket
from shared import clock
from tests.lab.rows import PHONE, Wait, filled, one

TICKET = {"key": "k", "source": "api", "received_at": clock.now()}


WAITS = {
    "functions.tickets.duplicates:of_facts": Wait(
        Ticket,
        one(Ticket, **TICKET, day=date(2026, 3, 2), total_minor=100),
        lambda session: ticket_duplicates.of_facts(session, filled(Ticket, id=2, day=date(2026, 3, 2), total_minor=100)),
    ),
    "functions.tickets.duplicates:of_file": Wait(
        Ticket,
        one(Ticket, **TICKET, sha256="a"),
        lambda session: ticket_duplicates.of_file(session, filled(Ticket, id=2, file={"sha256": "a"})),
    ),
    "functions.tickets.rows:locked_ticket": Wait(
        Ticket, one(Ticket, **TICKET), lambda session: ticket_rows.locked_ticket(session, "ticket:1")
    ),
    "functions.tickets.talking:asked_ticket": Wait(
        Ticket,
        one(Ticket, **TICKET, sender=PHONE, status="asking", asked_at=clock.now()),
        lambda session: ticket_talking.asked_ticket(session, PHONE),
    ),
}
