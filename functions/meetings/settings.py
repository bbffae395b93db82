"""The settings of meetings."""

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shared.environment import NoDecode
from shared.setting_dates import Hours, TimeZone, Weekdays
from shared.setting_groups import SettingsGroup
from shared.setting_types import Kept, Secrets, parts

LONGEST_LEAD_MINUTES = 14 * 24 * 60


def _minutes(value: Any) -> Any:
    return tuple(int(part) if part.isdigit() else part for part in parts(value)) if isinstance(value, str) else value


def _ordered(value: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(value), reverse=True))


Minute = Annotated[int, Field(ge=1, le=LONGEST_LEAD_MINUTES)]
Minutes = Annotated[tuple[Minute, ...], NoDecode, BeforeValidator(_minutes), AfterValidator(_ordered)]
"""Numbers of minutes, separated by commas; held from the largest to the smallest."""


class MeetingSettings(SettingsGroup):
    """When meetings may be, whose calendars are asked, and when people are reminded."""

    meetings_calendar: Literal["none", "google", "outlook"] = Field(
        default="none",
        description="Whose calendars are read and written: `google` (Google Workspace), `outlook` (Microsoft 365), or `none`: "
        "every hour counts as unknown, a person chooses, and the invitation is ours.",
    )
    meetings_time_zone: TimeZone | None = Field(
        default=None, description="Zone of a request that names none; else DEFAULT_TIME_ZONE."
    )
    meetings_hours: Hours = Field(
        default="09:00-18:00", description="Business hours, on the clock of each person who takes part."
    )
    meetings_days: Weekdays = Field(default=("mon", "tue", "wed", "thu", "fri"), description="Days on which meetings may be.")
    meetings_days_ahead: int = Field(default=14, ge=1, le=60, description="So many days from tomorrow on are looked at.")
    meetings_step_minutes: int = Field(
        default=30, ge=5, le=240, description="Where calendars can be read, a meeting may begin every so many minutes."
    )
    meetings_buffer_minutes: int = Field(
        default=0, ge=0, le=120, description="Minutes that are kept free before and after a meeting; 0: none."
    )
    meetings_notice_minutes: int = Field(
        default=60, ge=0, le=LONGEST_LEAD_MINUTES, description="A meeting begins so many minutes from now at the earliest."
    )
    meetings_wait_minutes: int = Field(
        default=60,
        ge=5,
        le=1440,
        description="Where calendars do not answer for so long, hours are proposed all the same, as unknown.",
    )
    meetings_reminder_minutes: Minutes = Field(
        default=(1440, 15),
        description="So many minutes before a meeting everybody is reminded, with commas between; empty: nobody is.",
    )
    meetings_slack: bool = Field(
        default=False, description="true: the channel of SLACK_WEBHOOK_URL reads when a meeting is booked, moved or cancelled."
    )
    meetings_webhook_secrets: Secrets = Field(
        default=(),
        description="Secrets by which callers of the webhook may sign (`X-Hub-Signature-256` or `X-Signature`, HMAC-SHA256 of "
        "the body) in place of an API key.",
    )
    retention_meeting_days: Kept = Field(
        default=0, description="Days after which a meeting that is over is removed; 0 keeps it for ever."
    )

    def faults(self) -> list[str]:
        """Business hours over midnight are a slip."""
        opens, closes = opening(self.meetings_hours)
        return [] if opens < closes else ["MEETINGS_HOURS: must begin before it ends, on the same day"]


def opening(hours: str) -> tuple[time, time]:
    """The two times of a day in `09:00-18:00`."""
    first, _, second = hours.partition("-")
    return time.fromisoformat(first), time.fromisoformat(second)
