"""Carry out the deliveries of a block side by side, each at its turn, as many at once as its action allows."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime

from shared import clock
from shared.errors import DeferredError, NotBegunError, PuenteError, ThrottledError, UnavailableError
from shared.outbox import blocks
from shared.outbox.actions import Claimed, Outcome
from shared.outbox.claims import Batch
from shared.store.session import transact

LONGEST_SLEEP_SECONDS = 0.5  # then it is asked again whether the process is to end

type Refusal = Callable[[], NotBegunError | None]


def outcomes(batch: Batch, refusal: Refusal, call: Callable[[Claimed], Outcome]) -> dict[int, Outcome]:
    """An outcome for each delivery. Once the system or its part asks to wait, or does not answer, no further call is begun."""
    halted = threading.Event()

    def refused() -> NotBegunError | None:
        return NotBegunError("not begun: the system does not answer, or asks to wait") if halted.is_set() else refusal()

    def one(delivery: Claimed, turn: datetime) -> Outcome:
        outcome = _wait(batch, turn, refused) or call(delivery)
        is_of_part = isinstance(outcome, DeferredError) and outcome.of_part  # and a block is one part's
        if isinstance(outcome, ThrottledError | UnavailableError) or is_of_part:
            halted.set()
        return outcome

    with ThreadPoolExecutor(max_workers=min(batch.action.at_once, len(batch.deliveries))) as pool:
        running = [
            (delivery.id, pool.submit(copy_context().run, one, delivery, turn))
            for delivery, turn in zip(batch.deliveries, batch.turns, strict=True)
        ]
        return {number: future.result() for number, future in running}


def _wait(batch: Batch, turn: datetime, refused: Refusal) -> NotBegunError | None:
    """Wait for a turn, and get another where it is missed; None once the call may begin, else why it may not."""
    while True:
        if (why := refused()) is not None:
            return why
        ahead = (turn - clock.now()).total_seconds()
        if ahead > 0:
            clock.sleep(min(ahead, LONGEST_SLEEP_SECONDS))
        elif clock.now() - turn <= blocks.LATE:
            return None
        else:
            try:
                (turn,) = transact(lambda session: blocks.turns(session, batch.action.target, 1, batch.part))
            except PuenteError as error:
                return NotBegunError(f"not begun: no turn could be had: {error}")
