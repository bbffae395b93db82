"""The host dies while tickets are fetched, read and booked. Each photo is one ticket, and of one expense one row is made."""

import base64
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from functions.tickets.tables import Ticket
from sandbox.settings import app_settings
from sandbox.twilio.resources import ACCOUNT, API_VERSION
from tests.crash import ledger
from tests.crash.rig import QUIET_SECONDS, Rig, Senders
from tests.support import pictures

pytestmark = pytest.mark.slow

PHOTOS, SAME = 12, 3  # photos of one expense; so many of them are the same file
DEATHS = (
    "inbox.before_commit=kill:0.2",
    "outbox.after_call=kill:0.3",
    "inbox.after_commit=kill:0.2",
    "outbox.after_record=kill:0.3",
    "outbox.after_call=kill:0.3",
)
NAMES = (
    *("TWILIO_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_WHATSAPP_SENDER"),
    *("TICKETS_SHEET_URL", "TICKETS_SHEET_TOKEN", "DOCS_WEBHOOK_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"),
)
ALWAYS = {"QUIET_HOURS": "00:00-00:00", "HOLIDAYS_COUNTRY": "XX", "DEFAULT_TIME_ZONE": "UTC"}


@dataclass(frozen=True)
class Photo:
    """A request of a program that passes on what Twilio has told it."""

    event: dict[str, Any]
    path: str = "/api/v1/tickets/webhook"

    @property
    def body(self) -> bytes:
        """The event, as it is written."""
        return json.dumps(self.event).encode()


def photos(rig: Rig) -> Iterator[Photo]:
    """Photos that Twilio keeps, each of another sender; the stand-in of the model sees the same expense on all of them."""
    for number in range(1, PHOTOS + 1):
        lines = (*pictures.LINES, f"foto {max(number, SAME)}")  # the first ones are the same file
        content = base64.b64encode(pictures.jpeg(lines)).decode()
        sender = f"+5255123400{number:02}"
        rig.sandbox.act("twilio", "photo", **{"from": sender, "base64": content})
        file = rig.sandbox.records("files", vendor="twilio")[-1]
        account = f"{rig.environment['TWILIO_BASE_URL']}/{API_VERSION}/Accounts/{ACCOUNT}"
        url = f"{account}/Messages/{file['message']}/Media/{file['id']}"
        yield Photo({"MediaUrl0": url, "From": f"whatsapp:{sender}", "MessageSid": file["message"]})


@pytest.mark.host
def test_tickets_survive_the_deaths_of_the_host(rig: Rig, seed: int) -> None:
    """Everything repeated and out of order, the host killed again and again: one is booked, the others are told apart."""
    found = app_settings(rig.sandbox.url)
    rig.environment |= {name: found[name] for name in NAMES if name in found} | ALWAYS
    posts = list(photos(rig)) * 2
    random.Random(seed).shuffle(posts)  # noqa: S311  # an order, no secret
    with Senders(rig.host, posts) as sending:
        rig.survive(sending, DEATHS)
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.5)
        wait_until(lambda: not _open(rig) and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.5)
    rig.host.stop()
    assert rig.deaths
    with Session(rig.engine) as session:
        ledger.check_events(session, sending.accepted)
        rows = session.scalars(select(Ticket)).all()
    assert Counter(row.status for row in rows) == {"booked": 1, "duplicate": PHOTOS - 1}
    (booked,) = [row for row in rows if row.status == "booked"]
    assert {row.duplicate_of for row in rows if row.status == "duplicate"} <= {row.id for row in rows}
    assert [row["ticket"] for row in rig.sandbox.records("rows", vendor="ticketsheet")] == [str(booked.id)]
    assert [one["revision"] for one in rig.sandbox.records("documents", vendor="docs")] == [1]


def _open(rig: Rig) -> list[str]:
    with Session(rig.engine) as session:
        return list(session.scalars(select(Ticket.status).where(Ticket.status.not_in(("booked", "duplicate")))))
