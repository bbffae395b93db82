"""By what an execution runs: the automation's fields at its start, with what a schedule's exception changes for one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from functions.broadcasts import variants
from functions.broadcasts.schedules import ScheduleError, Window
from functions.broadcasts.settings import BroadcastSettings
from functions.broadcasts.tables import DEFAULT_ZONE, Automation
from shared.phrases import phrase
from shared.settings import settings_of

COPIED = (
    "chatbot_id",
    "flow_id",
    "whatsapp_number_id",
    "audience_type",
    "audience_config",
    "variable_mapping",
    "max_concurrent_executions",
    "rate_limit_per_hour",
    "batch_delay_seconds",
    "retry_failed",
    "max_retries",
    "execution_window_start",
    "execution_window_end",
    "execution_timezone",
)
"""The fields of an automation that an execution takes with it, so that a change of the automation leaves it as it began."""

BOUNDS = {
    "rate_limit_per_hour": (1, 1_000_000),
    "max_concurrent_executions": (1, 500),
    "batch_delay_seconds": (0, 86_400),
    "max_retries": (0, 10),
}
"""What an exception of a schedule may change for a run, as whole numbers, and between which bounds."""

SWITCHES = frozenset({"retry_failed"})


def check_changes(changes: Mapping[str, Any]) -> None:
    """Refuse what an exception cannot change.

    Raises:
        ScheduleError: `invalid-exception`.
    """
    for name, value in changes.items():
        if name in SWITCHES and isinstance(value, bool):
            continue
        least, most = BOUNDS.get(name, (1, 0))
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            known = ", ".join(sorted((*BOUNDS, *SWITCHES)))
            needed = phrase("a whole number from %(least)s to %(most)s is needed", least=least, most=most)
            words = needed if name in BOUNDS else phrase("only %(known)s can be changed", known=known)
            raise ScheduleError("invalid-exception", f"modified_config.{name[:40]}: {words}")


def config_of(automation: Automation, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What an execution that begins now runs by."""
    kept = {name: getattr(automation, name) for name in COPIED}
    return kept | {"variant_b": variants.seeded(automation.variant_b, automation.uuid)} | dict(changes or {})


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The part of it that says how fast, when, and how often anew. `window` None: at any hour."""

    rate_per_hour: int
    at_once: int
    batch_delay_seconds: int
    retry_failed: bool
    max_retries: int
    window: Window | None
    zone: ZoneInfo

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "RunConfig":
        """Read what an execution holds. BROADCAST_MAX_RATE_PER_HOUR stands above every rate, at the time of asking."""
        ceiling = settings_of(BroadcastSettings).broadcast_max_rate_per_hour
        start, end = config.get("execution_window_start"), config.get("execution_window_end")
        return cls(
            rate_per_hour=max(1, min(int(config["rate_limit_per_hour"]), ceiling)),
            at_once=max(1, int(config["max_concurrent_executions"])),
            batch_delay_seconds=max(0, int(config.get("batch_delay_seconds") or 0)),
            retry_failed=bool(config["retry_failed"]),
            max_retries=int(config["max_retries"]),
            window=Window(time.fromisoformat(start), time.fromisoformat(end)) if start and end else None,
            zone=ZoneInfo(config.get("execution_timezone") or DEFAULT_ZONE),
        )
