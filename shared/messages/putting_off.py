"""Retry times of a message that its sender, its template or its recipient takes no more of for now.

A message waits as long again as it has waited since its first try: five minutes, ten, twenty, up to six hours at a time; or as
long as the reason asks for. A day after the first try, or where it would come too late (`not_after`), it is given up, and
another channel is tried.
"""

from datetime import datetime, timedelta

from shared import clock
from shared.errors import DeferredError

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=6)
GIVEN_UP_AFTER = timedelta(days=1)
SENDER_LIMIT = "twilio-sender-limit"
ACCOUNT_REFUSED = "meta-account-refused"
"""What the provider refuses is not this message but our account; it says so after having taken the message."""
REASONS = frozenset(
    {
        SENDER_LIMIT,
        ACCOUNT_REFUSED,
        "meta-number-limit",
        "meta-number-refused",
        "meta-pair-limit",
        "meta-spam-limit",
        "meta-template-held",
        "meta-temporary",
    }
)
"""Reasons of a failed status after which the message is sent again."""


class PutOffError(DeferredError):
    """This message must wait, for a `reason` under which it fails once there is no time left; `after_seconds`: for how long."""

    def __init__(self, reason: str, message: str, *, after_seconds: float | None = None) -> None:
        super().__init__(message, after_seconds=after_seconds)
        self.reason = reason


def seconds(first_try: datetime, not_after: datetime | None, asked: float | None = None) -> float | None:
    """For how long to wait from now, `asked` where the reason names a time; None where there is no time left to wait."""
    waited = clock.now() - first_try
    wait = min(max(waited, SHORTEST), LONGEST) if asked is None else timedelta(seconds=asked)
    too_late = not_after is not None and clock.now() + wait > not_after
    return None if waited >= GIVEN_UP_AFTER or too_late else wait.total_seconds()


def reason_of(error: DeferredError) -> str:
    """The reason under which a message fails that was put off for too long."""
    return error.reason if isinstance(error, PutOffError) else SENDER_LIMIT
