"""Dead letters: an event that cannot be handled goes to `dead-letter-queue`, then into SQL, and is replayed from there."""

import logging
from typing import Any

from shared import clock, faults, flows, queues
from shared.errors import PermanentError
from shared.intake import dead_letter_message
from shared.intake.envelope import parse

log = logging.getLogger("puente.deadletter")

POISON_AFTER = 5  # host.json: maxDequeueCount
MOST_ROUNDS = 5  # how often a letter comes back from its poison queue before it is kept elsewhere
ROUND_SECONDS = 60
AFTER_SEND = faults.point("deadletter.after_send")


def send(queue: str, original_event: str, error: Exception, *, attempts: int) -> None:
    """Put an event with its reason on the dead-letter queue; needs no database.

    Sending the same event with the same reason again is harmless: its key is the same, so it is kept once.
    An event too large to travel with its reason has its trace shortened first; its own text is never cut.

    Raises:
        UnavailableError: the queue cannot be written; the caller's own message must come back.
    """
    reason = error.reason if isinstance(error, PermanentError) else type(error).__name__
    letter: dict[str, Any] = {
        "key": _key(queue, reason, original_event),
        "original_queue": queue,
        "error_time": clock.now().isoformat(),
        "error_message": dead_letter_message.writable(str(error))[:1000] or reason,
        "reason": reason[:64],
        "original_event": original_event,
        "attempts": attempts,
        "trace": dead_letter_message.trace(error),
    }
    queues.send(queues.DEAD_LETTER_QUEUE, dead_letter_message.to_message(letter))
    faults.hit(AFTER_SEND)
    log.error("dead letter from %s (flow %s) after %d attempts: %s", queue, _flow(queue, original_event), attempts, reason)


def _flow(queue: str, original_event: str) -> str:
    try:
        kind = parse(original_event.encode(errors="backslashreplace")).type
    except PermanentError:
        kind = None
    return flows.owner(queue, kind) or "unknown"


def _key(queue: str, reason: str, original_event: str) -> str:
    """The same for every delivery of an event that fails for the same reason; another one after a replay."""
    from shared.store.types import key_of

    try:
        event = parse(original_event.encode())
    except PermanentError:
        return key_of(queue, reason, original_event)
    return key_of(queue, reason, event.source, event.type, event.id, str(event.replayof))


def collect_poison(queues_of_ours: frozenset[str], at_most: int = 256) -> int:
    """Move what lies in `<queue>-poison` to the dead-letter queue; how many were moved.

    The host put it there after a worker had died over it several times, or because it could not read it. A crash between the
    sending and the deletion collects it twice, as two dead letters of one event; replaying both is harmless.
    """
    moved = 0
    for queue in sorted(queues_of_ours):
        for body in queues.take_all(queue + queues.POISON_SUFFIX, at_most=at_most):
            _collect(queue, body)
            moved += 1
    return moved


def _collect(queue: str, body: bytes) -> None:
    if queue == queues.DEAD_LETTER_QUEUE:
        _once_more(body)
        return
    if queue in (queues.DELIVERY_QUEUE, queues.BULK_DELIVERY_QUEUE):
        return  # a nudge; the dispatcher sends another
    error = PermanentError("poison", "the host gave up on it: its worker died or failed over it every time")
    send(queue, body.decode(errors="backslashreplace"), error, attempts=POISON_AFTER)


def _once_more(body: bytes) -> None:
    """Retry a dead letter that could not be stored, with growing delay; after `MOST_ROUNDS` keep it as a blob.

    The cause is the letter's content or a mistake of ours: an outage of the database never leads here
    (`dead_letter_store.receive`).
    """
    from shared.intake import dead_letter_blobs, dead_letter_store

    letter = dead_letter_store.opened(body)
    rounds = letter.pop("rounds", 0)
    rounds = rounds if type(rounds) is int and rounds > 0 else 0
    if rounds >= MOST_ROUNDS:
        dead_letter_blobs.keep(dead_letter_message.written(letter))
        return
    again = dead_letter_message.to_message(letter | {"rounds": rounds + 1})
    queues.send(queues.DEAD_LETTER_QUEUE, again, delay_seconds=ROUND_SECONDS * (rounds + 1))
