"""The places of functions/hubspot that lock rows, and how somebody comes by them."""

from functions.hubspot import deciding, interest, merges
from functions.hubspot.tables import HubSpotInterest, HubSpotMessage, HubSpotTurn
from shared.store.types import key_of
from tests.lab.rows import Wait, filled, one

WAITS = {
    "functions.hubspot.deciding:_give_turn_back": Wait(
        HubSpotTurn,
        one(HubSpotTurn, message_id=1),
        lambda session: deciding._give_turn_back(session, filled(HubSpotMessage, id=1)),
    ),
    "functions.hubspot.deciding:settle_fetched": Wait(
        HubSpotMessage,
        one(HubSpotMessage),
        lambda session: deciding.settle_fetched(session, "hubspot-message:1"),
    ),
    "functions.hubspot.interest:_locked": Wait(
        HubSpotInterest,
        one(HubSpotInterest, contact_id="51"),
        lambda session: interest._locked(session, "51"),
    ),
    "functions.hubspot.merges:locked_turn": Wait(
        HubSpotTurn,
        one(HubSpotTurn, key=key_of("51", "p"), contact_id="51", product_key="p"),
        lambda session: merges.locked_turn(session, "51", "p"),
    ),
}
