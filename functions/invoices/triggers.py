"""Somebody's books report invoices, or somebody wants all of them looked at.

POST /api/v1/invoices/webhook
POST /api/v1/executions/webhook/{namespace}/invoice_payment_reminders/{key}, as the replaced flow had it
  -> events-queue
  -> invoices (a report), or the look at all open invoices (a body that names none)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.intake.endpoint import EVENTS_QUEUE, accepting, webhook
from shared.intake.inbox import Event, Handler
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.invoices.payloads import InvoiceReport, LookRequest

bp = func.Blueprint()
INVOICE, LOOK_REQUEST = "functions.invoices.payloads:InvoiceReport", "functions.invoices.payloads:LookRequest"
BY_KEY = "functions.invoices.payloads:by_key"


def apply_report(session: Session, event: Event[InvoiceReport]) -> str:
    """Bring the invoice up to date: "applied", or "stale" where it says nothing new."""
    from functions.invoices import services

    report, received = event.payload, event.envelope.received
    return services.take(session, report.serie, report, report.reported_at(received))[1]


def apply_look(session: Session, _event: Event[LookRequest]) -> str:
    """Have every open invoice judged anew within five minutes; what was sent is not sent again."""
    from functions.invoices import look

    look.ask(session)
    return "applied"


LOOK = Webhook(name="invoices.look", queue=EVENTS_QUEUE, payload=LOOK_REQUEST, authenticate=BY_KEY)


def _look_or_report(_request: func.HttpRequest, data: dict[str, Any]) -> Webhook | None:
    """A body that names nothing of an invoice is the wish for a look, as the replaced flow was started."""
    from functions.invoices.payloads import names_invoice

    return None if names_invoice(data) else LOOK


REPORT = Webhook(name="invoices.report", queue=EVENTS_QUEUE, payload=INVOICE, authenticate=BY_KEY)
HANDLER = webhook(bp, "invoices", "api/v1/invoices/webhook", REPORT, apply_report)
LOOK_HANDLER = Handler(queue=EVENTS_QUEUE, payload=LOOK_REQUEST, apply=apply_look)
OLD_ID = "invoice_payment_reminders"
OLD_ROUTE = f"api/v1/executions/webhook/{{namespace}}/{OLD_ID}/{{key?}}"
accepting(bp, "invoices_old_webhook", OLD_ROUTE, replace(REPORT, variant=_look_or_report), also=(LOOK,))
BY_HAND = {OLD_ID: LOOK, "invoice_report": REPORT}
"""What is started by hand: the look, as the replaced flow was, and a report as its webhook would bring it."""
