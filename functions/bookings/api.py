"""`/api/v1/bookings`: who meets us and when, and what has become of it."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from sqlalchemy import Select, select

from functions.bookings.tables import UID_LENGTH, Booking, BookingUid
from shared.errors import RefusedError
from shared.problems import documented
from shared.readers.email import key as address_key
from shared.store.limits import LONGEST_ID
from shared.store.models import Reconciliation
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute
from shared.web.paging import Moment, Page, PageQuery, find, text
from shared.web.reconciliations import ReconciliationReport, ReconciliationSummary, asked_by, summary

router = APIRouter(prefix="/api/v1/bookings", tags=["Bookings"], route_class=SecuredRoute)

Uid = Annotated[str, Path(min_length=1, max_length=UID_LENGTH, description="Any id that the calendar has given the booking.")]


class BookingQuery(PageQuery):
    """Filters of the list."""

    status: Literal["requested", "booked", "cancelled", "no-show", "ended"] | None = None
    lead_id: int | None = Field(default=None, ge=1, lt=10**LONGEST_ID, description="Our number of the lead.")
    email: Annotated[str, text(254)] | None = Field(default=None, description="The attendee's address, whatever its case.")
    since: Moment | None = Field(default=None, description="Begins at this time or later.")
    until: Moment | None = Field(default=None, description="Begins before this time.")

    def applied(self, query: Select[Booking]) -> Select[Booking]:
        """`query`, narrowed down."""
        if self.status is not None:
            query = query.where(Booking.status == self.status)
        if self.lead_id is not None:
            query = query.where(Booking.lead_id == self.lead_id)
        if self.email is not None:
            query = query.where(Booking.email == address_key(self.email))
        if self.since is not None:
            query = query.where(Booking.start_at >= self.since)
        if self.until is not None:
            query = query.where(Booking.start_at < self.until)
        return query


class BookingOut(BaseModel):
    """A booking. A fact that the calendar has not given is null."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    calendar: str
    uid: str = Field(description="The calendar's first id of it; stays the same when the meeting is put off.")
    current_uid: str = Field(description="The calendar's newest id of it.")
    status: str = Field(description="`requested`, `booked`, `cancelled`, `no-show` or `ended`.")
    lead_id: int | None = Field(description="Our number of the lead; null where it belongs to none.")
    lead_ref: int | None = Field(description="The number that the booking gives for its lead, ours or Kommo's.")
    email: str | None
    name: str | None
    phone: str | None = Field(description="In E.164, as given for the meeting.")
    title: str | None
    start_at: datetime | None
    end_at: datetime | None
    time_zone: str | None = Field(description="The attendee's.")
    meeting_url: str | None
    said_at: datetime = Field(description="When the newest event about it happened.")
    created_at: datetime
    updated_at: datetime


class ComparisonReport(ReconciliationReport):
    """A comparison with a calendar: `missing` bookings, another `status`, another `start`."""

    calendar: str


@router.get("", summary="List bookings")
def list_bookings(query: Annotated[BookingQuery, Query()]) -> Page[BookingOut]:
    """Bookings of all calendars."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Booking)), Booking.id, query)
        return Page(items=[BookingOut.model_validate(row) for row in rows], total=total, next=after)


class ComparisonRequest(BaseModel):
    """Which calendar's bookings ours are held against, and what is done about differences."""

    model_config = ConfigDict(extra="forbid")

    calendar: Literal["calcom", "calendly"]
    dry_run: StrictBool = Field(default=True, description="true: only report. false: take in what no webhook told of.")


@router.post("/comparisons", status_code=202, summary="Compare our bookings with a calendar's")
def ask_for_comparison(body: ComparisonRequest, caller: Caller) -> ReconciliationSummary:
    """Puts a comparison on its queue and answers at once; `id` is the number of its report."""
    return asked_by(caller, body.calendar, dry_run=body.dry_run)


@router.get("/comparisons", summary="List comparisons with the calendars")
def list_comparisons(query: Annotated[PageQuery, Query()]) -> Page[ComparisonReport]:
    """Those of every night and those that were asked for, with what they found."""
    chosen = select(Reconciliation).where(Reconciliation.system.in_(("calcom", "calendly")))
    with reading() as session:
        rows, total, after = find(session, chosen, Reconciliation.id, query)
    found = [ComparisonReport(**summary(row).model_dump(), calendar=row.system, examples=row.examples) for row in rows]
    return Page(items=found, total=total, next=after)


@router.get("/{uid}", summary="One booking", responses=documented(404))
def get_booking(uid: Uid) -> BookingOut:
    """The booking of that id, whichever of its ids it is."""
    with reading() as session:
        query = select(Booking).join(BookingUid, BookingUid.booking_id == Booking.id).where(BookingUid.uid == uid)
        row = session.scalars(query).one_or_none()
        if row is None:
            raise RefusedError(404, "no-such-booking", "There is no booking with that id.")
        return BookingOut.model_validate(row)
