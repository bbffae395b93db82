"""Bookings: somebody books a meeting, moves it, cancels it, misses it; or it takes place."""

from types import MappingProxyType

from shared.flow import Flow, IdentityKind, Job, Rhythm

FLOW = Flow(
    name="bookings",
    title="Meetings booked in a calendar",
    about="Somebody books a meeting in Cal.com or Calendly, moves it, cancels it, misses it, or it takes place. The "
    "booking is kept, the lead's status and Kommo follow it, and confirmation, reminder and survey go out.",
    functions=("functions.bookings.triggers:bp",),
    requires=("leads",),  # a booking belongs to a lead: it changes the lead's status and adds notes about it
    queues=("calcom-booking-queue",),
    routers=("functions.bookings.api:router",),
    tables=("functions.bookings.tables",),
    privacy="functions.bookings.privacy:PERSONAL_DATA",
    kept=MappingProxyType(
        {
            "bookings": "a person's meetings; erasing them removes these",
            "booking_uids": "as long as its booking: an event that comes late finds it by this",
        }
    ),
    events=("booking.received", "booking.stored"),
    listeners=MappingProxyType(
        {
            "lead.log": "functions.bookings.listeners:add_to_lead_log",
            "message.variables": "functions.bookings.listeners:fill_links",
            "lead.stored": "functions.bookings.listeners:adopt_waiting_bookings",
        }
    ),
    clients=("functions.bookings.calendly_api:CALENDLY_API", "functions.bookings.calcom_api:CALCOM_API"),
    jobs=(
        Job(name="calendly-subscription", rhythm=Rhythm.FIVE_MINUTES, run="functions.bookings.watch:watch_subscription"),
        Job(name="compare", rhythm=Rhythm.NIGHT, run="functions.bookings.compare:ask_nightly"),
    ),
    comparisons=MappingProxyType(
        {"calcom": "functions.bookings.compare:with_calcom", "calendly": "functions.bookings.compare:with_calendly"}
    ),
    has_pages=True,
    records=("functions.bookings.console:BOOKINGS",),
    figures=("functions.bookings.figures:of_bookings",),
    settings="functions.bookings.settings:BookingSettings",
    has_journeys=True,
    has_templates=True,
    senders=("calcom", "calendly"),
    kept_keys=frozenset(("calcom.booking",)),
    stand_ins=("sandbox.calcom:Calcom", "sandbox.calendly:Calendly"),
    identities=(IdentityKind(name="booking", title="Booking"),),
    people=("functions.bookings.people:BOOKINGS",),
)
