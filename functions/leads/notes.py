"""Notes on the lead in Kommo: one for every action, each once, in order. Their texts are in `texts/notes.yaml`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from functions.leads import ids, kommo_sync
from functions.leads.settings import LeadSettings
from shared import clock
from shared.errors import PuenteError
from shared.outbox.actions import AfterUnknown, Claimed, Done, Later, Outcome, Skip, State, message
from shared.outbox.policy import SYNC_POLICY
from shared.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

WORTH = timedelta(days=30)
LOOK_AGAIN = timedelta(hours=6)  # the lead's sync wakes its notes; this is for notes that it missed


def enqueue(
    session: Session, lead_id: int, name: str, variables: Mapping[str, Any], key: str, *, at: datetime | None = None
) -> bool:
    """Enqueue a note on a lead in Kommo, once for `key` for all time; False where it was enqueued before, or Kommo is not used.

    `name` is that of a text in `texts/notes.yaml`, `variables` are what it needs beside `at` (when it happened; now if not
    given) and `time_zone`: plain JSON values, times as ISO 8601. It waits until the lead is in Kommo.
    """
    from shared.outbox import plan

    if not kommo_sync.is_configured():
        return False
    moment = clock.now() if at is None else clock.as_utc(at)
    payload = {"name": name, "variables": dict(variables) | {"at": moment.isoformat()}}
    return plan.message(session, NOTE, ids.key(lead_id), f"{lead_id}:{key}", payload, not_after=clock.now() + WORTH)


def wake(session: Session, subject: str) -> None:
    """Make the notes due that waited for their lead to be in Kommo; called when it is. Again, it finds none."""
    from sqlalchemy import update

    from shared.outbox import plan
    from shared.store.dialect import rows_changed
    from shared.store.models import Delivery

    now = clock.now()
    theirs = (Delivery.subject == subject, Delivery.target == kommo_sync.TARGET, Delivery.action == NOTE.name)
    waiting = (*theirs, Delivery.state == State.PENDING, Delivery.reason == WAITS, Delivery.due_at > now)
    woken = session.execute(update(Delivery).where(*waiting).values(due_at=now, owed_since=now, reason=None, updated_at=now))
    if rows_changed(woken):
        plan.mark_due(session, kommo_sync.TARGET)


WAITS = "waits-for-kommo-lead"


def _unwanted(session: Session, delivery: Claimed) -> str | Later | None:
    """Put a note off until the lead is in Kommo and its earlier notes are written."""
    from sqlalchemy import select

    from functions.leads.tables import Lead
    from shared.store.models import Delivery

    lead = session.get(Lead, ids.number(delivery.subject))
    if lead is None:
        return "no-such-lead"
    if lead.kommo_lead_id is None:
        return Later(clock.now() + LOOK_AGAIN, WAITS, for_record=True)
    earlier = select(Delivery.due_at).where(
        Delivery.subject == delivery.subject,
        Delivery.target == kommo_sync.TARGET,
        Delivery.action == NOTE.name,
        Delivery.state == State.PENDING,
        Delivery.id < delivery.id,
    )
    last = session.scalars(earlier.order_by(Delivery.due_at.desc()).limit(1)).one_or_none()
    return None if last is None else Later(last + timedelta(seconds=1), "after-an-earlier-note")


def _execute(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    return {delivery.id: _written(delivery) for delivery in deliveries}


def _written(delivery: Claimed) -> Outcome:
    from functions.leads import note_texts
    from functions.leads.kommo import Kommo

    try:
        text = note_texts.render(delivery)
        if text is None:
            return Skip("no-text-for-it")
        number, kommo = _place(delivery), Kommo.from_settings(settings_of(LeadSettings))
        made = kommo.begin().add_notes(number, [text])
    except PuenteError as error:
        return error
    return Done({"kommo_lead_id": number, "id": made[0] if made else None})


def _look_up(delivery: Claimed) -> Done | None:
    """Whether a note whose writing ended without an answer is there; each note's text is unique.

    Raises:
        PuenteError: Kommo cannot be asked now.
    """
    from functions.leads import note_texts
    from functions.leads.kommo import Kommo

    text = note_texts.render(delivery)
    if text is None:
        return None
    number = _place(delivery)
    found = Kommo.from_settings(settings_of(LeadSettings)).begin().find_note(number, text)
    return None if found is None else Done({"kommo_lead_id": number, "id": found, "found": True})


def _place(delivery: Claimed) -> int:
    """Kommo's number of the lead. Raises RetryableError where it has none (any more)."""
    from functions.leads.tables import Lead
    from shared.errors import RetryableError
    from shared.store.session import reading

    with reading() as session:
        lead = session.get(Lead, ids.number(delivery.subject))
    if lead is None or lead.kommo_lead_id is None:
        raise RetryableError("the lead is not in Kommo")
    return lead.kommo_lead_id


NOTE = message(
    kommo_sync.TARGET,
    "note",
    _execute,
    retry=SYNC_POLICY,  # a late note is still useful
    unwanted=_unwanted,
    after_unknown=AfterUnknown.LOOK_FIRST,
    look_up=_look_up,
)

__all__ = ["NOTE", "enqueue", "wake"]
