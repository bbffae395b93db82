"""What tickets hold of people. An expense is a fact of the books: an erasure leaves the amount, without person and photo."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from functions.tickets import files, sheet
from functions.tickets.tables import Ticket
from shared.crm.timeline import Source
from shared.messages.received import spelled
from shared.outbox.record_sync import PENDING
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
TICKETS = Ticket.__tablename__


def identify(session: Session, person: Person) -> Person:
    """The tickets that came from their numbers; deliveries name a ticket by its own."""
    found = session.scalars(select(Ticket).where(Ticket.sender.in_(sorted(spelled(person.phones))))).all()
    theirs = {row.id for row in found} | person.of(TICKETS)
    named = session.scalars(select(Ticket.sender).where(Ticket.id.in_(theirs))).all()
    person = person.with_rows(TICKETS, theirs).with_names(f"ticket:{number}" for number in theirs)
    return person.with_phones(sender for sender in named if sender)


def files_of(session: Session, person: Person) -> list[str]:
    """Their photos and documents."""
    return files.names_of(session.scalars(select(Ticket).where(_theirs(person))).all())


def _theirs(person: Person) -> ColumnElement[bool]:
    return Ticket.id.in_(person.of(TICKETS))


def _without(_person: Person) -> dict[str, Any]:
    """The row without its person; the sheet's row is out of date then, which the engine's job finds and brings in step."""
    nobody: dict[str, Any] = {
        **dict.fromkeys(("sender", "person", "note", "message_id", "sha256", "operation", "question_id"), None),
        **{name: {} for name in ("media", "file", "reading", "document")},
        "has_files": False,
    }
    return nobody | ({"sheet_sync_status": PENDING, "sheet_sync_at": LONG_AGO} if sheet.is_used() else {})


PERSONAL_DATA = PersonalData(
    holdings=(Holding(Ticket, _theirs, _without),),
    identify=identify,
    files=files_of,
    row_options={"ticket": TICKETS},
)


def _shown(_session: Session, rows: Sequence[Ticket]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "what": f"ticket {row.id}",
            "outcome": row.status,
            "reason": row.reason,
            "occurred_at": row.received_at,
            "details": {"supplier": row.supplier, "total": str(row.total or ""), "currency": row.currency},
        }


TIMELINE = Source(
    "ticket",
    Ticket,
    Ticket.created_at,
    lambda whose: Ticket.sender.in_(sorted(spelled(whose.values("phone")))),
    _shown,
)
