"""Approvals: what waits for a second person's word, and that word."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.approvals import decisions
from shared.approvals.approval import PENDING, Verdict
from shared.console import listing, pages, phrases
from shared.console.identity import Role
from shared.console.navigation import Count, Entry
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.crm import editing
from shared.errors import RefusedError
from shared.store.approval_models import COMMENT_LENGTH, Approval
from shared.store.session import reading
from shared.web import approvals as api
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)


class ForApprovers(ConsoleRoute):
    """A post of those who approve."""

    role = Role.APPROVER


deciding = APIRouter(route_class=ForApprovers)


def pending(session: Session) -> Count:
    """How many wait."""
    number = session.scalar(select(func.count()).select_from(Approval).where(Approval.state == PENDING)) or 0
    return Count(number, mark("approvals that wait"))


ENTRY = Entry(
    name="approvals", title=mark("Approvals"), path="/console/approvals", group="to-do", icon="eye", place=3, count=pending
)


@router.get("/console/approvals")
def approvals(request: Request, after: str | None = None) -> Response:
    """What waits, and what was decided."""
    with reading() as session:
        waiting = session.scalars(select(Approval).where(Approval.state == PENDING).order_by(Approval.expires_at)).all()
        page = listing.page(session, select(Approval).where(Approval.state != PENDING), Approval.id, after)
        shown: dict[str, Any] = {
            "waiting": [api.shown(session, row) for row in waiting],
            "page": page,
            "decided": [api.shown(session, row) for row in page.rows],
        }
    more = listing.address(request, after=page.next) if page.next else None
    return pages.render(request, "console/approvals.html", here="approvals", heading=mark("Approvals"), more=more, **shown)


@router.get("/console/approvals/{approval_id:id}")
def approval(request: Request, approval_id: RowId) -> Response:
    """One approval: what is asked for, by whom, until when."""
    found = api.get_approval(approval_id)
    may = pages.operator_of(request).may(Role.APPROVER)
    heading = phrases.shown(pages.reader_of(request).language, found.title)
    return pages.render(request, "console/approval.html", here="approvals", heading=heading, one=found, may=may)


@deciding.post("/console/approvals/{approval_id:id}/{verdict}")
def decide(
    approval_id: RowId, verdict: Verdict, operator: Signed, comment: Annotated[str, Form(max_length=COMMENT_LENGTH)] = ""
) -> Response:
    """Approve or reject; again, or after somebody else, changes nothing and says what was decided."""

    def work(session: Session) -> str:
        decided = decisions.decide(session, approval_id, verdict, operator.name, comment.strip() or None, operator.actor)
        return str(decided.approval.state)

    if editing.committed(work) != verdict:
        raise RefusedError(409, "already-decided", mark("This approval is decided; nothing was changed."))
    return RedirectResponse(f"/console/approvals/{approval_id}", SEE_OTHER)


router.include_router(deciding)
