"""`/api/v1/deliveries`: deliveries to outside systems, their history, and an operator's retry or cancellation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared.errors import RefusedError
from shared.outbox import operator_actions
from shared.outbox.actions import Kind, State
from shared.problems import documented
from shared.store.models import ActionLog, Delivery
from shared.store.session import reading
from shared.store.wait_models import DeliveryWait
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Moment, Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/deliveries", tags=["Deliveries"], route_class=SecuredRoute)

LONGEST_HISTORY = 200
LOCATION = {"Location": {"description": "The delivery that will be tried.", "schema": {"type": "string"}}}


class DeliveryQuery(PageQuery):
    """Filters of the list."""

    state: State | None = None
    kind: Kind | None = None
    target: Annotated[str, text(50)] | None = Field(default=None, description="The outside system, for example `odoo`.")
    action: Annotated[str, text(50)] | None = Field(default=None, description="What is to be done there.")
    subject: Annotated[str, text(100)] | None = Field(default=None, description="Whom or what it is about.")
    since: Moment | None = Field(default=None, description="Planned at this time or later.")
    until: Moment | None = Field(default=None, description="Planned before this time.")

    def applied(self, query: Select[Delivery]) -> Select[Delivery]:
        """`query`, narrowed down."""
        for name in ("state", "kind", "target", "action", "subject"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(Delivery, name) == str(value))
        if self.since is not None:
            query = query.where(Delivery.created_at >= self.since)
        if self.until is not None:
            query = query.where(Delivery.created_at < self.until)
        return query


class DeliveryOut(BaseModel):
    """One delivery: a message or a sync to an outside system, pending, under way or closed."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: Kind
    target: str
    action: str
    subject: str
    payload: Any = Field(description="What a message says; null for a sync, which sends what SQL says when it runs.")
    lane: str = Field(description="`transactional`, or the bulk source that it is one of many of.")
    state: State
    reason: str | None = Field(description="Why it stands where it stands, a short code.")
    attempts: int
    waits_for: str | None = Field(
        description="Why it waits: `backoff`, `outage`, `pace`, `deferred`, `quiet-hours`, `day-off`, `holiday`, `daily-cap`, "
        "...; null where it waits for its date or turn alone, or not at all."
    )
    waiting_since: datetime | None = Field(description="Since when; null: since it was planned.")
    outage_id: int | None = Field(description="The outage that it has waited for, until it is finished.")
    due_at: datetime
    not_after: datetime | None = Field(description="A message is not sent after this time.")
    last_error: str | None
    result: Any = Field(description="What is worth keeping of the other side's answer.")
    event_key: str | None = Field(description="The event that caused it.")
    dedupe_key: str | None
    retry_of: int | None = Field(description="The delivery that a person retried with this one.")
    retried_by: int | None = Field(default=None, description="The newest delivery by which this one was retried.")
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class LoggedAction(BaseModel):
    """One line of the action log: an attempt, or what a person did."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    started_at: datetime | None = Field(description="When the attempt began; null for what was no attempt.")
    at: datetime = Field(description="When it was over.")
    actor: str
    action: str
    attempt: int | None
    result: str
    detail: str | None


class DeliveryDetail(DeliveryOut):
    """A delivery with its history."""

    history: list[LoggedAction] = Field(description=f"Attempts and manual actions, oldest first; the last {LONGEST_HISTORY}.")


class WaitOut(BaseModel):
    """A time in which a delivery waited, and for what."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    reason: str = Field(description="`planned`, `backoff`, `outage`, `pace`, `paused`, `deferred`, `quiet-hours`, ...")
    started_at: datetime
    ended_at: datetime
    outage_id: int | None = Field(description="The outage that it waited for.")


@router.get("", summary="List deliveries")
def list_deliveries(query: Annotated[DeliveryQuery, Query()]) -> Page[DeliveryOut]:
    """What was planned, waits, was done or has failed."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Delivery)), Delivery.id, query)
        retries = _retries(session, rows)
    return Page(items=[_shown(DeliveryOut, row, retried_by=retries.get(row.id)) for row in rows], total=total, next=after)


@router.get("/{delivery_id:id}", summary="One delivery with its attempts", responses=documented(404))
def get_delivery(delivery_id: RowId) -> DeliveryDetail:
    """The delivery and everything that was tried and done about it."""
    with reading() as session:
        row = _exists(session, delivery_id)
        query = select(ActionLog).where(ActionLog.delivery_id == row.id).order_by(ActionLog.id.desc()).limit(LONGEST_HISTORY)
        history = [LoggedAction.model_validate(line) for line in reversed(session.scalars(query).all())]
        return _shown(DeliveryDetail, row, retried_by=_retries(session, [row]).get(row.id), history=history)


@router.get("/{delivery_id:id}/attempts", summary="Every attempt of a delivery", responses=documented(404))
def list_attempts(delivery_id: RowId, query: Annotated[PageQuery, Query()]) -> Page[LoggedAction]:
    """When each began and ended, and how it went."""
    wanted = select(ActionLog).where(ActionLog.delivery_id == delivery_id, ActionLog.started_at.is_not(None))
    with reading() as session:
        _exists(session, delivery_id)
        rows, total, after = find(session, wanted, ActionLog.id, query)
    return Page(items=[LoggedAction.model_validate(row) for row in rows], total=total, next=after)


@router.get("/{delivery_id:id}/waits", summary="Every wait of a delivery", responses=documented(404))
def list_waits(delivery_id: RowId, query: Annotated[PageQuery, Query()]) -> Page[WaitOut]:
    """From when to when it waited, and for what; the wait that lasts stands in the delivery (`waits_for`)."""
    wanted = select(DeliveryWait).where(DeliveryWait.delivery_id == delivery_id)
    with reading() as session:
        _exists(session, delivery_id)
        rows, total, after = find(session, wanted, DeliveryWait.id, query)
    return Page(items=[WaitOut.model_validate(row) for row in rows], total=total, next=after)


@router.post(
    "/{delivery_id:id}/retry",
    status_code=202,
    summary="Try again",
    response_description="It will be tried; the delivery that stands for it now.",
    responses=documented(404, 409) | {202: {"headers": LOCATION}},
)
def retry_delivery(delivery_id: RowId, caller: Caller, response: Response) -> DeliveryOut:
    """Answers with the delivery that will be tried.

    One that waits is made due now. For one that is dead, uncertain, cancelled or skipped a new one is made, with `retry_of`;
    the old one stays as it is. 409 where it is under way, done, retried already or too late for.
    """
    row = operator_actions.retry(delivery_id, actor(caller))
    response.headers["Location"] = f"/api/v1/deliveries/{row.id}"
    return _shown(DeliveryOut, row)


@router.post("/{delivery_id:id}/cancel", summary="Take back", responses=documented(404, 409))
def cancel_delivery(delivery_id: RowId, caller: Caller) -> DeliveryOut:
    """Takes back one that waits, is uncertain or dead; 409 for any other. The next change of its subject plans a sync anew."""
    return _shown(DeliveryOut, operator_actions.cancel(delivery_id, actor(caller)))


def _exists(session: Session, delivery_id: int) -> Delivery:
    row = session.get(Delivery, delivery_id)
    if row is None:
        raise RefusedError(404, "no-such-delivery", f"There is no delivery {delivery_id}.")
    return row


def _retries(session: Session, rows: Sequence[Delivery]) -> dict[int, int]:
    """By which delivery each was retried last. Found by subject, for which there is an index."""
    query = select(Delivery.retry_of, Delivery.id).where(
        Delivery.subject.in_({row.subject for row in rows}), Delivery.retry_of.in_([row.id for row in rows])
    )
    return {old: new for old, new in session.execute(query.order_by(Delivery.id)) if old is not None}


def _shown[Shape: DeliveryOut](shape: type[Shape], row: Delivery, **more: Any) -> Shape:
    values = {name: getattr(row, name) for name in DeliveryOut.model_fields if name != "retried_by"}
    return shape(**values, **more)
