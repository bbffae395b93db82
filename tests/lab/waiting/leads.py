"""The places of functions/leads that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from functions.leads import services as lead_services
from functions.leads import taking_in
from functions.leads.tables import Lead
from shared import clock
from tests.lab.rows import ANA, Wait, filled


def lead() -> Sequence[Any]:
    """A lead that came an hour ago."""
    return [filled(Lead, email=ANA, received_at=clock.now() - timedelta(hours=1))]


WAITS = {
    "functions.leads.taking_in:_locked": Wait(Lead, lead, lambda session: taking_in._locked(session, 1)),
    "functions.leads.services:_recent": Wait(
        Lead, lead, lambda session: lead_services._recent(session, Lead.email, ANA, clock.now())
    ),
    "functions.leads.services:take": Wait(
        Lead,
        lead,
        lambda session: lead_services.take(
            session,
            SimpleNamespace(lead_id=1, email="other@example.com", telefono=""),
            clock.now(),
            "k",
        ),
    ),
}
