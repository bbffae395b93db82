"""Meetings: a time is found that suits all, booked in the calendar, and told to everybody."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

OLD_ID = "meeting_scheduler_automatic"
"""The id of the flow that this one replaces: by it a meeting is asked for by hand, and at the old address."""

FLOW = Flow(
    name="meetings",
    title="Meeting scheduler",
    about="Somebody asks for a meeting. Calendars of Google Workspace or Microsoft 365 are read, an hour in which all work "
    "and are free is booked, or several are offered for those invited to choose on a page. Everybody is told and reminded; "
    "meetings are moved and cancelled by link, over the API, and in the calendar itself.",
    functions=("functions.meetings.triggers:bp",),
    requires=("system",),  # whose client, that of Slack, carries out its notice
    handlers=MappingProxyType(
        {"meetings.google": "functions.meetings.triggers:HANDLER", "meetings.outlook": "functions.meetings.triggers:HANDLER"}
    ),
    by_hand="functions.meetings.triggers:BY_HAND",
    secret_inputs=frozenset(("calendar_api_url", "email_api_url", "slack_webhook_url", "database_url")),
    routers=("functions.meetings.api:asks", "functions.meetings.api:router"),
    tables=("functions.meetings.tables",),
    privacy="functions.meetings.privacy:PERSONAL_DATA",
    timeline=("functions.meetings.privacy:TIMELINE",),
    retention=("functions.meetings.retention:RULES",),
    syncs=(
        "functions.meetings.syncs:AVAILABILITY",
        "functions.meetings.syncs:EVENT",
        "functions.meetings.syncs:CHANNEL",
        "functions.meetings.syncs:CHANGES",
    ),
    effects=("functions.meetings.syncs:IN_SLACK",),
    targets=MappingProxyType({"meeting-calendar": "functions.meetings.calendars:policy"}),
    clients=("functions.meetings.calendars:GOOGLE", "functions.meetings.calendars:OUTLOOK"),
    listeners=MappingProxyType(
        {
            "message.sending": "functions.meetings.listeners:may_send",
            "message.last_look": "functions.meetings.listeners:look_again",
            "message.variables": "functions.meetings.listeners:fill",
            "message.attachments": "functions.meetings.listeners:attach",
        }
    ),
    stand_ins=("sandbox.google:Google", "sandbox.microsoft:Microsoft", "sandbox.slack:Slack"),
    has_pages=True,
    records=("functions.meetings.console:MEETINGS",),
    settings="functions.meetings.settings:MeetingSettings",
    senders=("meetings",),
    has_templates=True,
    jobs=(Job(name="give-up-waiting", rhythm=Rhythm.FIVE_MINUTES, run="functions.meetings.waiting:give_up_waiting"),),
)
