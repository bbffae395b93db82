"""Retry times of a message whose sender has used up its limit for this minute or this day.

A message waits as long again as it has waited since its first try: five minutes, ten, twenty, up to six hours at a time.
A day after the first try, or where it would come too late (`not_after`), it is given up, and another channel is tried.
"""

from datetime import datetime, timedelta

from shared import clock

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=6)
GIVEN_UP_AFTER = timedelta(days=1)
REASONS = frozenset({"twilio-sender-limit"})
GAVE_UP = "twilio-sender-limit"


def seconds(first_try: datetime, not_after: datetime | None) -> float | None:
    """For how long to wait from now; None where there is no time left to wait."""
    waited = clock.now() - first_try
    wait = min(max(waited, SHORTEST), LONGEST)
    too_late = not_after is not None and clock.now() + wait > not_after
    return None if waited >= GIVEN_UP_AFTER or too_late else wait.total_seconds()
