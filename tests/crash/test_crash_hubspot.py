"""The host dies while ManyChat reports leads and HubSpot tells of contacts. Each lead is one contact, each event one row."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.hubspot.tables import HubSpotMessage
from functions.scoring.tables import ScoredLead
from sandbox.settings import app_settings
from tests.crash import ledger
from tests.crash.rig import QUIET_SECONDS, Rig, Senders
from tests.support.hubspot import SUBSCRIBER, event

pytestmark = pytest.mark.slow

LEADS, CONTACTS = 30, 30
NAMES = ("HUBSPOT_BASE_URL", "HUBSPOT_TOKEN")  # without a secret: a signature does not bear to be sent again and again
DEATHS = (
    "inbox.before_commit=kill:0.1",
    "inbox.after_commit=kill:0.1",
    "outbox.after_call=kill:0.5",
    "inbox.after_nudge=kill:0.1",
    "outbox.after_record=kill:0.5",
)


@dataclass(frozen=True)
class Report:
    """A request."""

    path: str
    content: Any

    @property
    def body(self) -> bytes:
        """Its body."""
        return json.dumps(self.content).encode()


def reports() -> Iterator[Report]:
    """Leads, every third without an address; and changes of contacts that lack ManyChat's id."""
    for number in range(1, LEADS + 1):
        contact = {"email": f"lead{number}@example.com"} if number % 3 else {}
        fields = {"phone": f"55 1234 {number:04}"}
        yield Report("/api/v1/manychat/leads", {"id": str(number), **contact, "user": {"custom_fields": fields}})
    for number in range(1, CONTACTS + 1):
        yield Report("/api/v1/hubspot/webhook", [event(10_000 + number, properties={SUBSCRIBER: ""})])


@pytest.mark.host
def test_leads_and_contacts_survive_the_deaths_of_the_host(rig: Rig, seed: int) -> None:
    """Everything repeated and out of order, the host killed again and again: no contact twice, no event lost."""
    found = app_settings(rig.sandbox.url)
    rig.environment |= {name: found[name] for name in NAMES}
    rig.sandbox.act("hubspot", "lag", seconds=1)  # shorter than a lease, here as in production
    posts = list(reports()) * 2
    random.Random(seed).shuffle(posts)  # noqa: S311  # an order, no secret
    with Senders(rig.host, posts) as sending:
        rig.survive(sending, DEATHS)
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.2)
    rig.host.stop()
    assert set(rig.deaths) >= set(DEATHS[:2])
    with Session(rig.engine) as session:
        ledger.check_events(session, sending.accepted)
        leads = session.scalars(select(ScoredLead)).all()
        assert sorted(int(row.ext_id) for row in leads) == list(range(1, LEADS + 1))
        assert {row.hubspot_sync_status for row in leads} == {"success"}
        rows = session.scalars(select(HubSpotMessage)).all()
        assert sorted(str(row.contact_id) for row in rows) == [str(10_000 + number) for number in range(1, CONTACTS + 1)]
        assert {(row.status, row.reason) for row in rows} == {("skipped", "no_manychat_user_id")}
    contacts = rig.sandbox.records("contacts", vendor="hubspot")
    known = sorted(row["properties"].get("email") or row["properties"]["phone"] for row in contacts)
    assert len(known) == len(set(known)) == LEADS
