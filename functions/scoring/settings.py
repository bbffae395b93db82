"""The settings of scoring."""

from typing import Annotated, Literal

from pydantic import Field

from shared.setting_groups import SettingsGroup
from shared.setting_types import Kept

Points = Annotated[int, Field(ge=-1000, le=1000)]
Point = Literal[
    "base",
    "email",
    "phone",
    "name",
    "click",
    "click_most",
    "reply",
    "reply_most",
    "open",
    "open_most",
    "hot_tag",
    "utm",
]
POINTS: dict[Point, int] = {
    "base": 20,
    "email": 10,
    "phone": 5,
    "name": 3,
    "click": 2,
    "click_most": 10,
    "reply": 3,
    "reply_most": 15,
    "open": 1,
    "open_most": 5,
    "hot_tag": 5,
    "utm": 2,
}


class ScoringSettings(SettingsGroup):
    """What a lead's score is made of."""

    scoring_points: dict[Point, Points] = Field(
        default_factory=dict,
        description="JSON object over the default points: what each fact of a lead is worth, and the most for clicks, replies "
        'and opens, {"click": 4, "click_most": 20} ([hubspot.md](hubspot.md#the-score)).',
    )
    scoring_priorities: dict[Literal["high", "medium"], Points] = Field(
        default={"high": 50, "medium": 35},
        description="JSON object: the least score of a high and of a medium priority; below it is low.",
    )
    retention_scored_lead_days: Kept = Field(
        default=0, description="Days after the last report of a scored lead at which it is removed; 0 keeps it for ever."
    )

    def faults(self) -> list[str]:
        """Both priorities must have a score, the higher one the higher."""
        found = self.scoring_priorities
        if set(found) == {"high", "medium"} and found["high"] >= found["medium"]:
            return []
        return ["SCORING_PRIORITIES: must give `high` and `medium`, and `high` not below `medium`"]

    @property
    def points(self) -> dict[Point, int]:
        """What each fact is worth."""
        return POINTS | self.scoring_points
