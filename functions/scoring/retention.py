"""How long scored leads are kept."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement

from functions.scoring.tables import ScoredLead
from shared.retention_rules import DaysOf, Rule


def _old(before: datetime) -> ColumnElement[bool]:
    return ScoredLead.reported_at < before


RULES: Mapping[str, Rule] = MappingProxyType(
    {"scored leads": Rule(ScoredLead, ScoredLead.created_at, DaysOf("retention_scored_lead_days"), _old)}
)
