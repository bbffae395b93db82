"""How long HubSpot's events are kept."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, and_

from functions.hubspot.tables import PENDING, HubSpotMessage, HubSpotTurn
from shared.retention_rules import DaysOf, Rule

TURN_DAYS = 400
"""A turn counts for a year at most (HUBSPOT_MESSAGE_HOURS)."""


def _old_message(before: datetime) -> ColumnElement[bool]:
    return and_(HubSpotMessage.updated_at < before, HubSpotMessage.status != PENDING)


def _old_turn(before: datetime) -> ColumnElement[bool]:
    return HubSpotTurn.updated_at < before


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "events of HubSpot": Rule(
            HubSpotMessage, HubSpotMessage.created_at, DaysOf("retention_hubspot_message_days"), _old_message
        ),
        "turns of HubSpot's contacts": Rule(HubSpotTurn, HubSpotTurn.created_at, lambda _settings: TURN_DAYS, _old_turn),
    }
)
