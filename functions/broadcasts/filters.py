"""The filters of a segment: `{"filters": {"channel": {"eq": "WhatsApp"}, "attributes.age": {"gte": 18}}}`.

All conditions must hold. What stands in columns is asked of the database; attributes, which are JSON, are looked at row by row
in the same pass, so that memory stays bounded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select

from shared import clock
from shared.crm import contact_profiles
from shared.crm.people import channel_key
from shared.crm.stages import stage_key
from shared.errors import FieldError, RefusedError
from shared.store.contact_models import ContactProfile, ContactTag
from shared.store.models import Campaign, CampaignContact, Channel, Contact, Opportunity, StageMapping
from shared.store.search import pattern

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {"eq": eq, "ne": ne, "gt": gt, "gte": ge, "lt": lt, "lte": le}
OPERATORS = (*COMPARISONS, "contains", "in")
TEXTS = {
    "name": None,
    "first_name": Contact.first_name,
    "last_name": Contact.last_name,
    "email": Contact.email,
    "phone": Contact.phone,
    "phone_number": Contact.phone,
    "state": Contact.last_state,
    "initial_state": Contact.initial_state,
}
MOMENTS = {
    "last_activity": Contact.last_event_at,
    "subscribed_at": Contact.subscribed_at,
    "created_at": Contact.created_at,
}
FLAGS = ("opt_in", "is_blocked")
SETS = ("channel", "stage", "campaign", "tags")
MOST, MOST_VALUES = 30, 500


@dataclass(frozen=True)
class Condition:
    """One condition on one attribute."""

    name: str
    operator: str
    wanted: Any

    def holds(self, attributes: Mapping[str, Any]) -> bool:
        """Whether it does; what is not known is equal to nothing and differs from everything."""
        value = attributes.get(self.name)
        if self.operator == "in":
            return any(_same(value, each) for each in self.wanted)
        if self.operator in ("eq", "ne"):
            return _same(value, self.wanted) is (self.operator == "eq")
        if value is None:
            return False
        if self.operator == "contains":
            return str(self.wanted).casefold() in str(value).casefold()
        return _compared(self.operator, value, self.wanted)


@dataclass(frozen=True)
class Segment:
    """What the filters mean: conditions for the database, and those on attributes."""

    clauses: tuple[ColumnElement[bool], ...] = ()
    conditions: tuple[Condition, ...] = field(default_factory=tuple)

    def narrowed(self, query: Select[Any]) -> Select[Any]:
        """`query` over contacts, narrowed down."""
        return query.where(*self.clauses)

    def holds(self, attributes: Mapping[str, Any]) -> bool:
        """Whether somebody with these attributes belongs to it."""
        return all(condition.holds(attributes) for condition in self.conditions)


def segment(filters: Mapping[str, Any]) -> Segment:
    """What the filters mean.

    Raises:
        RefusedError: 422 that names each field, operator or value that cannot be meant.
    """
    faults: list[FieldError] = []
    clauses: list[ColumnElement[bool]] = []
    conditions: list[Condition] = []
    if not filters or len(filters) > MOST:
        faults.append(FieldError.of("audience_config.filters", "1 to %(most)s filters", most=MOST))
    for name, asked in filters.items():
        where = f"audience_config.filters.{name}"[:100]
        if not isinstance(asked, Mapping) or not asked:
            faults.append(FieldError(where, 'must be an object of operators, such as {"eq": "WhatsApp"}'))
            continue
        for operator, wanted in asked.items():
            try:
                _check_wanted(operator, wanted)
                if name.startswith("attributes.") and len(name) > len("attributes."):
                    conditions.append(Condition(name.partition(".")[2], operator, wanted))
                else:
                    clauses.append(_clause(name, operator, wanted))
            except ValueError as error:
                faults.append(FieldError(where, str(error)))
    if faults:
        raise RefusedError(422, "invalid-fields", "The filters are not as they must be.", errors=faults)
    return Segment(tuple(clauses), tuple(conditions))


def _check_wanted(operator: str, wanted: Any) -> None:
    if operator not in OPERATORS:
        raise ValueError(f"there is no operator {operator[:20]!r}; there are {', '.join(OPERATORS)}")
    if operator == "in":
        if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not 0 < len(wanted) <= MOST_VALUES:
            raise ValueError(f"in takes a list of 1 to {MOST_VALUES} values")
        values = list(wanted)
    else:
        values = [wanted]
    if any(isinstance(value, list | dict) for value in values) or (operator not in ("eq", "ne") and None in values):
        raise ValueError(f"{operator} takes a text, a number or true or false")


def _clause(name: str, operator: str, wanted: Any) -> ColumnElement[bool]:
    if name in TEXTS:
        return _text(name, operator, wanted)
    if name in MOMENTS:
        return _moment(MOMENTS[name], operator, wanted)
    if name in FLAGS:
        return _flag(name, operator, wanted)
    if name in SETS:
        return _member(name, operator, wanted)
    known = ", ".join(sorted((*TEXTS, *MOMENTS, *FLAGS, *SETS, "attributes.<name>")))
    raise ValueError(f"is not known; known are {known}")


def _text(name: str, operator: str, wanted: Any) -> ColumnElement[bool]:
    """Texts are compared without case, as people mean them."""
    column: Any = _whole_name() if name == "name" else TEXTS[name]
    if wanted is None:
        return column.is_(None) if operator == "eq" else column.is_not(None)  # type: ignore[no-any-return]
    lower = func.lower(column)
    if operator == "in":
        return lower.in_([str(value).lower() for value in wanted])
    if operator == "contains":
        return lower.like(pattern(str(wanted).lower()), escape="\\")
    compared = COMPARISONS[operator](lower, str(wanted).lower())
    return or_(compared, column.is_(None)) if operator == "ne" else compared


def _whole_name() -> Any:
    return func.ltrim(func.coalesce(Contact.first_name, "") + " " + func.coalesce(Contact.last_name, ""))


def _moment(column: Any, operator: str, wanted: Any) -> ColumnElement[bool]:
    if operator in ("contains", "in"):
        raise ValueError(f"{operator} does not go with a time")
    if wanted is None:
        return column.is_(None) if operator == "eq" else column.is_not(None)  # type: ignore[no-any-return]
    compared = COMPARISONS[operator](column, _read_moment(wanted))
    return or_(compared, column.is_(None)) if operator == "ne" else compared


def _read_moment(wanted: Any) -> datetime:
    try:
        return clock.as_utc(datetime.fromisoformat(str(wanted)))
    except (ValueError, OverflowError):
        raise ValueError("must be a date or time in ISO 8601") from None


def _flag(name: str, operator: str, wanted: Any) -> ColumnElement[bool]:
    if operator not in ("eq", "ne") or not isinstance(wanted, bool):
        raise ValueError("takes eq or ne, and true or false")
    column = getattr(ContactProfile, name)
    is_so: ColumnElement[bool] = exists().where(ContactProfile.contact_id == Contact.id, column)
    if name == "opt_in":  # where nobody has said, a subscription in ManyChat is a yes
        unsaid = ~exists().where(ContactProfile.contact_id == Contact.id, column.is_not(None))
        is_so = or_(is_so, and_(unsaid, Contact.subscribed_at.is_not(None)))
    return is_so if (operator == "eq") == wanted else not_(is_so)


def _member(name: str, operator: str, wanted: Any) -> ColumnElement[bool]:
    """Whether somebody is in one of the named channels, stages, campaigns or tags."""
    if operator not in ("eq", "ne", "in", "contains"):
        raise ValueError(f"{operator} does not go with {name}")
    values = list(wanted) if operator == "in" else [wanted]
    if any(value is None or isinstance(value, bool) for value in values):
        raise ValueError("takes a name or an id")
    found = _MEMBERS[name](values)
    return not_(found) if operator == "ne" else found


def _in_channel(values: Sequence[Any]) -> ColumnElement[bool]:
    keys = [channel_key(str(value)) for value in values]
    matching = select(Channel.id).where(or_(Channel.key.in_(keys), Channel.id.in_(_numbers(values))))
    return and_(Contact.channel_id.is_not(None), Contact.channel_id.in_(matching))


def _in_stage(values: Sequence[Any]) -> ColumnElement[bool]:
    texts = [str(value) for value in values]
    named = select(StageMapping.odoo_stage_id).where(
        or_(StageMapping.manychat_key.in_([stage_key(text) for text in texts]), StageMapping.odoo_name.in_(texts))
    )
    is_there = or_(Opportunity.stage_id.in_(named), Opportunity.stage_id.in_(_numbers(values)))
    return exists().where(Opportunity.contact_id == Contact.id, is_there)


def _in_campaign(values: Sequence[Any]) -> ColumnElement[bool]:
    named = select(Campaign.id).where(Campaign.name.in_([str(value) for value in values]))
    is_there = or_(CampaignContact.campaign_id.in_(named), CampaignContact.campaign_id.in_(_numbers(values)))
    return exists().where(CampaignContact.contact_id == Contact.id, is_there)


def has_tag(values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a contact has one of these tags, each a name or an id."""
    ids = {str(value).strip().lower() for value in values} | {contact_profiles.tag_id(str(value)) for value in values}
    return exists().where(ContactTag.contact_id == Contact.id, ContactTag.tag_id.in_(sorted(ids)))


_MEMBERS: Mapping[str, Callable[[Sequence[Any]], ColumnElement[bool]]] = {
    "channel": _in_channel,
    "stage": _in_stage,
    "campaign": _in_campaign,
    "tags": has_tag,
}


def _numbers(values: Sequence[Any]) -> list[int]:
    found = [int(value) for value in values if isinstance(value, int) or str(value).strip().isdecimal()]
    return [number for number in found if number < 2**31]


def _same(value: Any, wanted: Any) -> bool:
    if value is None or wanted is None:
        return value is None and wanted is None
    if isinstance(value, str) and isinstance(wanted, str):
        return value.casefold() == wanted.casefold()
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    left, right = _number(value), _number(wanted)
    return left == right if left is not None and right is not None else str(value) == str(wanted)


def _compared(operator: str, value: Any, wanted: Any) -> bool:
    for read in (_number, _when, str):
        left, right = read(value), read(wanted)
        if left is not None and right is not None:
            return bool(COMPARISONS[operator](left, right))
    return False


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _when(value: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


__all__ = ["Condition", "Segment", "has_tag", "segment"]
