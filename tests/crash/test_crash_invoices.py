"""The host dies while invoices are reported, paid and reminded of. Each has the right residual, and one mail at most."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.invoices.tables import Invoice, InvoiceReminder
from sandbox.settings import app_settings
from tests.crash import ledger
from tests.crash.rig import QUIET_SECONDS, Rig, Senders
from tests.support import stripe

pytestmark = pytest.mark.slow

INVOICES = 30
DEATHS = (
    "inbox.before_commit=kill:0.1",
    "invoices.after_plan=kill:0.3",
    "inbox.after_commit=kill:0.1",
    "outbox.after_call=kill:0.5",
    "invoices.after_plan=kill:0.3",
    "outbox.after_record=kill:0.5",
)
MAIL = ("BREVO_BASE_URL", "SENDINBLUE_API_KEY", "SENDINBLUE_SENDER_EMAIL", "LINK_SIGNING_SECRETS", "PUBLIC_BASE_URL")
ALWAYS = {
    "QUIET_HOURS": "00:00-00:00",
    "WORKING_DAYS": "mon,tue,wed,thu,fri,sat,sun",
    "HOLIDAYS_COUNTRY": "XX",
    "INVOICES_LOOK_AT": "00:00",
    "DEFAULT_TIME_ZONE": "UTC",
}


@dataclass(frozen=True)
class Report:
    """A request: of the books, or of Stripe's."""

    event: dict[str, Any]
    path: str = "/api/v1/invoices/webhook"

    @property
    def body(self) -> bytes:
        """The event, as it is written."""
        return stripe.body(self.event)


def reports(number: int) -> Iterator[Report]:
    """An invoice of which a part is paid; every third one is paid in Stripe, which names it."""
    serie, now = f"F-{number}", datetime.now(UTC)
    address = {"customer_email": f"c{number}@example.com", "customer": "Ana"}
    due = (now - timedelta(days=20)).date().isoformat()
    yield Report(
        {"serie": serie, "total": "100", "due_date": due, "updated_at": (now - timedelta(days=50)).isoformat()} | address
    )
    yield Report({"serie": serie, "paid": number, "updated_at": (now - timedelta(days=9)).isoformat()})
    if number % 3 == 0:
        paid = stripe.intent(f"pi_{number}", 100 * (100 - number), metadata={"order_id": serie})
        yield Report(stripe.event("payment_intent.succeeded", paid, now - timedelta(days=1)), "/api/v1/stripe/webhook")


@pytest.mark.host
def test_invoices_survive_the_deaths_of_the_host(rig: Rig, seed: int) -> None:
    """Everything repeated and out of order, the host killed again and again: each report counts once, each mail goes once."""
    found = app_settings(rig.sandbox.url)
    rig.environment |= {name: found[name] for name in MAIL if name in found} | ALWAYS
    posts = [report for number in range(1, INVOICES + 1) for report in reports(number)] * 2
    random.Random(seed).shuffle(posts)  # noqa: S311  # an order, no secret
    with Senders(rig.host, posts) as sending:
        rig.survive(sending, DEATHS)
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.2)
        wait_until(lambda: _reminded(rig) >= _open(rig) and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.5)
    rig.host.stop()
    assert rig.deaths
    with Session(rig.engine) as session:
        ledger.check_events(session, sending.accepted)
        rows = session.scalars(select(Invoice)).all()
        states = {row.serie: (row.status, row.residual_minor) for row in rows}
        reminders = session.scalars(select(InvoiceReminder)).all()
    assert states == {
        f"F-{number}": ("paid", 0) if number % 3 == 0 else ("open", 100 * (100 - number)) for number in range(1, INVOICES + 1)
    }
    assert len({(one.invoice_id, one.stage) for one in reminders}) == len(reminders)
    mails = sorted(mail["to"] for mail in rig.sandbox.records("emails", vendor="brevo"))
    assert len(set(mails)) == len(mails)
    assert {f"c{number}@example.com" for number in range(1, INVOICES + 1) if number % 3} <= set(mails)


def _reminded(rig: Rig) -> int:
    with Session(rig.engine) as session:
        sent = select(InvoiceReminder.invoice_id).where(InvoiceReminder.state == "sent")
        return len(
            session.scalars(sent.join(Invoice, Invoice.id == InvoiceReminder.invoice_id).where(Invoice.status == "open")).all()
        )


def _open(rig: Rig) -> int:
    with Session(rig.engine) as session:
        return len(session.scalars(select(Invoice.id).where(Invoice.status == "open")).all())
