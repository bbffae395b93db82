"""Tells people when a calendar has stopped telling us of bookings."""

from sqlalchemy.orm import Session

from functions.bookings import calendly_api
from shared import clock
from shared.alerts import plan_alert
from shared.outbox import plan
from shared.store.session import transact


def watch_subscription() -> int:
    """Ask Calendly about our webhook subscription; an alert, once a day, where it does not tell us of bookings.

    1 where something is wrong, else 0. Without CALENDLY_TOKEN nothing is asked. Raises PuenteError: it cannot be asked.
    """
    if not calendly_api.CALENDLY_API.is_used() or (found := calendly_api.trouble()) is None:
        return 0

    def enqueue_alert(session: Session) -> set[str]:
        key = f"calendly-subscription:{clock.now():%Y-%m-%d}"
        plan_alert(session, key, f"Puente: Calendly: {found}.")
        return plan.newly_due(session)

    plan.nudge(transact(enqueue_alert))
    return 1
