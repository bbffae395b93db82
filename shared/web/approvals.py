"""`/api/v1/approvals`: what waits for a second person's word; approve, reject, or hand it to somebody else."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.approvals import decisions, invitations
from shared.approvals.approval import PENDING, State, Verdict
from shared.approvals.decisions import Decided
from shared.approvals.requests import NOUN
from shared.crm import editing
from shared.errors import RefusedError
from shared.intake.fields import Text
from shared.problems import documented
from shared.store.approval_models import COMMENT_LENGTH, Approval
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body, Words50
from shared.web.paging import Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/approvals", tags=["Approvals"], route_class=SecuredRoute)


class ApprovalQuery(PageQuery):
    """Filters of the list."""

    state: State | None = None
    kind: Annotated[str, text(40)] | None = None
    subject: Annotated[str, text(100)] | None = None
    asked_by: Annotated[str, text(60)] | None = None


class DecisionIn(Body):
    """A word about an approval."""

    comment: Annotated[str, Text(COMMENT_LENGTH)] | None = Field(default=None, description="Why, for whoever has asked.")


class DelegationIn(Body):
    """Who is to decide instead."""

    to: Words50 = Field(description="A name in APPROVERS, or of an API key that may write.")


class DetailOut(BaseModel):
    """A line of what is asked for, as people read it."""

    label: str
    value: str


class InvitationOut(BaseModel):
    """Somebody who was asked."""

    approver: str
    delegated_to: str | None


class ApprovalOut(BaseModel):
    """Something that waits, or has waited, for a second person's word."""

    id: int
    kind: str = Field(description="What waits, such as `broadcast`.")
    subject: str
    title: str
    details: list[DetailOut]
    asked_by: str = Field(description="The name of the API key, or of the flow, that asked for it.")
    state: State
    restricted: bool = Field(description="Only those who were asked may decide; else everybody but who asked.")
    asked: list[InvitationOut] = Field(description="Who got a link by mail, or was named.")
    expires_at: datetime
    remind_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    comment: str | None
    created_at: datetime


class DecisionOut(BaseModel):
    """The approval after a word about it."""

    approval: ApprovalOut
    repeated: bool = Field(description="It was so already; nothing was changed.")


DECIDING = documented(403, 404, 409)


@router.get("", summary="List approvals")
def list_approvals(query: Annotated[ApprovalQuery, Query()]) -> Page[ApprovalOut]:
    """What waits, and what was decided, by state, kind, subject and who asked."""
    wanted = select(Approval)
    for name in ("state", "kind", "subject", "asked_by"):
        if (value := getattr(query, name)) is not None:
            wanted = wanted.where(getattr(Approval, name) == value)
    with reading() as session:
        rows, total, after = find(session, wanted, Approval.id, query)
        return Page(items=[shown(session, row) for row in rows], total=total, next=after)


@router.get("/{approval_id:id}", summary="One approval", responses=documented(404))
def get_approval(approval_id: RowId) -> ApprovalOut:
    """What is asked for, by whom, of whom, until when, and what was decided."""
    with reading() as session:
        row = session.get(Approval, approval_id)
        if row is None:
            raise editing.missing(NOUN, approval_id)
        return shown(session, row)


@router.post("/{approval_id:id}/approve", summary="Approve", responses=DECIDING)
def approve(approval_id: RowId, body: DecisionIn, caller: Caller) -> DecisionOut:
    """What waited goes on. 403 for whoever asked for it; 409 where it was decided otherwise, or is over."""
    return _decided(approval_id, "approved", body, caller)


@router.post("/{approval_id:id}/reject", summary="Reject", responses=DECIDING)
def reject(approval_id: RowId, body: DecisionIn, caller: Caller) -> DecisionOut:
    """What waited ends. 403 for whoever asked for it; 409 where it was decided otherwise, or is over."""
    return _decided(approval_id, "rejected", body, caller)


@router.post("/{approval_id:id}/delegate", summary="Hand an approval to somebody else", responses=DECIDING)
def delegate(approval_id: RowId, body: DelegationIn, caller: Caller) -> DecisionOut:
    """Somebody else is asked in the caller's place, who cannot decide any more. 409 where it was decided, or is over."""
    work = partial(decisions.delegate, approval_id=approval_id, by=caller.name, to=body.to, actor=actor(caller))
    return _answer(work, wanted=PENDING)


def _decided(approval_id: int, verdict: Verdict, body: DecisionIn, caller: Caller) -> DecisionOut:
    work = partial(
        decisions.decide,
        approval_id=approval_id,
        verdict=verdict,
        by=caller.name,
        comment=body.comment or None,
        actor=actor(caller),
    )
    return _answer(work, wanted=verdict)


def _answer(work: "partial[Decided]", wanted: Literal["pending", "approved", "rejected"]) -> DecisionOut:
    """The approval as it is afterwards; that it has expired meanwhile is kept, although the answer is a refusal."""

    def whole(session: Session) -> DecisionOut:
        decided = work(session)
        return DecisionOut(approval=shown(session, decided.approval), repeated=not decided.changed)

    done = editing.committed(whole)
    if done.approval.state != wanted:
        raise over(done.approval)
    return done


def over(approval: ApprovalOut) -> RefusedError:
    """409: it was decided otherwise, or is over."""
    by = f" by {approval.decided_by}" if approval.decided_by else ""
    detail = f"It is {approval.state}{by} since {approval.decided_at:%Y-%m-%dT%H:%M:%SZ}."
    return RefusedError(409, "already-decided", "This approval is decided; nothing was changed.", detail=detail)


def shown(session: Session, row: Approval) -> ApprovalOut:
    """An approval as the API shows it."""
    names = [name for name in ApprovalOut.model_fields if name not in ("details", "asked")]
    asked = [InvitationOut(approver=one.approver, delegated_to=one.delegated_to) for one in invitations.of(session, row)]
    details = [DetailOut(label=label, value=value) for label, value in row.details or ()]
    return ApprovalOut(**{name: getattr(row, name) for name in names}, details=details, asked=asked)
