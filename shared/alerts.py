"""Alerts to the people who run this: a message of the outbox to `ALERT_WEBHOOK_URL`, so it is neither lost nor repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import PermanentError, PuenteError
from shared.outbox.actions import Claimed, Done, Outcome, message
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

TARGET = "alerts"


def plan_alert(session: Session, dedupe_key: str, text: str) -> None:
    """Owe the operators an alert, once for `dedupe_key`; nothing where no address for alerts is set."""
    from shared.outbox import plan

    if get_settings().alert_webhook_url:
        plan.message(session, ALERT, "operators", dedupe_key, {"text": text[:1900]})


def _post(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    for delivery in deliveries:
        try:
            _send(str(delivery.payload["text"]))
            outcomes[delivery.id] = Done()
        except PuenteError as error:
            outcomes[delivery.id] = error
    return outcomes


def _send(text: str) -> None:
    from shared.vendors import waits
    from shared.vendors.http import HttpClient

    url = str(get_settings().alert_webhook_url)
    client = HttpClient(
        TARGET, url, read_seconds=10, secrets=[url], named_wait=waits.in_body("retry_after")
    )  # as Discord says it
    # Slack reads `text`, Discord reads `content`; each ignores the other.
    response = client.request("POST", "", json={"text": text, "content": text})
    if not response.ok:
        raise PermanentError("alert-refused", f"the address for alerts answered {response.status_code}")


def policy() -> TargetPolicy:
    """The pace of the address for alerts."""
    return TargetPolicy(batches_per_second=1)


ALERT = message(TARGET, "webhook", _post)
