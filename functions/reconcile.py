"""Our record held against Odoo: every night, or when somebody asks through the API.

timer RECONCILE_SCHEDULE, POST /api/v1/odoo/reconciliations; wishes to look at what has changed (functions/odoo.py)
  -> reconcile-queue
  -> compare page by page, repair what the policy allows; after five minutes a new message goes on with it
  -> reconciliations (the report)
"""

from __future__ import annotations

import json
import logging

import azure.functions as func

from shared import queues
from shared.errors import PermanentError
from shared.flow import Flow
from shared.intake.envelope import parse
from shared.watch import timers

log = logging.getLogger("puente.reconcile")
QUEUE = queues.RECONCILE_QUEUE
FLOW = Flow(
    name="reconcile",
    title="Comparison with Odoo",
    about="Our record is compared with Odoo every night, or when somebody asks for it through the API. Differences are "
    "reported, and repaired where the policy allows it.",
    functions=("functions.reconcile:bp",),
    optional=False,
    queues=(QUEUE,),
    routers=("shared.web.reconciliations:router",),
    stand_ins=("sandbox.odoo:Odoo",),
)
bp = func.Blueprint()


@bp.timer_trigger("timer", schedule="%RECONCILE_SCHEDULE%")
def reconcile_odoo(timer: func.TimerRequest) -> None:
    """Ask for the nightly comparison; it runs from the queue, so that after a crash it goes on where it was."""
    from shared.crm import reconciliations

    reconciliations.ask(QUEUE, "timer", dry_run=False)
    timers.ran("reconcile_odoo")


@bp.queue_trigger("message", queue_name=QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY)
def reconcile_handler(message: func.QueueMessage) -> None:
    """Run the comparison that was asked for, or go on with it; or look at what has changed in Odoo. Nothing is done twice."""
    from shared.crm import odoo_changes, reconciliations

    body = message.get_body()
    try:
        named = json.loads(body)
        if "reconciliation" not in named:
            odoo_changes.wanted(parse(body).received, body)
            return
        number = int(named["reconciliation"])
    except (ValueError, KeyError, TypeError, RecursionError, PermanentError):
        log.error("a message that names no reconciliation was dropped")  # noqa: TRY400  # it carries nothing to lose
        return
    reconciliations.carry_out(number, QUEUE)
