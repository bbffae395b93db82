"""The forecast on the console's pages: worked out while the page is made, or in the background with its progress shown."""

from datetime import timedelta
from typing import Any

from functions.broadcasts import forecasts
from functions.broadcasts.forecast_tables import StoredForecast
from functions.broadcasts.forecasts import Wish
from functions.broadcasts.running_config import config_of
from functions.broadcasts.tables import Automation
from shared import clock
from shared.store.session import reading

SECONDS = 3
FEW = 2_000  # people: their forecast is made anew for each page
GOOD_FOR = timedelta(minutes=15)
"""So long the forecast of a large audience is shown again; then, or after a change of the automation, it is made anew."""


def of_page(row: Automation, by: str) -> dict[str, Any]:
    """What a page shows of the forecast of an automation as it is now; begun where there is none."""
    with reading() as session:
        kept = forecasts.of_automation(session, row.id)
        session.expunge_all()
    if kept is None or not _is_good(kept, row):
        kept = forecasts.ask(Wish(row.uuid, {}, clock.now(), by), SECONDS)
    return facts_of(kept, row)


def _is_good(kept: StoredForecast, row: Automation) -> bool:
    if kept.state == forecasts.WORKING:
        return True
    is_lately = kept.asked_at is not None and kept.asked_at > clock.now() - GOOD_FOR
    return is_lately and kept.total > FEW and not kept.asked and not forecasts.is_outdated(kept, config_of(row))


def facts_of(kept: StoredForecast, row: Automation) -> dict[str, Any]:
    """The forecast, None until it is there, and how far it is."""
    is_ready = kept.state == forecasts.READY
    return {
        "forecast": kept.result if is_ready else None,
        "forecasting": kept,
        "percent": forecasts.percent(kept),
        "is_outdated": bool(kept.asked) or forecasts.is_outdated(kept, config_of(row)),
    }
