"""What people do with a stopped event other than replaying it: drop it, or correct its data.

Neither rewrites the event. A dropped one is resolved and stays readable. A correction is a new stopped event with the other
data, which points to the original; the original is resolved. The corrected event keeps id, source, type and sender, so it is
the same event to the inbox: where it, or the original after all, has been applied, the other one changes nothing.
"""

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared import clock, queues
from shared.errors import PermanentError, RefusedError
from shared.intake import body, dead_letter_store, endpoint, inbox
from shared.intake.dead_letter_store import PARKED, RESOLVED
from shared.intake.envelope import Envelope, fingerprint, parse
from shared.intake.webhook import claim_check, taken
from shared.store.dialect import insert_if_absent, rows_changed
from shared.store.models import ActionLog, DeadLetter
from shared.store.session import reading, transact
from shared.store.types import fitting, key_of

REASON_LENGTH = 500


def drop(letter_id: int, why: str, actor: str) -> None:
    """Resolve a stopped event without applying it. The action log keeps who did it and why.

    Raises:
        RefusedError: 404, there is no such event; 409, it is stopped no longer; 422, no reason is given.
        UnavailableError: the database cannot be reached; nothing was changed.
    """
    if not why.strip():
        raise RefusedError(422, "no-reason", "Say why it is dropped. Nothing was changed.")
    letter = of(letter_id)

    def work(session: Session) -> None:
        _resolve(session, letter)
        _log(session, letter, actor, "dead-letter.drop", "dropped", fitting(why.strip(), REASON_LENGTH))

    transact(work)


def settle(session: Session, kind: str, subject: str, actor: str) -> int:
    """Resolve what is stopped of a type and subject, in the transaction of a change that has mended it; how many those were.

    Nothing of it is applied. The action log keeps who has settled each.
    """
    chosen = (DeadLetter.subject == subject, DeadLetter.type == kind, DeadLetter.state == PARKED)
    letters = session.scalars(select(DeadLetter).where(*chosen).order_by(DeadLetter.id)).all()
    settled = [letter for letter in letters if _mark_resolved(session, letter)]
    for letter in settled:
        _log(session, letter, actor, "dead-letter.settle", "settled", "what it was about was changed by hand")
    return len(settled)


def data_of(letter: DeadLetter) -> Any:
    """The data of a stopped event, from its blob where it lies in one.

    Raises:
        RefusedError: 409, it is no event whose data can be corrected.
        UnavailableError: the storage account cannot be reached.
    """
    try:
        envelope = _event(letter)
        return json.loads(queues.get_blob(envelope.dataref)) if envelope.dataref else envelope.data
    except PermanentError as error:
        raise _uncorrectable(error) from error


def correct(letter_id: int, text: str, actor: str) -> int:
    """Put other data (JSON) into a stopped event, which stays stopped; the number of the corrected one.

    Subject and time are read from the new data. Large data goes into a blob, as at its webhook. The same correction again is
    refused, as the original is resolved.

    Raises:
        RefusedError: 404, there is no such event; 409, it is stopped no longer, or is no event whose data can be corrected;
            400, the data is no JSON object; 422, it is not as its flow needs it, with each wrong field.
        UnavailableError: the database or the storage account cannot be reached; nothing was changed.
    """
    letter = of(letter_id)
    data = body.parse_object(text.encode(errors="surrogatepass"))
    envelope = _corrected(letter, data)
    event = _stored(envelope).to_bytes().decode()

    def work(session: Session) -> int:
        _resolve(session, letter)
        key = key_of("corrected", letter.key, fingerprint(data))
        insert_if_absent(session, DeadLetter, "key", _row(letter, envelope, event, key))
        corrected = session.scalars(select(DeadLetter.id).where(DeadLetter.key == key)).one()
        _log(session, letter, actor, "dead-letter.correct", "corrected", f"as stopped event {corrected}")
        return corrected

    return transact(work)


def of(letter_id: int) -> DeadLetter:
    """The stopped event of that number.

    Raises:
        RefusedError: 404, there is none.
    """
    with reading() as session:
        letter = session.get(DeadLetter, letter_id)
        session.expunge_all()
    if letter is None:
        raise RefusedError(404, "no-such-dead-letter", "There is no such event, or no longer.")
    return letter


def stopped(letter_id: int) -> DeadLetter:
    """The same while it is still stopped.

    Raises:
        RefusedError: 404, there is none; 409, it is stopped no longer.
    """
    letter = of(letter_id)
    if letter.state != PARKED:
        raise _no_longer()
    return letter


def shown(session: Session, letter: DeadLetter, actor: str) -> None:
    """Note that somebody was shown the data of a stopped event unmasked."""
    _log(session, letter, actor, "dead-letter.show", "shown", None)


def _resolve(session: Session, letter: DeadLetter) -> None:
    """Only what is still stopped: a replay, another drop or another correction may have come first."""
    if not _mark_resolved(session, letter):
        raise _no_longer()


def _mark_resolved(session: Session, letter: DeadLetter) -> bool:
    parked = update(DeadLetter).where(DeadLetter.id == letter.id, DeadLetter.state == PARKED)
    return bool(rows_changed(session.execute(parked.values(state=RESOLVED, resolved_at=clock.now()))))


def _event(letter: DeadLetter) -> Envelope:
    return parse(letter.original_event.encode("utf-8", "backslashreplace"))


def _corrected(letter: DeadLetter, data: dict[str, Any]) -> Envelope:
    """The event with other data, checked as its handler will."""
    try:
        envelope = _event(letter)
        handler: inbox.Handler[Any] = endpoint.handler_of(dead_letter_store.queue_now(letter), envelope.type)
    except PermanentError as error:
        raise _uncorrectable(error) from error
    payload = taken(handler.payload, data)
    return replace(
        envelope,
        data=data,
        dataref=None,
        subject=payload.subject(),
        time=payload.occurred_at() or envelope.time,
        attempt=0,
        waits=0,
        replayof=letter.id,
    )


def _stored(envelope: Envelope) -> Envelope:
    """The event as it fits into a message when it is replayed."""
    if len(envelope.to_bytes()) <= queues.MESSAGE_LIMIT_BYTES - queues.HEADROOM_BYTES:
        return envelope
    return envelope.checked_in(queues.put_blob(*claim_check(envelope)))


def _row(letter: DeadLetter, envelope: Envelope, event: str, key: str) -> dict[str, Any]:
    kept = ("original_queue", "event_id", "source", "type", "reason", "error_message", "error_time", "attempts")
    return {name: getattr(letter, name) for name in kept} | {
        "key": key,
        "original_event": event,
        "subject": envelope.subject,
        "replay_of": letter.id,
    }


def _no_longer() -> RefusedError:
    return RefusedError(409, "no-longer-stopped", "This event is stopped no longer; nothing was changed.")


def _uncorrectable(error: PermanentError) -> RefusedError:
    return RefusedError(409, error.reason, "The data of this event cannot be corrected here.", detail=str(error))


def _log(session: Session, letter: DeadLetter, actor: str, action: str, result: str, detail: str | None) -> None:
    session.add(
        ActionLog(
            actor=actor[:60], action=action, subject=letter.subject, dead_letter_id=letter.id, result=result, detail=detail
        )
    )
