"""What the console shows of broadcasts: automations, their executions and their recipients."""

from functions.broadcasts.states import AutomationStatus, ExecutionStatus, RecipientStatus
from functions.broadcasts.tables import Automation, Execution, Recipient
from shared.console.navigation import Entry
from shared.console.records import Field, Records
from shared.console.words import mark

ENTRY = Entry(
    name="broadcasts",
    title=mark("Broadcasts"),
    path="/console/broadcasts",
    group="going-out",
    icon="cast",
    place=2,
)
AUTOMATIONS = Records(
    name="broadcasts",
    title=mark("Broadcasts"),
    about=mark("Messages to many, or flows that talk with many: to whom, when, and how fast."),
    model=Automation,
    name_of=lambda row: row.name,
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("To whom"), value=lambda row: row.audience_type),
        Field(title=mark("At most an hour"), value=lambda row: row.rate_limit_per_hour),
        Field(title=mark("Next"), value=lambda row: row.next_scheduled_at),
    ),
    state="status",
    states=tuple(AutomationStatus),
    words=("name",),
)
EXECUTIONS = Records(
    name="broadcast-executions",
    title=mark("Runs of broadcasts"),
    about=mark("Each time that a broadcast went out, or is going out."),
    model=Execution,
    name_of=lambda row: row.uuid,
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("Recipients"), value=lambda row: row.total_recipients),
        Field(title=mark("Begun"), value=lambda row: row.started_at),
        Field(title=mark("Ended"), value=lambda row: row.completed_at),
    ),
    state="status",
    states=tuple(ExecutionStatus),
    is_bad=lambda row: row.status == ExecutionStatus.FAILED,
)
RECIPIENTS = Records(
    name="broadcast-recipients",
    title=mark("Recipients of broadcasts"),
    about=mark("Everybody to whom a broadcast goes, and why somebody was left out."),
    model=Recipient,
    name_of=lambda row: f"#{row.id}",
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("Reason"), value=lambda row: row.reason),
        Field(title=mark("Sent"), value=lambda row: row.sent_at),
    ),
    state="status",
    states=tuple(RecipientStatus),
)
