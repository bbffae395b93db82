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
FAULTS = (
    mark("a list of 1 to %(most)s ids or names of tags"),
    mark("there is no such list"),
    mark("a list of 1 to %(most)s ids of contacts; upload a list for more"),
    mark("must be a number or a UUID"),
    mark("a list of 1 to %(most)s numbers; upload a file for more"),
    mark("none of them is a phone number"),
    mark("at most %(most)s"),
    mark("a window has both ends, or none"),
    mark("1 to %(most)s filters"),
    mark("there is no such flow; GET /api/v1/chatbots lists them"),
    mark("there is no such number; GET /api/v1/whatsapp-numbers lists them"),
    mark("at most %(most)s variables"),
    mark("a name has letters, digits and underscores"),
    mark("must be a text, a number or true or false"),
    mark("at most %(most)s characters"),
    mark("braces that do not close"),
    mark("%(path)s is not known; known are %(known)s"),
    mark("from %(least)s to %(most)s percent"),
    mark("names no variable, so it is no other text"),
)
"""What the API says of the fields of a broadcast, in the words of `FieldError.of`, for the catalogues."""
