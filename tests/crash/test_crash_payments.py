"""The host dies while Stripe reports payments. Each is one row with the right sum, here and in the sheet."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.payments.tables import Payment
from sandbox.settings import app_settings
from tests.crash import ledger
from tests.crash.rig import QUIET_SECONDS, Rig, Senders
from tests.support import stripe
from tests.support.stripe import PAID

pytestmark = pytest.mark.slow

PAYMENTS = 40
PRICE = 129_900
SHEET = ("SHEETS_WEBHOOK_URL", "SHEETS_TOKEN")  # the effect that may be repeated; messages that are cut off wait for a person
DEATHS = (
    "inbox.before_commit=kill:0.1",
    "inbox.after_commit=kill:0.1",
    "outbox.after_call=kill:0.9",
    "inbox.after_nudge=kill:0.1",
    "outbox.after_record=kill:0.9",
)


@dataclass(frozen=True)
class Report:
    """A request of Stripe's."""

    event: dict[str, Any]
    path: str = "/api/v1/stripe/webhook"

    @property
    def body(self) -> bytes:
        """The event, as Stripe writes it."""
        return stripe.body(self.event)


def reports(number: int) -> Iterator[Report]:
    """What Stripe reports of one payment: begun, paid, charged, and a part of it refunded, other for each."""
    intent, charge = f"pi_{number}", f"ch_{number}"
    begun = stripe.intent(intent, PRICE, status="requires_payment_method", amount_received=0)
    charged = stripe.charge(charge, PRICE, payment_intent=intent)
    yield Report(stripe.event("payment_intent.created", begun, PAID))
    yield Report(stripe.event("payment_intent.succeeded", stripe.intent(intent, PRICE, latest_charge=charge), PAID))
    yield Report(stripe.event("charge.succeeded", charged, PAID))
    yield Report(stripe.event("charge.refunded", charged | {"amount_refunded": 100 * number}, PAID.replace(hour=10)))


def expected() -> dict[str, tuple[str, int, int]]:
    """Each payment's state, what came in, and what went back."""
    return {f"pi_{number}": ("succeeded", PRICE, 100 * number) for number in range(1, PAYMENTS + 1)}


@pytest.mark.host
def test_payments_survive_the_deaths_of_the_host(rig: Rig, seed: int) -> None:
    """Everything repeated and out of order, the host killed again and again: each event counts once."""
    found = app_settings(rig.sandbox.url)
    rig.environment |= {name: found[name] for name in SHEET}
    posts = [report for number in range(1, PAYMENTS + 1) for report in reports(number)] * 2
    random.Random(seed).shuffle(posts)  # noqa: S311  # an order, no secret
    with Senders(rig.host, posts) as sending:
        rig.survive(sending, DEATHS)
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.2)
    rig.host.stop()
    assert set(rig.deaths) >= set(DEATHS[:2])
    with Session(rig.engine) as session:
        ledger.check_events(session, sending.accepted)
        assert len(sending.accepted) == len(posts) // 2
        rows = session.scalars(select(Payment)).all()
        assert sorted(row.payment_id for row in rows) == sorted(expected())
        assert {row.payment_id: (row.status, row.received_minor, row.refunded_minor) for row in rows} == expected()
        assert {row.sheet_sync_status for row in rows} == {"success"}
    nets = sorted((row["payment_id"], row["net"]) for row in rig.sandbox.records("rows", vendor="sheets"))
    assert nets == sorted((name, f"{(paid - back) / 100:.2f}") for name, (_status, paid, back) in expected().items())
