"""How long tickets and their files are kept. Files go first: a row names its files, so it stays until they are deleted."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import Session

from functions.tickets import files
from functions.tickets.settings import TicketSettings
from functions.tickets.tables import Ticket
from shared import clock, faults, kept_files
from shared.retention_rules import DaysOf, Rule
from shared.settings import settings_of
from shared.store.session import reading, transact

AT_ONCE = 200
OPEN = ("received", "asking", "person")
AFTER_DELETED = faults.point("tickets.after_files")


def _old(before: datetime) -> ColumnElement[bool]:
    return (Ticket.updated_at < before) & Ticket.status.not_in(OPEN) & (Ticket.has_files == false())


RULES: Mapping[str, Rule] = MappingProxyType(
    {"tickets": Rule(Ticket, Ticket.created_at, DaysOf("retention_ticket_days"), _old)}
)


def delete_files() -> int:
    """Delete the files of tickets whose time is over; how many tickets. The nightly job.

    Files are deleted before the row says so: after a crash in between they are deleted once more, which does no harm.

    Raises:
        UnavailableError: the storage account cannot be reached; what is left goes the next night.
    """
    settings = settings_of(TicketSettings)
    days = [one for one in (settings.retention_ticket_file_days, settings.retention_ticket_days) if one]
    if not days:
        return 0
    before = clock.now() - timedelta(days=min(days))
    over = or_(Ticket.status.not_in(OPEN), Ticket.file.is_(None))
    query = select(Ticket).where(Ticket.has_files == true(), Ticket.received_at < before, over)
    with reading() as session:
        old = session.scalars(query.order_by(Ticket.received_at).limit(AT_ONCE)).all()
    kept_files.delete(files.names_of(old))
    faults.hit(AFTER_DELETED)
    transact(lambda session: _without_files(session, [row.id for row in old]))
    return len(old)


def _without_files(session: Session, numbers: list[int]) -> None:
    for row in session.scalars(select(Ticket).where(Ticket.id.in_(numbers))):
        row.file, row.document = {**(row.file or {}), "names": []}, None
        row.has_files = False
