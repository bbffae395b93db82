"""The campaign: sign-up, assessment, no-show, "maybe" after the call, onboarding; each begins its sequence of mails."""

from types import MappingProxyType

from shared.flow import Flow, IdentityKind

FLOW = Flow(
    name="christmas",
    title="The campaign's sequences of mails",
    about='Sign-up, assessment, no-show, "maybe" after the call and onboarding each begin a sequence of mails. Contacts and '
    "mails are kept in step with Notion, and critical assessments are reported in Discord.",
    functions=("functions.christmas.triggers:bp",),
    requires=("leads", "bookings"),  # Calendly's meetings are bookings, and a person's names in journeys are those of leads
    handlers=MappingProxyType(
        {
            "christmas.signup": "functions.christmas.triggers:SIGNUP",
            "christmas.assessment": "functions.christmas.triggers:ASSESSMENT",
            "christmas.noshow": "functions.christmas.triggers:NO_SHOW",
            "christmas.postcall": "functions.christmas.triggers:POST_CALL",
            "christmas.onboarding": "functions.christmas.triggers:ONBOARDING",
            "calendly.invitee": "functions.christmas.triggers:MEETING",
        }
    ),
    by_hand="functions.christmas.triggers:WEBHOOKS",
    secret_inputs=frozenset(("discord_webhook_url",)),
    moved_queues=MappingProxyType({"sequences-queue": "christmas_handler"}),
    routers=("functions.christmas.api:router",),
    tables=("functions.christmas.tables",),
    privacy="functions.christmas.privacy:PERSONAL_DATA",
    kept=MappingProxyType(
        {
            "sequence_contacts": "one for each person of the campaign; erasing them removes it",
            "sequences": "each begins once for all time, by its key",
        }
    ),
    syncs=("functions.christmas.notion_sync:CONTACTS", "functions.christmas.notion_sync:SEQUENCES"),
    effects=("functions.christmas.hot_leads:ALERTS",),
    targets=MappingProxyType({"notion": "functions.christmas.notion_sync:policy"}),
    listeners=MappingProxyType(
        {
            "booking.received": "functions.christmas.listeners:lock_contact",
            "booking.stored": "functions.christmas.listeners:follow_meeting",
            "message.outcome": "functions.christmas.listeners:update_sequence",
            "payment.received": "functions.christmas.listeners:begin_onboarding",
            "message.variables": "functions.christmas.listeners:campaign_variables",
            "person.message": "functions.christmas.listeners:update_unsubscribed",
        }
    ),
    optional_events=frozenset(("payment.received",)),  # without the payments, the website alone reports who is a customer
    clients=("shared.vendors.notion:NOTION",),
    settings="functions.christmas.settings:CampaignSettings",
    has_journeys=True,
    has_templates=True,
    has_pages=True,
    stand_ins=("sandbox.notion:Notion", "sandbox.discord:Discord", "sandbox.calendly:Calendly"),
    identities=(IdentityKind(name="campaign", title="Number of a contact of the campaign"),),
    people=("functions.christmas.people:CONTACTS",),
    importers=("functions.christmas.importer:IMPORTER",),
)
