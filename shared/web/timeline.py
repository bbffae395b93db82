"""`/api/v1/contacts/{id}/timeline` and `/api/v1/people/{id}/timeline`: everything that is known of one person, in order."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from shared.crm import editing, merged_contacts, timeline
from shared.people import queries
from shared.problems import documented
from shared.store.models import Contact
from shared.store.session import reading
from shared.web.auth import SecuredRoute
from shared.web.cursor import After, Cursor
from shared.web.paging import DEFAULT_LIMIT, MAX_LIMIT, RowId

router = APIRouter(prefix="/api/v1", route_class=SecuredRoute)

CURSOR = Cursor(datetime, int, int)


class TimelineQuery(BaseModel):
    """Which part."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most entries in one answer.")
    after: After | None = Field(default=None, description="The `next` of the page before; the first page if left out.")
    order: Literal["oldest", "newest"] = Field(default="oldest", description="Which entries come first.")


class TimelineEntry(BaseModel):
    """Something that happened with a person."""

    at: datetime = Field(description="When we recorded it; by this the timeline is ordered.")
    kind: str = Field(
        description="`event`, `dead_letter`, `stage`, `campaign`, `delivery`, `action`, `inbound_message`, or what a flow adds."
    )
    id: int = Field(description="Its number among its kind.")
    what: str = Field(description="The event's type, the stage, the campaign, or what was done where (`odoo.opportunity`).")
    outcome: str | None = Field(description="A short word, such as `applied`, `stale`, `skipped`, `done`, `dead`, `parked`.")
    reason: str | None = Field(description="Why it was skipped or has failed, or what an action was about.")
    actor: str | None = Field(description="Who did it, such as `key:<name>`; null or `system` where nobody did.")
    occurred_at: datetime | None = Field(description="When it happened by its sender's clock.")
    is_probable: bool = Field(description="Somebody only typed an address of theirs: it may be somebody else's.")
    details: dict[str, Any] = Field(description="What else is recorded of this kind; of an event, what was sent.")


class Timeline(BaseModel):
    """One page of a timeline."""

    items: list[TimelineEntry]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


@router.get("/contacts/{contact_id:id}/timeline", tags=["Contacts"], summary="A contact's timeline", responses=documented(404))
def get_timeline(contact_id: RowId, query: Annotated[TimelineQuery, Query()]) -> Timeline:
    """Events that were received and what became of them, stages, campaigns, deliveries and each attempt, deeds of people.

    What was skipped is there as well, with the reason; and dead letters, which may still be replayed.
    """
    with reading() as session:
        contact = session.get(Contact, merged_contacts.survivor(session, contact_id))
        if contact is None:
            raise editing.missing("contact", contact_id)
        return _page(session, timeline.of_contact(session, contact), query)


@router.get("/people/{person_id:id}/timeline", tags=["People"], summary="A person's timeline", responses=documented(404))
def get_timeline_of_person(person_id: RowId, query: Annotated[TimelineQuery, Query()]) -> Timeline:
    """The same of a person under all their identities, also of somebody of whom only a number is known."""
    with reading() as session:
        names = queries.names(session, person_id)
        if not names:
            raise editing.missing("person", person_id)
        return _page(session, timeline.of_person(session, names), query)


def _page(session: Session, whose: timeline.Subject, query: TimelineQuery) -> Timeline:
    after = timeline.EntryPlace(*CURSOR.place(query.after)) if query.after is not None else None
    found = timeline.entries(session, whose, query.limit + 1, after, newest_first=query.order == "newest")
    shown = found[: query.limit]
    return Timeline(
        items=[_shown(entry) for entry in shown],
        next=CURSOR.text(*shown[-1].place) if len(found) > query.limit else None,
    )


def _shown(entry: timeline.Entry) -> TimelineEntry:
    names = ("kind", "what", "outcome", "reason", "actor", "occurred_at", "is_probable", "details")
    return TimelineEntry(at=entry.place.at, id=entry.place.id, **{name: getattr(entry, name) for name in names})
