"""What approvals hold of people: of whom they are. Who asks and decides is named by their API key, as in the action log."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, select

from shared.approvals.approval import PENDING
from shared.crm.timeline import Source
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person
from shared.retention_rules import DaysOf, Rule
from shared.store.approval_models import Approval, ApprovalInvitation

ERASED = "erased"
_DAYS = DaysOf("retention_approval_days")


def _without(person: Person) -> dict[str, Any]:
    return {"subject": person.pseudonym, "title": ERASED, "details": None, "comment": None}


PERSONAL_DATA = PersonalData(holdings=(Holding(Approval, lambda person: Approval.subject.in_(person.subjects), _without),))


def _shown(_session: object, rows: Sequence[Approval]) -> Iterator[dict[str, Any]]:
    for row in rows:
        details = {"title": row.title, "asked_by": row.asked_by, "decided_by": row.decided_by}
        yield {"what": row.kind, "outcome": row.state, "reason": row.comment, "details": details}


TIMELINE = Source("approval", Approval, Approval.created_at, lambda whose: Approval.subject.in_(sorted(whose.names)), _shown)


def _is_old(before: datetime) -> ColumnElement[bool]:
    return (Approval.state != PENDING) & (Approval.decided_at < before)


def _invitation(before: datetime) -> ColumnElement[bool]:
    return ApprovalInvitation.approval_id.in_(select(Approval.id).where(_is_old(before)))


def _approval(before: datetime) -> ColumnElement[bool]:
    invited = select(ApprovalInvitation.approval_id).where(ApprovalInvitation.approval_id == Approval.id)
    return _is_old(before) & ~invited.exists()


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "invitations to approvals": Rule(ApprovalInvitation, ApprovalInvitation.created_at, _DAYS, _invitation),
        "approvals": Rule(Approval, Approval.created_at, _DAYS, _approval),
    }
)
