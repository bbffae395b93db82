"""What people do in Odoo comes to us: stages, won and lost leads, salespeople, addresses.

timer WATCH_SCHEDULE, POST /api/v1/odoo/webhook/{key}
  -> reconcile-queue (functions/reconcile.py)
  -> what Odoo has changed since the last look (contacts, opportunities, stage_history)
  -> journeys, by the events `odoo.*`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func
from pydantic import ConfigDict, Field

from shared import queues
from shared.flow import Flow, Job, Rhythm
from shared.intake.endpoint import accepting
from shared.intake.webhook import Payload, Sender, Webhook, by_key_in_address

if TYPE_CHECKING:
    from datetime import datetime

    from shared.settings import Settings

SENDER = "odoo"
FLOW = Flow(
    name="odoo",
    title="What people do in Odoo",
    about="Each minute, and at once when Odoo says so, we look for what people have changed in Odoo: a stage, a lead won or "
    "lost, a salesperson, an address. It is taken over as the policy has it, and journeys end or begin by it.",
    senders=(SENDER,),
    functions=("functions.odoo:bp",),
    optional=False,
    events=("odoo.changed",),
    jobs=(Job(name="look", rhythm=Rhythm.MINUTE, run="shared.crm.odoo_changes:ask"),),
    stand_ins=("sandbox.odoo:Odoo",),
)
bp = func.Blueprint()


class OdooHint(Payload):
    """What Odoo's automation rule sends: a record has changed. It only hurries the next look; nothing of it is believed."""

    model_config = ConfigDict(extra="allow")

    model: str | None = Field(default=None, alias="_model", description="the record's model")
    id: int | None = Field(default=None, alias="_id", description="the record's number")

    def subject(self) -> str:
        """Which record it names."""
        return f"{self.model or 'odoo'}:{self.id or '-'}"[:100]

    def occurred_at(self) -> datetime | None:
        """Odoo does not say."""
        return None


def by_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """A key with the scope `webhook:odoo`, as the last part of the address, for Odoo sets no header. Raises RefusedError."""
    return by_key_in_address(request, raw, settings, sender=SENDER)


WEBHOOK = Webhook(name="odoo.changed", queue=queues.RECONCILE_QUEUE, payload=OdooHint, authenticate=by_key)


accepting(bp, "odoo_webhook", "api/v1/odoo/webhook/{key?}", WEBHOOK)
