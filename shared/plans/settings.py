"""The settings of plans."""

from pydantic import Field

from shared.setting_groups import SettingsGroup
from shared.setting_types import Kept


class PlanSettings(SettingsGroup):
    """When a plan needs a second person, and how long plans are kept."""

    plan_approval_above: int = Field(
        default=1000,
        ge=1,
        description="A plan (a replay, a backfill, an import) that changes more records than this waits for a second "
        "person's approval.",
    )
    retention_plan_days: Kept = Field(
        default=90, description="Days after which a plan that is over is removed with its parts; 0 keeps it for ever."
    )
