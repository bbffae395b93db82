"""Broadcasts: one message, or a conversation, to many people over WhatsApp."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

FLOW = Flow(
    name="broadcasts",
    title="Broadcasts over WhatsApp",
    about="An automation writes to many people: contacts by tag or filter, or an uploaded list. It runs at once or by a "
    "schedule, at an exact rate and within its hours; it can be paused, resumed and cancelled, and what became of each "
    "recipient is kept.",
    functions=(),
    handlers=MappingProxyType({"broadcast.run": "functions.broadcasts.schedule_replays:HANDLER"}),
    routers=(
        "functions.broadcasts.api_uploads:router",  # before `/{id}`, which `uploads` would be taken for
        "functions.broadcasts.api_schedules:router",
        "functions.broadcasts.api_running:router",
        "functions.broadcasts.api_running:executions_router",
        "functions.broadcasts.api:router",
        "functions.broadcasts.api:executions_router",
        "functions.broadcasts.api_forecast:router",
        "functions.broadcasts.api_forecast:executions_router",
        "functions.broadcasts.console_making:router",  # before `/{id}`, which `new` would be taken for
        "functions.broadcasts.console_making:file_router",
        "functions.broadcasts.console_pace:router",
        "functions.broadcasts.console_pages:router",
    ),
    tables=("functions.broadcasts.tables", "functions.broadcasts.running_tables", "functions.broadcasts.forecast_tables"),
    impersonal_tables=frozenset(
        (
            "broadcast_automations",
            "broadcast_schedules",
            "broadcast_schedule_exceptions",
            "broadcast_executions",
            "broadcast_count_deltas",
            "broadcast_counts",
            "broadcast_uploads",
            "broadcast_upload_problems",
            "broadcast_ledgers",
            "broadcast_slots",
            "broadcast_recent_failures",
            "broadcast_forecasts",
            "broadcast_forecast_parts",
        )
    ),
    privacy="functions.broadcasts.privacy:PERSONAL_DATA",
    timeline=("functions.broadcasts.privacy:TIMELINE",),
    retention=("functions.broadcasts.retention:RULES",),
    kept=MappingProxyType(
        {
            "broadcast_automations": "made by a person, one at a time",
            "broadcast_schedules": "made by a person, one at a time",
            "broadcast_schedule_exceptions": "made by a person, one at a time",
            "broadcast_uploads": "made by a person, one at a time",
            "broadcast_executions": "one for each run: what it has sent is known by it when its recipients are gone",
            "broadcast_counts": "one for each run: what it has sent is known by it when its recipients are gone",
            "broadcast_forecasts": "one for each run: what it has sent is known by it when its recipients are gone",
            "broadcast_ledgers": "one for each automation",
            "broadcast_count_deltas": "gone as soon as they are folded",
            "broadcast_forecast_parts": "gone as soon as their forecast is there",
            "broadcast_recent_failures": "kept for a day by the job that reads them",
            "broadcast_slots": "kept for an hour by whoever counts in them",
        }
    ),
    jobs=(
        Job(name="broadcast-schedules", rhythm=Rhythm.MINUTE, run="functions.broadcasts.schedule_runs:run_due"),
        Job(name="broadcast-lists", rhythm=Rhythm.HALF_MINUTE, run="functions.broadcasts.uploads:read_all"),
        Job(name="broadcast-recipients", rhythm=Rhythm.HALF_MINUTE, run="functions.broadcasts.planning:plan_all"),
        Job(name="broadcast-running", rhythm=Rhythm.HALF_MINUTE, run="functions.broadcasts.running:run_all"),
        Job(name="broadcast-forecasts", rhythm=Rhythm.HALF_MINUTE, run="functions.broadcasts.forecast_kept:keep_all"),
        Job(name="broadcast-counts", rhythm=Rhythm.HALF_MINUTE, run="functions.broadcasts.counts:fold"),
    ),
    importers=("functions.broadcasts.importer:IMPORTER",),
    listeners=MappingProxyType(
        {
            "contact.merged": "functions.broadcasts.audience:contact_merged",
            "approval.decided": "functions.broadcasts.approval:decided",
            "message.sending": "functions.broadcasts.running_gate:may_send",
            "message.place": "functions.broadcasts.running_gate:has_place",
            "message.last_look": "functions.broadcasts.running_gate:look_again",
            "message.outcome": "functions.broadcasts.running_outcomes:note_outcome",
            "message.received": "functions.broadcasts.running_outcomes:note_reply",
            "talk.moved": "functions.broadcasts.running_outcomes:talk_moved",
            "talk.ended": "functions.broadcasts.running_outcomes:talk_ended",
        }
    ),
    has_pages=True,
    console=("functions.broadcasts.console:ENTRY",),
    records=(
        "functions.broadcasts.console:AUTOMATIONS",
        "functions.broadcasts.console:EXECUTIONS",
        "functions.broadcasts.console:RECIPIENTS",
    ),
    plans=MappingProxyType({"broadcast": "functions.broadcasts.start_plan:STARTS"}),
    settings="functions.broadcasts.settings:BroadcastSettings",
    has_journeys=True,
    has_templates=True,
)
