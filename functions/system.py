"""The engine's own triggers: deliveries, the timers that keep them going, and dead letters.

delivery-queue            -> carry out what is due for a target and somebody waits for
bulk-delivery-queue       -> carry out what is due for a target, one of many at once included
timer DISPATCH_SCHEDULE   -> free what dead workers held, and wake the targets that have something due
events-queue              -> the handler of the event's type, for flows that have no queue of their own
timer RETRY_ERRORED_...   -> jobs of every five minutes: request lost syncs again, close journeys' steps
timer COLLECT_POISON_...  -> `<queue>-poison` to the dead-letter queue
timer RETENTION_SCHEDULE  -> nightly jobs: remove what is finished and no longer kept
dead-letter-queue         -> dead_letters, and an alert
"""

from __future__ import annotations

import json
import logging
from types import MappingProxyType
from typing import TYPE_CHECKING

import azure.functions as func

from shared import flows, jobs, queues
from shared.flow import Flow, Job, Rhythm
from shared.intake.endpoint import CONNECTION, EVENTS_QUEUE, handle_by_type
from shared.warming import imports, warming
from shared.watch import timers

if TYPE_CHECKING:
    from shared.outbox.lanes import Serves

log = logging.getLogger("puente.engine")
RECORD = "the record itself; erasing the person removes it"
OF_ENROLMENT = "as long as its enrolment"
BY_HAND = "kept by people, a few rows"
FEW = "one for each of a few things of ours"
KEPT = MappingProxyType(
    {
        **dict.fromkeys(("contacts", "opportunities", "stage_history", "campaign_contacts", "campaign_history"), RECORD),
        **dict.fromkeys(("channels", "advisors", "stage_map", "campaigns"), BY_HAND),
        **dict.fromkeys(("targets", "target_slots", "target_parts", "lane_shares", "flow_holds", "odoo_cursors"), FEW),
        **dict.fromkeys(("retention_marks", "event_figures", "hour_folds", "journey_figures"), FEW),
        **dict.fromkeys(("enrolment_addresses", "enrolment_steps", "journey_talks", "journey_decisions"), OF_ENROLMENT),
        "enrolments": "who was in a journey once is not put in again",
        "journey_versions": "enrolments keep the one by which they began",
        "journey_pauses": "one for each time that a person pauses; by it enrolments are moved",
        "dead_letters": "what stopped can be replayed at any time; a person resolves it",
        "held_events": "gone as soon as its flow is resumed and the event is applied",
        "used_keys": "what is left of rows that were removed: by it nothing happens twice",
    }
)
"""Tables without a rule of retention, and why their rows stay."""
FLOW = Flow(
    name="system",
    title="The engine",
    about="Deliveries to outside systems, the timers that keep them going, journeys, dead letters and alerts.",
    functions=("functions.system:bp",),
    optional=False,
    queues=(queues.DELIVERY_QUEUE, queues.BULK_DELIVERY_QUEUE, queues.DEAD_LETTER_QUEUE, EVENTS_QUEUE),
    routers=(
        "shared.web.journeys:router",
        "shared.web.chatbots:router",
        "shared.web.dead_letters:router",
        "shared.web.deliveries:router",
        "shared.web.targets:router",
        "shared.web.flow_pauses:router",
    ),
    tables=(
        "shared.store.models",
        "shared.store.journey_models",
        "shared.store.wait_models",
        "shared.store.figure_models",
        "shared.store.flow_models",
    ),
    impersonal_tables=frozenset(
        (
            *("channels", "advisors", "stage_map", "campaigns", "targets", "target_slots", "journey_versions"),
            *("journey_pauses", "journey_figures", "retention_marks", "used_keys", "odoo_cursors"),
            *("delivery_waits", "outages", "target_pauses", "target_parts", "lane_shares", "event_figures", "event_hours"),
            *("day_figures", "day_folds", "hour_figures", "hour_folds", "model_days"),
            *("flow_holds", "flow_pauses", "log_lines"),
        )
    ),
    privacy="shared.privacy.holdings:ENGINE",
    kept=KEPT,
    figures=("shared.journeys.by_day:of_journeys", "shared.journeys.by_day:of_messages"),
    effects=("shared.alerts:ALERT",),
    clients=(
        "shared.alerts:ADDRESS",
        "shared.vendors.discord:DISCORD",
        "shared.vendors.slack:SLACK",
        "shared.vendors.openai:OPENAI",
        "shared.vendors.teams:TEAMS",
    ),
    events=("account.refused", "talk.moved", "talk.ended", "talk.tagged", "talk.assigned"),
    targets=MappingProxyType(
        {
            "alerts": "shared.alerts:policy",
            "discord": "shared.discord:policy",
            "slack": "shared.slack:policy",
            "teams": "shared.teams:policy",
            "openai": "shared.openai:policy",
        }
    ),
    listeners=MappingProxyType(
        {
            "account.refused": "shared.alerts:alert_refused_account",
            "odoo.changed": "shared.journeys.listeners:signal_odoo_change",
            "message.sending": "shared.journeys.listeners:may_send",
            "message.outcome": "shared.journeys.listeners:record_outcome",
            "message.received": "shared.journeys.listeners:take_reply",
            "approval.decided": "shared.journeys.listeners:take_decision",
            "person.known": "shared.journeys.listeners:apply_what_happened",
            "person.message": "shared.journeys.listeners:signal_person_message",
        }
    ),
    jobs=(
        Job(name="begin-journeys", rhythm=Rhythm.HALF_MINUTE, run="shared.journeys.due_beginnings:begin_due"),
        Job(name="end-waits", rhythm=Rhythm.HALF_MINUTE, run="shared.journeys.talks.waits:end_waits"),
        Job(name="release-held-events", rhythm=Rhythm.HALF_MINUTE, run="shared.intake.releasing:release_due"),
        Job(name="free-expired", rhythm=Rhythm.HALF_MINUTE, run="shared.outbox.dispatch:free_expired"),
        Job(name="requeue-lost", rhythm=Rhythm.FIVE_MINUTES, run="shared.outbox.dispatch:requeue_lost"),
        Job(name="close-journey-steps", rhythm=Rhythm.FIVE_MINUTES, run="shared.journeys.outcomes:close_steps"),
        Job(name="journey-figures", rhythm=Rhythm.FIVE_MINUTES, run="shared.journeys.figures:count_all"),
        Job(name="retention", rhythm=Rhythm.NIGHT, run="shared.retention:remove_old"),
        Job(name="retention-goes-on", rhythm=Rhythm.FIVE_MINUTES, run="shared.retention:go_on"),
    ),
)
bp = func.Blueprint()
# An instance for deliveries that is always ready has them by the time that the first nudge comes.
warming.prepare(*imports("sqlalchemy.orm", "shared.store.models", "shared.outbox.execute", "shared.vendors.registry"))


@bp.queue_trigger("message", queue_name=queues.DELIVERY_QUEUE, connection=CONNECTION, data_type=func.DataType.BINARY)
def deliver(message: func.QueueMessage) -> None:
    """Carry out what is due for the target that the message names, and somebody waits for; bulk is left to its own queue.

    A message too many finds nothing to do.
    """
    from shared.outbox.lanes import Serves

    _carry_out(message, Serves.TRANSACTIONAL)


@bp.queue_trigger("message", queue_name=queues.BULK_DELIVERY_QUEUE, connection=CONNECTION, data_type=func.DataType.BINARY)
def deliver_bulk(message: func.QueueMessage) -> None:
    """Carry out what is due for the target that the message names, as one of many at once; what somebody waits for first."""
    from shared.outbox.lanes import Serves

    _carry_out(message, Serves.BULK)


def _carry_out(message: func.QueueMessage, serves: Serves) -> None:
    from shared.outbox import actions, dispatch
    from shared.outbox.execute import drain
    from shared.vendors import registry

    registry.require_time_limit()
    actions.require_clients()

    try:
        target = str(json.loads(message.get_body())["target"])
    except (ValueError, KeyError, TypeError, RecursionError):  # the last: brackets by the thousand
        log.error("a nudge that names no target was dropped")  # noqa: TRY400  # it carries no event; nothing is lost
        return
    if not dispatch.is_target(target):
        # A forged one, or one of a newer release, whose own instances look for what is due.
        log.warning("a nudge for the unknown target %.60s was dropped", target)
        return
    attempted = drain(target, serves=serves)
    if attempted:
        log.info("%s: %d deliveries attempted", target, attempted)


@bp.queue_trigger("message", queue_name=EVENTS_QUEUE, connection=CONNECTION, data_type=func.DataType.BINARY)
def events_handler(message: func.QueueMessage) -> None:
    """Handle an event of a flow that has no queue of its own, by the event's type."""
    handle_by_type(EVENTS_QUEUE, flows.handlers(), message)


@bp.timer_trigger("timer", schedule="%DISPATCH_SCHEDULE%")
def dispatch_due(timer: func.TimerRequest) -> None:
    """Run the jobs of every half minute, and wake the targets that have something due.

    That is: later due dates, retries, and whatever a crash left without a nudge.
    """
    from shared.outbox.dispatch import dispatch_due as dispatch

    jobs.run(Rhythm.HALF_MINUTE)
    if woken := dispatch():
        log.info("woken: %s", ", ".join(sorted(woken)))
    timers.ran("dispatch_due")


@bp.timer_trigger("timer", schedule="%RETRY_ERRORED_SCHEDULE%")
def retry_errored_syncs(timer: func.TimerRequest) -> None:
    """Run the jobs of every five minutes: lost syncs are requested again, journeys' steps closed."""
    from shared.outbox.dispatch import dispatch_due as dispatch

    if jobs.run(Rhythm.FIVE_MINUTES):
        dispatch()
    timers.ran("retry_errored_syncs")


@bp.timer_trigger("timer", schedule="%COLLECT_POISON_SCHEDULE%")
def collect_poison(timer: func.TimerRequest) -> None:
    """Move what the host gave up on to the dead-letter queue, so that it is seen and can be replayed."""
    from shared.intake import dead_letter_queue

    if moved := dead_letter_queue.collect_poison(flows.queues()):
        log.error("%d poison messages collected", moved)
    timers.ran("collect_poison")


@bp.timer_trigger("timer", schedule="%RETENTION_SCHEDULE%")
def forget_old(timer: func.TimerRequest) -> None:
    """Run the nightly jobs: what is finished and older than the RETENTION settings keep it is removed."""
    jobs.run(Rhythm.NIGHT)
    timers.ran("forget_old")


@bp.queue_trigger("message", queue_name=queues.DEAD_LETTER_QUEUE, connection=CONNECTION, data_type=func.DataType.BINARY)
def store_dead_letter(message: func.QueueMessage) -> None:
    """Keep a dead letter in SQL, where people see it, and let the alert go out."""
    from shared.intake import dead_letter_store

    dead_letter_store.receive(message.get_body())
