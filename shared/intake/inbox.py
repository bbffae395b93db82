"""Handle a queue message: apply each event in one transaction, exactly once, however often the queue delivers it.

The unique key of `inbox` is inserted in the same transaction as the change and the deliveries it causes. A second delivery of
the event finds the key taken and stops; a crash before the commit leaves nothing; a crash after it is mended by the dispatcher.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import azure.functions as func

from shared import clock, faults, flows, logs, queues, telemetry
from shared.errors import PermanentError, RefusedError, RetryableError, UnavailableError
from shared.intake import dead_letter_queue
from shared.intake.envelope import Envelope, fingerprint, parse
from shared.intake.webhook import Payload, has_undated_key, taken
from shared.outbox.policy import HANDLER_POLICY, OUTAGE_POLICY

if TYPE_CHECKING:
    from sqlalchemy import Table, Update
    from sqlalchemy.orm import Session

log = logging.getLogger("puente.inbox")

BEFORE_COMMIT = faults.point("inbox.before_commit")
AFTER_COMMIT = faults.point("inbox.after_commit")
AFTER_NUDGE = faults.point("inbox.after_nudge")
AFTER_REQUEUE = faults.point("inbox.after_requeue")


@dataclass(frozen=True)
class Event[P: Payload]:
    """An event as a flow's handler sees it. `key` names it among all events; `payload` is the checked body."""

    key: str
    envelope: Envelope
    payload: P


type Apply[P: Payload] = Callable[["Session", Event[P]], str]


@dataclass(frozen=True)
class Handler[P: Payload]:
    """What a queue's events are and what they do. `apply` changes our tables and plans deliveries, in the session it gets.

    It returns a word for the outcome ("applied", "stale", ...), and raises PermanentError for what can never be applied.
    It may be run again from the start, so it touches nothing but the session.

    `repeat` is for an undated event that says how things are, not what happened: it is called, instead of nothing, where the
    same content was received again within the step in which it counts as one event (`shared.intake.webhook`). Things may have
    been otherwise in between, so it applies the content as of then; "applied" where that changed anything.
    """

    queue: str
    payload: type[P] | str
    apply: Apply[P]
    repeat: Apply[P] | None = None


def handle[P: Payload](handler: Handler[P], message: func.QueueMessage) -> None:
    """Handle one message to its end: applied, found to be a repetition, put back for later, or dead-lettered.

    An event whose flow is paused is kept until its pause is over (`shared.intake.holding`).

    Only when the queue itself cannot be written does this raise; then the host brings the message back.
    """
    body = message.get_body()
    try:
        envelope = parse(body)
    except PermanentError as error:
        dead_letter_queue.send(handler.queue, body.decode(errors="backslashreplace"), error, attempts=1)
        return
    with as_step(envelope):
        _handle(handler, envelope)


@contextmanager
def as_step(envelope: Envelope) -> Iterator[None]:
    """Handle an event as a step of its trace; the log's lines within say which event they belong to."""
    with (
        logs.bound(flow=envelope.type, event_id=envelope.id),
        telemetry.span(f"handle {envelope.type}", parent=envelope.traceparent),
    ):
        yield


def _handle[P: Payload](handler: Handler[P], envelope: Envelope) -> None:
    try:
        _apply(handler, envelope)
    except PermanentError as error:
        give_up(handler.queue, envelope, error)
    except Exception as error:  # noqa: BLE001  # whatever it is, the event must not be lost
        put_back(handler.queue, envelope, error)


def give_up(queue: str, envelope: Envelope, error: PermanentError) -> None:
    """Make an event a dead letter. Raises UnavailableError: the queue cannot be written."""
    dead_letter_queue.send(queue, _text(envelope), error, attempts=envelope.attempt + 1)


def _apply[P: Payload](handler: Handler[P], envelope: Envelope) -> None:
    from shared.intake.holding import keep_if_held
    from shared.outbox import plan
    from shared.store.session import transact

    event = read_event(handler, envelope)

    def work(session: "Session") -> tuple[str, set[str]]:
        waits = keep_if_held(session, handler.queue, event.key, replace(event.envelope, dataref=None))
        outcome = "its flow is paused, so it waits" if waits else apply_once(session, handler, event)
        faults.hit(BEFORE_COMMIT)
        return outcome, plan.newly_due(session)

    outcome, targets = transact(work)
    log.info("%s %s: %s", envelope.type, envelope.id, outcome)
    faults.hit(AFTER_COMMIT)
    plan.nudge(targets)
    faults.hit(AFTER_NUDGE)


def read_event[P: Payload](handler: Handler[P], envelope: Envelope) -> Event[P]:
    """The event as its handler sees it; data that lies in a blob is fetched.

    Raises:
        PermanentError: `invalid-payload`, or the blob is gone.
        UnavailableError: the storage account cannot be reached.
    """
    from shared.store.trial_keys import trial_key
    from shared.store.types import key_of

    data = json.loads(queues.get_blob(envelope.dataref)) if envelope.dataref else envelope.data
    try:
        payload = taken(handler.payload, data)
    except RefusedError as error:
        why = "; ".join(f"{fault.field}: {fault.message}" for fault in error.errors)
        raise PermanentError("invalid-payload", f"the event's data is not as it must be: {why}") from error
    named = (envelope.sender,) if envelope.sender else ()  # an Idempotency-Key is one among those of its sender
    key = key_of(envelope.source, envelope.type, envelope.id, *named)
    return Event(trial_key(key) if envelope.test else key, replace(envelope, data=data), payload)


def apply_once[P: Payload](session: "Session", handler: Handler[P], event: Event[P]) -> str:
    """Apply the event unless its key is taken; the outcome in a word. Whoever calls commits, or rolls back."""
    from shared.intake import changes
    from shared.outbox import plan
    from shared.store.dialect import insert_if_absent
    from shared.store.models import InboxEvent
    from shared.store.used_keys import was_used

    envelope = event.envelope
    values: dict[str, Any] = {
        "key": event.key,
        "event_id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "occurred_at": envelope.time,
        "received_at": envelope.received,
        "replay_of": envelope.replayof,
        "data": _kept(event),
        "left_out": [field.as_json() for field in event.payload.left_out] or None,
        "outcome": "applied",
        "traceparent": telemetry.current(),
    }
    if envelope.type in flows.kept_keys() and was_used(session, event.key):
        return "duplicate"
    if not insert_if_absent(session, InboxEvent, "key", values):
        _check_same(session, event)
        outcome = _repeated(session, handler, event, values)
        _resolve(session, envelope)
        return outcome
    with changes.noted(session) as changed, plan.caused_by(session, event.key):
        outcome = handler.apply(session, event)
    found = {"outcome": outcome, "changes": changed.as_json(names_alone=bool(event.payload.not_kept))}
    if outcome != values["outcome"] or found["changes"] is not None:
        session.execute(_note_found(), {"of": event.key, **{f"new_{name}": value for name, value in found.items()}})
    _resolve(session, envelope)
    return outcome


@cache
def _note_found() -> "Update":
    """UPDATE of what has come of an event; put together once, as that would cost more, for every event, than running it."""
    from sqlalchemy import bindparam, update

    from shared.store.models import InboxEvent

    table = cast("Table", InboxEvent.__table__)  # no object of the session is concerned
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in ("outcome", "changes")}
    return update(table).where(table.c.key == bindparam("of")).values(new)


def _repeated[P: Payload](session: "Session", handler: Handler[P], event: Event[P], values: dict[str, Any]) -> str:
    """Apply the repetition of an undated event that says how things are; "duplicate" where it says nothing new.

    The queue's second delivery of one message has the time of the first, and is no repetition. What a repetition has changed is
    kept as an event of its own. Repetitions and whatever came between them end the same in any order.
    """
    from sqlalchemy import select

    from shared.store.dialect import insert_if_absent
    from shared.store.models import InboxEvent
    from shared.store.types import key_of

    if handler.repeat is None or not has_undated_key(event.envelope):
        return "duplicate"
    first = session.scalars(select(InboxEvent.received_at).where(InboxEvent.key == event.key)).one()
    if event.envelope.received <= first:
        return "duplicate"
    again = replace(event, key=key_of(event.key, event.envelope.received.isoformat()))
    if handler.repeat(session, again) != "applied":
        return "duplicate"
    insert_if_absent(session, InboxEvent, "key", values | {"key": again.key})
    return "applied"


def _check_same(session: "Session", event: Event[Any]) -> None:
    """An `Idempotency-Key` names one body. What an erasure has emptied is compared with nothing.

    Raises:
        PermanentError: `idempotency-key-reused`, an event with another body has that key.
    """
    from sqlalchemy import select

    from shared.store.models import GONE, InboxEvent

    if event.envelope.sender is None:
        return
    first = session.scalars(select(InboxEvent.data).where(InboxEvent.key == event.key)).one()
    if first != GONE and fingerprint(first) != fingerprint(_kept(event)):
        raise PermanentError("idempotency-key-reused", "another body came with this Idempotency-Key before; it was applied")


def _kept[P: Payload](event: Event[P]) -> Any:
    """The event's data as the inbox keeps it."""
    data, not_kept = event.envelope.data, event.payload.not_kept
    return {name: value for name, value in data.items() if name not in not_kept} if not_kept else data


def _resolve(session: "Session", envelope: Envelope) -> None:
    """A replayed event that is applied, now or before, leaves nothing to do about its dead letter."""
    from sqlalchemy import update

    from shared.store.models import DeadLetter

    if envelope.replayof is not None:
        mended = update(DeadLetter).where(DeadLetter.id == envelope.replayof, DeadLetter.state != "resolved")
        session.execute(mended.values(state="resolved", resolved_at=clock.now()))


def put_back(queue: str, envelope: Envelope, error: Exception) -> None:
    """Put the event back with growing delay, or dead-letter it when its attempts are used up.

    An outage of our own database or storage, its being full or busy among them, costs no attempt: only the event's age counts.
    """
    outage = isinstance(error, UnavailableError)
    again = envelope.waited_once_more() if outage else envelope.failed_once_more()
    if HANDLER_POLICY.exhausted(again.attempt, clock.now() - (again.replayed or again.received), outage=outage):
        dead_letter_queue.send(queue, _text(envelope), error, attempts=again.attempt)
        return
    wanted = error.after_seconds if isinstance(error, RetryableError) else None
    pause = OUTAGE_POLICY.delay_seconds(again.waits) if outage else HANDLER_POLICY.delay_seconds(again.attempt)
    delay = max(pause, wanted or 0)
    queues.send(queue, again.to_bytes(), delay_seconds=delay)
    faults.hit(AFTER_REQUEUE)
    # The alert `database-full` looks for what an outage says of itself.
    reason = str(error) if isinstance(error, RetryableError) else type(error).__name__
    log.warning(
        "%s %s failed (attempts %d), again in %.0f s: %s",
        *(envelope.type, envelope.id, again.attempt, delay, reason),
        exc_info=None if isinstance(error, RetryableError) else error,
    )


def _text(envelope: Envelope) -> str:
    return replace(envelope, attempt=0, waits=0).to_bytes().decode()
