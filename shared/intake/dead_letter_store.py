"""Dead letters in SQL: kept whole, listed, replayed one by one or by filter.

A replay puts the original event back on its queue with a note of where it comes from. If it fails again, a new dead letter is
written that points to the old one; if it succeeds, the old one is marked resolved. Nothing is ever rewritten.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from shared import alerts, clock, faults, flows, queues
from shared.errors import PermanentError, RetryableError
from shared.flow import EVENTS_QUEUE
from shared.intake import dead_letter_message
from shared.intake.envelope import Envelope, parse
from shared.logs import mask
from shared.outbox import plan
from shared.store.dialect import insert_if_absent, locked
from shared.store.models import ERROR_LENGTH, ActionLog, DeadLetter
from shared.store.session import reading, transact
from shared.store.types import fitting, key_of

log = logging.getLogger("puente.deadletter")

AFTER_REPLAY_SENT = faults.point("deadletter.after_replay_sent")
PARKED, REPLAYED, RESOLVED = "parked", "replayed", "resolved"
MAX_REPLAYED_AT_ONCE = 1000
OUTAGE_SECONDS = 60
NO_EVENTS = {queues.DEAD_LETTER_QUEUE, queues.DELIVERY_QUEUE, queues.BULK_DELIVERY_QUEUE}
LONGEST_TRACE, MOST_ATTEMPTS = 100_000, 2**31


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which dead letters are meant; what is None does not matter. `since` and `until` bound the error's time."""

    state: str | None = PARKED
    original_queue: str | None = None
    reason: str | None = None
    type: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def applied[*Columns](self, query: Select[*Columns]) -> Select[*Columns]:
        """`query` over dead letters, narrowed down."""
        for name in ("state", "original_queue", "reason", "type", "subject"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(DeadLetter, name) == value)
        if self.since is not None:
            query = query.where(DeadLetter.error_time >= self.since)
        if self.until is not None:
            query = query.where(DeadLetter.error_time < self.until)
        return query


def receive(body: bytes) -> None:
    """Keep the dead letter in a message of `dead-letter-queue`. Receiving it again changes nothing: its key is unique.

    While the database or the storage account is away it is put back for later, however long that takes, and costs it nothing.
    Any other error is raised: the host brings it back a few times, `deadletter.collect_poison` a few times more, and then it is
    kept outside the database (see `unstored`), so that it neither goes round for ever nor is lost.
    """
    try:
        _store(_read(body))
    except RetryableError as error:
        log.warning("a dead letter cannot be stored now: %s", error)
        queues.send(queues.DEAD_LETTER_QUEUE, body, delay_seconds=clock.jitter(OUTAGE_SECONDS))


def _store(letter: dict[str, Any]) -> None:

    def work(session: Session) -> set[str]:
        if insert_if_absent(session, DeadLetter, "key", letter):
            alerts.plan_alert(session, f"dead-letter:{letter['key']}", _alert_text(letter))
        return plan.newly_due(session)

    plan.nudge(transact(work))


def park(session: Session, queue: str, part: Envelope, error: Exception) -> None:
    """Keep a part of an event, as an event of its own, as a dead letter in the transaction that applies the rest.

    For senders that put into one request what concerns several people: what cannot be applied of it must not hold back the
    rest. A replay puts the part on `queue` again. The same part again, for the same reason, is kept once.
    """
    reason = error.reason if isinstance(error, PermanentError) else type(error).__name__
    letter = _read(
        dead_letter_message.written(
            {
                "key": key_of(queue, reason, part.source, part.type, part.id, str(part.replayof)),
                "original_queue": queue,
                "error_time": clock.now().isoformat(),
                "error_message": mask(str(error))[:ERROR_LENGTH] or reason,
                "reason": reason[:64],
                "original_event": part.to_bytes().decode(errors="backslashreplace"),
                "attempts": 1,
                "trace": dead_letter_message.trace(error),
            }
        )
    )
    if insert_if_absent(session, DeadLetter, "key", letter):
        alerts.plan_alert(session, f"dead-letter:{letter['key']}", _alert_text(letter))


def opened(body: bytes) -> dict[str, Any]:
    """The letter in a message as it was sent, with its key; what is none is put into one, whole.

    Raises:
        UnavailableError: the letter lies in a blob, and the storage account cannot be reached.
    """
    text = body.decode(errors="backslashreplace")
    try:
        letter = _letter(body)
    except (ValueError, KeyError, TypeError, RecursionError, PermanentError):
        letter = {"original_queue": queues.DEAD_LETTER_QUEUE, "reason": "unreadable", "original_event": text}
    return letter | {"key": letter.get("key") or key_of(text)}


def _read(body: bytes) -> dict[str, Any]:
    """The values of a row from whatever is in the message; what we cannot read is kept as it is."""
    letter = opened(body)
    envelope = _envelope(letter["original_event"])
    attempts = letter.get("attempts", 0)
    return {
        "key": _text(letter["key"], 64),
        "original_queue": _text(letter.get("original_queue"), 63),
        "original_event": letter["original_event"],
        "event_id": envelope.id if envelope else None,
        "source": envelope.source if envelope else None,
        "type": envelope.type if envelope else None,
        "subject": envelope.subject if envelope else None,
        "reason": _text(letter.get("reason") or "unknown", 64),
        "error_message": _text(letter.get("error_message"), ERROR_LENGTH),
        "error_time": _time(letter.get("error_time")),
        "trace": _text(letter.get("trace"), LONGEST_TRACE) or None,
        "attempts": attempts if isinstance(attempts, int) and 0 <= attempts < MOST_ATTEMPTS else 0,
        "replay_of": envelope.replayof if envelope else None,
    }


def _letter(body: bytes) -> dict[str, Any]:
    letter = json.loads(body)
    if "dataref" in letter:
        letter = json.loads(queues.get_blob(str(letter["dataref"])))
    if not isinstance(letter["original_event"], str):
        raise TypeError("a letter's event is a text")
    json.dumps(letter)  # raises RecursionError for what is nested too deeply to be sent on
    letter["original_event"].encode()  # raises ValueError for half of a surrogate pair, which cannot be stored
    return dict(letter)


def _text(value: Any, at_most: int) -> str:
    return fitting("" if value is None else str(value), at_most)


def _envelope(event: str) -> Envelope | None:
    try:
        return parse(event.encode("utf-8", "backslashreplace"))
    except PermanentError:
        return None


def _time(text: Any) -> datetime:
    try:
        return clock.as_utc(datetime.fromisoformat(text))
    except (ValueError, TypeError, OverflowError):
        return clock.now()


def _alert_text(letter: dict[str, Any]) -> str:
    why = mask(letter["error_message"])  # it leaves the house
    flow = flows.owner(letter["original_queue"], letter["type"])
    return f"Puente: an event of {letter['original_queue']} (flow {flow}) could not be handled ({letter['reason']}): {why}"


def count(session: Session, chosen: Filter) -> int:
    """How many dead letters match."""
    return session.scalar(chosen.applied(select(func.count()).select_from(DeadLetter))) or 0


def replay(dead_letter_id: int, actor: str) -> DeadLetter:
    """Put one dead letter's event back on its queue, whatever its state.

    It is sent first and noted afterwards: a crash in between may replay it twice, which is harmless (its event has one key),
    while the other order might note a replay that never was.

    Raises:
        LookupError: there is no such dead letter.
        PermanentError: `not-replayable`, it is no event of ours.
        UnavailableError: the queue cannot be written; nothing is noted.
    """
    with reading() as session:
        letter = session.get(DeadLetter, dead_letter_id)
    if letter is None:
        raise LookupError(dead_letter_id)
    event = replayed_event(letter)
    queues.send(queue_now(letter), event)
    faults.hit(AFTER_REPLAY_SENT)
    return transact(lambda session: _note_replay(session, dead_letter_id, actor))


def queue_now(letter: DeadLetter) -> str:
    """The queue that events of this type go to today: letters are kept for longer than a queue that was moved away from.

    Raises:
        PermanentError: `not-replayable`, there is none.
    """
    taken = flows.queues() - flows.moved_queues().keys() - NO_EVENTS
    if letter.original_queue in taken:
        return letter.original_queue
    if letter.type in flows.handlers():
        return EVENTS_QUEUE
    raise PermanentError("not-replayable", f"{letter.original_queue!r} is no queue for events of this app")


def replayed_event(letter: DeadLetter) -> bytes:
    """The letter's event with a note of where it comes from; what is no event of ours as it stands."""
    try:
        event = json.loads(letter.original_event)
        again = event | {"replayof": letter.id, "replayed": clock.now().isoformat(), "attempt": 0, "waits": 0}
        return json.dumps(again, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError):
        return letter.original_event.encode()


def _note_replay(session: Session, dead_letter_id: int, actor: str) -> DeadLetter:
    letter = session.scalars(locked(select(DeadLetter).where(DeadLetter.id == dead_letter_id), DeadLetter)).one()
    letter.replays, letter.replayed_at = letter.replays + 1, clock.now()
    if letter.state == PARKED:
        letter.state = REPLAYED
    note = f"to {letter.original_queue}"
    session.add(
        ActionLog(
            actor=actor[:60],
            action="dead-letter.replay",
            subject=letter.subject,
            dead_letter_id=letter.id,
            result="sent",
            detail=note,
        )
    )
    return letter
