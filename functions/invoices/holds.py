"""What holds reminders of an invoice back: a pause, or a promise to pay. Each function works in the caller's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from functions.invoices import services
from functions.invoices.tables import Invoice, InvoiceHold
from shared import clock
from shared.crm import editing
from shared.errors import FieldError, RefusedError

PAUSE, PROMISE = "pause", "promise"
MOST_OPEN = 20
type HoldKind = Literal["pause", "promise"]


@dataclass(frozen=True, kw_only=True)
class NewHold:
    """A pause or a promise that somebody enters."""

    kind: HoldKind
    until_on: date | None = None
    amount_minor: int | None = None
    note: str | None = None


def add(session: Session, invoice_id: int, new: NewHold, actor: str) -> InvoiceHold:
    """Hold an invoice back. The same hold again is the one that is there.

    Raises:
        RefusedError: 404; 409, it has too many holds; 422, a promise without a day, or a day that has gone.
    """
    row = editing.locked_row(session, Invoice, invoice_id, "invoice")
    _check(new)
    current = [hold for hold in of(session, [row.id]) if holds_on(hold, services.today())]
    for hold in current:
        if (hold.kind, hold.until_on, hold.amount_minor, hold.note) == (new.kind, new.until_on, new.amount_minor, new.note):
            return hold
    if len(current) >= MOST_OPEN:
        raise RefusedError(409, "too-many-holds", f"The invoice has {MOST_OPEN} pauses and promises; end some first.")
    given = {"kind": new.kind, "until_on": new.until_on, "amount_minor": new.amount_minor, "note": new.note}
    hold = InvoiceHold(invoice_id=row.id, actor=actor[:60], **given)
    session.add(hold)
    row.looked_on = None
    editing.log(session, actor, f"invoice-{new.kind}", f"invoice:{row.id}")
    session.flush()
    return hold


def end(session: Session, invoice_id: int, hold_id: int, actor: str) -> InvoiceHold:
    """End a pause or withdraw a promise; one that has ended stays as it is.

    Raises:
        RefusedError: 404, there is no such invoice, or no such hold of it.
    """
    row = editing.locked_row(session, Invoice, invoice_id, "invoice")
    hold = session.get(InvoiceHold, hold_id)
    if hold is None or hold.invoice_id != row.id:
        raise editing.missing("hold", hold_id)
    if hold.ended_at is None:
        hold.ended_at, row.looked_on = clock.now(), None
        editing.log(session, actor, f"invoice-{hold.kind}-ended", f"invoice:{row.id}")
    return hold


def of(session: Session, invoice_ids: Iterable[int]) -> Sequence[InvoiceHold]:
    """The holds of these invoices, in the order in which they were entered, those that are over included."""
    query = select(InvoiceHold).where(InvoiceHold.invoice_id.in_(list(invoice_ids))).order_by(InvoiceHold.id)
    return session.scalars(query).all()


def holds_on(hold: InvoiceHold, day: date) -> bool:
    """Whether it holds the invoice back on that day."""
    return hold.ended_at is None and (hold.until_on is None or hold.until_on >= day)


def reason(session: Session, invoice_id: int, day: date) -> str | None:
    """Why an invoice is held back on that day: "paused", "promised", or None."""
    kinds = {hold.kind for hold in of(session, [invoice_id]) if holds_on(hold, day)}
    return "paused" if PAUSE in kinds else "promised" if kinds else None


def is_held(day: date) -> ColumnElement[bool]:
    """The condition that an invoice is held back on that day."""
    lasts = or_(InvoiceHold.until_on.is_(None), InvoiceHold.until_on >= day)
    return exists().where(InvoiceHold.invoice_id == Invoice.id, InvoiceHold.ended_at.is_(None), lasts)


def _check(new: NewHold) -> None:
    today = services.today()
    if new.kind == PROMISE and new.until_on is None:
        raise _wrong("until", "a promise needs the day on which it is to be paid")
    if new.until_on is not None and new.until_on < today:
        raise _wrong("until", f"has gone; today is {today.isoformat()}")


def _wrong(field: str, message: str) -> RefusedError:
    return RefusedError(
        422, "invalid-fields", "The body has fields that are not as they must be.", errors=[FieldError(field, message)]
    )
