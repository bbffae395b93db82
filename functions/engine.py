"""The engine's own triggers: deliveries, the timers that keep them going, and dead letters.

delivery-queue            -> carry out what is due for a target
timer DISPATCH_SCHEDULE   -> wake the targets that have something due
timer RETRY_ERRORED_...   -> free what dead workers held, re-arm errored syncs, let journeys hear of what was closed by hand
timer COLLECT_POISON_...  -> `<queue>-poison` to the dead-letter queue
timer RETENTION_SCHEDULE  -> remove what is finished and no longer kept
dead-letter-queue         -> dead_letters, and an alert
"""

from __future__ import annotations

import json
import logging

import azure.functions as func

from shared import alerts, queues  # noqa: F401  # alerts: registers what deliveries of alerts do
from shared.crm import odoo_sync
from shared.journeys import hooks  # noqa: F401  # the gate and the ear of journeys, wherever messages are carried out
from shared.leads import kommo
from shared.sequences import notion_sync

log = logging.getLogger("puente.engine")
bp = func.Blueprint()


@bp.queue_trigger("message", queue_name=queues.DELIVERY_QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY)
def deliver(message: func.QueueMessage) -> None:
    """Carry out what is due for the target that the message names. A message too many finds nothing to do."""
    from shared.outbox.execute import drain

    try:
        target = str(json.loads(message.get_body())["target"])
    except (ValueError, KeyError, TypeError):
        log.error("a nudge that names no target was dropped")  # noqa: TRY400  # it carries no event; nothing is lost
        return
    attempted = drain(target)
    if attempted:
        log.info("%s: %d deliveries attempted", target, attempted)


@bp.timer_trigger("timer", schedule="%DISPATCH_SCHEDULE%")
def dispatch_due(timer: func.TimerRequest) -> None:
    """Wake the targets that have something due: later due dates, retries, and whatever a crash left without a nudge."""
    from shared.outbox.dispatch import dispatch_due as dispatch

    if woken := dispatch():
        log.info("woken: %s", ", ".join(sorted(woken)))


@bp.timer_trigger("timer", schedule="%RETRY_ERRORED_SCHEDULE%")
def retry_errored_syncs(timer: func.TimerRequest) -> None:
    """Free what dead workers held, ask again for syncs in error, and let journeys hear of what was closed without them."""
    from shared.journeys import outcomes
    from shared.outbox import dispatch
    from shared.store.session import transact

    freed = dispatch.free_expired()
    rearmed = sum(transact(rearm) for rearm in (odoo_sync.rearm, kommo.rearm, notion_sync.rearm))
    if freed or rearmed:
        log.warning("%d deliveries freed, %d syncs re-armed", freed, rearmed)
        dispatch.dispatch_due()
    if strayed := transact(outcomes.sweep):
        log.warning("%d steps of journeys closed after their deliveries", strayed)


@bp.timer_trigger("timer", schedule="%COLLECT_POISON_SCHEDULE%")
def collect_poison(timer: func.TimerRequest) -> None:
    """Move what the host gave up on to the dead-letter queue, so that it is seen and can be replayed."""
    from shared.intake import deadletter

    if moved := deadletter.collect_poison(queues.declared()):
        log.error("%d poison messages collected", moved)


@bp.timer_trigger("timer", schedule="%RETENTION_SCHEDULE%")
def forget_old(timer: func.TimerRequest) -> None:
    """Remove what is finished and older than the RETENTION settings keep it; nothing where they are 0."""
    from shared import retention

    if gone := retention.forget():
        log.info("removed: %s", ", ".join(f"{count} {name}" for name, count in gone.items()))


@bp.queue_trigger(
    "message", queue_name=queues.DEAD_LETTER_QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY
)
def store_dead_letter(message: func.QueueMessage) -> None:
    """Keep a dead letter in SQL, where people see it, and let the alert go out."""
    from shared.intake import parked

    parked.receive(message.get_body())
