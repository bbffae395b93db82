"""Alerts to the people who run this: a message of the outbox to `ALERT_WEBHOOK_URL`, so it is neither lost nor repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import clock
from shared.errors import PuenteError
from shared.outbox.actions import Claimed, Done, Outcome, message
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings
from shared.vendors import waits
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

TARGET = "alerts"
# As Discord says how long it wants to be left alone; Slack uses Retry-After.
ADDRESS = RestClient(name="Alerts", address="alert_webhook_url", read_seconds=10, named_wait=waits.in_body("retry_after"))


def plan_alert(session: Session, dedupe_key: str, text: str) -> None:
    """Enqueue an alert to the operators, once for `dedupe_key`; without ALERT_WEBHOOK_URL nothing is enqueued."""
    from shared.outbox import plan

    if get_settings().alert_webhook_url:
        plan.message(session, ALERT, "operators", dedupe_key, {"text": text[:1900]})


def alert_refused_account(session: Session, target: str, error: PuenteError) -> None:
    """Enqueue an alert that an outside system refuses our account, once a day for each system."""
    if target != TARGET:
        text = f"Puente: {target} refuses our account, and everything for it waits until somebody mends that. {error}"
        plan_alert(session, f"account:{target}:{clock.now():%Y-%m-%d}", text)


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
    # Slack reads `text`, Discord reads `content`; each ignores the other.
    ADDRESS.connected().answer("POST", json={"text": text, "content": text}, repeatable=False, what="alerting")


def policy() -> TargetPolicy:
    """The pace of the address for alerts."""
    return TargetPolicy(batches_per_second=1)


ALERT = message(TARGET, "webhook", _post)
