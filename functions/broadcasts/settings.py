"""The settings of broadcasts."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from shared.setting_groups import SettingsGroup
from shared.setting_types import Currency, Kept

Price = Annotated[Decimal, Field(ge=0, max_digits=12)]
Category = Literal["marketing", "utility", "authentication", "service"]
WeekStart = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


class BroadcastSettings(SettingsGroup):
    """How fast broadcasts may be sent, which of them a second person approves, and what messages cost."""

    broadcast_max_rate_per_hour: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Most people to whom an automation writes in any hour, whatever it asks for.",
    )
    broadcast_approval_above: int = Field(
        default=1000,
        ge=0,
        description="A start that would write to more people than this waits for a second person's approval.",
    )
    broadcast_approval_cost: Price | None = Field(
        default=None,
        description="A start that would cost more than this, in BROADCAST_CURRENCY, waits for approval as well; not set: none.",
    )
    broadcast_currency: Currency = Field(default="USD", description="Currency of BROADCAST_PRICES and BROADCAST_APPROVAL_COST.")
    broadcast_prices: dict[Category, dict[str, Price]] = Field(
        default_factory=dict,
        description="JSON object: what a message costs, by the template's category and by country (ISO 3166, two letters; `*`: "
        'every other), `{"marketing": {"MX": "0.0305", "*": "0.06"}}`. What is not named costs nothing in a forecast, which '
        "says so.",
    )
    broadcast_pause_share: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="An automation is paused when more than this share of its messages of a quarter of an hour has failed.",
    )
    broadcast_pause_failures: int = Field(
        default=20, ge=1, description="So many messages must have failed in that time at least; fewer pause nothing."
    )
    broadcast_week_start: WeekStart = Field(
        default="MON", description="Day on which weeks begin, from which a weekly schedule's interval is counted."
    )
    retention_broadcast_days: Kept = Field(
        default=0,
        description="Days after which the recipients of an execution that is over, and uploaded lists, are removed; its counts "
        "stay. 0 keeps them for ever.",
    )
