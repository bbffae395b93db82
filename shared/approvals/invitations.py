"""Who is asked for an approval: their mail with the link, the reminder, and whether it is still to go out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import messages
from shared.alerts import plan_alert
from shared.approvals import links
from shared.approvals.approval import CONTEXT, PENDING, same_name
from shared.messages import Message
from shared.setting_approvals import ApprovalSettings
from shared.settings import get_settings, settings_of
from shared.store.approval_models import Approval, ApprovalInvitation
from shared.store.session import reading

ASK, REMIND = "approval_request", "approval_reminder"
DECIDED, DELEGATED = "approval-decided", "approval-delegated"


def invite(session: Session, approval: Approval, approvers: Iterable[str]) -> None:
    """Ask these by mail, else everybody in APPROVERS; never whoever wants the approval. The row is new.

    Where no mail goes to anybody the operators get an alert.
    """
    names = [_spelled(name) for name in approvers] or list(settings_of(ApprovalSettings).approvers)
    chosen = [name for name in dict.fromkeys(names) if not same_name(name, approval.asked_by)]
    mailed = [_mail(session, approval, _added(session, approval, name), ASK) for name in chosen]
    if not any(mailed):
        _alert(session, approval, "waits for a second person")


def remind(session: Session, approval: Approval) -> None:
    """Remind all who were asked and can still decide. `approval` is open and locked; it is done once."""
    approval.remind_at = None
    mailed = [_mail(session, approval, row, REMIND) for row in of(session, approval) if row.delegated_to is None]
    if not any(mailed):
        _alert(session, approval, "still waits for a second person")


def hand_over(session: Session, approval: Approval, by: str, to: str) -> None:
    """`to` is asked in the place of `by`, who cannot decide any more. `approval` is open and locked."""
    mine = found(session, approval, by) or _added(session, approval, by)
    mine.delegated_to = _spelled(to)
    theirs = found(session, approval, to)
    if theirs is not None and theirs.delegated_to is None:
        return
    if theirs is None:
        theirs = _added(session, approval, _spelled(to))
    theirs.delegated_to = None
    _mail(session, approval, theirs, ASK)


def of(session: Session, approval: Approval) -> Sequence[ApprovalInvitation]:
    """Everybody who was asked, in the order in which they were."""
    query = select(ApprovalInvitation).where(ApprovalInvitation.approval_id == approval.id)
    return session.scalars(query.order_by(ApprovalInvitation.id)).all()


def found(session: Session, approval: Approval, name: str) -> ApprovalInvitation | None:
    """The invitation of somebody; None where they were not asked."""
    return next((row for row in of(session, approval) if same_name(row.approver, name)), None)


def variables(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the mail says: what is asked for as it stands now, and the recipient's own link."""
    settings = get_settings()
    with reading() as session:
        invitation = session.get_one(ApprovalInvitation, context[CONTEXT])
        approval = session.get_one(Approval, invitation.approval_id)
    url = links.url(settings.public_base_url, links.token(invitation.id, settings.link_signing_secrets))
    return shown(approval) | {"url": url}


def shown(approval: Approval) -> dict[str, Any]:
    """What mail and page show of an approval."""
    details = [{"label": label, "value": value} for label, value in approval.details or ()]
    return {
        "title": approval.title,
        "asked_by": approval.asked_by,
        "details": details,
        "expires_at": approval.expires_at.isoformat(),
    }


def may_send(session: Session, context: Mapping[str, Any]) -> str | None:
    """Why a mail is not to go out any more: it is decided, or handed to somebody else. None: send it."""
    invitation = session.get(ApprovalInvitation, context[CONTEXT])
    approval = session.get(Approval, invitation.approval_id) if invitation is not None else None
    if invitation is None or approval is None or approval.state != PENDING:
        return DECIDED
    return DELEGATED if invitation.delegated_to is not None else None


def look_again(context: Mapping[str, Any]) -> str | None:
    """The same at the last moment, after the mail was claimed."""
    with reading() as session:
        return may_send(session, context)


def _added(session: Session, approval: Approval, name: str) -> ApprovalInvitation:
    row = ApprovalInvitation(approval_id=approval.id, approver=name, mails=0)
    session.add(row)
    session.flush()
    return row


def _spelled(name: str) -> str:
    """The name as APPROVERS spells it; as it is given where it does not stand there."""
    return next((known for known in settings_of(ApprovalSettings).approvers if same_name(known, name)), name.strip())


def _mail(session: Session, approval: Approval, invitation: ApprovalInvitation, template: str) -> bool:
    """Enqueue a mail to somebody who was asked; False where there is no address, or no secret to sign their link with."""
    address = settings_of(ApprovalSettings).approvers.get(invitation.approver)
    if address is None or not get_settings().link_signing_secrets:
        return False
    invitation.mails += 1
    return messages.enqueue(
        session,
        Message(
            person=f"approver:{invitation.approver}",
            channel="email",
            to=address,
            template=template,
            dedupe_key=f"approval:{invitation.id}:{invitation.mails}",
            context={CONTEXT: invitation.id},
            not_after=approval.expires_at,
            window=False,
        ),
    )


def _alert(session: Session, approval: Approval, what: str) -> None:
    """Alert the operators, without what it is about: alerts are read by many."""
    text = f"Puente: the approval {approval.id} ({approval.kind}) {what}: /api/v1/approvals/{approval.id}"
    plan_alert(session, f"approval:{approval.id}:{what}", text)
