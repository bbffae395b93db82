"""What plans hold of people: whom each part is about, and what is said of it. How long plans are kept."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, select

from shared.plans import states
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person
from shared.retention_rules import DaysOf, Rule
from shared.store.plan_models import Plan, PlanPart

_DAYS = DaysOf("retention_plan_days")


def _without(person: Person) -> dict[str, Any]:
    return {"subject": person.pseudonym, "detail": None, "caused": None}


PERSONAL_DATA = PersonalData(holdings=(Holding(PlanPart, lambda person: PlanPart.subject.in_(person.subjects), _without),))


def _is_old(before: datetime) -> ColumnElement[bool]:
    return Plan.state.not_in(states.AT_WORK) & (Plan.state != states.WAITING) & (Plan.updated_at < before)


def _part(before: datetime) -> ColumnElement[bool]:
    return PlanPart.plan_id.in_(select(Plan.id).where(_is_old(before)))


def _plan(before: datetime) -> ColumnElement[bool]:
    return _is_old(before) & ~select(PlanPart.id).where(PlanPart.plan_id == Plan.id).exists()


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "parts of plans": Rule(PlanPart, PlanPart.created_at, _DAYS, _part),
        "plans": Rule(Plan, Plan.created_at, _DAYS, _plan),
    }
)
