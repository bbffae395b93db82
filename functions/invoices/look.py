"""The look at all open invoices: each day, from the hour of the settings on, the newest stage of each that was not sent.

The most urgent stage comes first, and in it the largest amounts. It runs every five minutes and goes on where the one before
ended, so a host that was down for a day or a crash in the middle changes nothing: a stage that was passed meanwhile is found,
and one that was planned is not planned again. An invoice is judged once a day, and again when something about it changes.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, bindparam, exists, func, literal_column, or_, select, update
from sqlalchemy.orm import Session

from functions.invoices import days, judging, reminders, stages
from functions.invoices.fields import zone
from functions.invoices.settings import InvoiceSettings
from functions.invoices.stages import Stage
from functions.invoices.tables import Invoice, InvoiceDay, InvoiceReminder
from shared import clock, faults
from shared.crm import editing
from shared.settings import settings_of
from shared.store.session import reading

PAGE = 50
LONGEST_LOOK = timedelta(seconds=45)  # after it no invoice is begun; the next look goes on
CUSTOMER_CAP = "customer-cap"
AFTER_PLAN = faults.point("invoices.after_plan")
_NOT_JUDGED = or_(Invoice.looked_on.is_(None), Invoice.looked_on < bindparam("day", type_=Date))
_LEFT: Select[int] = select(literal_column("1")).where(
    exists().where(Invoice.status == judging.OPEN, Invoice.kind == "invoice", _NOT_JUDGED)
)


def ask(session: Session) -> None:
    """Have every open invoice judged anew, also those that were judged today. What was sent is not sent again."""
    session.execute(
        update(Invoice).where(Invoice.status == judging.OPEN, Invoice.looked_on.is_not(None)).values(looked_on=None)
    )


def remind() -> int:
    """Plan what is due today; how many reminders were planned. A second run plans nothing twice.

    Once nothing is left to be planned, the day is closed: its figures are kept, and finance and the team get them.
    """
    began, day = clock.now(), today_if_open()
    if day is None:
        return 0
    planned, is_done = _plan_all(day, began)
    if is_done and not _is_closed(day):
        editing.committed(partial(days.close, day=day))
    return planned


def _plan_all(day: date, began: datetime) -> tuple[int, bool]:
    """Plan what is due; how many reminders were planned, and whether nothing more is to be planned today."""
    planned = 0
    if not _is_any_left(day):
        return 0, True
    for stage in reversed(stages.stages()):
        while page := _candidates(stage, day):
            for invoice_id in page:
                if _left(day) <= 0:
                    return planned, True
                if clock.now() - began > LONGEST_LOOK:
                    return planned, False
                planned += editing.committed(partial(_judge, invoice_id=invoice_id, stage=stage, day=day))
                faults.hit(AFTER_PLAN)
    return planned, True


def _is_closed(day: date) -> bool:
    with reading() as session:
        return session.scalar(select(InvoiceDay.id).where(InvoiceDay.day == day)) is not None


def today_if_open() -> date | None:
    """The company's day, once the hour has come from which reminders are planned; None before it."""
    local = clock.now().astimezone(zone())
    return local.date() if local.time() >= time.fromisoformat(settings_of(InvoiceSettings).invoices_look_at) else None


def _is_any_left(day: date) -> bool:
    """Whether an open invoice was not judged today: asked every five minutes, it spares a question for each stage."""
    with reading() as session:
        return session.scalar(_LEFT, {"day": day}) is not None


def _candidates(stage: Stage, day: date) -> Sequence[int]:
    """The next open invoices in this stage that were not judged today, the largest amounts first."""
    query = select(Invoice.id).where(*_in_stage(stage, day), _NOT_JUDGED)
    with reading() as session:
        return session.scalars(query.order_by(Invoice.residual_minor.desc(), Invoice.id).limit(PAGE), {"day": day}).all()


def _in_stage(stage: Stage, day: date) -> list[ColumnElement[bool]]:
    """Invoices that are in a stage and whose reminder of it is still to be planned."""
    planned = exists().where(
        InvoiceReminder.invoice_id == Invoice.id,
        InvoiceReminder.stage == stage.days,
        InvoiceReminder.channel == reminders.EMAIL,
        InvoiceReminder.state != reminders.WITHHELD,
    )
    found = [
        Invoice.status == judging.OPEN,
        Invoice.kind == "invoice",
        Invoice.due_on <= day - timedelta(days=stage.days),
        ~planned,
    ]
    return found if stage.until is None else [*found, Invoice.due_on > day - timedelta(days=stage.until)]


def _left(day: date) -> int:
    """How many reminders may still be planned today; two looks at once may plan a few too many, which does no harm."""
    with reading() as session:
        return settings_of(InvoiceSettings).invoices_reminders_per_day - (session.scalar(_count(day)) or 0)


def _count(day: date) -> Select[Any]:
    wanted = (
        InvoiceReminder.planned_on == day,
        InvoiceReminder.channel == reminders.EMAIL,
        InvoiceReminder.state != reminders.WITHHELD,
    )
    return select(func.count()).select_from(InvoiceReminder).where(*wanted)


def _judge(session: Session, *, invoice_id: int, stage: Stage, day: date) -> int:
    """Plan the reminder of one invoice, or note why not; how many were planned."""
    row = editing.locked_row(session, Invoice, invoice_id, "invoice")
    current = stages.newest((day - row.due_on).days)
    reason = judging.why_not(session, row, day)
    if reason is None and current == stage and _of_customer(session, row, day) >= _most_of_customer():
        reason = CUSTOMER_CAP
    row.looked_on, row.held_because = day, reason
    return int(reason is None and current == stage and reminders.plan(session, row, stage, day))


def _most_of_customer() -> int:
    return settings_of(InvoiceSettings).invoices_per_customer_per_day


def _of_customer(session: Session, row: Invoice, day: date) -> int:
    """Of how many invoices their customer is reminded today."""
    query = _count(day).join(Invoice, Invoice.id == InvoiceReminder.invoice_id).where(Invoice.email == row.email)
    return session.scalar(query) or 0
