"""Loyalty: a shop reports the points of its customers."""

from types import MappingProxyType

from shared.flow import Flow

FLOW = Flow(
    name="loyalty",
    title="Points of a loyalty programme",
    about="The shop reports how many points a customer has. The customer is kept, their card at Stamps follows the points, and "
    "a customer who is new gets a welcome.",
    functions=("functions.loyalty.triggers:bp",),
    handlers=MappingProxyType({"shop.points": "functions.loyalty.triggers:HANDLER"}),
    senders=("shop",),
    tables=("functions.loyalty.tables",),
    privacy="functions.loyalty.privacy:PERSONAL_DATA",
    kept=MappingProxyType({"loyalty_members": "one for each member; erasing a person removes it"}),
    syncs=("functions.loyalty.stamps:CARDS",),
    targets=MappingProxyType({"stamps": "functions.loyalty.stamps:policy"}),
    clients=("functions.loyalty.stamps:STAMPS",),
    settings="functions.loyalty.settings:LoyaltySettings",
    has_journeys=True,
    has_templates=True,
)
