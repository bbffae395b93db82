"""Retry, pace and batch limits: every number of the outbox, as data."""

from dataclasses import dataclass
from datetime import timedelta

from shared import clock


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a failed attempt is tried again.

    Before attempt n + 1 we wait `first_seconds * factor ** (n - 1)`, at most `cap_seconds`, moved by up to 20 % at random.
    With the defaults: 10 s, 30 s, 90 s, 4.5 min, 13.5 min, 40 min, 2 h, then every 6 h; the 14th and last attempt comes
    after about two days. What costs no attempt (the outside system is down) ends after `max_age`.
    """

    first_seconds: float = 10
    factor: float = 3
    cap_seconds: float = 6 * 3600
    max_attempts: int = 14
    max_age: timedelta = timedelta(days=7)

    def delay_seconds(self, attempts: int) -> float:
        """Seconds to wait after `attempts` failed attempts (1 or more)."""
        exponent = min(max(attempts, 1) - 1, 64)  # beyond that any delay is capped, and a float would overflow
        return clock.jitter(min(self.first_seconds * self.factor**exponent, self.cap_seconds))

    def exhausted(self, attempts: int, age: timedelta, *, outage: bool = False) -> bool:
        """Whether it is time to park the work. During an outage only its age counts."""
        return age >= self.max_age or (not outage and attempts >= self.max_attempts)


@dataclass(frozen=True, kw_only=True)
class TargetPolicy:
    """How an outside system is to be treated, over all instances of the app together.

    At most `slots` batches under way at once, at most `batches_per_second` begun. After `failures_to_open` failures of the
    whole system in a row its circuit opens for `open_seconds`, doubling up to `open_cap_seconds`; then one batch of one is
    the probe, and each success doubles the batch until it is whole again.
    `by_part`: each part of the target (`Action.part`) has this pace for itself; of actions that are called side by side.
    """

    slots: int = 1
    batches_per_second: float = 5
    failures_to_open: int = 3
    open_seconds: float = 15
    open_cap_seconds: float = 600
    by_part: bool = False

    @property
    def interval_seconds(self) -> float:
        """Least time between the starts of two batches."""
        return 1 / self.batches_per_second

    def open_for_seconds(self, openings: int) -> float:
        """How long the circuit stays open the `openings`-th time in a row (1 or more)."""
        return clock.jitter(min(self.open_seconds * 2 ** min(openings - 1, 32), self.open_cap_seconds))


# A handler that raises: quick at first (a lock, an event that came before the one it needs), patient for an outage of the
# database. Without an outage 10 attempts take about three hours.
HANDLER_POLICY = RetryPolicy(first_seconds=2, factor=3, cap_seconds=3600, max_attempts=10, max_age=timedelta(days=6))
# Our own database or storage is away, full or busy: no attempt is spent, and soon after it is back everything moves again. The
# pauses are long enough that what waits does not keep a busy database busy.
OUTAGE_POLICY = RetryPolicy(first_seconds=5, factor=2, cap_seconds=300, max_age=HANDLER_POLICY.max_age)
SYNC_POLICY = RetryPolicy()
# A message to a person loses its worth: six attempts within about two hours.
MESSAGE_POLICY = RetryPolicy(first_seconds=15, factor=4, cap_seconds=3600, max_attempts=6, max_age=timedelta(days=1))
