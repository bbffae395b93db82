"""HubSpot: the client of its API, which other flows use too."""

from types import MappingProxyType

from shared.flow import Flow

FLOW = Flow(
    name="hubspot",
    title="HubSpot",
    about="The client of HubSpot's API, which the flows that write contacts there share.",
    functions=(),
    targets=MappingProxyType({"hubspot": "functions.hubspot.client:policy"}),
    clients=("functions.hubspot.client:HUBSPOT",),
    settings="functions.hubspot.settings:HubSpotSettings",
    stand_ins=("sandbox.hubspot:HubSpot",),
)
