"""What the console shows of leads."""

from functions.leads.tables import Lead
from shared.console.records import Field, Records
from shared.console.words import mark

LEADS = Records(
    name="leads",
    title=mark("Leads of the form"),
    about=mark("People who wrote to us by the website's form."),
    model=Lead,
    name_of=lambda row: row.name,
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("Received"), value=lambda row: row.received_at),
        Field(title=mark("Service"), value=lambda row: row.service),
        Field(title=mark("In Kommo"), value=lambda row: row.kommo_sync_status),
    ),
    words=("name", "email", "company"),
    subject=lambda row: f"lead:{row.id}",
    is_bad=lambda row: row.kommo_sync_status == "error",
)
