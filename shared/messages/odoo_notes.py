"""Notes in Odoo: what somebody writes to us, and what a talking flow hands over, in the chatter of their lead or partner.

What somebody wrote is read from `inbound_messages` when the note is written, so that an erasure or retention meanwhile counts.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import clock
from shared.crm import odoo_sync
from shared.errors import PermanentError, PuenteError
from shared.outbox.actions import AfterUnknown, Claimed, Done, Later, Outcome, Skip, message
from shared.outbox.policy import SYNC_POLICY
from shared.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from shared.store.message_models import ReceivedMessage
    from shared.store.models import Contact

FILE = Path(__file__).parent / "texts" / "odoo_notes.yaml"
INBOUND = "inbound_message"
WAITS = "waits-for-odoo-record"
WORTH = timedelta(days=30)
LOOK_AGAIN = timedelta(minutes=30)
MOST_CONTACTS = 5  # relatives share a number; more than these are no family
NOTES_LOOKED_AT = 50


class NotedRecord(NamedTuple):
    """A record of Odoo's: its model, and its number once it is there."""

    model: str
    odoo_id: int | None


def note_received(session: Session, message_id: int) -> None:
    """Enqueue a note on the record of each contact with the sender's number, once for each message and contact.

    A listener of `message.received`. Nothing where ODOO_SYNC_MODE keeps the contact out of Odoo, or the text was deleted.
    """
    from sqlalchemy import select

    from shared.messages.received import spelled
    from shared.outbox import plan
    from shared.store.message_models import ReceivedMessage
    from shared.store.models import Contact

    row = session.get(ReceivedMessage, message_id)
    if row is None or INBOUND not in _texts():
        return
    query = select(Contact).where(Contact.phone.in_(sorted(spelled([row.sender])))).order_by(Contact.id).limit(MOST_CONTACTS)
    for contact in session.scalars(query).unique().all():
        if _place(session, contact.manychat_id) is not None:
            key, payload = f"{row.id}:{contact.id}", {"inbound_message": row.id}
            plan.message(session, NOTE, contact.manychat_id, key, payload, not_after=clock.now() + WORTH)


def note(session: Session, contact: Contact, name: str, variables: Mapping[str, Any], key: str) -> bool:
    """Enqueue the note `name` of `texts/odoo_notes.yaml` on the record of a contact, once for `key`; its time is now.

    False where it was enqueued before, or no such note is wanted there.
    """
    from shared.outbox import plan

    if name not in _texts() or _place(session, contact.manychat_id) is None:
        return False
    payload = {"name": name, "variables": {**variables, "at": clock.now().isoformat()}}
    return plan.message(session, NOTE, contact.manychat_id, key, payload, not_after=clock.now() + WORTH)


def _place(session: Session, manychat_id: str) -> NotedRecord | None:
    """The record in whose chatter the contact's notes stand; None where ODOO_SYNC_MODE keeps them out of Odoo."""
    from sqlalchemy import select

    from shared.crm.odoo_sides import LEAD, PARTNER
    from shared.store.models import Contact, Opportunity

    for table, model, sync in (
        (Opportunity, LEAD, odoo_sync.OPPORTUNITIES),
        (Contact, PARTNER, odoo_sync.CONTACTS),
    ):
        keyed: Any = table
        row = session.execute(select(keyed.odoo_id).where(keyed.manychat_id == manychat_id)).one_or_none()
        if row is not None and sync.is_used():
            return NotedRecord(model, row.odoo_id)
    return None


def _unwanted(session: Session, delivery: Claimed) -> str | Later | None:
    place = _place(session, delivery.subject)
    if place is None or _says(session, delivery) is None:
        return "no-such-record"
    return None if place.odoo_id is not None else Later(clock.now() + LOOK_AGAIN, WAITS, for_record=True)


def _execute(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    return {delivery.id: _written(delivery) for delivery in deliveries}


def _written(delivery: Claimed) -> Outcome:
    from shared.crm.odoo_rows import our_access_in_order
    from shared.vendors.odoo.client import OdooClient

    try:
        found = _read(delivery)
        if found is None:
            return Skip("no-such-record")
        place, html = found
        with our_access_in_order():
            number = OdooClient.from_settings(get_settings()).message_post(place.model, place.odoo_id or 0, html)
    except PuenteError as error:
        return error
    return Done({"model": place.model, "odoo_id": place.odoo_id, "id": number})


def _look_up(delivery: Claimed) -> Done | None:
    """Whether a note whose writing ended without an answer is there, by its words: they hold the minute of the message.

    Raises:
        PuenteError: Odoo cannot be asked now.
    """
    from shared.messages.plain_text import text_of_html
    from shared.vendors.odoo.client import OdooClient

    found = _read(delivery)
    if found is None:
        return None
    place, html = found
    wanted = text_of_html(html).split()
    notes = OdooClient.from_settings(get_settings()).search_read(
        "mail.message",
        [["model", "=", place.model], ["res_id", "=", place.odoo_id]],
        ["body"],
        limit=NOTES_LOOKED_AT,
        order="id desc",
    )
    same = [note["id"] for note in notes if text_of_html(str(note["body"])).split() == wanted]
    return Done({"model": place.model, "odoo_id": place.odoo_id, "id": same[0], "found": True}) if same else None


def _read(delivery: Claimed) -> tuple[NotedRecord, str] | None:
    """Where the note goes, and what it says; None where the words or the record are gone, or nobody wants such notes."""
    from shared.store.session import reading

    with reading() as session:
        place, content = _place(session, delivery.subject), _says(session, delivery)
    if place is None or place.odoo_id is None or content is None:
        return None
    return place, _html(*content)


def _says(session: Session, delivery: Claimed) -> tuple[str, Mapping[str, Any]] | None:
    """The name of the text and its variables; None where the words are gone, or nobody wants such notes."""
    from shared.store.message_models import ReceivedMessage

    name = delivery.payload.get("name", INBOUND)
    if name not in _texts():
        return None
    if name != INBOUND:
        return name, delivery.payload["variables"]
    row = session.get(ReceivedMessage, int(delivery.payload["inbound_message"]))
    return None if row is None else (name, _of_message(row, row.received_at))


def _of_message(row: ReceivedMessage, at: datetime) -> dict[str, Any]:
    return {"text": row.text, "channel": row.channel, "media": len(row.media), "at": at.isoformat()}


def _html(name: str, variables: Mapping[str, Any]) -> str:
    from shared.messages import templates

    known = {**variables, "time_zone": get_settings().default_time_zone}
    template = templates.Template(
        name="note in Odoo", locale="es", channels=(), kind=templates.TRANSACTIONAL, html=_texts()[name]
    )
    return templates.render(template, known).html


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    import yaml

    try:
        return {str(name): str(text) for name, text in (yaml.safe_load(FILE.read_text(encoding="utf-8")) or {}).items()}
    except (OSError, yaml.YAMLError, AttributeError) as error:
        raise PermanentError("template-invalid", f"{FILE.name}: {error}") from error


NOTE = message(
    odoo_sync.TARGET,
    "note",
    _execute,
    retry=SYNC_POLICY,  # a late note is still useful
    unwanted=_unwanted,
    after_unknown=AfterUnknown.LOOK_FIRST,
    look_up=_look_up,
)

__all__ = ["NOTE", "note", "note_received"]
