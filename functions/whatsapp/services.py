"""Apply what Meta's webhooks say. All of it may come late, twice and in any order."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from functions.whatsapp import notices
from functions.whatsapp.payloads import MetaEvents, Preference
from shared import clock
from shared.errors import PuenteError
from shared.intake import dead_letter_store
from shared.intake.inbox import Event
from shared.messages import consent, moves, replies, statuses
from shared.messages.events import ProviderEvent
from shared.store.types import key_of

log = logging.getLogger("puente.whatsapp")


def take(session: Session, event: Event[MetaEvents], queue: str) -> str:
    """Apply a request: "applied", "ignored" where it says nothing of ours, "applied-in-part" where a part could not be.

    A part that fails is parked as a dead letter of its own and costs the others nothing; one that is alone fails as a whole.
    What has no time of its own happened when the event did. Where our database fails, all of it is tried again.

    Raises:
        PuenteError, Exception: the request has one part, and that cannot be applied.
    """
    payload, at = event.payload, event.envelope.time
    for one in payload.unread:
        log.warning("a part of Meta's webhook could not be read: %s %s", one.get("what"), one.get("why"))
    parts = list(_parts(payload))
    try:
        with session.begin_nested():
            return _applied(session, payload, at)
    except DBAPIError:
        raise
    except Exception:
        if len(parts) == 1:
            raise
        log.exception("a part of Meta's webhook %s cannot be applied; the parts are applied one by one", event.envelope.id)
    applied = [_isolated(session, event, number, part, queue) for number, part in enumerate(parts)]
    return "applied" if all(applied) else "applied-in-part"


def _isolated(session: Session, event: Event[MetaEvents], number: int, part: MetaEvents, queue: str) -> bool:
    """Apply one part by itself, or park it; whether it was applied."""
    try:
        with session.begin_nested():
            _applied(session, part, event.envelope.time)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, the part must not be lost
        data = part.model_dump(mode="json", exclude_defaults=True)
        own = replace(event.envelope, id=f"{event.envelope.id[:200]}#{number}", data=data, dataref=None, subject=part.subject())
        dead_letter_store.park(session, queue, own, error if isinstance(error, PuenteError) else _named(error))
        return False
    return True


def _named(error: Exception) -> Exception:
    """The error without its text, which may hold what somebody wrote."""
    return type(error)() if type(error) in (ValueError, TypeError, KeyError) else RuntimeError(type(error).__name__)


def _applied(session: Session, payload: MetaEvents, at: datetime) -> str:
    """Messages come first: whether a window is open, or a person wants no more, counts for whatever follows."""
    for message in payload.messages:
        replies.take(session, message, message.sent_at or at)
    for preference in payload.preferences:
        _prefer(session, preference, at)
    moved = [moves.move(session, one.moved_from, one.moved_to, clock.past(one.at or at)) for one in payload.moves]
    noted = [notices.apply(session, one, key_of(repr(sorted(one.items())), at.isoformat())) for one in payload.notices]
    words = [statuses.status(session, _dated(one, at)) for one in in_one_order(payload.statuses)]
    is_ours = payload.messages or payload.preferences or any(moved) or any(noted) or any(word != "ignored" for word in words)
    return "applied" if is_ours else "ignored"


def in_one_order(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """Statuses by message: two requests about the same messages lock their rows in one order, so neither waits for ever."""
    return sorted(events, key=lambda one: one.vendor_id)


def _dated(status: ProviderEvent, at: datetime) -> ProviderEvent:
    """The status with a time that has been: its own, else the event's."""
    return status.model_copy(update={"at": clock.past(status.at or at)})


def _parts(payload: MetaEvents) -> Iterator[MetaEvents]:
    """Each message, preference, move, notice and status as a request of its own."""
    yield from (MetaEvents(messages=[one]) for one in payload.messages)
    yield from (MetaEvents(preferences=[one]) for one in payload.preferences)
    yield from (MetaEvents(moves=[one]) for one in payload.moves)
    yield from (MetaEvents(notices=[one]) for one in payload.notices)
    yield from (MetaEvents(statuses=[one]) for one in payload.statuses)


def _prefer(session: Session, preference: Preference, at: datetime) -> None:
    """A stop here is one of marketing by WhatsApp; `resume` lifts that alone, and never a BAJA that somebody wrote."""
    change = consent.suppress if preference.stops else consent.lift
    change(session, ["whatsapp"], preference.recipient_digests, "unsubscribed", clock.past(preference.at or at))
