"""Reminders: planned once for each invoice, stage and channel; held back up to the moment of sending; noted with their outcome.

A reminder that was withheld before it was sent may be planned again when its reason is gone, as a message of its own.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.invoices import judging, services, stages
from functions.invoices.payloads import REMINDER
from functions.invoices.settings import InvoiceSettings
from functions.invoices.stages import Stage
from functions.invoices.tables import Invoice, InvoiceReminder
from shared.crm.people import email_name
from shared.messages import Channel, Message, MessageOutcome, dates, enqueue
from shared.money import Money
from shared.settings import settings_of
from shared.store.dialect import insert_if_absent
from shared.store.session import reading

CONTEXT = REMINDER
EMAIL: Final = "email"
WHATSAPP: Final = "whatsapp"
CRITICAL = "critical"
WHATSAPP_TEMPLATE = "factura_critica"
WORDS = Path(__file__).parent / "templates" / "es" / "_facturas.yaml"
PLANNED, WITHHELD = "planned", "withheld"
NEWER_STAGE, ADDRESS_CHANGED, NOT_CONFIGURED = "newer-stage", "address-changed", "not-configured"
_STATES = frozenset(("sent", "delivered", "opened", "clicked", "failed", "skipped", "uncertain"))
_PASSING = frozenset(
    (
        *("paid", "cancelled", "draft", "incomplete", "paused", "promised", NEWER_STAGE, ADDRESS_CHANGED, NOT_CONFIGURED),
        *(judging.CREDIT, judging.TOO_LITTLE, judging.NO_DEBT, judging.MISSING_EMAIL, judging.ERASED),
    )
)


def plan(session: Session, row: Invoice, stage: Stage, day: date) -> bool:
    """Plan the reminders of a stage: by e-mail, and by WhatsApp where it is critical; False where they were planned before.

    The invoice is locked, and `judging.why_not` has nothing against it.
    """
    planned = _plan(session, row, stage, day, EMAIL, str(row.email), stage.template)
    if stage.urgency == CRITICAL and row.phone and settings_of(InvoiceSettings).invoices_whatsapp_critical:
        _plan(session, row, stage, day, WHATSAPP, row.phone, WHATSAPP_TEMPLATE)
    return planned


def _plan(session: Session, row: Invoice, stage: Stage, day: date, channel: Channel, to: str, template: str) -> bool:
    key = {"invoice_id": row.id, "stage": stage.days, "channel": channel}
    facts = {
        "template": template,
        "urgency": stage.urgency,
        "escalated": stage.escalate,
        "state": PLANNED,
        "days_overdue": (day - row.due_on).days,
        "residual_minor": row.residual_minor,
        "planned_on": day,
    }
    is_new = insert_if_absent(session, InvoiceReminder, tuple(key), key | facts)
    wanted = select(InvoiceReminder).filter_by(**key)
    reminder = session.scalars(wanted).one()
    if not is_new:
        if reminder.state != WITHHELD:
            return False
        for name, value in (facts | {"reason": None, "tries": reminder.tries + 1}).items():
            setattr(reminder, name, value)
    message = Message(
        person=email_name(str(row.email)),
        channel=channel,
        to=to,
        template=template,
        dedupe_key=f"invoice:{row.id}:{stage.days}:{channel}:{reminder.tries}",
        context={CONTEXT: reminder.id, "to": to},
    )
    return enqueue(session, message)


def may_send(session: Session, context: Mapping[str, Any]) -> str | None:
    """Why a reminder must not go out now; None: it may."""
    reminder = session.get(InvoiceReminder, context[CONTEXT])
    row = session.get(Invoice, reminder.invoice_id) if reminder is not None else None
    if reminder is None or row is None:
        return judging.ERASED
    day = services.today()
    if (reason := judging.why_not(session, row, day)) is not None:
        return reason
    if context["to"] != (row.email if reminder.channel == EMAIL else row.phone):
        return ADDRESS_CHANGED
    stage = stages.newest((day - row.due_on).days)
    return None if stage is not None and stage.days == reminder.stage else NEWER_STAGE


def look_again(context: Mapping[str, Any]) -> str | None:
    """The same, outside a transaction: what was paid since the message was claimed is not asked for."""
    with reading() as session:
        return may_send(session, context)


def record(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Note what became of a reminder."""
    reminder = session.get(InvoiceReminder, context[CONTEXT])
    if reminder is None or outcome.word not in _STATES:
        return
    reminder.state, reminder.reason = str(outcome.word), outcome.reason
    if outcome.word == "sent":
        reminder.sent_at = outcome.at
    if outcome.word == "skipped" and outcome.reason in _PASSING:
        reminder.state = WITHHELD
        row = session.get(Invoice, reminder.invoice_id)
        if row is not None and outcome.reason == ADDRESS_CHANGED:
            row.looked_on = None  # the new address is written to today


def variables(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the texts say, as it is now: what is still open, and not what was when it was planned."""
    with reading() as session:
        reminder = session.get_one(InvoiceReminder, context[CONTEXT])
        row = session.get_one(Invoice, reminder.invoice_id)
    return _of(row)


def _of(row: Invoice) -> dict[str, Any]:
    link = _payment_url(row)
    known = {
        "serie": row.serie,
        "name": row.customer or "",
        "amount": written(row.residual_minor, row),
        "total": written(row.total_minor, row),
        "due_date": f"{dates.written(row.due_on)} de {row.due_on.year}",
        "payment_url": link,
        "how_to_pay": link or _words()["no_link"],
    }
    return {name: value for name, value in known.items() if value is not None}


def written(minor: int, row: Invoice) -> str:
    """An amount as people read it: `6,600.00 MXN`."""
    return f"{Money(minor, row.currency).amount:,} {row.currency}"


@lru_cache(maxsize=1)
def _words() -> Mapping[str, str]:
    """The words that stand where there is nothing else to say; people change them without code."""
    return {str(name): str(word) for name, word in yaml.safe_load(WORDS.read_text(encoding="utf-8")).items()}


def _payment_url(row: Invoice) -> str | None:
    page = settings_of(InvoiceSettings).invoices_payment_url
    if row.payment_url or page is None:
        return row.payment_url
    return f"{page}{'&' if '?' in page else '?'}invoice={quote(row.serie, safe='')}"
