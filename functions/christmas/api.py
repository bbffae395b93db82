"""`/api/v1/sequences`: who is in which sequence of the campaign, what became of each mail, and how far Notion is in step."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from functions.christmas import notion_sync, tracker
from functions.christmas.tables import MailSequence
from shared.crm import editing
from shared.errors import RefusedError
from shared.problems import documented
from shared.readers.email import key as address_key
from shared.store.session import reading
from shared.web import sync_delivery
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Page, PageQuery, RowId, find, text
from shared.web.sync_delivery import SyncDelivery

router = APIRouter(prefix="/api/v1/sequences", tags=["Sequences"], route_class=SecuredRoute)

type Type = Literal["5day", "noshow", "postcall", "onboarding"]
type SyncStatus = Literal["pending", "success", "partial", "error", "shadowed"]


class SequenceQuery(PageQuery):
    """Filters of the list."""

    email: Annotated[str, text(254)] | None = Field(default=None, description="The person's address, in any case.")
    type: Type | None = None
    segment: Literal["CRITICAL", "URGENT", "OPTIMIZE"] | None = None
    notion_sync_status: SyncStatus | None = None

    def applied(self, query: Select[MailSequence]) -> Select[MailSequence]:
        """`query`, narrowed down."""
        if self.email is not None:
            query = query.where(MailSequence.email == address_key(self.email))
        for name in ("type", "segment", "notion_sync_status"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(MailSequence, name) == value)
        return query


class SequenceOut(BaseModel):
    """A sequence that an event has put somebody into. `notion_...` is null where Notion is not set up."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    email: str
    type: Type
    segment: str
    source_event: str = Field(description="The event behind it; the same one begins no second sequence.")
    enrolment_id: int | None = Field(description="Its enrolment in the journey, where every decision is listed.")
    started_at: datetime
    notion_page_id: str | None
    notion_sync_status: SyncStatus | None = Field(description="`partial`: the database lacks what `notion_sync_error` names.")
    notion_sync_error: str | None
    notion_synced_at: datetime | None
    created_at: datetime
    updated_at: datetime


class MailOut(BaseModel):
    """One mail of a sequence."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    step: str
    status: str | None = Field(
        description="null while it waits; else sent, delivered, opened, clicked, bounced, complained, unsubscribed, failed, "
        "skipped, cancelled or uncertain."
    )
    due_at: datetime | None
    sent_at: datetime | None
    sent_by: str | None = Field(description="`website` or `puente`.")
    resend_id: str | None
    reason: str | None = Field(description="Why it was not sent.")


class SequenceDetail(SequenceOut):
    """A sequence with its mails."""

    facts: Any = Field(description="What the event said besides the person's names.")
    state: str | None = Field(description="active, suspended, exited or finished.")
    reason: str | None = Field(description="The event that ended it.")
    completed_at: datetime | None
    mails: list[MailOut]
    delivery: SyncDelivery | None = Field(description="The newest delivery to Notion; null where there never was one.")


@router.get("", summary="List sequences")
def list_sequences(query: Annotated[SequenceQuery, Query()]) -> Page[SequenceOut]:
    """Sequences of the campaign, without their mails."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(MailSequence)), MailSequence.id, query)
        return Page(items=[SequenceOut.model_validate(row) for row in rows], total=total, next=after)


@router.get("/{sequence_id:id}", summary="One sequence", responses=documented(404))
def get_sequence(sequence_id: RowId) -> SequenceDetail:
    """The sequence with what became of each mail, and how far Notion is in step."""
    with reading() as session:
        row = session.get(MailSequence, sequence_id)
        if row is None:
            raise editing.missing("sequence", sequence_id)
        return _detail(session, row)


@router.post(
    "/{sequence_id:id}/sync",
    status_code=202,
    summary="Bring Notion up to date now",
    response_description="It will be done; the sequence with the delivery that does it.",
    responses=documented(404, 409),
)
def sync_sequence(sequence_id: RowId, caller: Caller) -> SequenceDetail:
    """Asks for the sync of the sequence and of its contact, whether anything has changed or not.

    Doing it twice is harmless: a sync writes what our record says then. 409 where Notion is not set up.
    """
    if not notion_sync.wants_sequences():
        raise RefusedError(409, "not-synced", "NOTION_TOKEN and NOTION_EMAIL_SEQUENCE_DB_ID are not both set.")

    def work(session: Session) -> SequenceDetail:
        row = editing.locked_row(session, MailSequence, sequence_id, "sequence")
        notion_sync.ask_sequence(session, row)
        notion_sync.ask_contact(session, row.contact)
        editing.log(session, actor(caller), "sequence.sync", f"sequence:{row.id}")
        session.flush()
        return _detail(session, row)

    return editing.committed(work)


def _detail(session: Session, row: MailSequence) -> SequenceDetail:
    progress = tracker.progress(session, row)
    more: Mapping[str, Any] = {
        "facts": row.facts,
        "state": progress.state,
        "reason": progress.reason,
        "completed_at": progress.completed_at,
        "mails": [MailOut.model_validate(mail) for mail in progress.mails],
        "delivery": sync_delivery.newest(session, notion_sync.SEQUENCES, row),
    }
    return SequenceDetail(**SequenceOut.model_validate(row).model_dump(), **more)
