"""What the console shows of meetings."""

from functions.meetings.tables import Meeting
from shared.console.records import Field, Records
from shared.console.words import mark

MEETINGS = Records(
    name="meetings",
    title=mark("Meetings"),
    about=mark("Meetings for which a time was looked for, and what became of them."),
    model=Meeting,
    name_of=lambda row: row.subject,
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("Begins"), value=lambda row: row.starts_at),
        Field(title=mark("Calendar"), value=lambda row: row.calendar),
        Field(title=mark("Reason"), value=lambda row: row.reason),
    ),
    state="status",
    states=("searching", "offered", "confirmed", "cancelled", "failed"),
    words=("subject",),
    subject=lambda row: f"meeting:{row.id}",
)
