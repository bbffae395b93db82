"""The stages of reminding, by days overdue, as the settings have them."""

from collections.abc import Iterable
from dataclasses import dataclass

from functions.invoices.settings import InvoiceSettings, StageSetting
from shared.settings import settings_of

STAGES: dict[int, StageSetting] = {
    -3: StageSetting(template="primer_recordatorio"),
    0: StageSetting(template="vence_hoy", urgency="warning"),
    7: StageSetting(template="vencida_7_dias", urgency="warning"),
    14: StageSetting(template="vencida_14_dias", urgency="error"),
    30: StageSetting(template="vencida_30_dias", urgency="error", escalate=True),
    60: StageSetting(template="vencida_60_dias", urgency="critical", escalate=True),
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What is sent from `days` after the due date on, up to before `until` (None: for good)."""

    days: int
    until: int | None
    template: str
    urgency: str
    escalate: bool


def stages() -> tuple[Stage, ...]:
    """All stages, the earliest first; those of the table in docs/invoices.md where the settings have none."""
    given = settings_of(InvoiceSettings).invoices_stages or STAGES
    return tuple(_stages(sorted(given.items())))


def newest(days_overdue: int) -> Stage | None:
    """The newest stage that an invoice has passed; None before the first one."""
    passed = [stage for stage in stages() if stage.days <= days_overdue]
    return passed[-1] if passed else None


def _stages(given: list[tuple[int, StageSetting]]) -> Iterable[Stage]:
    following = [days for days, _stage in given[1:]] + [None]
    for (days, one), until in zip(given, following, strict=True):
        yield Stage(days=days, until=until, template=one.template, urgency=one.urgency, escalate=one.escalate)
