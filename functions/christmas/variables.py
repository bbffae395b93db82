"""What the mails of the campaign may say: of the person, fixed when they enter; of the campaign, as it is when a mail goes out.

A variable that nobody has given is not there, and a template that needs it fails and says which: no mail goes out with a hole
in it. Templates in Notion and those of the repository have the same ones.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from functions.christmas import segments
from functions.christmas.fields import moment
from functions.christmas.settings import CampaignSettings
from functions.christmas.tables import SequenceContact
from functions.christmas.texts import Texts
from shared import clock
from shared.messages import dates
from shared.settings import Settings, settings_of

COLOURS = ("red", "orange", "yellow", "green")


def of_person(contact: SequenceContact, assessment: Mapping[str, Any], payload: Texts, zone: str) -> dict[str, Any]:
    """The variables that come from a person and their answers. `assessment`: the facts of their newest one, or nothing."""
    defaults = payload.defaults
    weakest, second, strongest = (
        str(assessment.get(name) or defaults[name]) for name in ("weakest_system_1", "weakest_system_2", "strongest_system")
    )
    segment = contact.segment or segments.OPTIMIZE
    score = _number(assessment.get("assessment_score"), defaults["missing"])
    values: dict[str, Any] = {
        "first_name": contact.first_name or defaults["first_name"],
        "business_name": contact.business_name or defaults["business_name"],
        "assessment_score": score,
        "overall_score": score,
        "segment": segment,
        "readiness_zone": segments.ZONES[segment],
        "weakest_system": weakest,
        "personalized_tip_1": payload.tip(weakest),
        "personalized_tip_2": payload.tip(second),
        "personalized_tip_3": payload.general_tip,
    }
    for snake, pascal, system in (
        ("weakest_system_1", "WeakestSystem1", weakest),
        ("weakest_system_2", "WeakestSystem2", second),
        ("strongest_system", "StrongestSystem", strongest),
    ):
        values |= {snake: system, pascal: system}
    values |= {f"{colour}_systems": int(assessment.get(f"{colour}_systems") or 0) for colour in COLOURS}
    values |= _leak(assessment.get("revenue_leak_total"), defaults["missing"])
    if contact.diagnostic_call_at is not None:
        values["diagnostic_call_date"] = dates.long_date(contact.diagnostic_call_at.isoformat(), zone)
    return values


def of_campaign(given: Mapping[str, Any], settings: Settings, at: datetime, zone: str) -> dict[str, Any]:
    """`given`, and what the settings say of the campaign at `at`: CAMPAIGN_VARIABLES, the links, the days that are left.

    A `deadline_date` as a date (`2026-12-23`) is written out, and `days_to_deadline` counted on the person's own calendar;
    any other text stays as it is.
    """
    campaign: dict[str, Any] = dict(settings_of(CampaignSettings).campaign_variables)
    if settings.booking_url:
        campaign.setdefault("calendly_link", settings.booking_url)
    deadline = _date(campaign.get("deadline_date"))
    if deadline is not None:
        left = (deadline - at.astimezone(ZoneInfo(zone)).date()).days
        campaign |= {"deadline_date": dates.written(deadline), "days_to_deadline": max(left, 0)}
    values = campaign | dict(given)
    if not values.get("reschedule_url") and values.get("calendly_link"):
        values["reschedule_url"] = values["calendly_link"]
    return values


def _leak(total: Any, missing: str) -> dict[str, str]:
    if total is None:
        return {"revenue_leak_total": missing, "TotalRevenueLeak_K": missing}
    amount = Decimal(str(total))  # events of an older version have a number there
    return {
        "revenue_leak_total": f"{amount.quantize(Decimal(1), ROUND_HALF_EVEN):,}",
        "TotalRevenueLeak_K": f"{(amount / 1000).quantize(Decimal(1), ROUND_HALF_UP)}",
    }


def _number(value: Any, missing: str) -> str:
    return f"{value:g}" if isinstance(value, int | float) else missing


def _date(text: Any) -> date | None:
    if not isinstance(text, str) or (found := moment(text)) is None:
        return None
    # The date as it was written: an offset must not move a deadline to the day before.
    return date.fromisoformat(text.strip()[:10]) if len(text.strip()) >= 10 else clock.as_utc(found).date()  # noqa: PLR2004
