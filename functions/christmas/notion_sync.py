"""Notion kept in step with our record: a page for each person of the campaign, and one for each sequence.

Light: flows import this module to request syncs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from functions.christmas.settings import CampaignSettings
from shared.outbox.policy import TargetPolicy
from shared.outbox.record_sync import ERROR, PARTIAL, PENDING, SUCCESS, RecordSync
from shared.settings import get_settings, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence as Many

    from sqlalchemy.orm import Session

    from functions.christmas.tables import MailSequence, SequenceContact

TARGET = "notion"
MOST_AT_ONCE = 10
CALLS_PER_SECOND = 3.0  # Notion's limit, long documented as an average for one integration


def wants_contacts() -> bool:
    """Whether the settings name a database of contacts in Notion."""
    return get_settings().notion_token is not None and bool(settings_of(CampaignSettings).notion_contacts_db_id)


def wants_sequences() -> bool:
    """Whether the settings name a database of sequences in Notion."""
    return get_settings().notion_token is not None and bool(settings_of(CampaignSettings).notion_email_sequence_db_id)


def ask_contact(session: Session, row: SequenceContact) -> None:
    """Request that Notion be brought up to date with this person, where it is set up."""
    CONTACTS.request(session, row)


def ask_sequence(session: Session, row: MailSequence) -> None:
    """Request that Notion be brought up to date with this sequence, where it is set up."""
    if wants_sequences():
        row.is_open = True
        SEQUENCES.request(session, row)


def _columns(result: Mapping[str, Any], final: bool) -> Mapping[str, Any]:  # noqa: FBT001  # as RecordSync wants it
    lacking = result["lacking"]
    columns: dict[str, Any] = {"notion_page_id": result["page"]}
    if lacking:
        columns["notion_sync_error"] = f"Notion's database has no place for: {', '.join(lacking)}"
    if lacking and final:
        columns["notion_sync_status"] = PARTIAL
    if "open" in result and final:
        columns["is_open"] = result["open"]
    return columns


def _changed_sequences(session: Session, limit: int) -> Many[MailSequence]:
    """Open sequences that others have changed (a booking by another calendar, a person in the API), by the enrolment's time."""
    from sqlalchemy import select, true

    from functions.christmas.tables import MailSequence
    from shared.store.journey_models import Enrolment

    query = (
        select(MailSequence)
        .join(Enrolment, Enrolment.id == MailSequence.enrolment_id)
        .where(MailSequence.is_open == true(), Enrolment.updated_at > MailSequence.notion_asked_at)
        .order_by(MailSequence.id)
        .limit(limit)
    )
    return session.scalars(query).all()


def policy() -> TargetPolicy:
    """One batch at a time over all instances, in which calls are spaced: the limit holds whatever the number of instances."""
    return TargetPolicy(slots=1, batches_per_second=CALLS_PER_SECOND)


CONTACTS = RecordSync(
    target=TARGET,
    name="contact",
    table="functions.christmas.tables:SequenceContact",
    subject_prefix="contact:",
    prefix="notion",
    send="functions.christmas.notion_rows:send_contacts",
    batch_size=lambda: MOST_AT_ONCE,
    keep=_columns,
    is_used=wants_contacts,
)
SEQUENCES = replace(
    CONTACTS,
    name="sequence",
    table="functions.christmas.tables:MailSequence",
    subject_prefix="sequence:",
    send="functions.christmas.notion_rows:send_sequences",
    overdue=_changed_sequences,
    is_used=wants_sequences,
)
CONTACT, SEQUENCE = CONTACTS.action, SEQUENCES.action

__all__ = [
    "CONTACT",
    "CONTACTS",
    "ERROR",
    "PARTIAL",
    "PENDING",
    "SEQUENCE",
    "SEQUENCES",
    "SUCCESS",
    "TARGET",
    "ask_contact",
    "ask_sequence",
    "wants_contacts",
    "wants_sequences",
]
