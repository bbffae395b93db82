"""What the console shows of bookings."""

from functions.bookings.tables import Booking
from shared.console.records import Field, Records
from shared.console.words import mark

BOOKINGS = Records(
    name="bookings",
    title=mark("Bookings"),
    about=mark("Meetings that people have booked in a calendar, and what became of them."),
    model=Booking,
    name_of=lambda row: row.name or row.email or row.uid,
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("When"), value=lambda row: row.start_at),
        Field(title=mark("Calendar"), value=lambda row: row.calendar),
    ),
    state="status",
    states=("requested", "booked", "cancelled", "no-show", "ended"),
    words=("name", "email", "uid"),
    subject=lambda row: f"lead:{row.lead_ref}" if row.lead_ref else row.email,
)
