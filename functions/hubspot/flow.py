"""HubSpot: its contacts' interest in a product leads to a message in ManyChat, and their state of interest is written there."""

from types import MappingProxyType

from shared.flow import Flow, IdentityKind, Job, Rhythm

FLOW = Flow(
    name="hubspot",
    title="HubSpot's contacts, and messages to them",
    about="HubSpot tells of new and changed contacts. Who is interested in a product gets a message in ManyChat, once in a day "
    "for a product; what became of each event is kept. The state of interest of a contact is written to HubSpot while the "
    "caller waits. Other flows write contacts by its client.",
    functions=("functions.hubspot.triggers:bp",),
    handlers=MappingProxyType({"hubspot.events": "functions.hubspot.triggers:HANDLER"}),
    by_hand="functions.hubspot.triggers:BY_HAND",
    secret_inputs=frozenset(("hubspot_token", "manychat_api_key", "hubspot_webhook_secret")),
    routers=("functions.hubspot.api:router", "functions.hubspot.api:interests"),
    tables=("functions.hubspot.tables",),
    privacy="functions.hubspot.privacy:PERSONAL_DATA",
    timeline=("functions.hubspot.privacy:TIMELINE",),
    retention=("functions.hubspot.retention:RULES",),
    kept=MappingProxyType(
        {
            "hubspot_merges": "an event by the old number may come at any time",
            "hubspot_interests": "one for each contact; erasing them removes it",
        }
    ),
    syncs=("functions.hubspot.fetching:FETCHES", "functions.hubspot.interest:INTEREST"),
    targets=MappingProxyType({"hubspot": "functions.hubspot.client:policy"}),
    clients=("functions.hubspot.client:HUBSPOT",),
    events=("hubspot.merged",),
    listeners=MappingProxyType({"message.outcome": "functions.hubspot.deciding:note_outcome"}),
    comparisons=MappingProxyType({"hubspot": "functions.hubspot.compare:with_hubspot"}),
    jobs=(Job(name="compare-hubspot", rhythm=Rhythm.NIGHT, run="functions.hubspot.compare:ask_nightly"),),
    settings="functions.hubspot.settings:HubSpotSettings",
    has_templates=True,
    has_pages=True,
    senders=("hubspot",),
    kept_keys=frozenset(("hubspot.events",)),
    stand_ins=("sandbox.hubspot:HubSpot",),
    identities=(IdentityKind(name="hubspot", title="Contact in HubSpot"),),
    people=("functions.hubspot.persons:MESSAGES",),
)
