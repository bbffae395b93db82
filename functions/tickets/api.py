"""`/api/v1/tickets`: what was sent, what was read and asked, what was booked, and the expenses of each person and month."""

from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from functions.tickets import effects, files, pictures, services, talking
from functions.tickets.settings import TicketSettings
from functions.tickets.tables import Ticket
from shared import kept_files
from shared.crm import editing
from shared.errors import FieldError, PermanentError, RefusedError
from shared.money import Money
from shared.problems import documented
from shared.readers import UnreadableError
from shared.settings import get_settings, settings_of
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/tickets", tags=["Tickets"], route_class=SecuredRoute)

NOUN = "ticket"
Status = Literal["received", "asking", "person", "booked", "duplicate", "unreadable", "discarded"]
Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class TicketQuery(PageQuery):
    """Filters of the list."""

    status: Status | None = Field(default=None, description="`person`: somebody has to look at it.")
    person: Annotated[str, text(200)] | None = None
    month: Month | None = Field(default=None, description="That of the ticket's own date, `2026-03`.")

    def applied(self, query: Select[Ticket]) -> Select[Ticket]:
        """`query`, narrowed down."""
        given = {Ticket.status: self.status, Ticket.person: self.person, Ticket.month: self.month}
        return query.where(*(column == value for column, value in given.items() if value is not None))


class ItemOut(BaseModel):
    """A line of a ticket. Numbers are exact texts; null is what stays open."""

    description: str
    quantity: str | None
    price: str | None
    amount: str | None


class DoubtOut(BaseModel):
    """What is asked, with the readings to choose from."""

    about: str
    readings: list[str]


class TicketOut(BaseModel):
    """A ticket. Amounts are exact texts with the decimals of the currency."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    status: Status
    reason: str | None = Field(description="Why it is not booked, or why a person has to look.")
    source: str
    sender: str | None
    person: str | None
    note: str | None
    received_at: datetime
    supplier: str | None
    number: str | None
    day: date | None
    currency: str | None
    total: str | None
    tax: str | None
    method: str | None
    address: str | None
    items: list[ItemOut]
    notes: list[str] = Field(description="What is odd and need not be asked, such as `items-do-not-add-up`.")
    proofs: dict[str, str] = Field(
        description="Why each is believed: `sums`, `form`, `order`, `plausible`, `printed`, `company`, `answered`."
    )
    doubts: list[DoubtOut]
    duplicate_of: int | None
    file_kind: str | None = Field(description="The type of the file by its content.")
    pages: int | None
    revision: int = Field(description="How many documents were made of it.")
    sheet_sync_status: str | None
    sheet_sync_error: str | None
    booked_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Ticket) -> Self:
        """The ticket as the API shows it."""
        known: dict[str, Any] = row.facts or {}
        file: dict[str, Any] = row.file or {}
        same = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        more = {
            "total": _shown(row.total),
            "tax": _shown(row.tax),
            "method": known.get("method"),
            "address": known.get("address"),
            "items": known.get("items") or [],
            "notes": known.get("notes") or [],
            "proofs": known.get("proofs") or {},
            "doubts": row.doubts or [],
            "file_kind": file.get("kind"),
            "pages": file.get("pages"),
        }
        return cls(**same | more)


def _shown(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)


class Correction(BaseModel):
    """What a person says is right; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    supplier: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)] | None = None
    day: date | None = None
    currency: Currency | None = None
    total: Annotated[str, StringConstraints(pattern=r"^\d{1,12}(\.\d{1,3})?$")] | None = Field(
        default=None, description="An exact text with the decimals of the currency, `1250.00`."
    )


class TotalOut(BaseModel):
    """The booked expenses of a person in a month and a currency."""

    month: str
    person: str | None = Field(description="null: nobody knows, or they were erased.")
    currency: str
    tickets: int
    total: str
    tax: str = Field(description="Of those on which it is printed.")


class TotalsOut(BaseModel):
    """Expenses of each person, month and currency; currencies are never added up."""

    since: str
    until: str
    totals: list[TotalOut]


@router.get("", summary="List tickets")
def list_tickets(query: Annotated[TicketQuery, Query()]) -> Page[TicketOut]:
    """Tickets as they came, the newest first."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Ticket)), Ticket.id, query)
        return Page(items=[TicketOut.of(row) for row in rows], total=total, next=after)


@router.get("/totals", summary="Expenses of each person and month")
def get_totals(
    since: Annotated[Month, Query(description="The first month, `2026-01`.")],
    until: Annotated[Month | None, Query(description="The last month; else the first.")] = None,
    person: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
) -> TotalsOut:
    """What is booked. A ticket belongs to the month of its own date, whenever it was sent."""
    last = until or since
    if last < since:
        wrong = FieldError("until", "must not lie before `since`")
        raise RefusedError(422, "invalid-fields", "The period is not as it must be.", errors=[wrong])
    by = (Ticket.month, Ticket.person, Ticket.currency)
    sums = (func.count(), func.sum(Ticket.total_minor), func.sum(Ticket.tax_minor))
    query = select(*by, *sums).where(Ticket.status == "booked", Ticket.month.between(since, last))
    if person is not None:
        query = query.where(Ticket.person == person)
    with reading() as session:
        rows = session.execute(query.group_by(*by).order_by(*by)).all()
    return TotalsOut(since=since, until=last, totals=[_total(*row) for row in rows])


def _total(
    month: str | None, person: str | None, currency: str | None, tickets: int, total: int | None, tax: int | None
) -> TotalOut:
    unit = currency or ""
    amounts = {"total": str(Money(int(total or 0), unit)), "tax": str(Money(int(tax or 0), unit))}
    return TotalOut(month=month or "", person=person, currency=unit, tickets=tickets, **amounts)


@router.get("/{ticket_id:id}", summary="One ticket", responses=documented(404))
def get_ticket(ticket_id: RowId) -> TicketOut:
    """The ticket, with what was read and what is doubtful."""
    with reading() as session:
        return TicketOut.of(_found(session, ticket_id))


def _files(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The description of an answer that is a file."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": "The file.", "content": dict.fromkeys(kinds, schema)}} | documented(404)


@router.get(
    "/{ticket_id:id}/file",
    summary="The file of a ticket",
    responses=_files(*pictures.EXTENSIONS, "application/octet-stream"),
    response_class=Response,
)
def get_file(ticket_id: RowId) -> Response:
    """The photo or PDF as it was sent."""
    with reading() as session:
        row = _found(session, ticket_id)
    kind = (row.file or {}).get("kind") or "application/octet-stream"
    return _file(lambda: files.original(row), kind, f"ticket-{ticket_id}")


@router.get(
    "/{ticket_id:id}/document",
    summary="The document of a ticket",
    responses=_files("application/pdf", "text/markdown"),
    response_class=Response,
)
def get_document(ticket_id: RowId, form: Annotated[Literal["pdf", "markdown"], Query()] = "pdf") -> Response:
    """The newest accounting document, as PDF or Markdown."""
    with reading() as session:
        row = _found(session, ticket_id)
    plain, drawn = (row.document or {}).get("names") or ("", "")
    if form == "pdf":
        return _file(lambda: kept_files.get(drawn), "application/pdf", f"ticket-{ticket_id}.pdf")
    return _file(lambda: kept_files.get(plain), "text/markdown; charset=utf-8", f"ticket-{ticket_id}.md")


def _file(read: Any, kind: str, name: str) -> Response:
    """A file that somebody sent is never shown by a browser as a page of ours."""
    try:
        content = read()
    except PermanentError as error:
        raise RefusedError(404, "no-such-file", "There is no such file, or it is no longer kept.") from error
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return Response(content=content, media_type=kind, headers=headers)


@router.patch("/{ticket_id:id}", summary="Correct a ticket", responses=documented(404, 409))
def correct_ticket(ticket_id: RowId, body: Correction, caller: Caller) -> TicketOut:
    """Says what is right. Once nothing is doubtful the ticket is booked; one that is booked gets a new document and row."""
    return editing.committed(partial(_corrected, ticket_id=ticket_id, body=body, who=actor(caller)))


@router.post("/{ticket_id:id}/read", summary="Have a ticket read again", responses=documented(404, 409))
def read_again(ticket_id: RowId, caller: Caller) -> TicketOut:
    """Has it read once more, by whoever reads tickets now. What people have said of it stays."""
    return editing.committed(partial(_read_again, ticket_id=ticket_id, who=actor(caller)))


@router.post("/{ticket_id:id}/discard", summary="Throw a ticket away", responses=documented(404, 409))
def discard(ticket_id: RowId, caller: Caller) -> TicketOut:
    """Takes a ticket that is not booked out of the list of those that wait. Its file is kept as long as any."""
    return editing.committed(partial(_discarded, ticket_id=ticket_id, who=actor(caller)))


def _corrected(session: Session, ticket_id: int, body: Correction, who: str) -> TicketOut:
    row = editing.locked_row(session, Ticket, ticket_id, NOUN)
    if row.status not in ("booked", "asking", "person", "duplicate"):
        raise _conflict(row)
    given = {name: str(value) for name, value in body.model_dump(exclude_none=True).items()}
    currency = body.currency or row.currency or get_settings().default_currency
    total = given.get("total") or (str(row.total) if row.total is not None else None)
    if total is not None:
        given["total"] = _exact(total, currency)
    services.correct(session, row, given | {"currency": currency})
    talking.ask_next(session, row.sender)
    editing.log(session, who, "ticket-corrected", talking.subject(row), sorted(given))
    return _out(session, row)


def _exact(total: str, currency: str) -> str:
    try:
        return str(Money.read(total, currency, source="json"))
    except UnreadableError as error:
        wrong = FieldError("total", f"must be an amount of {currency} ({error.reason})")
        title = "The body has fields that are not as they must be."
        raise RefusedError(422, "invalid-fields", title, errors=[wrong]) from error


def _read_again(session: Session, ticket_id: int, who: str) -> TicketOut:
    row = editing.locked_row(session, Ticket, ticket_id, NOUN)
    if row.status not in ("person", "asking") or not (row.file or {}).get("names"):
        raise _conflict(row)
    if effects.reader() is None:
        raise RefusedError(409, "no-reader", "Nobody reads tickets here: OpenAI or Document Intelligence has to be set up.")
    row.status, row.reason = "received", None
    talking.withdraw(session, row, "read again")
    row.reading, row.operation, row.round = None, None, row.round + 1
    session.flush()
    services.request_reading(session, row)
    editing.log(session, who, "ticket-read-again", talking.subject(row), settings_of(TicketSettings).tickets_reader or "")
    return _out(session, row)


def _discarded(session: Session, ticket_id: int, who: str) -> TicketOut:
    row = editing.locked_row(session, Ticket, ticket_id, NOUN)
    if row.status in ("booked", "received"):
        raise _conflict(row)
    row.status, row.reason = "discarded", "by-hand"
    talking.withdraw(session, row, "thrown away")
    talking.ask_next(session, row.sender)
    editing.log(session, who, "ticket-discarded", talking.subject(row))
    return _out(session, row)


def _conflict(row: Ticket) -> RefusedError:
    return RefusedError(409, "wrong-state", f"The ticket is {row.status}; that cannot be done with it now.")


def _found(session: Session, ticket_id: int) -> Ticket:
    row = session.get(Ticket, ticket_id)
    if row is None:
        raise editing.missing(NOUN, ticket_id)
    return row


def _out(session: Session, row: Ticket) -> TicketOut:
    session.flush()
    return TicketOut.of(row)
