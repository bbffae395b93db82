"""Scoring: ManyChat reports a lead, who is scored, kept, and brought to HubSpot."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

FLOW = Flow(
    name="scoring",
    title="Scored leads for HubSpot",
    about="ManyChat reports a lead with what they did. The lead gets a score and a priority, is kept, and becomes a contact in "
    "HubSpot: found by e-mail address, else by phone number. A lead of high priority moves on in HubSpot's life cycle.",
    functions=("functions.scoring.triggers:bp",),
    requires=("hubspot",),  # the client of HubSpot
    handlers=MappingProxyType({"manychat.lead": "functions.scoring.triggers:HANDLER"}),
    by_hand="functions.scoring.triggers:BY_HAND",
    secret_inputs=frozenset(("hubspot_token", "jdbc_url", "jdbc_user")),
    routers=("functions.scoring.api:router",),
    tables=("functions.scoring.tables",),
    privacy="functions.scoring.privacy:PERSONAL_DATA",
    timeline=("functions.scoring.privacy:TIMELINE",),
    retention=("functions.scoring.retention:RULES",),
    syncs=("functions.scoring.contacts:LEADS",),
    listeners=MappingProxyType({"hubspot.merged": "functions.scoring.listeners:follow_merge"}),
    comparisons=MappingProxyType({"hubspot-leads": "functions.scoring.compare:with_hubspot"}),
    jobs=(Job(name="compare-scored-leads", rhythm=Rhythm.NIGHT, run="functions.scoring.compare:ask_nightly"),),
    settings="functions.scoring.settings:ScoringSettings",
    has_pages=True,
    senders=("manychat",),
    people=("functions.scoring.persons:LEADS",),
)
