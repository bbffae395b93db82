"""Calls of an importer to a vendor that is slow, busy, or away for a moment. No transaction is open meanwhile."""

import logging
from collections.abc import Callable

from shared import clock
from shared.errors import RetryableError, UnavailableError

log = logging.getLogger("puente.importer")

TRIES = 8
FIRST_WAIT, LONGEST_WAIT = 2.0, 300.0


def patiently[T](ask: Callable[[], T]) -> T:
    """The answer of `ask`, which only reads. It is asked again after a wait: as long as the vendor says, else longer each time.

    Raises:
        PuenteError: the last failure, after eight tries; one that no waiting mends, at once.
    """
    for attempt in range(TRIES - 1):
        try:
            return ask()
        except RetryableError as error:
            if isinstance(error, UnavailableError) and error.account:
                raise
            wait = min(error.after_seconds or FIRST_WAIT * 2**attempt, LONGEST_WAIT)
            log.warning("the source does not answer now; asking again in %.0f s: %s", wait, error)
            clock.sleep(wait)
    return ask()
