"""`/api/v1/invoices`: what is open and by whom, what holds reminders back, and what was sent."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.invoices import holds, importing, services
from functions.invoices.api_models import (
    HoldIn,
    HoldOut,
    InvoiceChange,
    InvoiceOut,
    InvoiceQuery,
    InvoiceWhole,
    NewInvoice,
    PaymentIn,
    PaymentOut,
    ReminderOut,
)
from functions.invoices.fields import InvoiceFields
from functions.invoices.holds import NewHold
from functions.invoices.tables import Invoice, InvoiceReminder
from shared import clock
from shared.crm import editing
from shared.errors import FieldError, PermanentError, RefusedError
from shared.money import Money
from shared.problems import documented
from shared.readers import UnreadableError
from shared.settings import get_settings
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Page, PageQuery, RowId, find

router = APIRouter(prefix="/api/v1/invoices", tags=["Invoices"], route_class=SecuredRoute)
HAND = "hand"


class ReminderQuery(PageQuery):
    """Filters of the list of reminders."""

    invoice_id: int | None = Field(default=None, ge=1, lt=2**53)
    state: str | None = Field(default=None, min_length=1, max_length=16)


class RowProblem(BaseModel):
    """A row of the file that was left out, or taken without a field that cannot be read."""

    line: int = Field(description="Of the file; the header is line 1.")
    serie: str
    taken: bool = Field(description="Whether the rest of the row was taken.")
    reason: str


class ImportOut(BaseModel):
    """What became of the rows of a file."""

    model_config = ConfigDict(from_attributes=True)

    read: int
    created: int
    changed: int
    unchanged: int
    left_out: int
    problems: list[RowProblem] = Field(description="The first thousand.")


@router.get("", summary="List invoices")
def list_invoices(query: Annotated[InvoiceQuery, Query()]) -> Page[InvoiceOut]:
    """Invoices and credit notes, by number, customer, status and days overdue."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Invoice)), Invoice.id, query)
        return Page(items=[InvoiceOut.of(row) for row in rows], total=total, next=after)


@router.get("/reminders", summary="List reminders")
def list_reminders(query: Annotated[ReminderQuery, Query()]) -> Page[ReminderOut]:
    """What was sent of invoices, what will be, and what was not, with the reason."""
    wanted = select(InvoiceReminder)
    if query.invoice_id is not None:
        wanted = wanted.where(InvoiceReminder.invoice_id == query.invoice_id)
    if query.state is not None:
        wanted = wanted.where(InvoiceReminder.state == query.state)
    with reading() as session:
        rows, total, after = find(session, wanted, InvoiceReminder.id, query)
        return Page(items=[ReminderOut.of(row) for row in rows], total=total, next=after)


@router.get("/{invoice_id:id}", summary="One invoice", responses=documented(404))
def get_invoice(invoice_id: RowId) -> InvoiceWhole:
    """The invoice, with what was paid of it, what holds it back, and what was sent of it."""
    with reading() as session:
        row = session.get(Invoice, invoice_id)
        if row is None:
            raise editing.missing("invoice", invoice_id)
        return _whole(session, row)


@router.post("", status_code=201, summary="Add an invoice", responses=documented(409))
def create_invoice(body: NewInvoice, caller: Caller, response: Response) -> InvoiceWhole:
    """Adds an invoice. 409 where its number is known: change that one instead, or report it over the webhook."""
    made = editing.committed(partial(_created, body=body, who=actor(caller)))
    response.headers["Location"] = f"/api/v1/invoices/{made.id}"
    return made


@router.patch("/{invoice_id:id}", summary="Change an invoice", responses=documented(404))
def change_invoice(invoice_id: RowId, body: InvoiceChange, caller: Caller) -> InvoiceWhole:
    """Reports what has changed: what is open, when it is due, where the customer is reached. What is left out stays."""

    def work(session: Session) -> InvoiceWhole:
        serie = _found(session, invoice_id).serie
        row = _taken(session, serie, body)[0]
        editing.log(session, actor(caller), "invoice-changed", f"invoice:{row.id}", sorted(body.model_fields_set))
        return _whole(session, row)

    return editing.committed(work)


@router.post("/{invoice_id:id}/payments", summary="Report a payment of an invoice", responses=documented(404))
def add_payment(invoice_id: RowId, body: PaymentIn, caller: Caller) -> InvoiceWhole:
    """Deducts what came, once for its reference. Reminders of an invoice that is paid stop at once."""

    def work(session: Session) -> InvoiceWhole:
        row = _found(session, invoice_id)
        amount = _money(body.amount, body.currency or row.currency, "amount")
        paid_at = min(body.paid_at or clock.now(), clock.now())
        payment = services.Payment(serie=row.serie, reference=body.reference, source=HAND, amount=amount, paid_at=paid_at)
        if services.take_payment(session, payment) == services.APPLIED:
            editing.log(session, actor(caller), "invoice-payment", f"invoice:{row.id}")
        session.flush()
        return _whole(session, _found(session, invoice_id))

    return editing.committed(work)


@router.post(
    "/{invoice_id:id}/holds", status_code=201, summary="Pause an invoice, or note a promise", responses=documented(404, 409)
)
def add_hold(invoice_id: RowId, body: HoldIn, caller: Caller) -> HoldOut:
    """Holds reminders of the invoice back. When it is over, the newest stage that has passed meanwhile goes out, once."""

    def work(session: Session) -> HoldOut:
        row = _found(session, invoice_id)
        amount = None if body.amount is None else _money(body.amount, row.currency, "amount").minor
        new = NewHold(kind=body.kind, until_on=body.until, amount_minor=amount, note=body.note)
        return HoldOut.of(holds.add(session, invoice_id, new, actor(caller)), row)

    return editing.committed(work)


@router.post("/{invoice_id:id}/holds/{hold_id:id}/end", summary="End a pause or a promise", responses=documented(404))
def end_hold(invoice_id: RowId, hold_id: RowId, caller: Caller) -> HoldOut:
    """Ends a pause, or notes that a promise was withdrawn."""
    return editing.committed(
        lambda session: HoldOut.of(holds.end(session, invoice_id, hold_id, actor(caller)), session.get_one(Invoice, invoice_id))
    )


_CSV_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "serie,total,due_date\nF-1042,11600.00,2026-11-30\n"}
        },
    }
}


@router.post("/import", summary="Import invoices from a CSV file", responses=documented(400, 413, 415), openapi_extra=_CSV_BODY)
async def import_invoices(request: Request, caller: Caller) -> ImportOut:
    """Takes a file as its body (`text/csv`, UTF-8, a header line, comma or semicolon). A row that is wrong is left out.

    The same file again changes nothing.
    """
    raw = await request.body()
    file = importing.read(raw, request.headers.get("content-type", ""), get_settings().max_body_bytes)
    return ImportOut.model_validate(await _in_thread(partial(importing.take, file, actor(caller))))


async def _in_thread(work: Callable[[], Any]) -> Any:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(work)


def _created(session: Session, body: NewInvoice, who: str) -> InvoiceWhole:
    row, _outcome, is_new = _taken(session, body.serie, body)
    if not is_new:
        title = "There is an invoice with that number; nothing was changed."
        raise RefusedError(409, "invoice-exists", title, detail=f"It is /api/v1/invoices/{row.id}.")
    editing.log(session, who, "invoice-added", f"invoice:{row.id}")
    return _whole(session, row)


def _taken(session: Session, serie: str, body: InvoiceFields) -> tuple[Invoice, str, bool]:
    try:
        return services.take(session, serie, body, body.reported_at(clock.now()))
    except PermanentError as error:
        wrong = FieldError("currency", str(error))
        raise RefusedError(
            422, "invalid-fields", "The body has fields that are not as they must be.", errors=[wrong]
        ) from error


def _money(amount: Any, currency: str, field: str) -> Money:
    try:
        return Money.of(amount, currency)
    except UnreadableError as error:
        wrong = FieldError(field, f"must be an amount of {currency} ({error.reason})")
        raise RefusedError(
            422, "invalid-fields", "The body has fields that are not as they must be.", errors=[wrong]
        ) from error


def _found(session: Session, invoice_id: int) -> Invoice:
    row = session.get(Invoice, invoice_id)
    if row is None:
        raise editing.missing("invoice", invoice_id)
    return row


def _whole(session: Session, row: Invoice) -> InvoiceWhole:
    session.flush()
    sent = select(InvoiceReminder).where(InvoiceReminder.invoice_id == row.id).order_by(InvoiceReminder.id)
    return InvoiceWhole(
        **InvoiceOut.of(row).model_dump(),
        payments=[PaymentOut.of(one) for one in services.payments_of(session, row)],
        holds=[HoldOut.of(one, row) for one in holds.of(session, [row.id])],
        reminders=[ReminderOut.of(one) for one in session.scalars(sent)],
    )
